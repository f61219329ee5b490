package fs_test

import (
	"crypto/sha3"
	"io"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/blobtest"
)

// BenchmarkPut stores 256 MiB with all digests, fsync and commit. Its metric
// "of-sha3" is the speed as a share of what bare SHA3-384 reaches on the same
// bytes in the same run.
func BenchmarkPut(b *testing.B) {
	const size = 256 << 20
	s := open(b, b.TempDir())
	var bare, put time.Duration
	b.SetBytes(size)
	for b.Loop() {
		start := time.Now()
		if _, err := io.Copy(sha3.New384(), source(size)); err != nil {
			b.Fatal(err)
		}
		bare += time.Since(start)

		start = time.Now()
		d, err := blob.Put(b.Context(), s, source(size), blob.PutOptions{})
		if err != nil {
			b.Fatal(err)
		}
		put += time.Since(start)
		if err := s.Delete(b.Context(), d.SHA3_384, time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(bare.Seconds()/put.Seconds(), "of-sha3")
	b.ReportMetric(size*float64(b.N)/put.Seconds()/1e6, "put-MB/s")
}

// BenchmarkPutSmall stores blobs of the size of a small charm's resource.
func BenchmarkPutSmall(b *testing.B) {
	s := open(b, b.TempDir())
	n := byte(0)
	for b.Loop() {
		n++
		if _, err := blob.Put(b.Context(), s, blobtest.Stream(4096, n), blob.PutOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// source yields n bytes at the cost of a copy.
func source(n int64) io.Reader { return io.LimitReader(pattern(blobtest.Bytes(1<<20, 1)), n) }

type pattern []byte

func (p pattern) Read(b []byte) (int, error) { return copy(b, p), nil }
