package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/client/transport"
	"gopkg.in/macaroon.v2"
)

// fakeStore is a store and its identity service: it mints and verifies real
// macaroons. Its bodies are those of the public services.
type fakeStore struct {
	*httptest.Server
	t   testing.TB
	mux *http.ServeMux

	mu       sync.Mutex
	requests []recorded // guarded by mu
	renewals int        // guarded by mu
	otp      string     // if set, the second factor
	location string     // of the caveat; default the server's host
}

type recorded struct {
	Path   string
	Body   map[string]any
	Header http.Header
}

const caveatID = `{"secret": "c2VjcmV0", "version": 1}`

var (
	rootKey   = []byte("root key of the store")
	caveatKey = []byte("key of the caveat 24 byt")
)

func newFakeStore(t testing.TB) *fakeStore {
	s := &fakeStore{t: t, mux: http.NewServeMux()}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/json") {
			_ = json.NewDecoder(r.Body).Decode(&body)
		}
		s.mu.Lock()
		s.requests = append(s.requests, recorded{r.URL.Path, body, r.Header.Clone()})
		s.mu.Unlock()
		s.mux.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	s.location = strings.TrimPrefix(s.URL, "http://")
	root := func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, map[string]string{"macaroon": s.root()}) }
	s.mux.HandleFunc("POST /dev/api/acl/", root)
	s.mux.HandleFunc("POST /v1/tokens/usso", root)
	s.mux.HandleFunc("POST /v1/tokens/usso/exchange", s.exchange)
	s.mux.HandleFunc("POST /v1/tokens/dashboard/exchange", s.exchange)
	s.mux.HandleFunc("POST /v1/tokens/offline/exchange", func(w http.ResponseWriter, _ *http.Request) {
		if s.last().Body["macaroon"] != "admin-macaroon" {
			answer(w, 401, listOf("error-list", "unauthorized", "Invalid macaroon"))
			return
		}
		answer(w, 200, map[string]string{"macaroon": "offline-token"})
	})
	s.mux.HandleFunc("POST /api/v2/tokens/discharge", s.discharge)
	s.mux.HandleFunc("POST /api/v2/tokens/refresh", s.refresh)
	return s
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func listOf(key, code, message string) map[string]any {
	return map[string]any{key: []map[string]string{{"code": code, "message": message}}}
}

// ssoError is the identity service's body: the code in two spellings.
func ssoError(w http.ResponseWriter, status int, code, message string) {
	body := listOf("error_list", strings.ToLower(strings.ReplaceAll(code, "_", "-")), message)
	body["code"], body["message"], body["extra"] = code, message, map[string]any{}
	answer(w, status, body)
}

func (s *fakeStore) last() recorded {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests[len(s.requests)-1]
}

func (s *fakeStore) root() string {
	m, err := macaroon.New(rootKey, []byte("root-1"), "store.example", macaroon.V1)
	must(s.t, err)
	must(s.t, m.AddFirstPartyCaveat([]byte(`store.example|acl|["package_access"]`)))
	must(s.t, m.AddThirdPartyCaveat(caveatKey, []byte(caveatID), s.location))
	return encode(s.t, m)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func encode(t testing.TB, m *macaroon.Macaroon) string {
	text, err := encodeMacaroon(m)
	must(t, err)
	return text
}

func (s *fakeStore) dischargeMacaroon(expires string) string {
	m, err := macaroon.New(caveatKey, []byte(caveatID), s.location, macaroon.V1)
	must(s.t, err)
	must(s.t, m.AddFirstPartyCaveat([]byte("login.store.example|expires|"+expires)))
	return encode(s.t, m)
}

func (s *fakeStore) discharge(w http.ResponseWriter, _ *http.Request) {
	body := s.last().Body
	switch {
	case body["caveat_id"] != caveatID:
		ssoError(w, 400, "INVALID_DATA", "Unknown caveat")
	case body["email"] == "blocked@store.example":
		ssoError(w, 403, "ACCOUNT_SUSPENDED", "This account has been suspended.")
	case body["password"] != "right":
		ssoError(w, 401, "INVALID_CREDENTIALS", "Provided email/password is not correct.")
	case s.otp != "" && body["otp"] == nil:
		ssoError(w, 401, "TWOFACTOR_REQUIRED", "2-factor authentication required.")
	case s.otp != "" && body["otp"] != s.otp:
		ssoError(w, 403, "TWOFACTOR_FAILURE", "The provided 2-factor key is not recognised.")
	default:
		answer(w, 200, map[string]string{"discharge_macaroon": s.dischargeMacaroon("2030-01-01T00:00:00.000000")})
	}
}

func (s *fakeStore) refresh(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	s.renewals++
	s.mu.Unlock()
	if s.last().Body["discharge_macaroon"] != s.dischargeMacaroon("2020-01-01T00:00:00.000000") {
		ssoError(w, 401, "INVALID_CREDENTIALS", "The password was changed.")
		return
	}
	answer(w, 200, map[string]string{"discharge_macaroon": s.dischargeMacaroon("2030-01-01T00:00:00.000000")})
}

// verify checks a pair's header cryptographically.
func (s *fakeStore) verify(header string) error {
	rest, ok := strings.CutPrefix(header, "Macaroon root=")
	root, discharge, ok2 := strings.Cut(rest, ", discharge=")
	if !ok || !ok2 {
		return errors.New("no pair")
	}
	r, err := decodeMacaroon(root)
	if err != nil {
		return err
	}
	d, err := decodeMacaroon(discharge)
	if err != nil {
		return err
	}
	return r.Verify(rootKey, func(condition string) error {
		if strings.Contains(condition, "expires|2020") {
			return errors.New("expired")
		}
		return nil
	}, []*macaroon.Macaroon{d})
}

func (s *fakeStore) exchange(w http.ResponseWriter, r *http.Request) {
	if err := s.verify(r.Header.Get("Authorization")); err != nil {
		answer(w, 401, listOf("error-list", "macaroon-authorization-required", err.Error()))
		return
	}
	answer(w, 200, map[string]string{"macaroon": "store-token"})
}

func (s *fakeStore) site() Site { return Site{URL: s.URL + "/", HTTP: quick()} }

// quick is a client that does not wait between its tries.
func quick() *transport.Client {
	return &transport.Client{Retry: &transport.Retry{Times: 3, Wait: nil}}
}

func (s *fakeStore) identity() *Identity { return &Identity{URL: s.URL + "/", HTTP: quick()} }

func TestUbuntuOneLoginGivesAPairThatVerifies(t *testing.T) {
	s := newFakeStore(t)
	grant := Grant{
		Permissions: []string{"package_access"}, Description: "tool@host", TTL: time.Hour,
		Packages: []Package{{Name: "hello", Type: "snap"}, {ID: "abc"}}, Channels: []string{"*/edge"}, Stores: []string{"ubuntu"},
	}
	login := UbuntuOneLogin{Email: "a@store.example", Password: "right", Identity: s.identity()}
	c, err := login.Login(t.Context(), s.site(), grant)
	must(t, err)
	header, err := c.Header()
	must(t, err)
	if err := s.verify(header); err != nil {
		t.Errorf("the pair does not verify: %v", err)
	}
	acl, discharge := s.requests[0], s.requests[1]
	expires, _ := acl.Body["expires"].(string)
	if at, err := time.Parse("2006-01-02T15:04:05-07:00", expires); err != nil || time.Until(at).Round(time.Minute) != time.Hour {
		t.Errorf("expires %q", expires)
	}
	delete(acl.Body, "expires")
	want := map[string]any{
		"permissions": []any{"package_access"}, "description": "tool@host", "channels": []any{"*/edge"}, "store_ids": []any{"ubuntu"},
		"packages": []any{map[string]any{"name": "hello", "series": "16"}, map[string]any{"snap_id": "abc"}},
	}
	if acl.Path != "/dev/api/acl/" || !reflect.DeepEqual(acl.Body, want) {
		t.Errorf("asked %s for %v, want %v", acl.Path, acl.Body, want)
	}
	wantDischarge := map[string]any{"email": "a@store.example", "password": "right", "caveat_id": caveatID}
	if !reflect.DeepEqual(discharge.Body, wantDischarge) {
		t.Errorf("discharged with %v", discharge.Body)
	}
}

func TestLoginErrorsAreTold(t *testing.T) {
	tests := []struct {
		name            string
		email, password string
		otp, given      string
		want            error
	}{
		{"wrong password", "a@store.example", "wrong", "", "", ErrInvalidLogin},
		{"second factor missing", "a@store.example", "right", "123456", "", ErrSecondFactorRequired},
		{"second factor wrong", "a@store.example", "right", "123456", "000000", ErrSecondFactorFailed},
		{"suspended", "blocked@store.example", "right", "", "", ErrAccountBlocked},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newFakeStore(t)
			s.otp = tt.otp
			login := UbuntuOneLogin{Email: tt.email, Password: tt.password, OTP: tt.given, Identity: s.identity()}
			_, err := login.Login(t.Context(), s.site(), Grant{})
			var refused *transport.StoreError
			if !errors.Is(err, tt.want) || !errors.As(err, &refused) || refused.Status < 400 {
				t.Errorf("error %v", err)
			}
			if strings.Contains(err.Error(), tt.password) && tt.password != "wrong" {
				t.Errorf("the error holds the password: %v", err)
			}
		})
	}
}

func TestSecondFactorIsAskedForWhenNeeded(t *testing.T) {
	s := newFakeStore(t)
	s.otp = "123456"
	asked := 0
	login := UbuntuOneLogin{Email: "a@store.example", Password: "right", Identity: s.identity(), AskOTP: func(ctxt) (string, error) {
		asked++
		return "123456", nil
	}}
	if _, err := login.Login(t.Context(), s.site(), Grant{}); err != nil || asked != 1 {
		t.Errorf("asked %d times, %v", asked, err)
	}
	stop := errors.New("the person gave up")
	login.AskOTP = func(ctxt) (string, error) { return "", stop }
	if _, err := login.Login(t.Context(), s.site(), Grant{}); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
}

func TestGatewayLoginsExchange(t *testing.T) {
	s := newFakeStore(t)
	one := UbuntuOneLogin{Email: "a@store.example", Password: "right", Identity: s.identity()}
	c, err := UbuntuOneGatewayLogin{UbuntuOneLogin: one, ClientDescription: "tool"}.Login(t.Context(), s.site(), Grant{})
	if err != nil || !reflect.DeepEqual(c, NewToken("store-token")) {
		t.Fatalf("got %#v, %v", c, err)
	}
	if want := map[string]any{"permissions": []any{"account-view-packages"}, "ttl": 86400.0}; !reflect.DeepEqual(s.requests[0].Body, want) {
		t.Errorf("asked for %v, want %v", s.requests[0].Body, want)
	}
	if want := map[string]any{"client-description": "tool"}; !reflect.DeepEqual(s.last().Body, want) {
		t.Errorf("exchanged with %v", s.last().Body)
	}
	pair, err := one.Login(t.Context(), s.site(), Grant{})
	must(t, err)
	if c, err = (DashboardExchange{Pair: pair}).Login(t.Context(), s.site(), Grant{}); err != nil || c.Token != "store-token" {
		t.Errorf("dashboard exchange: %#v, %v", c, err)
	}
	if c, err = (OfflineLogin{AdminMacaroon: "admin-macaroon\n"}).Login(t.Context(), s.site(), Grant{}); err != nil || c.Token != "offline-token" {
		t.Errorf("offline exchange: %#v, %v", c, err)
	}
	if got := s.last(); got.Header.Get("Authorization") != "" || len(got.Body) != 1 {
		t.Errorf("offline exchange sent %v", got)
	}
	if _, err = (OfflineLogin{AdminMacaroon: "other"}).Login(t.Context(), s.site(), Grant{}); !errors.Is(err, transport.ErrUnauthorized) {
		t.Errorf("wrong administrator: %v", err)
	}
}

// TestCaveatOfTheIdentityService: the only one whatever its location; of
// several the one for the host, with its port or without.
func TestCaveatOfTheIdentityService(t *testing.T) {
	build := func(locations ...string) *macaroon.Macaroon {
		m, err := macaroon.New(rootKey, []byte("id"), "", macaroon.V1)
		must(t, err)
		must(t, m.AddFirstPartyCaveat([]byte("first party")))
		for _, l := range locations {
			must(t, m.AddThirdPartyCaveat(caveatKey, []byte("for "+l), l))
		}
		return m
	}
	for _, tt := range []struct {
		locations []string
		service   string
		want      string
	}{
		{nil, "https://login.example", ""},
		{[]string{"anything"}, "https://login.example", "for anything"},
		{[]string{"other", "login.example"}, "https://login.example", "for login.example"},
		{[]string{"other", "login.example"}, "https://login.example:8443/x", "for login.example"},
		{[]string{"other", "https://login.example:8443"}, "https://login.example:8443", "for https://login.example:8443"},
		{[]string{"", "second"}, "https://login.example", "for second"},
	} {
		c, err := identityCaveat(build(tt.locations...), tt.service)
		if string(c.Id) != tt.want || (tt.want == "") != errors.Is(err, ErrNoDischarge) {
			t.Errorf("%v at %s: %q, %v", tt.locations, tt.service, c.Id, err)
		}
	}
}

// TestSessionRenewsOnce: of requests that fail together one renews, and what it
// got is kept.
func TestSessionRenewsOnce(t *testing.T) {
	s := newFakeStore(t)
	store := &Store{Application: "tool", Host: "host", Backend: &Memory{}}
	must(t, store.Save(t.Context(), NewUbuntuOne(s.root(), s.dischargeMacaroon("2020-01-01T00:00:00.000000"))))
	session := &Session{Store: store, Identity: s.identity()}
	refused, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
	must(t, err)
	must(t, session.Authorize(refused))
	if s.verify(refused.Header.Get("Authorization")) == nil {
		t.Fatal("the old pair is still good")
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := session.Refresh(t.Context(), refused); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if s.renewals != 1 {
		t.Errorf("renewed %d times", s.renewals)
	}
	again := refused.Clone(t.Context())
	must(t, session.Authorize(again))
	if err := s.verify(again.Header.Get("Authorization")); err != nil {
		t.Errorf("the new pair: %v", err)
	}
	kept, err := store.Load(t.Context())
	must(t, err)
	if kept.Discharges[0] != s.dischargeMacaroon("2030-01-01T00:00:00.000000") {
		t.Error("the new discharge was not kept, or kept bound")
	}
	if err := session.Refresh(t.Context(), again); !errors.Is(err, ErrCannotRefresh) || !errors.Is(err, ErrInvalidLogin) {
		t.Errorf("a refused renewal: %v", err)
	}
}

func TestSessionWithOneTokenCannotRenew(t *testing.T) {
	store := &Store{Backend: &Memory{}}
	session := &Session{Store: store}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://store.example", nil)
	must(t, err)
	if err := session.Authorize(req); !errors.Is(err, ErrCredentialsUnavailable) {
		t.Errorf("before a login: %v", err)
	}
	must(t, store.Save(t.Context(), NewToken("tok-12345")))
	must(t, session.Authorize(req))
	if err := session.Refresh(t.Context(), req); !errors.Is(err, ErrCannotRefresh) {
		t.Errorf("error %v", err)
	}
	must(t, store.Delete(t.Context()))
	session.Forget()
	if err := session.Authorize(req); !errors.Is(err, ErrCredentialsUnavailable) {
		t.Errorf("after logging out: %v", err)
	}
}

func TestServicesThatAnswerNonsense(t *testing.T) {
	for _, body := range []string{``, `{}`, `[]`, `{"macaroon": null}`, `{"macaroon": "` + base64.StdEncoding.EncodeToString([]byte("no macaroon")) + `"}`, `<html>`} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		login := UbuntuOneLogin{Email: "a", Password: "b", Identity: &Identity{URL: s.URL}}
		_, err := login.Login(t.Context(), Site{URL: s.URL}, Grant{})
		var invalid *transport.InvalidResponseError
		if !errors.As(err, &invalid) {
			t.Errorf("%s: %v", body, err)
		}
		s.Close()
	}
}
