package snapstore

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/internal/storetest"
	"github.com/larder-store/larder/client/transport"
)

// loginStore is a fake store that also logs in with one-time discharges: each
// discharge is good until the store says that it must be renewed.
type loginStore struct {
	*fakeStore
	stale map[string]bool // Authorization headers that must be renewed
}

func newLoginStore(t testing.TB) *loginStore {
	s := &loginStore{fakeStore: newFakeStore(t), stale: map[string]bool{}}
	key := []byte("caveat key 24 bytes long")
	discharge := func(w http.ResponseWriter, condition string) {
		m, err := macaroon.New(key, []byte("caveat"), "login", macaroon.V1)
		must(t, err)
		must(t, m.AddFirstPartyCaveat([]byte(condition)))
		storetest.Write(w, 200, `{"discharge_macaroon":"`+encodeMacaroon(t, m)+`"}`)
	}
	s.Mux.HandleFunc("POST /dev/api/acl/", func(w http.ResponseWriter, _ *http.Request) {
		m, err := macaroon.New([]byte("root key"), []byte("root"), "store", macaroon.V1)
		must(t, err)
		must(t, m.AddThirdPartyCaveat(key, []byte("caveat"), "login"))
		storetest.Write(w, 200, `{"macaroon":"`+encodeMacaroon(t, m)+`"}`)
	})
	s.Mux.HandleFunc("POST /api/v2/tokens/discharge", func(w http.ResponseWriter, r *http.Request) {
		var p struct{ Email, Password string }
		_ = json.NewDecoder(r.Body).Decode(&p)
		if p.Password != "right" {
			storetest.Write(w, 401, `{"code":"INVALID_CREDENTIALS","message":"no","error_list":[{"code":"invalid-credentials","message":"no"}]}`)
			return
		}
		discharge(w, "first")
	})
	s.Mux.HandleFunc("POST /api/v2/tokens/refresh", func(w http.ResponseWriter, _ *http.Request) { discharge(w, "renewed") })
	s.Mux.HandleFunc("GET /api/v2/tokens/whoami", func(w http.ResponseWriter, r *http.Request) {
		header := r.Header.Get("Authorization")
		switch {
		case !strings.HasPrefix(header, "Macaroon root="):
			storetest.Write(w, 401, `{"error-list":[{"code":"macaroon-authorization-required","message":"who"}]}`)
		case s.stale[header]:
			w.Header().Set("WWW-Authenticate", "Macaroon needs_refresh=1")
			storetest.Write(w, 401, `{"error_list":[{"code":"macaroon-needs-refresh","message":"stale"}]}`)
		default:
			storetest.Write(w, 200, `{"account":{"id":"i","email":"a@b.example","username":"ann","name":"Ann"},"permissions":["package_access"],"channels":null,"packages":null}`)
		}
	})
	s.Mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		if s.stale[r.Header.Get("Authorization")] {
			w.Header().Set("WWW-Authenticate", "Macaroon needs_refresh=1")
			w.WriteHeader(401)
			return
		}
		_, _ = io.Copy(w, r.Body)
	})
	return s
}

func encodeMacaroon(t testing.TB, m *macaroon.Macaroon) string {
	data, err := m.MarshalBinary()
	must(t, err)
	text, err := json.Marshal(data) // standard base64, which clients must read too
	must(t, err)
	return strings.Trim(string(text), `"`)
}

func TestLoginWhoamiRefreshLogout(t *testing.T) {
	s := newLoginStore(t)
	ctx := t.Context()
	c := &Client{Endpoints: At(s.URL), HTTP: storetest.Quick(0)}
	login := auth.UbuntuOneLogin{Email: "a@b.example", Password: "right"}
	grant := auth.Grant{Permissions: []string{"package_access"}}

	if _, err := c.Whoami(ctx); !errors.Is(err, auth.ErrCredentialsUnavailable) {
		t.Errorf("before the login: %v", err)
	}
	if _, err := c.Login(ctx, auth.UbuntuOneLogin{Email: "a@b.example", Password: "wrong"}, grant); !errors.Is(err, auth.ErrInvalidLogin) {
		t.Errorf("wrong password: %v", err)
	}
	var invalid *RequestError
	if _, err := c.Login(ctx, login, auth.Grant{Packages: []auth.Package{{Name: "x", Type: "charm"}}}); !errors.As(err, &invalid) {
		t.Errorf("a package type of another store: %v", err)
	}
	exported, err := c.Login(ctx, login, grant)
	must(t, err)
	who, err := c.Whoami(ctx)
	if err != nil || who.Account.Username != "ann" || who.Packages != nil {
		t.Fatalf("whoami %+v, %v", who, err)
	}
	if _, err := c.Login(ctx, login, grant); !errors.Is(err, auth.ErrCredentialsAvailable) {
		t.Errorf("a second login: %v", err)
	}

	s.stale[s.Last().Header.Get("Authorization")] = true
	before := s.Total()
	if _, err := c.Whoami(ctx); err != nil || s.Total() != before+3 {
		t.Errorf("with a stale discharge: %v after %d requests, want refused, renewed, asked again", err, s.Total()-before)
	}
	s.stale[s.Last().Header.Get("Authorization")] = true
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "/echo", strings.NewReader("hello"))
	must(t, err)
	if resp, err := c.Do(req); !errors.Is(err, ErrUnauthorized) {
		// The renewed discharge is the same as the stale one: one renewal is
		// tried, no more.
		t.Errorf("a discharge that stays stale: %v, %v", resp, err)
	}
	clear(s.stale)
	req, err = http.NewRequestWithContext(ctx, http.MethodPost, "/echo", strings.NewReader("hello"))
	must(t, err)
	resp, err := c.Do(req)
	must(t, err)
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "hello" {
		t.Errorf("own request: %q, %v", body, err)
	}
	must(t, resp.Body.Close())

	must(t, c.Logout(ctx))
	if _, err := c.Whoami(ctx); !errors.Is(err, auth.ErrCredentialsUnavailable) {
		t.Errorf("after logging out: %v", err)
	}
	if err := c.Logout(ctx); !errors.Is(err, auth.ErrCredentialsUnavailable) {
		t.Errorf("logging out twice: %v", err)
	}

	// What was exported works elsewhere, by the environment.
	t.Setenv("LARDER_TEST_CREDENTIALS", exported)
	other, err := Open(ctx, "tool", At(s.URL), auth.FromEnvironment("LARDER_TEST_CREDENTIALS"))
	must(t, err)
	if who, err := other.Whoami(ctx); err != nil || who.Account.ID != "i" {
		t.Errorf("with exported credentials: %+v, %v", who, err)
	}
	if _, err := other.Login(ctx, login, grant); !errors.Is(err, auth.ErrCredentialsAvailable) {
		t.Errorf("a login beside the environment: %v", err)
	}
}

func TestOwnRequestIsSentAgainWithItsBody(t *testing.T) {
	s := newLoginStore(t)
	ctx := t.Context()
	c := &Client{Endpoints: At(s.URL), HTTP: storetest.Quick(0)}
	_, err := c.Login(ctx, auth.UbuntuOneLogin{Email: "a@b.example", Password: "right"}, auth.Grant{})
	must(t, err)
	_, err = c.Whoami(ctx)
	must(t, err)
	s.stale[s.Last().Header.Get("Authorization")] = true
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/echo", strings.NewReader("hello"))
	must(t, err)
	resp, err := c.Do(req)
	must(t, err)
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "hello" {
		t.Errorf("got %q, %v", body, err)
	}
}

// TestForbiddenKeepsTheLogin: only the store's own sign makes a client renew.
func TestForbiddenKeepsTheLogin(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("/", 403, `{"error_list":[{"code":"macaroon-permission-required","message":"Permission is required: package_push"}],"permission":"channel","channels":["edge"]}`)
	_, err := s.client().Dashboard().Push(t.Context(), Push{Name: "hello"})
	var refused *StoreError
	if !errors.Is(err, ErrForbidden) || !errors.As(err, &refused) || !refused.HasCode("macaroon-permission-required") || string(refused.Extra["permission"]) != `"channel"` || s.Total() != 1 {
		t.Errorf("error %v", err)
	}
}

func TestEndpointSets(t *testing.T) {
	for _, tt := range []struct {
		name string
		e    Endpoints
		want Endpoints
	}{
		{"zero", Endpoints{}, Endpoints{"snap", "https://dashboard.snapcraft.io", "https://dashboard.snapcraft.io", "https://storage.snapcraftcontent.com", "https://api.snapcraft.io", "https://login.ubuntu.com", "/api/v2/tokens/whoami", "/unscanned-upload/", nil}},
		{"one origin", At("https://store.example/"), Endpoints{"snap", "https://store.example", "https://store.example", "https://store.example", "https://store.example", "https://store.example", "/api/v2/tokens/whoami", "/unscanned-upload/", []string{"snap"}}},
		{"on premises", OnPrem("https://store.example/publishergw/", "https://store.example/"), Endpoints{"snap", "https://store.example/publishergw", "https://store.example/publishergw", "https://store.example", "https://store.example", "https://store.example", "/v1/tokens/whoami", "/unscanned-upload/", []string{"snap"}}},
		{"charms", Charmhub(), Endpoints{"charm", "https://api.charmhub.io", "https://api.charmhub.io", "https://storage.snapcraftcontent.com", "https://api.charmhub.io", "https://login.ubuntu.com", "/v1/tokens/whoami", "/unscanned-upload/", []string{"charm", "bundle"}}},
		{"charms by their namespace", Endpoints{Namespace: "charm", IdentityURL: "https://sso.example"}, Endpoints{"charm", "https://api.charmhub.io", "https://api.charmhub.io", "https://storage.snapcraftcontent.com", "https://api.charmhub.io", "https://sso.example", "/v1/tokens/whoami", "/unscanned-upload/", nil}},
		{"charms at one address", CharmsAt("https://store.example/"), Endpoints{"charm", "https://store.example", "https://store.example", "https://store.example", "https://store.example", "https://store.example", "/v1/tokens/whoami", "/unscanned-upload/", []string{"charm", "bundle"}}},
		{"snaps on the gateway", SnapGateway(), Endpoints{"snap", "https://api.charmhub.io", "https://api.charmhub.io", "https://storage.snapcraftcontent.com", "https://api.snapcraft.io", "https://login.ubuntu.com", "/v1/tokens/whoami", "/unscanned-upload/", []string{"snap"}}},
	} {
		got := tt.e.withDefaults()
		x, _ := json.Marshal(got)
		y, _ := json.Marshal(tt.want)
		if string(x) != string(y) {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, x, y)
		}
	}
}

// TestPrefixIsKept: a base with a path keeps it, status URLs included.
func TestPrefixIsKept(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("GET /publishergw/v1/tokens/whoami", 200, `{"account":{"id":"i"},"permissions":null,"channels":null,"packages":null}`)
	s.Answer("POST /publishergw/v1/snap/hello/revisions", 200, `{"status-url":"/v1/snap/hello/revisions/review?upload-id=u"}`)
	s.Answer("GET /publishergw/v1/snap/hello/revisions/review", 200, `{"revisions":[{"status":"approved","revision":1,"errors":null}]}`)
	s.Answer("POST /publishergw/v1/tokens/offline/exchange", 200, `{"macaroon":"offline-token"}`)
	c := &Client{Endpoints: OnPrem(s.URL+"/publishergw", s.URL), HTTP: storetest.Quick(0), PollInterval: time.Nanosecond}
	_, err := c.Login(t.Context(), auth.OfflineLogin{AdminMacaroon: "admin"}, auth.Grant{})
	must(t, err)
	_, err = c.Whoami(t.Context())
	must(t, err)
	if got := s.Last().Header.Get("Authorization"); got != "Macaroon offline-token" {
		t.Errorf("sent %s", got)
	}
	at, err := c.NotifyRevision(t.Context(), "hello", "u")
	must(t, err)
	if r, err := c.WaitForReview(t.Context(), at, nil); err != nil || r.Revision != 1 {
		t.Errorf("review %+v, %v", r, err)
	}
}

// TestOwnAuthorizerIsAskedToRenew: the hooks of a program's own scheme.
func TestOwnAuthorizerIsAskedToRenew(t *testing.T) {
	s := newFakeStore(t)
	s.Mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Own 2" {
			w.Header().Set("WWW-Authenticate", "Macaroon needs_refresh=1")
			storetest.Write(w, 401, `{}`)
			return
		}
		storetest.Write(w, 200, `{"results":[]}`)
	})
	own := &ownScheme{n: "1"}
	c := &Client{Endpoints: At(s.URL), Authorizer: own, HTTP: storetest.Quick(0)}
	if _, err := c.ListNames(t.Context(), false); err != nil || s.Total() != 2 {
		t.Errorf("%d requests, %v", s.Total(), err)
	}
	own.n, own.err = "1", errors.New("the token server is down")
	if _, err := c.Device().Find(t.Context(), FindQuery{}); !errors.Is(err, own.err) || !errors.Is(err, ErrUnauthorized) {
		t.Errorf("error %v", err)
	}
}

type ownScheme struct {
	n   string
	err error
}

func (o *ownScheme) Authorize(req *http.Request) error {
	req.Header.Set("Authorization", "Own "+o.n)
	return nil
}

func (o *ownScheme) Refresh(context.Context, *http.Request) error {
	o.n = "2"
	return o.err
}

func TestTimesOfEveryForm(t *testing.T) {
	for text, want := range map[string]string{
		`"2025-01-02T03:04:05Z"`:             `"2025-01-02T03:04:05Z"`,
		`"2025-01-02T03:04:05.678901"`:       `"2025-01-02T03:04:05.678901Z"`,
		`"2025-01-02 03:04:05.678901"`:       `"2025-01-02T03:04:05.678901Z"`,
		`"2025-01-02T05:04:05+02:00"`:        `"2025-01-02T03:04:05Z"`,
		`"2025-01-02T03:04:05.123456+00:00"`: `"2025-01-02T03:04:05.123456Z"`,
		`"2025-01-02"`:                       `"2025-01-02T00:00:00Z"`,
		`""`:                                 `null`,
		`null`:                               `null`,
	} {
		var got Time
		if err := json.Unmarshal([]byte(text), &got); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if out, err := json.Marshal(got); err != nil || string(out) != want {
			t.Errorf("%s: %s, %v", text, out, err)
		}
	}
	for _, bad := range []string{`5`, `"yesterday"`, `{}`} {
		if err := json.Unmarshal([]byte(bad), &Time{}); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// TestCall is for what no method covers, with credentials where they are wanted
// or where there are some.
func TestCall(t *testing.T) {
	s := newFakeStore(t)
	s.Mux.HandleFunc("GET /v1/own", func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("Authorization") {
		case "Macaroon tok-12345", "":
			storetest.Write(w, 200, `"welcome"`)
		default:
			storetest.Write(w, 401, `{}`)
		}
	})
	s.Answer("GET /v1/closed", 401, `{}`)
	s.Answer("GET /v1/broken", 400, `{}`)
	var got string
	call := func(path string) transport.Call { return transport.Call{URL: path, Out: &got} }
	known, unknown := s.client(), &Client{Endpoints: At(s.URL), HTTP: storetest.Quick(0)}
	stale := &Client{Endpoints: At(s.URL), Authorizer: auth.NewToken("old"), HTTP: storetest.Quick(0)}

	if err := known.Call(t.Context(), call("/v1/own")); err != nil || got != "welcome" || s.Last().Header.Get("Authorization") == "" {
		t.Errorf("got %q, %v", got, err)
	}
	if err := known.Call(t.Context(), call(s.URL+"/v1/own")); err != nil {
		t.Errorf("by its whole address: %v", err)
	}
	before := s.Total()
	if err := unknown.Call(t.Context(), call("/v1/own")); !errors.Is(err, auth.ErrCredentialsUnavailable) || s.Total() != before {
		t.Errorf("without a login: %v", err)
	}
	for name, c := range map[string]*Client{"known": known, "unknown": unknown, "stale": stale} {
		if err := c.CallAnyhow(t.Context(), call("/v1/own")); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := c.CallAnyhow(t.Context(), call("/v1/closed")); !errors.Is(err, ErrUnauthorized) {
			t.Errorf("%s, what is closed to all: %v", name, err)
		}
		if err := c.CallAnyhow(t.Context(), call("/v1/broken")); err == nil || errors.Is(err, ErrUnauthorized) {
			t.Errorf("%s, what is broken: %v", name, err)
		}
	}
}
