package charmhub

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// Ground rule 1: juju compares the content type of what fails as text.
func TestRule1EveryAnswerIsExactlyJSON(t *testing.T) {
	s := newShop(t)
	for _, tt := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/v2/charms/info/webapp", "", 200},
		{"GET", "/v2/charms/info/nothing", "", 404},
		{"GET", "/v2/charms/info/webapp?channel=a/b/c/d", "", 400},
		{"GET", "/v2/charms/info", "", 404},
		{"POST", "/v2/charms/info/webapp", "", 405},
		{"GET", "/v2/charms/find", "", 200},
		{"GET", "/v2/charms/find?type=x", "", 400},
		{"POST", "/v2/charms/refresh", `{"context":[],"actions":[]}`, 200},
		{"POST", "/v2/charms/refresh", "x", 400},
		{"POST", "/v2/charms/refresh", strings.Repeat(" ", maxRefreshBody+1), 413},
		{"GET", "/v2/charms/refresh", "", 405},
		{"GET", "/v2/charms/other", "", 404},
		{"GET", "/v2/charms/resources/webapp/nothing/revisions", "", 404},
		{"GET", charmPrefix + s.webapp.ID + "_9.charm", "", 404},
		{"GET", charmPrefix + "x", "", 404},
	} {
		got := s.Do("", tt.method, tt.path, tt.body)
		if types := got.Header()["Content-Type"]; got.Code != tt.status || len(types) != 1 || types[0] != reply.ContentJSON {
			t.Errorf("%s %s: %d with %q, want %d", tt.method, tt.path, got.Code, types, tt.status)
		}
		if tt.status != 200 && got.ErrorCode(tt.status) == "" {
			t.Errorf("%s %s: %s", tt.method, tt.path, got.Body)
		}
	}
}

// Ground rule 2: juju holds the length that it was told against what it has read,
// and takes no answer but 200.
func TestRule2DownloadsHaveALengthAndAreAsTheyAre(t *testing.T) {
	s := newShop(t)
	content := strings.Repeat("compressible ", 10_000)
	s.revision(s.empty, content, store.Revision{Number: 7})
	s.release(s.empty, &store.Revision{Number: 7, Platforms: []store.Platform{base("24.04", "amd64")}}, "latest/edge")
	server := httptest.NewServer(s.API)
	defer server.Close()
	path := server.URL + charmPrefix + s.empty.ID + "_7.charm"
	get := func(method string, headers ...string) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, path, nil)
		s.Must(err)
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
		s.Must(err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		s.Must(err)
		return answer, string(body)
	}
	for _, headers := range [][]string{nil, {"Accept-Encoding", "gzip, deflate, br"}} {
		r, body := get("GET", headers...)
		if r.StatusCode != 200 || r.ContentLength != int64(len(content)) || body != content || r.Uncompressed ||
			r.Header.Get("Content-Encoding") != "" || len(r.TransferEncoding) > 0 {
			t.Errorf("%v: %d, length %d, %v", headers, r.StatusCode, r.ContentLength, r.Header)
		}
	}
	r, _ := get("HEAD")
	tag := r.Header.Get("ETag")
	if r.ContentLength != int64(len(content)) || len(tag) != 98 ||
		r.Header.Get("Content-Disposition") != `attachment; filename="`+s.empty.ID+`_7.charm"` {
		t.Errorf("HEAD: %d, %v", r.ContentLength, r.Header)
	}
	if r, body := get("GET", "Range", "bytes=13-25"); r.StatusCode != 206 || body != "compressible " {
		t.Errorf("a range: %d %q", r.StatusCode, body)
	}
	if r, _ := get("GET", "If-None-Match", tag); r.StatusCode != 304 {
		t.Errorf("the same again: %d", r.StatusCode)
	}
}

func TestOnlyWhatWasReleasedIsDownloaded(t *testing.T) {
	s := newShop(t)
	for file, want := range map[string]int{
		s.webapp.ID + "_1.charm": 200, s.webapp.ID + "_3.charm": 200, s.webapp.ID + "_4.charm": 404, s.bundle.ID + "_1.charm": 200,
		s.secret.ID + "_1.charm": 404, s.hidden.ID + "_1.charm": 200,
		s.webapp.ID + "_01.charm": 404, s.webapp.ID + "_+1.charm": 404, s.webapp.ID + "_1.snap": 404, s.webapp.ID + "_1": 404, "_1.charm": 404,
		s.webapp.ID + "_99999999999999999999.charm": 404, "webapp_1.charm": 404, strings.Repeat("x", 5000) + "_1.charm": 404,
		"..%2f..%2fetc%2fpasswd": 404, s.webapp.ID + "_1_1.charm": 404, s.webapp.ID + "_-1.charm": 404,
	} {
		if got := s.Do("", "GET", charmPrefix+file, nil); got.Code != want {
			t.Errorf("%.60s: %d, want %d", file, got.Code, want)
		}
	}
	if got := s.Do("alice", "GET", charmPrefix+s.webapp.ID+"_4.charm", nil); got.Code != 200 {
		t.Errorf("its publisher: %d", got.Code)
	}
}

// One request may ask for the same large answer again and again.
func TestAnAnswerHasAnEnd(t *testing.T) {
	s := newShop(t)
	s.release(s.empty, s.revision(s.empty, "large", store.Revision{Manifest: "name: empty\n# " + strings.Repeat("x", 64<<10)}), "latest/stable")
	var actions []string
	for i := range maxActions {
		actions = append(actions, strings.Replace(install("empty", "stable", noble), "key-empty", fmt.Sprint(i), 1))
	}
	got := s.Do("", "POST", "/v2/charms/refresh", `{"actions":[`+strings.Join(actions, ",")+`]}`)
	if code := got.ErrorCode(413); code != "answer-too-large" {
		t.Error(code)
	}
}

// What one request leaves in memory must not show in another.
func TestRequestsDoNotMix(t *testing.T) {
	s := newShop(t)
	s.ask(have("k", s.webapp.ID, 1, "stable", jammy), install("webapp", "stable", jammy), install("stack", "stable", noble))
	if code := s.Do("", "POST", "/v2/charms/refresh", `{"actions":[{"action":"refresh","instance-key":"k"}]}`).ErrorCode(400); code != "missing-context" {
		t.Error(code)
	}
	if r := s.one("", install("anywhere", "stable", noble)); r.Name != "anywhere" || len(r.Charm.Resources) != 0 {
		t.Errorf("%+v", r)
	}
}

func FuzzRefresh(f *testing.F) {
	f.Add(`{"context":[` + have("k", "id", 1, "stable", noble) + `],"actions":[` + install("a", "stable", jammy) + `],"fields":["id"],"metrics":{"model":{"uuid":"u"}}}`)
	f.Add(`{"actions":[{"resource-revisions":[{"name":"a","revision":1}],"base":null,"revision":null}],"fields":null}`)
	f.Fuzz(func(t *testing.T, body string) {
		var q refreshRequest
		if err := parseRefresh(body, &q); err != nil && store.KindOf(err) != store.KindInvalid {
			t.Errorf("%v", err)
		}
		if len(q.actions) > maxActions || len(q.context) > maxContext {
			t.Errorf("%d actions, %d in the context", len(q.actions), len(q.context))
		}
	})
}

func FuzzFields(f *testing.F) {
	f.Add(jujuInfoFields)
	f.Add("channel-map,.,a..b,default-release.")
	f.Fuzz(func(t *testing.T, csv string) {
		want, err := parseFields(csv)
		if err != nil {
			return
		}
		rev := &store.Revision{Platforms: []store.Platform{{}}}
		b := appendMembers(nil, revisionMembers, subject{&store.Package{}, rev, nil}, want)
		if !bytes.HasPrefix(b, []byte("{")) || !bytes.HasSuffix(b, []byte("}")) {
			t.Errorf("%q", b)
		}
	})
}
