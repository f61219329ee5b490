package blobtest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/blob"
)

func sweep(t *testing.T, s blob.Store) {
	named, unnamed := Bytes(1000, 30), Bytes(2000, 31)
	put(t, s, named)
	put(t, s, unnamed)
	live := func(_ context.Context, d blob.Digest) (bool, error) { return d == digestOf(named), nil }

	swept, err := blob.Sweep(t.Context(), s, live, time.Hour, time.Now())
	if err != nil || swept != (blob.Swept{}) {
		t.Fatalf("within the grace time: swept %+v, %v", swept, err)
	}
	swept, err = blob.Sweep(t.Context(), s, live, time.Hour, time.Now().Add(2*time.Hour))
	if err != nil || swept != (blob.Swept{Blobs: 1, Bytes: 2000}) {
		t.Fatalf("after the grace time: swept %+v, %v", swept, err)
	}
	wantBytes(t, s, named)
	_, err = s.Stat(t.Context(), digestOf(unnamed))
	wantError(t, err, blob.ErrNotFound)
}

// sweepRace has sweepers delete an old blob while a writer puts it anew. Whoever
// comes first, the blob is there once the put has returned, because it is then
// younger than the sweepers' cut-off.
func sweepRace(t *testing.T, s blob.Store) {
	b := Bytes(2000, 32)
	d := digestOf(b)
	for round, until := 0, time.Now().Add(4*time.Second); round < 100 && (round < 2 || time.Now().Before(until)); round++ {
		put(t, s, b)
		old, err := s.Stat(t.Context(), d)
		if err != nil {
			t.Fatal(err)
		}
		waitForClock(t, s, old.Put)

		start := make(chan struct{})
		var racers sync.WaitGroup
		for range 4 {
			racers.Go(func() {
				<-start
				err := s.Delete(t.Context(), d, old.Put.Add(1))
				if err != nil && !errors.Is(err, blob.ErrRecent) && !errors.Is(err, blob.ErrNotFound) {
					t.Errorf("Delete: %v", err)
				}
			})
		}
		racers.Go(func() {
			<-start
			if _, err := blob.Put(t.Context(), s, bytes.NewReader(b), blob.PutOptions{}); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
		close(start)
		racers.Wait()
		wantBytes(t, s, b)
	}
}

func streams(t *testing.T, s blob.Store) {
	const size, allowed = 64 << 20, 24 << 20
	peak := &peakMemory{Reader: Stream(size, 33)}
	peak.sample()
	got, err := blob.Put(t.Context(), s, peak, blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if grown := peak.high - peak.low; grown > allowed {
		t.Errorf("putting %d MiB took %d MiB of heap, want at most %d", size>>20, grown>>20, allowed>>20)
	}
	if err := blob.Verify(t.Context(), s, got.SHA3_384, size); err != nil {
		t.Fatal(err)
	}
}

// peakMemory notes the live heap while it is read.
type peakMemory struct {
	io.Reader
	reads     int
	low, high uint64 // bytes
}

func (p *peakMemory) Read(b []byte) (int, error) {
	if p.reads++; p.reads%64 == 0 {
		p.sample()
	}
	return p.Reader.Read(b)
}

func (p *peakMemory) sample() {
	if p.low == 0 {
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.high = max(p.high, m.HeapAlloc)
	if p.low == 0 {
		p.low = m.HeapAlloc
	}
}
