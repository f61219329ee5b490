package wire

import (
	"bytes"
	"errors"
	"net/http"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// MaxPooled keeps one large request or answer from pinning its memory.
const MaxPooled = 1 << 20

// maxAnswer bounds the answer to a request that may name one snap any number
// of times, in bytes. A desktop's two hundred snaps make some four MiB.
const maxAnswer = 32 << 20

// Fits refuses an answer that has grown too large.
func Fits(answer []byte) error {
	if len(answer) <= maxAnswer {
		return nil
	}
	return store.TooLargef("answer-too-large", "the answer would be larger than %d bytes", maxAnswer).
		Try("ask for fewer packages or fields at once")
}

// Memory is what large requests share: one that asks for much waits until the
// others are done, so that no number of clients can exhaust the machine.
type Memory struct{ left *semaphore.Weighted }

// maxMemory is for all large requests at once, in bytes. answerPerBody is what
// an answer takes for each byte of its request at the most, save for what a
// request that repeats itself gets cut off at.
const (
	maxMemory     = 512 << 20
	answerPerBody = 8
)

// NewMemory returns one that nobody uses yet.
func NewMemory() Memory { return Memory{semaphore.NewWeighted(maxMemory)} }

// Take waits for what a request of at most limit bytes may need, and returns
// what gives it back.
func (m Memory) Take(r *http.Request, limit int64) (done func(), err error) {
	need := limit
	if r.ContentLength >= 0 {
		need = min(r.ContentLength, limit)
	}
	need += need * answerPerBody
	if err := m.left.Acquire(r.Context(), need); err != nil {
		return nil, store.Unavailablef("overloaded", "too many large requests at once").Try("ask again in a moment").Because(err)
	}
	return func() { m.left.Release(need) }, nil
}

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// ReadBody reads a request's body of at most limit bytes.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) (string, error) {
	if r.ContentLength > limit {
		return "", tooLarge(limit)
	}
	buf := bodies.Get().(*bytes.Buffer)
	defer func() {
		if buf.Cap() <= MaxPooled {
			buf.Reset()
			bodies.Put(buf)
		}
	}()
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return "", tooLarge(over.Limit)
	case err != nil:
		return "", store.Invalidf(reply.CodeBadJSON, "cannot read the request body").Because(err)
	}
	return buf.String(), nil
}

func tooLarge(limit int64) error {
	return store.TooLargef(reply.CodeTooLarge, "the request body is larger than %d bytes", limit)
}
