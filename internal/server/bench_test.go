package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/larder-store/larder/internal/dialect/reply"
)

// BenchmarkWhatAllRequestsShare is the cost of a request that does nothing
// else, so that it can be set against the time of a bare handler.
func BenchmarkWhatAllRequestsShare(b *testing.B) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer null.Close()
	for _, level := range []slog.Level{slog.LevelWarn, slog.LevelInfo} {
		b.Run("log "+level.String(), func(b *testing.B) {
			log, err := NewLogger(null, level, FormatJSON)
			if err != nil {
				b.Fatal(err)
			}
			body := []byte("type: account\n")
			s := New(Options{Logger: log, Mounts: at("/v2/assertions", func(w http.ResponseWriter, _ *http.Request) {
				reply.Bytes(w, http.StatusOK, "application/x.ubuntu.assertion", body)
			})})
			r := httptest.NewRequest("GET", "/v2/assertions/account/canonical", nil)
			w := &nullWriter{header: make(http.Header)}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				s.ServeHTTP(w, r)
			}
		})
	}
}

type nullWriter struct{ header http.Header }

func (w *nullWriter) Header() http.Header         { return w.header }
func (w *nullWriter) WriteHeader(int)             {}
func (w *nullWriter) Write(p []byte) (int, error) { return len(p), nil }
