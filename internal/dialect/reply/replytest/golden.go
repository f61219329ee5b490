// Package replytest holds what dialects answer to recorded answers: to the letter,
// in files, and to the shape of what the public stores were seen to answer.
package replytest

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

// Golden are the requests and answers in the directory testdata of one dialect.
type Golden struct {
	API http.Handler
	// Headers are those that an answer is held to, besides its status.
	Headers []string
	// RandomIDs: ids differ from run to run, so that answers have words for them.
	RandomIDs bool
}

// idLength is that of the ids that a store makes up.
const idLength = 32

// Check sends testdata/NAME.request.http, as a real client sends it, and expects
// NAME.response.http. What the request file writes as {{WORD}} stands for the value
// after WORD in fill, and so it does in the response file where that value is a
// random id. Bodies in JSON are indented in the file.
func (g Golden) Check(t *testing.T, name string, fill ...string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".request.http"))
	if err != nil {
		t.Fatal(err)
	}
	request := string(text)
	for i := 0; i+1 < len(fill); i += 2 {
		request = strings.ReplaceAll(request, "{{"+fill[i]+"}}", fill[i+1])
	}
	got := httptest.NewRecorder()
	g.API.ServeHTTP(got, read(t, request))

	have := g.write(t, got)
	for i := 0; i+1 < len(fill); i += 2 {
		if g.RandomIDs && len(fill[i+1]) >= idLength {
			have = bytes.ReplaceAll(have, []byte(fill[i+1]), []byte("{{"+fill[i]+"}}"))
		}
	}
	file := filepath.Join("testdata", name+".response.http")
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

// read reads a request whose body is the rest of the file.
func read(t *testing.T, text string) *http.Request {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\nHost: store.example\n\n")))
	if err != nil {
		t.Fatal(err)
	}
	full := httptest.NewRequestWithContext(t.Context(), r.Method, r.RequestURI, strings.NewReader(body))
	full.Header = r.Header
	return full
}

func (g Golden) write(t *testing.T, r *httptest.ResponseRecorder) []byte {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%d %s\n", r.Code, http.StatusText(r.Code))
	for _, name := range g.Headers {
		if v := r.Header().Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	b.WriteByte('\n')
	if !strings.Contains(r.Header().Get("Content-Type"), "json") {
		b.Write(r.Body.Bytes())
		return b.Bytes()
	}
	if err := json.Indent(&b, bytes.TrimSpace(r.Body.Bytes()), "", "  "); err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
	b.WriteByte('\n')
	return b.Bytes()
}
