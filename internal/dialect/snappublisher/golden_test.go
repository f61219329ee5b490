package snappublisher

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

// golden sends testdata/NAME.request.http, as a real client sends it, and
// expects NAME.response.http. What the request file writes as {{WORD}} stands for
// the value after WORD in fill. Bodies in JSON are indented in the file.
func (w *world) golden(t *testing.T, name string, fill ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".request.http"))
	if err != nil {
		t.Fatal(err)
	}
	head, body, _ := strings.Cut(string(text), "\n\n")
	for i := 0; i+1 < len(fill); i += 2 {
		head, body = strings.ReplaceAll(head, "{{"+fill[i]+"}}", fill[i+1]), strings.ReplaceAll(body, "{{"+fill[i]+"}}", fill[i+1])
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\nHost: store.example\n\n")))
	if err != nil {
		t.Fatal(err)
	}
	full := httptest.NewRequestWithContext(t.Context(), r.Method, r.RequestURI, strings.NewReader(body))
	full.Header = r.Header
	got := httptest.NewRecorder()
	w.api.ServeHTTP(got, full)

	file := filepath.Join("testdata", name+".response.http")
	have := responseText(t, got)
	if *update {
		if err := os.WriteFile(file, have, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want) {
		t.Errorf("%s: answered\n%s\nwant\n%s", name, have, want)
	}
}

func responseText(t *testing.T, r *httptest.ResponseRecorder) []byte {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d %s\n", r.Code, http.StatusText(r.Code))
	for _, name := range []string{"Content-Type", "Location", "Www-Authenticate"} {
		if v := r.Header().Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	b.WriteByte('\n')
	if r.Body.Len() == 0 {
		return b.Bytes()
	}
	if err := json.Indent(&b, bytes.TrimSpace(r.Body.Bytes()), "", "  "); err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// inJSON is a text as it stands within a JSON string.
func inJSON(text []byte) string {
	quoted, _ := json.Marshal(string(text))
	return string(quoted[1 : len(quoted)-1])
}
