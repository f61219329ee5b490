package sso

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/device"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// The security properties of the identity page that are about HTTP, by their
// numbers there.

func TestP3ADischargeIsBoundOnceAndUsedOnce(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	root, other := w.root("/dev/api/acl/", wanted()), w.root("/dev/api/acl/", wanted())
	d, foreign := w.discharge(root, "alice"), w.discharge(other, "alice")
	bound := func(to *macaroon.Macaroon, d *macaroon.Macaroon) *macaroon.Macaroon {
		d = d.Clone()
		d.Bind(to.Signature())
		return d
	}
	header := func(root *macaroon.Macaroon, discharges ...*macaroon.Macaroon) string {
		h := "Macaroon root=" + w.encode(root)
		for _, d := range discharges {
			h += ", discharge=" + w.encode(d)
		}
		return h
	}
	good := header(root, bound(root, d))
	w.proves("the pair", good, "alice")
	w.proves("with quotes", strings.NewReplacer("root=", `root="`, ", ", `", `, "discharge=", `discharge="`).Replace(good)+`"`, "alice")
	for name, h := range map[string]string{
		"no discharge":           header(root),
		"unbound":                header(root, d),
		"bound twice":            header(root, bound(root, bound(root, d))),
		"bound to another root":  header(root, bound(other, d)),
		"another's discharge":    header(root, bound(root, foreign)),
		"one too many":           header(root, bound(root, d), bound(root, foreign)),
		"the same twice":         header(root, bound(root, d), bound(root, d)),
		"swapped":                header(d, bound(d, root)),
		"the discharge for root": header(d, bound(d, d)),
		"the root for discharge": header(root, bound(root, root)),
		"two roots":              good + ", root=" + w.encode(root),
		"no root":                "Macaroon discharge=" + w.encode(bound(root, d)),
		"an unknown parameter":   good + ", more=1",
		"an open quote":          good + `"`,
	} {
		w.refuses(name, h)
		if got := w.as(h, "POST", "/v1/tokens/usso/exchange", object{}); got.Code != 401 {
			t.Errorf("%s is exchanged: %d", name, got.Code)
		}
	}
	if got := w.do("GET", "/api/v2/tokens/whoami", nil, "Authorization", good, "Authorization", good); got.code(401) != identity.CodeNoCredentials {
		t.Error("two headers prove something")
	}
}

// secrets are everything that proves something somewhere, by its kind.
type secrets struct {
	header map[string]string // as an Authorization header
	raw    map[string]string // without a scheme
	slice  string            // as a Macaroons header
}

// session opens a device session, and makes a nonce for another.
func (w *world) session() (session, nonce string) {
	w.t.Helper()
	root := assertiontest.NewRoot(w.t, "rooty", assertiontest.RootKey)
	brand := root.Certify(w.t, "acme", assertiontest.BrandKey)
	docs := []*assertion.Assertion{root.Account, root.Key, brand.Account, brand.Key}
	w.update(func(tx *db.Tx) error {
		if _, _, err := w.auth.AddAnchor(tx, authority.Encode(docs[:2]), "test", "tester"); err != nil {
			return err
		}
		for _, a := range docs[2:] {
			if _, err := w.auth.Add(tx, []*assertion.Assertion{a}); err != nil {
				return err
			}
		}
		return nil
	})
	devices := device.New(w.db, w.auth, device.Config{Now: func() time.Time { return w.now }})
	n, err := devices.Nonce(w.t.Context())
	w.must(err)
	request, err := assertion.Sign(assertiontest.Headers{
		"type": "device-session-request", "brand-id": "acme", "model": "pi", "serial": "s1",
		"nonce": n, "timestamp": w.now.Format(time.RFC3339),
	}, nil, assertiontest.Signer(assertiontest.DeviceKey))
	w.must(err)
	s, err := devices.OpenSession(w.t.Context(), device.SessionRequest{
		Request: request.Encoded(),
		Serial:  brand.Sign(w.t, assertiontest.SerialHeaders("acme", "pi", "s1", assertiontest.DeviceKey), nil).Encoded(),
		Model:   brand.Sign(w.t, assertiontest.ModelHeaders("acme", "pi"), nil).Encoded(),
	})
	w.must(err)
	nonce, err = devices.Nonce(w.t.Context())
	w.must(err)
	return s.Macaroon, nonce
}

func (w *world) secrets() secrets {
	w.t.Helper()
	ctx := w.t.Context()
	alice := w.person("alice", store.RolePublisher)
	asked := identity.Asked{Permissions: []string{"package_access", "edit_account"}}
	root := w.root("/dev/api/acl/", wanted())
	d := w.discharge(root, "alice")
	bakery, slice := w.slice("alice", "/v1/tokens", object{"permissions": []string{"account-view-packages"}})
	bakeryText, err := json.Marshal(bakery)
	w.must(err)
	api, err := w.people.IssueAPIToken(ctx, operator, alice.Account.ID, asked)
	w.must(err)
	admin, err := w.people.IssueAdminMacaroon(ctx, operator, alice.Account.ID, identity.Asked{}, false)
	w.must(err)
	upload := w.as(w.pairOf(root, d), "POST", "/dev/api/acl/",
		object{"permissions": []string{"package_upload"}, "packages": []object{{"name": "hello"}}}).text(200, "macaroon")
	storeRoot, err := w.people.IssueStoreAdminRoot(ctx, asked, host)
	w.must(err)
	storeText, err := storeRoot.Macaroon.Text()
	w.must(err)
	adminRoot := w.decode(storeText.Reveal())
	session, nonce := w.session()
	link, err := w.people.Reset(ctx, operator, w.person("forgetful", store.RolePublisher).Account.ID)
	w.must(err)
	s := secrets{slice: slice, raw: map[string]string{
		"root":             w.encode(root),
		"discharge":        w.encode(d),
		"exchanged token":  strings.TrimPrefix(w.exchanged("alice"), "Macaroon "),
		"API token":        api.Token.Reveal(),
		"upload token":     upload,
		"admin macaroon":   admin.Token.Reveal(),
		"bakery root":      base64.URLEncoding.EncodeToString(bakeryText),
		"bakery slice":     slice,
		"device session":   session,
		"nonce":            nonce,
		"one-time link":    link.Reveal(),
		"password":         password,
		"caveat id":        base64.RawURLEncoding.EncodeToString(caveat(root).Id),
		"store admin root": w.encode(adminRoot),
		"credentials on disk": base64.StdEncoding.EncodeToString([]byte(
			`{"t":"u1-macaroon","v":{"r":"` + w.encode(root) + `","d":"` + w.encode(d) + `"}}`)),
	}, header: map[string]string{
		"pair":             w.pairOf(root, d),
		"store admin pair": w.pairOf(adminRoot, w.discharge(adminRoot, "alice")),
	}}
	for kind, raw := range s.raw {
		s.header[kind] = "Macaroon " + raw
	}
	s.header["device session as root"] = `Macaroon root="` + session + `"`
	return s
}

// P5: each kind of token is good at the endpoints that it is for and nowhere
// else, and wherever it is not it gets a 401, never worse.
func TestP5TokensAreForTheirPurposeOnly(t *testing.T) {
	w := newWorld(t)
	s := w.secrets()
	endpoints := map[string]struct {
		ask  func(header, raw string) answer
		good []string
	}{
		"API": {
			func(h, _ string) answer { return w.whoami(h) },
			[]string{"pair", "store admin pair", "exchanged token", "API token", "upload token", "bakery slice"},
		},
		"API as bearer": {
			func(_, raw string) answer { return w.whoami("Bearer " + raw) },
			[]string{"exchanged token", "API token", "upload token", "bakery slice"},
		},
		"list": {
			func(h, _ string) answer { return w.as(h, "GET", "/v1/tokens", nil) },
			[]string{"pair", "store admin pair", "exchanged token", "API token", "bakery slice"},
		},
		"exchange of pairs": {
			func(h, _ string) answer { return w.as(h, "POST", "/v1/tokens/usso/exchange", object{}) },
			[]string{"pair", "store admin pair"},
		},
		"exchange of the dashboard's": {
			func(h, _ string) answer { return w.as(h, "POST", "/v1/tokens/dashboard/exchange", object{}) },
			[]string{"pair", "store admin pair"},
		},
		"exchange of slices": {
			func(_, raw string) answer { return w.do("POST", "/v1/tokens/exchange", object{}, "Macaroons", raw) },
			[]string{"bakery slice"},
		},
		"exchange of the dashboard's slices": {
			func(_, raw string) answer { return w.do("POST", "/api/v2/tokens/exchange", object{}, "Macaroons", raw) },
			[]string{"bakery slice"},
		},
		"offline exchange": {
			func(_, raw string) answer { return w.post("/v1/tokens/offline/exchange", object{"macaroon": raw}) },
			[]string{"admin macaroon"},
		},
		"refresh": {
			func(_, raw string) answer {
				return w.post("/api/v2/tokens/refresh", object{"discharge_macaroon": raw})
			},
			[]string{"discharge"},
		},
	}
	n := 0
	for place, e := range endpoints {
		for kind, header := range s.header {
			raw := s.raw[kind]
			if raw == "" {
				_, raw, _ = strings.Cut(header, " ")
			}
			n++
			w.address = fmt.Sprintf("198.51.%d.%d", 100+n/250, n%250) // so that no address fails too often
			got := e.ask(header, raw)
			good := slices.Contains(e.good, kind)
			switch {
			case good && got.Code != 200:
				t.Errorf("%s at %s: %d %s", kind, place, got.Code, got.Body)
			case kind == "upload token" && place == "list": // who it is, is known
				if got.Code != 403 {
					t.Errorf("%s at %s: %d", kind, place, got.Code)
				}
			case !good && got.Code != 401:
				t.Errorf("%s at %s: %d %s", kind, place, got.Code, got.Body)
			case !good && got.Header().Get("WWW-Authenticate") == refreshChallenge:
				t.Errorf("%s at %s is told to refresh", kind, place)
			}
		}
	}
	// The device's side: no user's token opens a device's session.
	devices := device.New(w.db, w.auth, device.Config{Now: func() time.Time { return w.now }})
	for kind, raw := range s.raw {
		_, err := devices.Authenticate(t.Context(), `Macaroon root="`+raw+`"`)
		if (err == nil) != (kind == "device session") {
			t.Errorf("%s as a device session: %v", kind, err)
		}
	}
}

func TestP6ExpiryIsExact(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	ask := object{"permissions": []string{"package_access"}, "ttl": 3600}
	root := w.root("/v1/tokens/usso", ask)
	pair := w.pairOf(root, w.discharge(root, "alice"))
	token := "Macaroon " + w.as(pair, "POST", "/v1/tokens/usso/exchange", object{}).text(200, "macaroon")
	w.pass(time.Hour - time.Microsecond)
	w.proves("the token just before its end", token, "alice")
	w.proves("the pair just before its end", pair, "alice")
	w.pass(time.Microsecond)
	w.refuses("the token at its end", token)
	w.refuses("the pair at its end", pair) // refreshing would not help

	// The discharge's end is soft, and as exact.
	long := w.pair("alice")
	w.pass(7*24*time.Hour - time.Microsecond)
	w.proves("a discharge just before its end", long, "alice")
	for range 2 {
		w.pass(time.Microsecond)
		if got := w.whoami(long); got.code(401) != identity.CodeNeedsRefresh {
			t.Errorf("a discharge past its end: %s", got.Body)
		}
	}
	// A client cannot put the end off, nor say nonsense of it.
	root = w.root("/dev/api/acl/", wanted())
	d := w.discharge(root, "alice")
	prefix, _, _ := strings.Cut(string(root.Caveats()[0].Id), "|")
	for _, time := range []string{"tomorrow", "2099-01-01T00:00:00+02:00", "2099-01-01 00:00:00", "", "2099-13-01T00:00:00.000000"} {
		more := root.Clone()
		w.must(more.AddFirstPartyCaveat([]byte(prefix + "|expires|" + time)))
		w.refuses("an end at "+time, w.pairOf(more, d))
	}
	more := root.Clone()
	w.must(more.AddFirstPartyCaveat([]byte(prefix + "|expires|2099-01-01T00:00:00.000000")))
	ends := func(root *macaroon.Macaroon) any { return w.whoami(w.pairOf(root, d)).object(200)["expires"] }
	if got, want := ends(more), ends(root); got != want {
		t.Errorf("the end was put off from %s to %s", want, got)
	}
}

func TestP11GuessingIsSlowAndLocksNobodyOut(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	root := w.root("/dev/api/acl/", wanted())
	w.address = "192.0.2.7" // from where alice has logged in before
	w.post("/api/v2/tokens/discharge", login(w.root("/dev/api/acl/", wanted()), "alice")).text(200, "discharge_macaroon")
	var limited answer
	w.address = "203.0.113.9"
	for range 60 {
		got := w.post("/api/v2/tokens/discharge", login(root, "alice", "password", "guess"))
		if got.Code == 429 {
			limited = got
			break
		}
	}
	if limited.ResponseRecorder == nil {
		t.Fatal("one may guess for ever")
	}
	if v := limited.object(429); v["code"] != "TOO_MANY_REQUESTS" || limited.code(429) != "too-many-requests" || limited.Header().Get("Retry-After") == "" {
		t.Errorf("the refusal is %v %v", v, limited.Header())
	}
	// Even the right password waits there, and so it does on another node.
	if got := w.post("/api/v2/tokens/discharge", login(root, "alice")); got.Code != 429 {
		t.Errorf("the attacker's right guess: %d", got.Code)
	}
	w.start()
	if got := w.post("/api/v2/tokens/discharge", login(root, "alice")); got.Code != 429 {
		t.Errorf("the attacker's right guess after a restart: %d", got.Code)
	}
	w.address = "192.0.2.7"
	w.post("/api/v2/tokens/discharge", login(root, "alice")).text(200, "discharge_macaroon")
	// Elsewhere the owner waits a minute at most.
	w.pass(time.Minute)
	w.address = "192.0.2.200"
	w.post("/api/v2/tokens/discharge", login(w.root("/dev/api/acl/", wanted()), "alice")).text(200, "discharge_macaroon")
}

func TestP13NobodyLearnsWhoHasAnAccount(t *testing.T) {
	w := newWorld(t)
	w.enrol(w.person("alice", store.RolePublisher))
	suspended := w.person("bob", store.RolePublisher)
	_, err := w.people.Disable(t.Context(), operator, suspended.Account.ID)
	w.must(err)
	root := w.root("/dev/api/acl/", wanted())
	seen := map[string]bool{}
	for n, body := range []object{
		login(root, "nobody", "password", "guess"),
		login(root, "alice", "password", "guess"),
		login(root, "alice", "password", "guess", "otp", "123456"),
		login(root, "bob", "password", "guess"),
		login(root, "nobody", "password", "guess", "caveat_id", "nonsense"),
		login(root, "alice", "password", "guess", "caveat_id", "nonsense"),
	} {
		w.address = fmt.Sprintf("198.51.100.%d", n)
		got := w.post("/api/v2/tokens/discharge", body)
		header := got.Header().Clone()
		header.Del("X-Request-Id")
		header.Del("Date")
		seen[fmt.Sprint(got.Code, header, got.Body)] = true
	}
	if len(seen) != 1 {
		t.Errorf("failures differ: %v", seen)
	}
}

func TestP15CaveatsThatCannotBeOpenedLookAlike(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	root := w.root("/dev/api/acl/", wanted())
	id := string(caveat(root).Id)
	var parts struct {
		Secret  string `json:"secret"`
		Version int    `json:"version"`
	}
	w.must(json.Unmarshal([]byte(id), &parts))
	sealed, err := base64.StdEncoding.DecodeString(parts.Secret)
	w.must(err)
	tampered := slices.Clone(sealed)
	tampered[20] ^= 1
	of := func(secret []byte, version int) string {
		return fmt.Sprintf(`{"secret":"%s","version":%d}`, base64.StdEncoding.EncodeToString(secret), version)
	}
	seen := map[string]bool{}
	for _, bad := range []string{
		"nonsense", "{}", "[]", "null", of(tampered, 1), of(sealed, 2), of(sealed[:100], 1), of(nil, 1),
		of(make([]byte, len(sealed)), 1), `{"secret":"%%","version":1}`, id + "x", "\x02\x00",
	} {
		got := w.post("/api/v2/tokens/discharge", login(root, "alice", "caveat_id", bad))
		seen[fmt.Sprint(got.Code, got.Body)] = true
		if got.code(400) != identity.CodeInvalidData {
			t.Errorf("%.40q: %s", bad, got.Body)
		}
	}
	if len(seen) != 1 {
		t.Errorf("the failures differ: %v", seen)
	}
}

func TestP16NoSecretIsLogged(t *testing.T) {
	w := newWorld(t)
	// The answers' errors go to the default logger.
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})))
	t.Cleanup(func() { slog.SetDefault(before) })
	s := w.secrets()
	markers := []string{"marker-password-7f3a", "marker-otp-91bc", "marker-caveat-55d2", "marker-macaroon-0c1e"}
	var bodies strings.Builder
	ask := func(a answer) { fmt.Fprintln(&bodies, a.Code, a.Body, a.Header()) }
	for _, path := range []string{
		"/api/v2/tokens/discharge", "/api/v2/tokens/refresh", "/dev/api/acl/verify/", "/v1/tokens/exchange",
		"/v1/tokens/offline/exchange", "/v1/tokens/usso/exchange", "/v1/tokens/revoke", "/api/v2/tokens", "/dev/api/acl/", "/v1/tokens",
	} {
		for _, shape := range []string{
			`{"email":"alice@example.com","password":%q,"otp":%q,"caveat_id":%q,"discharge_macaroon":%[4]q,"macaroon":%[4]q,"auth_data":{"authorization":%[4]q}}`,
			`{"email":{"password":%q},"password":[%q],"caveat_id":[%q],"discharge_macaroon":[%q],"macaroon":[%[4]q]}`,
			`%s %s %s %s`, `{"%s":1,"%s":2,"%s":3,"%s":4,"permissions":["package_access"]}`,
		} {
			ask(w.post(path, fmt.Sprintf(shape, markers[0], markers[1], markers[2], markers[3])))
		}
		ask(w.as("Macaroon "+markers[3], "POST", path, object{}))
		ask(w.as("Macaroon root="+markers[3]+", discharge="+markers[3], "POST", path, object{}))
		ask(w.do("POST", path, object{}, "Macaroons", markers[3], "Cookie", "macaroon-x="+markers[3]))
	}
	for kind, header := range s.header {
		w.address = "198.51.100.1"
		ask(w.whoami(header))
		ask(w.as(header, "GET", "/v1/tokens", nil))
		ask(w.do("GET", "/v1/tokens/whoami", nil, "X-Device-Authorization", header))
		if kind != "password" {
			markers = append(markers, strings.TrimPrefix(header, "Macaroon "))
		}
	}
	markers = append(markers, password)
	logged := w.logs.String()
	if !strings.Contains(logged, "/api/v2/tokens/discharge") {
		t.Fatalf("nothing is logged: %.500s", logged)
	}
	for _, secret := range markers {
		if strings.Contains(logged, secret) {
			t.Errorf("the log has %.30s…", secret)
		}
		// A name that the client made up is named in the error for it.
		if strings.Contains(bodies.String(), secret) && !strings.HasPrefix(secret, "marker-") {
			t.Errorf("an answer has %.30s…", secret)
		}
	}
	changes, err := w.db.Changes(t.Context(), 0, 0)
	w.must(err)
	audit := text(changes)
	for _, secret := range markers {
		if strings.Contains(audit, secret) {
			t.Errorf("the change log has %.30s…", secret)
		}
	}
}

func TestP18RevocationCountsAtOnce(t *testing.T) {
	w := newWorld(t)
	alice := w.person("alice", store.RolePublisher)
	root := w.root("/dev/api/acl/", wanted())
	d := w.discharge(root, "alice")
	pair, other := w.pairOf(root, d), w.pair("alice")
	token := w.exchanged("alice")
	who, err := w.people.Whoami(t.Context(), identity.Evidence{Authorization: []string{pair}})
	w.must(err)
	w.as(other, "POST", "/v1/tokens/revoke", object{"session-id": who.Session.ID}).object(200)
	w.refuses("a revoked login", pair)
	w.proves("another login", other, "alice")
	w.proves("its token", token, "alice")
	if got := w.post("/api/v2/tokens/refresh", object{"discharge_macaroon": w.encode(d)}); got.code(401) != identity.CodeInvalidCredentials {
		t.Error("a revoked login is refreshed")
	}
	if got := w.post("/api/v2/tokens/discharge", login(root, "alice")); got.Code != 400 {
		t.Errorf("the caveat of a revoked login is discharged again: %d", got.Code)
	}
	_, err = w.people.RevokeAll(t.Context(), operator, alice.Account.ID)
	w.must(err)
	w.refuses("every login", other)
	w.refuses("every token", token)
	// A lock does the same, and only the lock's end is undone.
	w.pass(time.Second)
	token = w.exchanged("alice")
	w.pass(time.Second)
	_, err = w.people.Disable(t.Context(), operator, alice.Account.ID)
	w.must(err)
	w.refuses("a token of a locked account", token)
	_, err = w.people.Enable(t.Context(), operator, alice.Account.ID)
	w.must(err)
	w.refuses("a token of before the lock", token)
}

func TestP22NothingIsRedirected(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	token := w.exchanged("alice")
	for _, path := range []string{
		"/api/v2/tokens", "/api/v2/tokens/", "/api/v2/tokens//discharge", "/api/v2//tokens/discharge", "/api/v2/tokens/./discharge",
		"/api/v2/tokens/x/../discharge", "/api/v2/tokens/%2e%2e/discharge", "/dev/api/acl", "/dev/api/acl/", "/dev/api/acl//",
		"/dev/api/acl/verify", "/dev/api/acl/verify/", "/v1/tokens/", "/v1/tokens//whoami", "/v1/whoami", "/v1/whoami/", "//v1/tokens",
		"/publishergw/v1/tokens/", "/publishergw//v1/tokens", "/api/v2/keys/", "/api/v2/keys//evil.example/", "/v1/tokens/%2f%2fevil.example",
		"/v1/tokens/usso/", "/v1/tokens/nothing", "/api/v2/tokens/%5cevil.example",
	} {
		for _, method := range []string{"GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT"} {
			r := httptest.NewRequestWithContext(t.Context(), method, "http://"+host+path, strings.NewReader("{}"))
			r.Header.Set("Authorization", token)
			rec := httptest.NewRecorder()
			w.api.ServeHTTP(rec, r)
			if rec.Code >= 300 && rec.Code < 400 || rec.Header().Get("Location") != "" || rec.Code >= 500 {
				t.Errorf("%s %s: %d to %q", method, path, rec.Code, rec.Header().Get("Location"))
			}
		}
	}
}

func TestP25AnAdministratorsMacaroonIsExchangedOffline(t *testing.T) {
	w := newWorld(t)
	alice, bob := w.person("alice", store.RoleAdmin), w.person("bob", store.RolePublisher)
	issue := func(u store.User, once bool) (string, identity.Issued) {
		issued, err := w.people.IssueAdminMacaroon(t.Context(), operator, u.Account.ID, identity.Asked{}, once)
		w.must(err)
		return issued.Token.Reveal(), issued
	}
	const path = "/publishergw/v1/tokens/offline/exchange"
	always, row := issue(alice, false)
	for range 2 {
		got := w.post(path, object{"macaroon": always}).text(200, "macaroon")
		w.proves("the exchanged", "macaroon "+got, "alice")
	}
	w.post(path, object{"macaroon": always, "email": "Alice@Example.com"}).text(200, "macaroon")
	once, _ := issue(bob, true)
	if code := w.post(path, object{"macaroon": once, "email": "alice@example.com"}).code(401); code != identity.CodeNoCredentials {
		t.Error("with another's address:", code)
	}
	w.proves("the first time", "Macaroon "+w.post(path, object{"macaroon": once}).text(200, "macaroon"), "bob")
	if code := w.post(path, object{"macaroon": once}).code(401); code != identity.CodeNoCredentials {
		t.Error("the second time:", code)
	}
	foreign := newWorld(t)
	foreign.person("alice", store.RoleAdmin)
	who, err := foreign.people.AccountID(t.Context(), operator, "alice")
	w.must(err)
	other, err := foreign.people.IssueAdminMacaroon(t.Context(), operator, who, identity.Asked{}, false)
	w.must(err)
	for name, bad := range map[string]string{"another store's": other.Token.Reveal(), "nonsense": "AAAA", "nothing": "", "tampered": always[:len(always)-2] + "AA"} {
		if code := w.post(path, object{"macaroon": bad}).code(401); code != identity.CodeNoCredentials {
			t.Errorf("%s: %s", name, code)
		}
	}
	_, err = w.people.Revoke(t.Context(), operator, row.Session.ID)
	w.must(err)
	if code := w.post(path, object{"macaroon": always}).code(401); code != identity.CodeNoCredentials {
		t.Error("revoked:", code)
	}
	limited := false
	for range 60 {
		if got := w.post(path, object{"macaroon": "AAAA"}); got.Code == 429 {
			limited = got.code(429) == identity.CodeTooMany && got.Header().Get("Retry-After") != ""
			break
		}
	}
	if !limited {
		t.Error("one may guess for ever")
	}
	var noted []string
	changes, err := w.db.Changes(t.Context(), 0, 0)
	w.must(err)
	for _, c := range changes {
		noted = append(noted, string(c.Kind))
	}
	for _, kind := range []string{string(store.LoginFailed), string(store.TokenIssued), string(store.TokenRevoked)} {
		if !slices.Contains(noted, kind) {
			t.Errorf("the change log has no %s", kind)
		}
	}
}

func TestP26InputIsBounded(t *testing.T) {
	w := newWorld(t)
	w.person("alice", store.RolePublisher)
	root := w.root("/dev/api/acl/", wanted())
	d := w.discharge(root, "alice")
	prefix, _, _ := strings.Cut(string(root.Caveats()[0].Id), "|")
	many := root.Clone()
	for range 200 {
		w.must(many.AddFirstPartyCaveat([]byte(prefix + `|acl|["package_access"]`)))
	}
	w.refuses("two hundred caveats", w.pairOf(many, d))
	w.refuses("forty KiB", "Macaroon "+strings.Repeat("A", 40<<10))
	w.refuses("twenty discharges", w.pairOf(root, slices.Repeat([]*macaroon.Macaroon{d}, 20)...))
	if got := w.do("POST", "/v1/tokens/exchange", object{}, "Macaroons", strings.Repeat("W1tb", 10<<10)); got.Code != 401 {
		t.Errorf("a long header of slices: %d", got.Code)
	}
	large := `{"permissions":["package_access"],"description":"` + strings.Repeat("a", BodyLimit) + `"}`
	for _, path := range []string{
		"/api/v2/tokens/discharge", "/api/v2/tokens/refresh", "/dev/api/acl/", "/dev/api/acl/verify/", "/api/v2/tokens",
		"/v1/tokens", "/v1/tokens/usso", "/v1/tokens/offline/exchange", "/v1/tokens/exchange", "/v1/tokens/usso/exchange",
	} {
		got := w.post(path, large)
		if got.code(413) != "request-too-large" {
			t.Errorf("%s: %s", path, got.Body)
		}
	}
	lists := make([]string, 101)
	for i := range lists {
		lists[i] = fmt.Sprint("c", i)
	}
	if code := w.post("/v1/tokens", object{"permissions": []string{"package-view"}, "channels": lists}).code(400); code != "api-error" {
		t.Error(code)
	}
	if code := w.post("/v1/tokens", object{"permissions": []string{"package-view"}, "description": strings.Repeat("a", 2000)}).code(400); code != "api-error" {
		t.Error(code)
	}
}
