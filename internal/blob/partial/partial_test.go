package partial

import (
	"bytes"
	"crypto/sha3"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/larder-store/larder/internal/blob"
	blobfs "github.com/larder-store/larder/internal/blob/fs"
	"github.com/larder-store/larder/internal/store"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{7}).Read(b)
	return b
}

func open(t testing.TB, path string, o Options) *Dir {
	t.Helper()
	d, err := Open(path, o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func begin(t testing.TB, d *Dir, size int) string {
	t.Helper()
	id, err := d.Begin(int64(size))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func wantState(t testing.TB, d *Dir, id string, offset, size int) {
	t.Helper()
	o, s, err := d.State(id)
	if err != nil || o != int64(offset) || s != int64(size) {
		t.Errorf("the upload has %d of %d bytes, %v; want %d of %d", o, s, err, offset, size)
	}
}

func wantError(t testing.TB, err error, is error, kind store.Kind) {
	t.Helper()
	if store.KindOf(err) != kind || is != nil && !errors.Is(err, is) {
		t.Errorf("error %v of kind %v, want %v of kind %v", err, store.KindOf(err), is, kind)
	}
}

func TestAnUploadInPiecesBecomesABlob(t *testing.T) {
	blobs, err := blobfs.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	path, want := t.TempDir(), randomBytes(700_001)
	d := open(t, path, Options{})
	id := begin(t, d, len(want))
	wantState(t, d, id, 0, len(want))
	for at, n := 0, 300_000; at < len(want); at += n {
		piece := want[at:min(at+n, len(want))]
		end, err := open(t, path, Options{}).Append(id, int64(at), iotest.HalfReader(bytes.NewReader(piece)))
		if err != nil || end != int64(at+len(piece)) {
			t.Fatalf("appended up to %d, %v", end, err)
		}
		wantState(t, d, id, at+len(piece), len(want))
	}
	w, err := d.Finish(id)
	if err != nil {
		t.Fatal(err)
	}
	got, err := blob.Put(t.Context(), blobs, w, blob.PutOptions{})
	if err != nil || got.SHA3_384 != blob.Digest(sha3.Sum384(want)) {
		t.Errorf("the blob has %d bytes, %v", got.Size, err)
	}
	if err := errors.Join(w.Remove(), w.Remove(), w.Close()); err != nil {
		t.Error(err)
	}
	_, _, err = d.State(id)
	wantError(t, err, ErrNotFound, store.KindNotFound)
}

func TestAnEmptyUploadIsCompleteAtOnce(t *testing.T) {
	d := open(t, t.TempDir(), Options{})
	w, err := d.Finish(begin(t, d, 0))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if b, err := io.ReadAll(w); err != nil || len(b) != 0 {
		t.Errorf("it reads %q, %v", b, err)
	}
}

func TestAPieceThatBreaksOffIsKeptAsFarAsItCame(t *testing.T) {
	d := open(t, t.TempDir(), Options{})
	want := randomBytes(1000)
	id := begin(t, d, len(want))
	gone := errors.New("the client has gone")
	end, err := d.Append(id, 0, io.MultiReader(bytes.NewReader(want[:400]), iotest.ErrReader(gone)))
	if end != 400 || !errors.Is(err, gone) {
		t.Errorf("appended up to %d, %v", end, err)
	}
	wantState(t, d, id, 400, 1000)
	if _, err := d.Append(id, 400, bytes.NewReader(want[400:])); err != nil {
		t.Fatal(err)
	}
	wantContent(t, d, id, want)
}

func wantContent(t testing.TB, d *Dir, id string, want []byte) {
	t.Helper()
	w, err := d.Finish(id)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if got, err := io.ReadAll(w); err != nil || !bytes.Equal(got, want) || w.Size() != int64(len(want)) {
		t.Errorf("the upload has %d other bytes, %v", len(got), err)
	}
}

func TestAnotherOffsetIsRefusedAndTold(t *testing.T) {
	d := open(t, t.TempDir(), Options{})
	id := begin(t, d, 10)
	if _, err := d.Append(id, 0, strings.NewReader("abc")); err != nil {
		t.Fatal(err)
	}
	for _, offset := range []int64{-1, 0, 2, 4, 11, 1 << 62} {
		end, err := d.Append(id, offset, strings.NewReader("x"))
		wantError(t, err, ErrWrongOffset, store.KindConflict)
		if end != 3 {
			t.Errorf("offset %d: told %d", offset, end)
		}
	}
	wantState(t, d, id, 3, 10)
	_, err := d.Finish(id)
	wantError(t, err, ErrIncomplete, store.KindConflict)
}

func TestMoreThanDeclaredIsRefused(t *testing.T) {
	path := t.TempDir()
	d := open(t, path, Options{})
	id := begin(t, d, 10)
	end, err := d.Append(id, 0, strings.NewReader("0123456789+"))
	wantError(t, err, nil, store.KindTooLarge)
	if end != 10 {
		t.Errorf("it has %d bytes", end)
	}
	end, err = d.Append(id, 10, strings.NewReader("+"))
	wantError(t, err, nil, store.KindTooLarge)
	if info, statErr := os.Stat(filepath.Join(path, id)); statErr != nil || info.Size() != headerSize+10 || end != 10 {
		t.Errorf("the file has grown to %d bytes, %v", info.Size(), statErr)
	}
	wantContent(t, d, id, []byte("0123456789"))
}

// gate is a reader that tells when it is read, and waits to go on.
type gate struct{ reached, open chan struct{} }

func (g gate) Read([]byte) (int, error) {
	close(g.reached)
	<-g.open
	return 0, io.EOF
}

func TestOneWriterAtATime(t *testing.T) {
	path := t.TempDir()
	d, other := open(t, path, Options{}), open(t, path, Options{})
	id := begin(t, d, 3)
	g := gate{make(chan struct{}), make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := d.Append(id, 0, io.MultiReader(strings.NewReader("ab"), g)); err != nil {
			t.Error(err)
		}
	})
	<-g.reached
	for _, d := range []*Dir{d, other} {
		_, err := d.Append(id, 0, strings.NewReader("x"))
		wantError(t, err, ErrBusy, store.KindConflict)
		_, err = d.Finish(id)
		wantError(t, err, ErrBusy, store.KindConflict)
		wantError(t, d.Abandon(id), ErrBusy, store.KindConflict)
		wantState(t, d, id, 0, 3)
		if n, err := d.Sweep(time.Now().Add(time.Hour)); n != 0 || err != nil {
			t.Errorf("swept %d, %v", n, err)
		}
	}
	close(g.open)
	wg.Wait()
	if _, err := other.Append(id, 2, strings.NewReader("c")); err != nil {
		t.Error(err)
	}
	w, err := d.Finish(id)
	if err != nil {
		t.Fatal(err)
	}
	_, err = other.Finish(id)
	wantError(t, err, ErrBusy, store.KindConflict)
	w.Close()
	wantContent(t, other, id, []byte("abc"))
}

func TestLimits(t *testing.T) {
	d := open(t, t.TempDir(), Options{MaxSize: 100, MaxTotal: 150, MaxUploads: 3})
	_, err := d.Begin(-1)
	wantError(t, err, nil, store.KindInvalid)
	_, err = d.Begin(101)
	wantError(t, err, nil, store.KindTooLarge)
	first := begin(t, d, 100)
	_, err = d.Begin(51)
	wantError(t, err, nil, store.KindUnavailable)
	begin(t, d, 50)
	begin(t, d, 0)
	_, err = d.Begin(0)
	wantError(t, err, nil, store.KindUnavailable)
	if err := d.Abandon(first); err != nil {
		t.Fatal(err)
	}
	begin(t, d, 100)
}

func TestManyBeginAtOnceWithinTheLimit(t *testing.T) {
	path := t.TempDir()
	var wg sync.WaitGroup
	ids := make(chan string, 40)
	for range 4 {
		d := open(t, path, Options{MaxUploads: 7})
		wg.Go(func() {
			for range 10 {
				if id, err := d.Begin(1); err == nil {
					ids <- id
				}
			}
		})
	}
	wg.Wait()
	close(ids)
	seen := map[string]bool{}
	for id := range ids {
		seen[id] = true
	}
	if len(seen) != 7 {
		t.Errorf("%d uploads have begun", len(seen))
	}
}

func TestAnIdNamesNothingElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "partials")
	d := open(t, path, Options{})
	id := begin(t, d, 3)
	outside := filepath.Join(filepath.Dir(path), strings.Repeat("a", 32))
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(path, strings.Repeat("b", 32))); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", ".", "..", "lock", "../" + filepath.Base(outside), outside, id + "/", id + "\x00", strings.ToUpper(id),
		id[:30], id + "00", "../partials/" + id, strings.Repeat("g", 32), strings.Repeat("c", 32),
	} {
		if bad == id {
			continue // an id without letters is its own upper case
		}
		_, _, err := d.State(bad)
		wantError(t, err, ErrNotFound, store.KindNotFound)
		_, err = d.Append(bad, 0, strings.NewReader("x"))
		wantError(t, err, ErrNotFound, store.KindNotFound)
		_, err = d.Finish(bad)
		wantError(t, err, ErrNotFound, store.KindNotFound)
		wantError(t, d.Abandon(bad), ErrNotFound, store.KindNotFound)
	}
	if _, err := d.Append(strings.Repeat("b", 32), 0, strings.NewReader("x")); err == nil {
		t.Error("a symbolic link was followed")
	}
	if b, err := os.ReadFile(outside); string(b) != "secret" {
		t.Errorf("a file outside reads %q, %v", b, err)
	}
}

func TestSweepDropsWhatNobodyGoesOnWith(t *testing.T) {
	path := t.TempDir()
	d := open(t, path, Options{})
	old, fresh, torn := begin(t, d, 3), begin(t, d, 3), begin(t, d, 3)
	past := time.Now().Add(-48 * time.Hour)
	if err := os.WriteFile(filepath.Join(path, torn), []byte("no header"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{old, torn} {
		if err := os.Chtimes(filepath.Join(path, id), past, past); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(path, "readme"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	n, err := d.Sweep(time.Now().Add(-24 * time.Hour))
	if n != 2 || err != nil {
		t.Errorf("swept %d, %v", n, err)
	}
	_, _, err = d.State(old)
	wantError(t, err, ErrNotFound, store.KindNotFound)
	wantState(t, d, fresh, 0, 3)
	if _, err := os.Stat(filepath.Join(path, "readme")); err != nil {
		t.Error(err)
	}
}

func TestATornHeaderLeavesTheOneBefore(t *testing.T) {
	path := t.TempDir()
	d := open(t, path, Options{})
	id := begin(t, d, 9)
	for at, piece := range []string{"abc", "def"} {
		if _, err := d.Append(id, int64(3*at), strings.NewReader(piece)); err != nil {
			t.Fatal(err)
		}
	}
	f, err := os.OpenFile(filepath.Join(path, id), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// Turn 2 stands in the first place: only half of it reached the disk.
	if _, err := f.WriteAt(make([]byte, 12), 16); err != nil {
		t.Fatal(err)
	}
	wantState(t, d, id, 3, 9)
	if _, err := d.Append(id, 3, strings.NewReader("defghi")); err != nil {
		t.Fatal(err)
	}
	wantContent(t, d, id, []byte("abcdefghi"))
}

func TestBytesBehindTheHeaderDoNotCount(t *testing.T) {
	path := t.TempDir()
	d := open(t, path, Options{})
	id := begin(t, d, 6)
	if _, err := d.Append(id, 0, strings.NewReader("abc")); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(filepath.Join(path, id), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("???"), headerSize+3); err != nil { // written, never acknowledged
		t.Fatal(err)
	}
	wantState(t, d, id, 3, 6)
	if _, err := d.Append(id, 3, strings.NewReader("def")); err != nil {
		t.Fatal(err)
	}
	wantContent(t, d, id, []byte("abcdef"))
}

const crashDir = "LARDER_TEST_PARTIAL_DIR"

// TestMain lets a test run this binary as the process that is killed while it
// receives: it appends bytes of standard input to a new upload whose id it
// prints.
func TestMain(m *testing.M) {
	path := os.Getenv(crashDir)
	if path == "" {
		os.Exit(m.Run())
	}
	d, err := Open(path, Options{Checkpoint: 1000})
	if err == nil {
		var id string
		if id, err = d.Begin(1 << 20); err == nil {
			os.Stdout.WriteString(id)
			_, err = d.Append(id, 0, iotest.OneByteReader(os.Stdin))
		}
	}
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
}

func TestAKilledWriterLosesNoMoreThanACheckpoint(t *testing.T) {
	path, want := t.TempDir(), randomBytes(1<<20)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashDir+"="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 2*idBytes)
	if _, err := io.ReadFull(out, raw); err != nil {
		t.Fatal(err)
	}
	id := string(raw)
	if _, err := in.Write(want[:5500]); err != nil {
		t.Fatal(err)
	}
	d := open(t, path, Options{})
	for deadline := time.Now().Add(time.Minute); ; {
		offset, _, err := d.State(id)
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("it has %d bytes, %v", offset, err)
		}
		if offset == 5000 {
			break
		}
	}
	_, err = d.Append(id, 5000, bytes.NewReader(want[5000:]))
	wantError(t, err, ErrBusy, store.KindConflict)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // it was killed

	d = open(t, path, Options{})
	wantState(t, d, id, 5000, 1<<20)
	if _, err := d.Append(id, 5000, bytes.NewReader(want[5000:])); err != nil {
		t.Fatal(err)
	}
	wantContent(t, d, id, want)
}
