package fs_test

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/blobtest"
)

// childDir tells a copy of the test program that it is a child, and its store.
const childDir = "LARDER_TEST_BLOBS"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		child(dir)
	}
	os.Exit(m.Run())
}

// start runs this test program as a child that works on dir.
func start(t *testing.T, dir string, work string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], work)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, bufio.NewScanner(out)
}

// putForever puts blobs from three writers and prints the digest of each one
// that was acknowledged.
func putForever(s blob.Store) {
	var writers sync.WaitGroup
	for range 3 {
		writers.Go(func() {
			for {
				size := rand.Int64N(600 << 10)
				if rand.IntN(3) == 0 {
					size = rand.Int64N(100)
				}
				d, err := blob.Put(context.Background(), s, blobtest.Stream(size, byte(rand.Uint32())), blob.PutOptions{})
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				fmt.Println(d.SHA3_384.Hex())
			}
		})
	}
	writers.Wait()
}

func TestKilledWriterLeavesWholeBlobsOnly(t *testing.T) {
	dir := t.TempDir()
	verified := make(map[blob.Digest]bool)
	leftovers := 0
	for range 50 {
		acknowledged := putUntilKilled(t, dir)
		leftovers += checkLayout(t, dir)
		s := open(t, dir)
		for info, err := range s.List(t.Context()) {
			if err != nil {
				t.Fatal(err)
			}
			if verified[info.Digest] {
				continue
			}
			if err := blob.Verify(t.Context(), s, info.Digest, blob.UnknownSize); err != nil {
				t.Fatal(err)
			}
			verified[info.Digest] = true
		}
		for _, d := range acknowledged {
			if !verified[d] {
				t.Fatalf("acknowledged blob %s is gone", d)
			}
		}
		if n := checkLayout(t, dir); n != 0 {
			t.Fatalf("%d temporary files are left after the store was opened again", n)
		}
	}
	if leftovers == 0 || len(verified) < 50 {
		t.Errorf("the kills hit nothing: %d blobs, %d temporary files", len(verified), leftovers)
	}
}

// putUntilKilled kills a writing child at a random moment and returns the
// digests that it had acknowledged by then.
func putUntilKilled(t *testing.T, dir string) []blob.Digest {
	t.Helper()
	cmd, lines := start(t, dir, "put forever")
	var acknowledged []blob.Digest
	for lines.Scan() {
		d, err := blob.ParseHex(lines.Text())
		if err != nil {
			break // cut off by the kill
		}
		if acknowledged = append(acknowledged, d); len(acknowledged) == 1 {
			time.AfterFunc(rand.N(30*time.Millisecond), func() { cmd.Process.Kill() })
		}
	}
	if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
		t.Fatalf("the child was to be killed, but: %v", err)
	}
	return acknowledged
}

var blobPath = regexp.MustCompile(`^([0-9a-f]{2})/([0-9a-f]{2})/([0-9a-f]{96})$`)

// checkLayout fails for a file that is neither a blob at its place, nor the
// lock, nor temporary. It returns the number of temporary files.
func checkLayout(t *testing.T, dir string) (temporary int) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if m := blobPath.FindStringSubmatch(name); m != nil && m[3][:4] == m[1]+m[2] {
			return nil
		}
		switch {
		case filepath.Dir(name) == "tmp":
			temporary++
		case name != "lock":
			t.Errorf("unexpected file %s", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return temporary
}
