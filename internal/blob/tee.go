package blob

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
)

const (
	chunkSize = 256 << 10 // bytes; large enough that handing over costs nothing
	ringSize  = 4         // chunks in flight per copy
)

// chunk travels from the reader to every sink and back.
type chunk struct {
	buf     *[chunkSize]byte // the reader's until sent, then read-only
	n       int              // bytes of buf in use
	pending atomic.Int32     // sinks that still need it; the last one frees it
}

var buffers = sync.Pool{New: func() any { return new([chunkSize]byte) }}

func newChunk() *chunk { return &chunk{buf: buffers.Get().(*[chunkSize]byte)} }

func (c *chunk) recycle() { buffers.Put(c.buf) }

// fill reads until c is full or r has ended.
func (c *chunk) fill(ctx context.Context, r io.Reader) (ended bool, err error) {
	if err := context.Cause(ctx); err != nil {
		return false, err
	}
	c.n, err = io.ReadFull(r, c.buf[:])
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return true, nil
	}
	return false, err
}

// tee copies r to all sinks, each on a goroutine of its own. All have stopped
// when it returns. A failing sink stops the copy with its error.
func tee(ctx context.Context, r io.Reader, sinks ...io.Writer) (int64, error) {
	r = &exact{r}
	first := newChunk()
	ended, err := first.fill(ctx, r)
	if err != nil || ended {
		defer first.recycle()
		return writeSmall(first, err, sinks)
	}

	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	// Every channel holds a whole ring, so sending a chunk never blocks.
	free := make(chan *chunk, ringSize)
	feeds := make([]chan *chunk, len(sinks))
	var running sync.WaitGroup
	for i, sink := range sinks {
		feeds[i] = make(chan *chunk, ringSize)
		running.Go(func() { drain(feeds[i], free, sink, stop) })
	}
	join := sync.OnceFunc(func() {
		for _, feed := range feeds {
			close(feed)
		}
		running.Wait()
	})
	ring := []*chunk{first}
	for range ringSize - 1 {
		ring = append(ring, newChunk())
		free <- ring[len(ring)-1]
	}
	defer func() { // also when r panics
		join()
		for _, c := range ring {
			c.recycle()
		}
	}()

	var total int64
	for c := first; ; {
		total += int64(c.n)
		c.pending.Store(int32(len(sinks)))
		for _, feed := range feeds {
			feed <- c
		}
		if ended {
			join()
			return total, context.Cause(ctx)
		}
		c = <-free
		if ended, err = c.fill(ctx, r); err != nil {
			return total, err
		}
	}
}

// drain writes what arrives to sink and frees it. After an error it only frees,
// so that the reader never waits for a dead sink.
func drain(feed <-chan *chunk, free chan<- *chunk, sink io.Writer, stop context.CancelCauseFunc) {
	var err error
	for c := range feed {
		if err == nil {
			if _, err = sink.Write(c.buf[:c.n]); err != nil {
				stop(err)
			}
		}
		if c.pending.Add(-1) == 0 {
			free <- c
		}
	}
}

// writeSmall is tee for what fits one chunk: not worth a goroutine.
func writeSmall(c *chunk, err error, sinks []io.Writer) (int64, error) {
	for _, sink := range sinks {
		if err == nil {
			_, err = sink.Write(c.buf[:c.n])
		}
	}
	return int64(c.n), err
}

// exact tells a stream that was cut off from one that ended: io.ReadFull would
// take the reader's own ErrUnexpectedEOF (a client that went away) for the end.
type exact struct{ r io.Reader }

func (e *exact) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err == io.ErrUnexpectedEOF {
		err = fmt.Errorf("stream was cut off: %w", err)
	}
	return n, err
}
