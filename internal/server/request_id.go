package server

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"strconv"
)

type requestIDKey struct{}

// RequestID returns the id of the request that ctx belongs to, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// requestIDFor keeps the id that a proxy in front gave the request, if it is
// fit for a log and a header, and makes one otherwise. Ids tell requests
// apart; they guard nothing and need not be hard to guess.
func requestIDFor(offered string) string {
	if saneRequestID(offered) {
		return offered
	}
	return strconv.FormatUint(rand.Uint64()|1<<63, 36)
}

func saneRequestID(id string) bool {
	if len(id) < 8 || len(id) > 128 {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}

// requestIDHandler adds the id of the request to every record that is logged
// with its context.
type requestIDHandler struct{ slog.Handler }

func withRequestID(log *slog.Logger) *slog.Logger {
	if _, already := log.Handler().(requestIDHandler); already {
		return log
	}
	return slog.New(requestIDHandler{log.Handler()})
}

func (h requestIDHandler) Handle(ctx context.Context, record slog.Record) error {
	if id := RequestID(ctx); id != "" {
		record.AddAttrs(slog.String("request_id", id))
	}
	return h.Handler.Handle(ctx, record)
}

func (h requestIDHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return requestIDHandler{h.Handler.WithAttrs(attrs)}
}

func (h requestIDHandler) WithGroup(name string) slog.Handler {
	return requestIDHandler{h.Handler.WithGroup(name)}
}
