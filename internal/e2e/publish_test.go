package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"
)

// publisher is a client of the dashboard: it knows HTTP, and a token.
type publisher struct {
	t     *testing.T
	base  string
	token string
}

// do sends a request and returns the object that comes back.
func (p *publisher) do(method, path, contentType string, body []byte, want int) map[string]any {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if p.token != "" {
		r.Header.Set("Authorization", "Macaroon "+p.token)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		p.t.Fatal(err)
	}
	if resp.StatusCode != want {
		p.t.Fatalf("%s %s: %s, want %d: %s", method, path, resp.Status, want, text)
	}
	var v map[string]any
	if err := json.Unmarshal(text, &v); err != nil {
		p.t.Fatalf("%s %s: %v in %s", method, path, err, text)
	}
	return v
}

func (p *publisher) post(path string, body any, want int) map[string]any {
	p.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		p.t.Fatal(err)
	}
	return p.do("POST", path, "application/json", text, want)
}

// upload sends a file without credentials, as every client does.
func (p *publisher) upload(file string) string {
	p.t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		p.t.Fatal(err)
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("binary", "filename")
	if err != nil {
		p.t.Fatal(err)
	}
	part.Write(content)
	form.Close()
	anonymous := &publisher{t: p.t, base: p.base}
	return anonymous.do("POST", "/unscanned-upload/", form.FormDataContentType(), body.Bytes(), 200)["upload_id"].(string)
}

// TestAClaimThatWasAcknowledgedIsPublishedWhateverHappens kills the server as
// soon as it has acknowledged a claim. The next one goes on with it: once its
// lease has run out, where the dead one had begun.
func TestAClaimThatWasAcknowledgedIsPublishedWhateverHappens(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			n := newStore(t, p.make(t))
			n.with(password+"\n", "account", "create", "alice@example.com", "--username", "alice", "--role", "publisher", "--password-stdin")
			var made struct{ Token string }
			n.ask(&made, "token", "create", "alice", "--permission", "package_register", "--permission", "package_push", "--permission", "package_release")
			s := n.serve()
			alice := &publisher{t, s.url, made.Token}
			alice.post("/dev/api/register-name/", map[string]any{"snap_name": "hello", "series": "16"}, http.StatusCreated)
			dir := t.TempDir()
			for round := 1; round <= 2; round++ {
				file := makeSnap(t, dir, "hello", fmt.Sprint(round), noise(200_000))
				got := alice.post("/dev/api/snap-push/", map[string]any{
					"name": "hello", "updown_id": alice.upload(file), "series": "16", "channels": []string{"stable"},
				}, http.StatusAccepted)
				s.kill()
				s = n.serve()
				alice.base = s.url
				details, err := url.Parse(got["status_details_url"].(string))
				if err != nil {
					t.Fatal(err)
				}
				var status map[string]any
				poll(t, "the claim to be processed", func() error {
					status = (&publisher{t: t, base: s.url}).do("GET", details.Path, "", nil, http.StatusOK)
					if status["processed"] != true {
						return fmt.Errorf("it is %v", status)
					}
					return nil
				})
				if status["code"] != "ready_to_release" || status["revision"] != float64(round) || len(status["errors"].([]any)) > 0 {
					t.Fatalf("it is %v", status)
				}
				wantServed(t, s.url, "hello", "stable", file)
			}
			s.stop()
			n.fsckClean()
			if out := n.must("changes"); !strings.Contains(out, "upload-processed") {
				t.Errorf("the change log is\n%s", out)
			}
		})
	}
}
