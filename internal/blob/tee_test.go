package blob

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

func TestTeeGivesEverySinkTheSameBytes(t *testing.T) {
	for _, size := range []int{0, 1, chunkSize - 1, chunkSize, chunkSize + 1, ringSize * chunkSize, 3*ringSize*chunkSize + 5} {
		want := randomBytes(size)
		for name, r := range map[string]io.Reader{
			"at once":         bytes.NewReader(want),
			"in halves":       iotest.HalfReader(bytes.NewReader(want)),
			"data with EOF":   iotest.DataErrReader(bytes.NewReader(want)),
			"through a chain": io.MultiReader(bytes.NewReader(want[:size/2]), bytes.NewReader(want[size/2:])),
		} {
			var sinks [3]bytes.Buffer
			n, err := tee(t.Context(), r, &sinks[0], &sinks[1], &sinks[2])
			if err != nil || n != int64(size) {
				t.Errorf("%d bytes %s: tee returned %d, %v", size, name, n, err)
			}
			for i := range sinks {
				if !bytes.Equal(sinks[i].Bytes(), want) {
					t.Errorf("%d bytes %s: sink %d got other bytes", size, name, i)
				}
			}
		}
	}
}

// failing takes some bytes and then no more.
type failing struct{ left int }

var errSink = errors.New("the sink is full")

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, errSink
	}
	return len(p), nil
}

func TestTeeStopsAtAFailingSink(t *testing.T) {
	for _, after := range []int{0, chunkSize, 10 * chunkSize} {
		endless := rand.NewChaCha8([32]byte{2})
		if _, err := tee(t.Context(), endless, io.Discard, &failing{after}); !errors.Is(err, errSink) {
			t.Errorf("after %d bytes: got error %v, want %v", after, err, errSink)
		}
	}
	for _, size := range []int{10, chunkSize + 10} { // also when the source ends first
		if _, err := tee(t.Context(), bytes.NewReader(randomBytes(size)), io.Discard, &failing{}); !errors.Is(err, errSink) {
			t.Errorf("%d bytes: got error %v, want %v", size, err, errSink)
		}
	}
}

func TestTeeSaysWhyItsContextEnded(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("shutting down")
	cancel(why)
	if _, err := tee(ctx, strings.NewReader("bytes"), io.Discard); !errors.Is(err, why) {
		t.Errorf("got error %v, want %v", err, why)
	}
}

func TestTeeLetsAPanicOfTheReaderThrough(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the panic was lost")
		}
	}()
	tee(t.Context(), io.MultiReader(bytes.NewReader(randomBytes(3*chunkSize)), panicking{}), io.Discard, io.Discard)
}

type panicking struct{}

func (panicking) Read([]byte) (int, error) { panic("reader") }
