package candid

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// world is an identity service over a real database, with a clock that is
// moved by hand.
type world struct {
	t   testing.TB
	id  *identity.Identity
	db  *db.DB
	srv *httptest.Server

	mu       sync.Mutex
	now      time.Time                                          // owned by mu
	sites    []string                                           // that users may return to; owned by mu
	provider func(context.Context) (identity.Federation, error) // owned by mu
}

const password = "correct horse battery"

func newWorld(t testing.TB, change ...func(*Options)) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
	log := slog.New(slog.DiscardHandler)
	d, err := db.Open(t.Context(), "sqlite:"+t.TempDir()+"/larder.db", db.Options{Now: w.clock, Log: log})
	w.must(err)
	t.Cleanup(func() { w.must(d.Close()) })
	w.db = d
	w.id = identity.New(identity.Options{
		DB: d, Authority: authority.New(authority.NewSecret()), Now: w.clock, Log: log,
		Hashing:    identity.Hashing{Memory: 64, Passes: 1, Parallel: 4, Waiting: 1000},
		Federation: w.federation,
	})
	o := Options{Identity: w.id, ReturnTo: w.allowed}
	for _, c := range change {
		c(&o)
	}
	w.srv = httptest.NewServer(New(o))
	t.Cleanup(w.srv.Close)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// person makes an account whose password is the usual one.
func (w *world) person(name string, role store.Role) store.User {
	w.t.Helper()
	u, err := w.id.Create(w.t.Context(), store.Host("tester"), identity.NewUser{
		Email: name + "@example.com", Username: name, Role: role, Password: identity.NewSecret(password),
	})
	w.must(err)
	return u
}

// root is a root macaroon of the store, whose caveat is discharged here.
func (w *world) root(version credential.BakeryVersion) (*macaroon.Macaroon, macaroon.Caveat) {
	w.t.Helper()
	r, err := w.id.IssueBakeryRoot(w.t.Context(), identity.Asked{
		Permissions: []string{"account-view-packages", "package-manage"}, Description: "charmcraft@builder",
	}, version, w.srv.URL+"/identity/")
	w.must(err)
	text, err := r.Macaroon.JSON()
	w.must(err)
	m := new(macaroon.Macaroon)
	w.must(json.Unmarshal([]byte(text.Reveal()), m))
	for _, c := range m.Caveats() {
		if len(c.VerificationId) > 0 {
			return m, c
		}
	}
	w.t.Fatal("the root has no caveat to discharge")
	return nil, macaroon.Caveat{}
}

// interaction is what a client learns that must first log somebody in.
type interaction struct {
	Code, Message string
	Info          struct {
		VisitURL, WaitURL  string
		InteractionMethods map[string]map[string]string
	}
}

func (i interaction) visit() string { return i.Info.InteractionMethods["browser-window"]["VisitURL"] }
func (i interaction) wait() string {
	return i.Info.InteractionMethods["browser-window"]["WaitTokenURL"]
}

// answer is an answer whose body has been read.
type answer struct {
	*http.Response
	body string
}

func (w *world) read(resp *http.Response, err error) answer {
	w.t.Helper()
	w.must(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	w.must(err)
	return answer{resp, string(body)}
}

func (a answer) json(t testing.TB, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%d %s: %v", a.StatusCode, a.body, err)
	}
}

func (w *world) discharge(form url.Values) answer {
	w.t.Helper()
	return w.read(http.PostForm(w.srv.URL+"/identity/discharge", form))
}

// begin asks for a discharge, which needs a login.
func (w *world) begin(c macaroon.Caveat) interaction {
	w.t.Helper()
	a := w.discharge(url.Values{"id64": {base64.RawURLEncoding.EncodeToString(c.Id)}})
	if a.StatusCode != http.StatusUnauthorized {
		w.t.Fatalf("discharge: %d %s", a.StatusCode, a.body)
	}
	var i interaction
	a.json(w.t, &i)
	return i
}

// waitFor is a client that waits in the background.
func (w *world) waitFor(url string) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		resp, err := http.Get(url)
		if err != nil {
			done <- answer{body: err.Error(), Response: &http.Response{}}
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		done <- answer{resp, string(body)}
	}()
	return done
}

// browser is a person's browser without JavaScript.
type browser struct {
	w      *world
	client *http.Client
	page   answer
}

func (w *world) browser() *browser {
	jar, err := cookiejar.New(nil)
	w.must(err)
	return &browser{w: w, client: &http.Client{
		Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (b *browser) open(url string) *browser {
	b.w.t.Helper()
	b.page = b.w.read(b.client.Get(url))
	return b
}

var (
	hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`)
	formAction  = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
)

// hidden are the form's fields that people do not see.
func (b *browser) hidden() url.Values {
	v := url.Values{}
	for _, m := range hiddenField.FindAllStringSubmatch(b.page.body, -1) {
		v.Set(m[1], m[2])
	}
	return v
}

// submit fills in the page's form: names and values by turns.
func (b *browser) submit(filled ...string) *browser {
	b.w.t.Helper()
	action := formAction.FindStringSubmatch(b.page.body)
	if action == nil {
		b.w.t.Fatalf("there is no form on the page: %d %s", b.page.StatusCode, b.page.body)
	}
	v := b.hidden()
	for i := 0; i < len(filled); i += 2 {
		v.Set(filled[i], filled[i+1])
	}
	b.page = b.w.read(b.client.PostForm(b.w.srv.URL+action[1], v))
	return b
}

// wants checks the status and what is on the page.
func (b *browser) wants(status int, texts ...string) *browser {
	b.w.t.Helper()
	if b.page.StatusCode != status {
		b.w.t.Fatalf("the page is %d, want %d: %s", b.page.StatusCode, status, b.page.body)
	}
	for _, text := range texts {
		if !strings.Contains(b.page.body, text) {
			b.w.t.Errorf("the page does not say %q: %s", text, b.page.body)
		}
	}
	return b
}

// token is the token of a wait-token answer.
func (w *world) token(a answer) (kind, token64 string) {
	w.t.Helper()
	if a.StatusCode != http.StatusOK {
		w.t.Fatalf("waiting: %d %s", a.StatusCode, a.body)
	}
	var t struct{ Kind, Token64 string }
	a.json(w.t, &t)
	return t.Kind, t.Token64
}

// finish discharges the caveat with a token, and exchanges what the client then
// has for a token of the store.
func (w *world) finish(root *macaroon.Macaroon, c macaroon.Caveat, kind, token64 string) (identity.Who, error) {
	w.t.Helper()
	a := w.discharge(url.Values{
		"id64": {base64.StdEncoding.EncodeToString(c.Id)}, "token64": {token64}, "token-kind": {kind},
	})
	if a.StatusCode != http.StatusOK {
		return identity.Who{}, fmt.Errorf("%d %s", a.StatusCode, a.body)
	}
	var d struct{ Macaroon json.RawMessage }
	a.json(w.t, &d)
	var m macaroon.Macaroon
	w.must(json.Unmarshal(d.Macaroon, &m))
	return w.whoHas(root, &m)
}

func (w *world) whoHas(root, discharge *macaroon.Macaroon) (identity.Who, error) {
	w.t.Helper()
	d := discharge.Clone()
	d.Bind(root.Signature())
	text, err := json.Marshal(macaroon.Slice{root, d})
	w.must(err)
	issued, err := w.id.ExchangeSlice(w.t.Context(), identity.Evidence{
		Macaroons: []string{base64.URLEncoding.EncodeToString(text)}, Address: "192.0.2.1",
	}, "test")
	if err != nil {
		return identity.Who{}, err
	}
	return w.id.Whoami(w.t.Context(), identity.Evidence{Authorization: []string{"Macaroon " + issued.Token.Reveal()}})
}

func (w *world) allowed(context.Context) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sites, nil
}

func (w *world) federate(with func(context.Context) (identity.Federation, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.provider = with
}

func (w *world) federation(ctx context.Context) (identity.Federation, error) {
	w.mu.Lock()
	provider := w.provider
	w.mu.Unlock()
	if provider == nil {
		return identity.Federation{}, nil
	}
	return provider(ctx)
}

// secondFactor gives an account one, and returns its secret.
func (w *world) secondFactor(u store.User) string {
	w.t.Helper()
	who := store.Host("tester")
	e, err := w.id.EnableTOTP(w.t.Context(), who, u.Account.ID)
	w.must(err)
	secret := e.Secret.Reveal()
	_, err = w.id.ConfirmTOTP(w.t.Context(), who, u.Account.ID, e.Ticket, identity.NewSecret(w.code(secret)))
	w.must(err)
	return secret
}

// code is what an authenticator shows, a moment later: each works once.
func (w *world) code(secret string) string {
	w.t.Helper()
	w.pass(31 * time.Second)
	code, err := totp.GenerateCode(secret, w.clock())
	w.must(err)
	return code
}

func (w *world) setPassword(u store.User, to string) {
	w.t.Helper()
	w.pass(time.Second)
	_, err := w.id.SetPassword(w.t.Context(), store.Host("tester"), u.Account.ID, identity.NewSecret(to))
	w.must(err)
	w.pass(time.Second)
}

func (w *world) disable(u store.User) {
	w.t.Helper()
	_, err := w.id.Disable(w.t.Context(), store.Host("tester"), u.Account.ID)
	w.must(err)
}

// untilAwaited returns once a client waits at a URL.
func (w *world) untilAwaited(wait string) {
	w.t.Helper()
	_, did, _ := strings.Cut(wait, "did=")
	sum := sha256.Sum256([]byte("visit\x00" + did))
	row := sha256.Sum256([]byte(base64.RawURLEncoding.EncodeToString(sum[:])))
	for range 10_000 {
		var v store.Visit
		w.must(w.db.View(w.t.Context(), func(tx *db.Tx) (err error) {
			v, err = tx.Visit(hex.EncodeToString(row[:]))
			return err
		}))
		if v.Details["waiter"] != "" {
			return
		}
	}
	w.t.Fatal("nobody waits")
}
