package snapdevice

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what is answered now over the golden answers")

// goldenHeaders are those that an answer is held to, besides its status.
var goldenHeaders = []string{
	"Allow", "Cache-Control", "Content-Type", "Etag", "Snap-Store-Version", "Vary", "Www-Authenticate",
}

// TestGolden sends every testdata/NAME.request.http and expects NAME.response.http.
// Bodies in JSON are indented in the file and compared as they were sent but
// for that.
func TestGolden(t *testing.T) {
	requests, err := filepath.Glob("testdata/*.request.http")
	if err != nil || len(requests) == 0 {
		t.Fatal("no golden requests", err)
	}
	w := newWorld(t)
	for _, file := range requests {
		name := strings.TrimSuffix(filepath.Base(file), ".request.http")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			got := httptest.NewRecorder()
			w.api.ServeHTTP(got, readRequest(t, text))
			golden := filepath.Join("testdata", name+".response.http")
			if *update {
				if err := os.WriteFile(golden, writeResponse(t, got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if have := writeResponse(t, got); !bytes.Equal(have, want) {
				t.Errorf("answered\n%s\nwant\n%s", have, want)
			}
		})
	}
}

// readRequest reads a request whose body is the rest of the file.
func readRequest(t *testing.T, text []byte) *http.Request {
	t.Helper()
	head, body, _ := bytes.Cut(text, []byte("\n\n"))
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(head) + "\nHost: store.example\n\n")))
	if err != nil {
		t.Fatal(err)
	}
	full := httptest.NewRequestWithContext(t.Context(), r.Method, r.RequestURI, bytes.NewReader(body))
	full.Header = r.Header
	return full
}

func writeResponse(t *testing.T, r *httptest.ResponseRecorder) []byte {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d %s\n", r.Code, http.StatusText(r.Code))
	for _, name := range goldenHeaders {
		if v := r.Header().Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	b.WriteByte('\n')
	if strings.Contains(r.Header().Get("Content-Type"), "json") {
		if err := json.Indent(&b, bytes.TrimSpace(r.Body.Bytes()), "", "  "); err != nil {
			t.Fatalf("%v in %s", err, r.Body)
		}
		b.WriteByte('\n')
	} else {
		b.Write(r.Body.Bytes())
	}
	return b.Bytes()
}
