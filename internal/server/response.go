package server

import (
	"io"
	"net/http"
	"time"
)

// response counts what a handler sends and keeps the connection's deadlines
// moving with it. It stays out of the way of sendfile: a file that is copied
// into it reaches the TCP connection as a file.
//
// Only the goroutine that serves the request uses it.
type response struct {
	http.ResponseWriter
	limits   transferLimits
	deadline time.Time // of writing, as set on the connection
	status   int       // 0 until the header is written
	bytes    int64     // of the body
}

// transferLimits say when a transfer is too slow to be kept up.
type transferLimits struct {
	stall   time.Duration
	minRate int64 // bytes per second
}

// allowance is how long n bytes may take.
func (l transferLimits) allowance(n int64) time.Duration {
	return l.stall + time.Duration(n/l.minRate)*time.Second
}

// sendfileChunk is how much is handed to the kernel under one deadline: large
// enough for one system call per chunk to cost nothing, small enough that a
// client who stopped reading is noticed within minutes.
const sendfileChunk = 1 << 20

// Unwrap lets http.ResponseController through.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush sends what is buffered.
func (w *response) Flush() {
	w.extend(0)
	// A connection that cannot flush has nothing buffered worth an error.
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *response) WriteHeader(status int) {
	if w.status == 0 && status >= http.StatusOK {
		w.status = status
	}
	w.extend(0)
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(p []byte) (int, error) {
	w.begin()
	w.extend(int64(len(p)))
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom copies src chunk by chunk. The kernel's sendfile is used through
// one *io.LimitedReader around a file, so each chunk is exactly that, whether
// src is one already (from http.ServeContent) or the file itself.
func (w *response) ReadFrom(src io.Reader) (total int64, err error) {
	to, ok := w.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(writerOnly{w}, src)
	}
	w.begin()
	w.sendHeader()
	chunk := &io.LimitedReader{R: src}
	limited, _ := src.(*io.LimitedReader)
	if limited != nil {
		chunk.R = limited.R
	}
	for {
		chunk.N = sendfileChunk
		if limited != nil {
			chunk.N = min(chunk.N, limited.N)
		}
		if chunk.N <= 0 {
			return total, nil
		}
		asked := chunk.N
		w.extend(asked)
		n, err := to.ReadFrom(chunk)
		total += n
		w.bytes += n
		if limited != nil {
			limited.N -= n
		}
		if err != nil || n < asked {
			return total, err
		}
	}
}

// sendHeader sends the header by itself when it is complete. Otherwise net/http
// copies the beginning of the body through memory to guess its type from it.
func (w *response) sendHeader() {
	h := w.Header()
	if w.bytes == 0 && len(h["Content-Type"]) > 0 && len(h["Content-Length"]) > 0 {
		w.Flush()
	}
}

// begin notes the status that a body without WriteHeader implies.
func (w *response) begin() {
	if w.status == 0 {
		w.status = http.StatusOK
	}
}

// extend gives the next n bytes their time. Setting a deadline costs more
// than many an answer, so one that leaves the allowance stays.
func (w *response) extend(n int64) {
	now := time.Now()
	need := now.Add(w.limits.allowance(n))
	if need.Before(w.deadline) {
		return
	}
	w.deadline = need.Add(w.limits.stall)
	// A writer without deadlines is one of a test, and has no slow client.
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(w.deadline)
}

// writerOnly hides ReadFrom, so that io.Copy does not come back to it.
type writerOnly struct{ io.Writer }

// pacedBody is a request's body that must keep moving: the client gets the
// stall timeout, and time for what it has sent so far at the minimal rate.
// The time that the handler spends between its reads is not the client's.
//
// Only the goroutine that serves the request uses it.
type pacedBody struct {
	io.ReadCloser
	control  *http.ResponseController
	limits   transferLimits
	start    time.Time // of the first read, put off by the handler's pauses
	returned time.Time // from the last read
	deadline time.Time // of reading, as set on the connection
	read     int64
	ended    bool
}

// newPacedBody gives the body its time from now on. A handler may answer without
// a look at it: net/http then reads what is left before it answers, past this
// reader, and would wait for ever.
func newPacedBody(body io.ReadCloser, control *http.ResponseController, limits transferLimits) *pacedBody {
	b := &pacedBody{ReadCloser: body, control: control, limits: limits, deadline: time.Now().Add(limits.stall)}
	_ = control.SetReadDeadline(b.deadline)
	return b
}

func (b *pacedBody) Read(p []byte) (int, error) {
	if b.ended {
		return b.ReadCloser.Read(p)
	}
	now := time.Now()
	if b.start.IsZero() {
		b.start, b.returned = now, now
	}
	b.start = b.start.Add(now.Sub(b.returned))
	// Half a timeout of slack spares fast bodies most of the calls.
	if need := b.start.Add(b.limits.allowance(b.read)); b.deadline.Sub(now) < b.limits.stall/2 && need.After(b.deadline) {
		b.deadline = need
		_ = b.control.SetReadDeadline(need)
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.returned = time.Now()
	// After the end net/http lifts the deadline itself and watches the
	// connection for the client leaving; one set later would look like that.
	b.ended = err != nil
	return n, err
}
