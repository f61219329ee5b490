// Package blobtest is the contract of blob.Store as tests. A new store is a
// constructor and a call of Run.
package blobtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/larder-store/larder/internal/blob"
)

// Run holds the stores that open returns to the contract. Open is called once
// per test and returns an empty store.
func Run(t *testing.T, open func(testing.TB) blob.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, blob.Store)
	}{
		{"what is put can be opened under its digest", putAndOpen},
		{"what is staged is invisible until committed", stageIsInvisible},
		{"what is discarded leaves nothing", discardLeavesNothing},
		{"putting twice keeps one blob and renews its age", putTwice},
		{"sixteen writers of one blob all succeed", concurrentPuts},
		{"a cancelled put leaves nothing", cancelledPut},
		{"a cancelled commit leaves nothing", cancelledCommit},
		{"a failing reader leaves nothing", failingReader},
		{"a stream that was cut off is not a blob", cutOffReader},
		{"what is too large is refused at the limit", tooLarge},
		{"unexpected bytes are refused", unexpected},
		{"expected bytes are accepted", expected},
		{"ranges read the same bytes", ranges},
		{"a missing blob is not found", missing},
		{"a blob whose record has another size is not served", wrongSize},
		{"blobs are listed in order of digest", list},
		{"listing stops when the caller does", listStops},
		{"a deleted blob is gone", deleted},
		{"a recent blob is not deleted", recentIsKept},
		{"a quarantined blob is not served until put again", quarantine},
		{"a recent blob is not quarantined by an old finding", recentIsNotQuarantined},
		{"a sound blob passes verification", verifySound},
		{"sweep removes what is old and unnamed", sweep},
		{"sweep never takes a blob from a concurrent writer", sweepRace},
		{"a large blob streams in bounded memory", streams},
		{"tidy spares what is being staged", tidySparesTheLiving},
		{"a store in order passes its check", check},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// Bytes returns n bytes that depend only on seed.
func Bytes(n int, seed byte) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b)
	return b
}

// Stream returns a reader of n bytes that depend only on seed.
func Stream(n int64, seed byte) io.Reader {
	return io.LimitReader(rand.NewChaCha8([32]byte{seed}), n)
}

func digestOf(b []byte) blob.Digest { return sha3.Sum384(b) }

func put(t testing.TB, s blob.Store, b []byte) blob.Digest {
	t.Helper()
	got, err := blob.Put(t.Context(), s, bytes.NewReader(b), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	want := blob.Digests{SHA3_384: digestOf(b), SHA256: sha256.Sum256(b), Size: int64(len(b))}
	if got != want {
		t.Fatalf("Put returned %+v, want %+v", got, want)
	}
	return got.SHA3_384
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v, want %v", err, want)
	}
}

func wantBytes(t testing.TB, s blob.Store, want []byte) {
	t.Helper()
	r, err := s.Open(t.Context(), digestOf(want), int64(len(want)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if r.Size() != int64(len(want)) {
		t.Fatalf("Size is %d, want %d", r.Size(), len(want))
	}
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes that differ from the %d put", len(got), len(want))
	}
}

func digests(t testing.TB, s blob.Store) []blob.Digest {
	t.Helper()
	var all []blob.Digest
	for info, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, info.Digest)
	}
	return all
}

func wantEmpty(t testing.TB, s blob.Store) {
	t.Helper()
	if all := digests(t, s); len(all) != 0 {
		t.Fatalf("store holds %d blobs, want none: %v", len(all), all)
	}
}

func putAndOpen(t *testing.T, s blob.Store) {
	for _, size := range []int{0, 1, 4096, 256 << 10, 256<<10 + 1, 3<<20 + 17} {
		b := Bytes(size, 1)
		d := put(t, s, b)
		wantBytes(t, s, b)
		info, err := s.Stat(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if info.Digest != d || info.Size != int64(size) || time.Since(info.Put).Abs() > time.Minute {
			t.Errorf("Stat of %d bytes put now returned %+v", size, info)
		}
	}
}

func stageIsInvisible(t *testing.T, s blob.Store) {
	b := Bytes(1<<20, 2)
	staged, err := s.Stage(t.Context(), bytes.NewReader(b), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer staged.Discard()
	if got := staged.Digests().SHA3_384; got != digestOf(b) {
		t.Fatalf("staged digest is %s, want %s", got, digestOf(b))
	}
	part := make([]byte, 100)
	if _, err := staged.ReadAt(part, 5000); err != nil || !bytes.Equal(part, b[5000:5100]) {
		t.Fatalf("ReadAt of staged bytes: %v, %x", err, part)
	}
	if onDisk, err := os.ReadFile(staged.Path()); err != nil || !bytes.Equal(onDisk, b) {
		t.Fatalf("the file at Path holds %d bytes, %v", len(onDisk), err)
	}
	_, err = s.Stat(t.Context(), digestOf(b))
	wantError(t, err, blob.ErrNotFound)
	wantEmpty(t, s)
	if err := staged.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	staged.Discard() // does nothing after Commit
	wantBytes(t, s, b)
}

func discardLeavesNothing(t *testing.T, s blob.Store) {
	staged, err := s.Stage(t.Context(), bytes.NewReader(Bytes(1000, 3)), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	staged.Discard()
	staged.Discard()
	if err := staged.Commit(t.Context()); err == nil {
		t.Fatal("committed what had been discarded")
	}
	wantEmpty(t, s)
}

func putTwice(t *testing.T, s blob.Store) {
	b := Bytes(300_000, 4)
	d := put(t, s, b)
	first, err := s.Stat(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	waitForClock(t, s, first.Put)
	put(t, s, b)
	second, err := s.Stat(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	if !second.Put.After(first.Put) {
		t.Errorf("age was not renewed: put at %v, then at %v", first.Put, second.Put)
	}
	if all := digests(t, s); !slices.Equal(all, []blob.Digest{d}) {
		t.Errorf("store holds %v, want only %s", all, d)
	}
	wantBytes(t, s, b)
}

// waitForClock puts other blobs until the store's clock, which may count in
// seconds, has moved past the given time.
func waitForClock(t testing.TB, s blob.Store, past time.Time) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		d := put(t, s, []byte("what time is it?"))
		info, err := s.Stat(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), d, time.Time{}); err != nil {
			t.Fatal(err)
		}
		if info.Put.After(past) {
			return
		}
	}
	t.Fatal("the store's clock stands still")
}

func concurrentPuts(t *testing.T, s blob.Store) {
	b := Bytes(700_000, 5)
	var writers sync.WaitGroup
	for range 16 {
		writers.Go(func() {
			got, err := blob.Put(t.Context(), s, bytes.NewReader(b), blob.PutOptions{})
			if err != nil || got.SHA3_384 != digestOf(b) {
				t.Errorf("Put returned %s, %v", got.SHA3_384, err)
			}
		})
	}
	writers.Wait()
	if all := digests(t, s); len(all) != 1 {
		t.Errorf("store holds %d blobs, want 1", len(all))
	}
	wantBytes(t, s, b)
}

// cancelling cancels the context of its own reader after some bytes.
type cancelling struct {
	io.Reader
	after  int
	cancel func()
}

func (c *cancelling) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	if c.after -= n; c.after <= 0 {
		c.cancel()
	}
	return n, err
}

func cancelledPut(t *testing.T, s blob.Store) {
	for _, after := range []int{1, 300 << 10, 2 << 20} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		r := &cancelling{Stream(8<<20, 6), after, cancel}
		_, err := blob.Put(ctx, s, r, blob.PutOptions{})
		wantError(t, err, context.Canceled)
	}
	wantEmpty(t, s)
}

func cancelledCommit(t *testing.T, s blob.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	staged, err := s.Stage(ctx, bytes.NewReader(Bytes(5000, 7)), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer staged.Discard()
	cancel()
	wantError(t, staged.Commit(ctx), context.Canceled)
	wantEmpty(t, s)
}

func failingReader(t *testing.T, s blob.Store) {
	failure := errors.New("the tape broke")
	for _, after := range []int64{0, 1000, 256 << 10, 3 << 20} {
		r := io.MultiReader(Stream(after, 8), iotest.ErrReader(failure))
		_, err := blob.Put(t.Context(), s, r, blob.PutOptions{})
		wantError(t, err, failure)
	}
	wantEmpty(t, s)
}

func cutOffReader(t *testing.T, s blob.Store) {
	for _, after := range []int64{0, 1000, 3 << 20} {
		r := io.MultiReader(Stream(after, 9), iotest.ErrReader(io.ErrUnexpectedEOF))
		_, err := blob.Put(t.Context(), s, r, blob.PutOptions{})
		wantError(t, err, io.ErrUnexpectedEOF)
	}
	wantEmpty(t, s)
}

func tooLarge(t *testing.T, s blob.Store) {
	const limit = 1 << 20
	endless := &counting{Reader: rand.NewChaCha8([32]byte{10})}
	_, err := blob.Put(t.Context(), s, endless, blob.PutOptions{MaxSize: limit})
	wantError(t, err, blob.ErrTooLarge)
	if endless.n > limit+1 {
		t.Errorf("read %d bytes to find that they are more than %d", endless.n, limit)
	}
	wantEmpty(t, s)
	if _, err := blob.Put(t.Context(), s, Stream(limit, 10), blob.PutOptions{MaxSize: limit}); err != nil {
		t.Errorf("exactly the limit was refused: %v", err)
	}
}

type counting struct {
	io.Reader
	n int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

func unexpected(t *testing.T, s blob.Store) {
	b := Bytes(400_000, 11)
	for name, expect := range map[string]blob.Digests{
		"other SHA3-384": {SHA3_384: digestOf([]byte("other"))},
		"other SHA-256":  {SHA256: sha256.Sum256([]byte("other"))},
		"shorter":        {Size: 399_999},
		"longer":         {Size: 400_001},
	} {
		_, err := blob.Put(t.Context(), s, bytes.NewReader(b), blob.PutOptions{Expect: expect})
		if !errors.Is(err, blob.ErrMismatch) {
			t.Errorf("%s: got error %v, want %v", name, err, blob.ErrMismatch)
		}
	}
	wantEmpty(t, s)
}

func expected(t *testing.T, s blob.Store) {
	b := Bytes(400_000, 12)
	expect := blob.Digests{SHA3_384: digestOf(b), SHA256: sha256.Sum256(b), Size: int64(len(b))}
	if _, err := blob.Put(t.Context(), s, bytes.NewReader(b), blob.PutOptions{Expect: expect}); err != nil {
		t.Fatal(err)
	}
	wantBytes(t, s, b)
}

func ranges(t *testing.T, s blob.Store) {
	b := Bytes(3<<20+11, 13)
	put(t, s, b)
	r, err := s.Open(t.Context(), digestOf(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if err := iotest.TestReader(io.NewSectionReader(r, 1<<20, 2000), b[1<<20:1<<20+2000]); err != nil {
		t.Errorf("section: %v", err)
	}
	for _, c := range []struct{ from, n int }{{0, 10}, {5, 0}, {1 << 20, 64 << 10}, {100, 2 << 20}, {len(b) - 3, 3}} {
		if _, err := r.Seek(int64(c.from), io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, c.n)
		if _, err := io.ReadFull(r, got); err != nil || !bytes.Equal(got, b[c.from:c.from+c.n]) {
			t.Errorf("read of %d bytes at %d: wrong bytes or %v", c.n, c.from, err)
		}
		if _, err := r.ReadAt(got, int64(c.from)); err != nil || !bytes.Equal(got, b[c.from:c.from+c.n]) {
			t.Errorf("ReadAt of %d bytes at %d: wrong bytes or %v", c.n, c.from, err)
		}
		if at, err := r.Seek(0, io.SeekCurrent); err != nil || at != int64(c.from+c.n) {
			t.Errorf("position after %d bytes at %d is %d, %v", c.n, c.from, at, err)
		}
	}
	tail := make([]byte, 10)
	if n, err := r.ReadAt(tail, int64(len(b)-4)); n != 4 || err != io.EOF || !bytes.Equal(tail[:4], b[len(b)-4:]) {
		t.Errorf("ReadAt over the end returned %d, %v", n, err)
	}
	if end, err := r.Seek(-2, io.SeekEnd); err != nil || end != int64(len(b)-2) {
		t.Errorf("Seek before the end returned %d, %v", end, err)
	}
	if rest, err := io.ReadAll(r); err != nil || !bytes.Equal(rest, b[len(b)-2:]) {
		t.Errorf("the last two bytes are %x, %v", rest, err)
	}
	if _, err := r.Seek(-1, io.SeekStart); err == nil {
		t.Error("Seek before the start succeeded")
	}
}

func missing(t *testing.T, s blob.Store) {
	d := digestOf([]byte("never put"))
	_, openErr := s.Open(t.Context(), d, blob.UnknownSize)
	_, statErr := s.Stat(t.Context(), d)
	for name, err := range map[string]error{
		"Open":       openErr,
		"Stat":       statErr,
		"Delete":     s.Delete(t.Context(), d, time.Time{}),
		"Quarantine": s.Quarantine(t.Context(), d, time.Time{}),
		"Verify":     blob.Verify(t.Context(), s, d, blob.UnknownSize),
	} {
		if !errors.Is(err, blob.ErrNotFound) || errors.Is(err, blob.ErrQuarantined) {
			t.Errorf("%s: got error %v, want %v", name, err, blob.ErrNotFound)
		} else if !strings.Contains(err.Error(), d.Hex()) {
			t.Errorf("%s: error does not name the blob: %v", name, err)
		}
	}
}

func wrongSize(t *testing.T, s blob.Store) {
	b := Bytes(1000, 14)
	d := put(t, s, b)
	_, err := s.Open(t.Context(), d, 1001)
	wantError(t, err, blob.ErrCorrupt)
	r, err := s.Open(t.Context(), d, blob.UnknownSize)
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
}

func list(t *testing.T, s blob.Store) {
	want := make(map[blob.Digest]int64)
	for i := range 40 {
		b := Bytes(100+i, byte(i))
		want[put(t, s, b)] = int64(len(b))
	}
	var last blob.Digest
	for info, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Compare(last[:], info.Digest[:]) >= 0 {
			t.Errorf("%s is listed after %s", info.Digest, last)
		}
		if want[info.Digest] != info.Size || time.Since(info.Put).Abs() > time.Minute {
			t.Errorf("listed %+v, want size %d put now", info, want[info.Digest])
		}
		delete(want, info.Digest)
		last = info.Digest
	}
	if len(want) > 0 {
		t.Errorf("%d blobs were not listed", len(want))
	}
}

func listStops(t *testing.T, s blob.Store) {
	for i := range 5 {
		put(t, s, Bytes(50, byte(i)))
	}
	n := 0
	for _, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 2 {
			break
		}
	}
	if n != 2 {
		t.Errorf("the loop saw %d blobs before its break, want 2", n)
	}
}

func deleted(t *testing.T, s blob.Store) {
	b, other := Bytes(1000, 15), Bytes(1000, 16)
	put(t, s, b)
	put(t, s, other)
	if err := s.Delete(t.Context(), digestOf(b), time.Time{}); err != nil {
		t.Fatal(err)
	}
	_, err := s.Open(t.Context(), digestOf(b), int64(len(b)))
	wantError(t, err, blob.ErrNotFound)
	wantBytes(t, s, other)
	put(t, s, b)
	wantBytes(t, s, b)
}

func recentIsKept(t *testing.T, s blob.Store) {
	b := Bytes(1000, 17)
	d := put(t, s, b)
	info, err := s.Stat(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, s.Delete(t.Context(), d, info.Put), blob.ErrRecent)
	wantBytes(t, s, b)
	if err := s.Delete(t.Context(), d, info.Put.Add(1)); err != nil {
		t.Errorf("an older blob was kept: %v", err)
	}
	wantEmpty(t, s)
}

func quarantine(t *testing.T, s blob.Store) {
	b := Bytes(5000, 18)
	d := put(t, s, b)
	for range 2 { // the second time there is older evidence
		if err := s.Quarantine(t.Context(), d, time.Time{}); err != nil {
			t.Fatal(err)
		}
		_, err := s.Open(t.Context(), d, int64(len(b)))
		wantError(t, err, blob.ErrQuarantined)
		wantError(t, err, blob.ErrNotFound)
		_, err = s.Stat(t.Context(), d)
		wantError(t, err, blob.ErrQuarantined)
		wantEmpty(t, s)
		put(t, s, b)
		wantBytes(t, s, b)
	}
}

func recentIsNotQuarantined(t *testing.T, s blob.Store) {
	b := Bytes(5000, 19)
	d := put(t, s, b)
	info, err := s.Stat(t.Context(), d)
	if err != nil {
		t.Fatal(err)
	}
	wantError(t, s.Quarantine(t.Context(), d, info.Put), blob.ErrRecent)
	wantBytes(t, s, b)
}

func verifySound(t *testing.T, s blob.Store) {
	b := Bytes(2<<20, 20)
	d := put(t, s, b)
	if err := blob.Verify(t.Context(), s, d, int64(len(b))); err != nil {
		t.Fatal(err)
	}
	wantBytes(t, s, b)
}

func check(t *testing.T, s blob.Store) {
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if n, known := s.Free(t.Context()); known && n <= 0 {
		t.Errorf("%d bytes are free", n)
	}
	wantEmpty(t, s)
}

func tidySparesTheLiving(t *testing.T, s blob.Store) {
	b := Bytes(300_000, 21)
	staged, err := s.Stage(t.Context(), bytes.NewReader(b), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer staged.Discard()
	if err := s.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := staged.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantBytes(t, s, b)
}
