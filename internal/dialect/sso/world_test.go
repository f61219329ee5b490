package sso

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/server"
	"github.com/larder-store/larder/internal/store"
)

// world is an identity provider on SQLite behind this dialect and the server,
// with a clock that moves by hand. A client's side is done with the public
// macaroon library, not with ours.
type world struct {
	t      *testing.T
	db     *db.DB
	auth   *authority.Authority
	people *identity.Identity
	api    http.Handler
	logs   *logs
	url    string
	hosts  credential.SSOHosts
	keys   bool // whether SSH keys are shown

	now     time.Time
	address string // of the client
	agent   string // its User-Agent
}

// logs keeps everything that is logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer // owned by mu
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

const (
	host     = "store.example"
	password = "correct horse battery"
)

var operator = store.Host("tester")

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, auth: authority.New(authority.NewSecret()), logs: &logs{}, hosts: credential.SSOHosts{Netloc: host},
		now: time.Date(2026, 5, 6, 7, 8, 9, 123456000, time.UTC), address: "192.0.2.1", agent: "snapcraft/9.0",
		url: "sqlite:" + filepath.Join(t.TempDir(), "larder.db"),
	}
	w.start()
	return w
}

// start opens the store, as another process would.
func (w *world) start() {
	w.t.Helper()
	log := slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	clock := func() time.Time { return w.now }
	d, err := db.Open(w.t.Context(), w.url, db.Options{Now: clock, Log: log})
	w.must(err)
	w.t.Cleanup(func() { w.must(d.Close()) })
	w.db = d
	w.people = identity.New(identity.Options{
		DB: d, Authority: w.auth, Now: clock, Log: log, Hashing: identity.Hashing{Memory: 64, Passes: 1, Parallel: 4},
	})
	w.api = server.New(server.Options{Logger: log, Mounts: []server.Mount{{
		Name: "sso", Under: Under, Exactly: Exactly, BodyLimit: BodyLimit, Errors: Errors,
		Handler: New(Options{
			Identity: w.people, Hosts: func(*http.Request) credential.SSOHosts { return w.hosts },
			BaseURL:     func(*http.Request) string { return "https://" + host },
			KeysByEmail: func(*http.Request) (bool, error) { return w.keys, nil },
		}),
	}}})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }

// person makes an account that logs in with the password.
func (w *world) person(name string, role store.Role) store.User {
	w.t.Helper()
	u, err := w.people.Create(w.t.Context(), operator, identity.NewUser{
		Email: name + "@example.com", Username: name, DisplayName: strings.ToUpper(name[:1]) + name[1:],
		Role: role, Password: identity.NewSecret(password),
	})
	w.must(err)
	return u
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t *testing.T
}

// do asks; the body is sent as it is when it is text, and as JSON otherwise.
func (w *world) do(method, path string, body any, headers ...string) answer {
	w.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		w.must(err)
		reader = bytes.NewReader(text)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, "http://"+host+path, reader)
	r.RemoteAddr = w.address + ":4242"
	r.Header.Set("User-Agent", w.agent)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	return answer{rec, w.t}
}

func (w *world) post(path string, body any, headers ...string) answer {
	w.t.Helper()
	return w.do("POST", path, body, headers...)
}

// as asks with an Authorization header.
func (w *world) as(authorization, method, path string, body any) answer {
	w.t.Helper()
	return w.do(method, path, body, "Authorization", authorization)
}

type object = map[string]any

// object is the body, with the status.
func (a answer) object(status int) object {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("status %d, want %d: %s", a.Code, status, a.Body)
	}
	if got := a.Header()["Content-Type"]; len(got) != 1 || got[0] != reply.ContentJSON {
		a.t.Errorf("content type %q", got)
	}
	if got := a.Header().Get("Cache-Control"); got != "no-store" {
		a.t.Errorf("Cache-Control %q", got)
	}
	var v object
	if err := json.Unmarshal(a.Body.Bytes(), &v); err != nil {
		a.t.Fatalf("%v in %s", err, a.Body)
	}
	return v
}

// text is a member that is text, and not empty.
func (a answer) text(status int, member string) string {
	a.t.Helper()
	v, _ := a.object(status)[member].(string)
	if v == "" {
		a.t.Fatalf("no %s in %s", member, a.Body)
	}
	return v
}

// code is the code of the first error, in whichever list the family has.
func (a answer) code(status int) string {
	a.t.Helper()
	v := a.object(status)
	for _, list := range []string{"error_list", "error-list"} {
		if entries, _ := v[list].([]any); len(entries) > 0 {
			entry, _ := entries[0].(object)
			if message, _ := entry["message"].(string); message == "" {
				a.t.Errorf("an error without a message: %s", a.Body)
			}
			code, _ := entry["code"].(string)
			return code
		}
	}
	a.t.Fatalf("no list of errors: %s", a.Body)
	return ""
}

func (w *world) decode(text string) *macaroon.Macaroon {
	w.t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(text)
	w.must(err)
	m := new(macaroon.Macaroon)
	w.must(m.UnmarshalBinary(raw))
	return m
}

func (w *world) encode(m *macaroon.Macaroon) string {
	w.t.Helper()
	raw, err := m.MarshalBinary()
	w.must(err)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// wanted is what snapcraft asks for, with what it takes to look after tokens.
func wanted() object {
	return object{"permissions": []string{
		"package_access", "package_push", "package_release", "package_upload_request", "edit_account",
	}}
}

func (w *world) root(path string, ask any) *macaroon.Macaroon {
	w.t.Helper()
	return w.decode(w.post(path, ask).text(200, "macaroon"))
}

// caveat is the one third-party caveat of a root.
func caveat(m *macaroon.Macaroon) (one macaroon.Caveat) {
	for _, c := range m.Caveats() {
		if len(c.VerificationId) > 0 {
			one = c
		}
	}
	return one
}

// login is the body with which somebody has a root discharged.
func login(root *macaroon.Macaroon, name string, more ...string) object {
	body := object{"email": name + "@example.com", "password": password, "caveat_id": string(caveat(root).Id)}
	for i := 0; i+1 < len(more); i += 2 {
		body[more[i]] = more[i+1]
	}
	return body
}

func (w *world) discharge(root *macaroon.Macaroon, name string) *macaroon.Macaroon {
	w.t.Helper()
	return w.decode(w.post("/api/v2/tokens/discharge", login(root, name)).text(200, "discharge_macaroon"))
}

// pairOf binds discharges to a root and writes them as snapcraft does.
func (w *world) pairOf(root *macaroon.Macaroon, discharges ...*macaroon.Macaroon) string {
	w.t.Helper()
	header := "Macaroon root=" + w.encode(root)
	for _, d := range discharges {
		d = d.Clone()
		d.Bind(root.Signature())
		header += ", discharge=" + w.encode(d)
	}
	return header
}

// pair logs somebody in.
func (w *world) pair(name string) string {
	w.t.Helper()
	root := w.root("/dev/api/acl/", wanted())
	return w.pairOf(root, w.discharge(root, name))
}

// exchanged logs somebody in and exchanges the pair.
func (w *world) exchanged(name string) string {
	w.t.Helper()
	return "Macaroon " + w.as(w.pair(name), "POST", "/v1/tokens/usso/exchange", object{}).text(200, "macaroon")
}

// slice logs somebody in at the identity service, and returns the root with
// what a client puts into the Macaroons header.
func (w *world) slice(name, path string, ask any) (root *macaroon.Macaroon, header string) {
	w.t.Helper()
	ctx := w.t.Context()
	root = new(macaroon.Macaroon)
	w.must(json.Unmarshal([]byte(w.post(path, ask).text(200, "macaroon")), root))
	id := caveat(root).Id
	keys, err := w.people.BakeryKeys(ctx)
	w.must(err)
	opened, err := credential.OpenBakeryCaveat(id, keys...)
	w.must(err)
	condition, err := credential.ParseCondition(opened.Condition)
	w.must(err)
	e, err := w.people.Login(ctx, identity.Attempt{
		Login: name + "@example.com", Password: identity.NewSecret(password), Address: w.address,
	})
	w.must(err)
	d, err := w.people.DischargeBakery(ctx, e, opened, condition, id)
	w.must(err)
	text, err := d.Text()
	w.must(err)
	bound := w.decode(text.Reveal())
	bound.Bind(root.Signature())
	encoded, err := json.Marshal(macaroon.Slice{root, bound})
	w.must(err)
	return root, base64.URLEncoding.EncodeToString(encoded)
}

// whoami is what the dashboard says to an Authorization header.
func (w *world) whoami(authorization string) answer {
	w.t.Helper()
	return w.as(authorization, "GET", "/api/v2/tokens/whoami", nil)
}

// proves fails the test unless the header proves the account.
func (w *world) proves(what, authorization, name string) {
	w.t.Helper()
	got := w.whoami(authorization)
	if got.Code != 200 || got.object(200)["account"].(object)["username"] != name {
		w.t.Errorf("%s: %d %s, want %s", what, got.Code, got.Body, name)
	}
}

// refuses fails the test unless the header proves nothing, for good.
func (w *world) refuses(what, authorization string) {
	w.t.Helper()
	got := w.whoami(authorization)
	if challenge := got.Header().Get("WWW-Authenticate"); got.Code != 401 || challenge != plainChallenge ||
		got.code(401) != identity.CodeNoCredentials {
		w.t.Errorf("%s: %d %q %s", what, got.Code, challenge, got.Body)
	}
}
