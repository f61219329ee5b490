package charmhub

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/internal/storetest"
	"github.com/larder-store/larder/client/snapstore"
)

// TestZeroValues need no fields to ask the public store.
func TestZeroValues(t *testing.T) {
	var c Client
	gateway := c.Gateway()
	if gateway.Endpoints.Namespace != "charm" || c.Gateway() != gateway {
		t.Errorf("the zero client has %+v", gateway.Endpoints)
	}
	if got := c.Consumer(); got.base() != "https://api.charmhub.io" || (&Consumer{}).base() != got.base() {
		t.Errorf("the zero consumer asks %s", got.base())
	}
}

// TestEndpointsOfSnaps are taken for their addresses.
func TestEndpointsOfSnaps(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("GET /v1/tokens/whoami", 200, `{"account":{"id":"i"}}`)
	c := &Client{Endpoints: snapstore.At(s.URL), Authorizer: auth.NewToken("t"), HTTP: storetest.Quick(0)}
	if account, err := c.Account(t.Context()); err != nil || account.ID != "i" {
		t.Errorf("got %+v, %v", account, err)
	}
	grant := auth.Grant{Packages: []auth.Package{{Type: "charm", Name: "bake"}}}
	if _, err := c.NewCredentials(t.Context(), auth.TokenLogin{Credentials: auth.NewToken("x")}, grant); err != nil {
		t.Errorf("a token for a charm: %v", err)
	}
}

// TestAnonymous says what is missing before it asks.
func TestAnonymous(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("POST /v1/charm/libraries/bulk", 200, `{"libraries":[]}`)
	c := &Client{Endpoints: At(s.URL)}
	for name, call := range map[string]func() error{
		"whoami":   func() error { _, err := c.Whoami(t.Context()); return err },
		"register": func() error { _, err := c.RegisterName(t.Context(), NameRequest{Name: "x"}); return err },
		"upload":   func() error { _, err := c.Upload(t.Context(), "x", "/nowhere", nil); return err },
		"image":    func() error { _, err := c.ImageBlob(t.Context(), "x", "y", "z"); return err },
		"library":  func() error { _, err := c.CreateLibraryID(t.Context(), "x", "y"); return err },
	} {
		if err := call(); !errors.Is(err, auth.ErrCredentialsUnavailable) {
			t.Errorf("%s without a login: %v", name, err)
		}
	}
	if n := len(s.All()); n != 0 {
		t.Errorf("the store was asked %d times", n)
	}
	if _, err := c.ListLibraries(t.Context(), LibraryRequest{CharmName: "x"}); err != nil || s.Last().Header.Get("Authorization") != "" {
		t.Errorf("libraries without a login: %v", err)
	}
}

func TestFromEnvironment(t *testing.T) {
	t.Setenv(EnvAPI, "https://store.example")
	t.Setenv(EnvUpload, "https://storage.example")
	t.Setenv(EnvIdentity, "")
	got := FromEnvironment(At("https://other.example"))
	if got.BaseURL != "https://store.example" || got.StorageURL != "https://storage.example" || got.IdentityURL != "https://other.example" {
		t.Errorf("got %+v", got)
	}
}

// fakeLogin answers both steps of a login and the exchange.
func fakeLogin(t *testing.T, s *fakeStore) {
	root, err := macaroon.New([]byte("key"), []byte("id"), "store", macaroon.LatestVersion)
	must(t, err)
	host := strings.TrimPrefix(s.URL, "http://")
	must(t, root.AddThirdPartyCaveat([]byte("shared"), []byte("caveat"), host))
	discharge, err := macaroon.New([]byte("shared"), []byte("caveat"), host, macaroon.LatestVersion)
	must(t, err)
	s.Answer("POST /v1/tokens/usso", 200, encodeMacaroon(t, "macaroon", root))
	s.Answer("POST /api/v2/tokens/discharge", 200, encodeMacaroon(t, "discharge_macaroon", discharge))
	s.Answer("POST /v1/tokens/usso/exchange", 200, `{"macaroon":"store-token"}`)
}

func encodeMacaroon(t *testing.T, member string, m *macaroon.Macaroon) string {
	raw, err := m.MarshalBinary()
	must(t, err)
	encoded, err := json.Marshal(map[string]string{member: base64.RawURLEncoding.EncodeToString(raw)})
	must(t, err)
	return string(encoded)
}

// TestLogin asks for what charmcraft does and keeps the exchanged token.
func TestLogin(t *testing.T) {
	s := newFakeStore(t)
	fakeLogin(t, s)
	s.Answer("GET /v1/tokens/whoami", 200, `{"account":{"id":"i","username":"ann","display-name":"Ann","validation":"unproven"},"permissions":["package-view"],"packages":[{"type":"charm","name":"bake"}],"channels":null}`)
	c := &Client{Endpoints: At(s.URL), HTTP: storetest.Quick(0)}
	login := auth.UbuntuOneGatewayLogin{UbuntuOneLogin: auth.UbuntuOneLogin{Email: "ann@example.com", Password: "pass"}}
	if _, err := c.Login(t.Context(), login, auth.Grant{}); err != nil {
		t.Fatal(err)
	}
	want := `{"permissions":["account-register-package","account-view-packages","package-manage","package-view"],"ttl":108000}`
	if got := s.All()[0]; got.URI != "/v1/tokens/usso" || !storetest.SameJSON(t, got.Body, want) {
		t.Errorf("asked for %s %s", got.URI, got.Body)
	}
	account, err := c.Account(t.Context())
	if err != nil || account.DisplayName != "Ann" || s.Last().Header.Get("Authorization") != "Macaroon store-token" {
		t.Errorf("got %+v, %v with %q", account, err, s.Last().Header.Get("Authorization"))
	}
	if _, err := c.Login(t.Context(), login, auth.Grant{}); !errors.Is(err, auth.ErrCredentialsAvailable) {
		t.Errorf("a second login: %v", err)
	}
	must(t, c.Logout(t.Context()))
	if err := c.Logout(t.Context()); !errors.Is(err, auth.ErrCredentialsUnavailable) {
		t.Errorf("a second logout: %v", err)
	}
}

// TestNewCredentials are base64 of the bare token and change no login.
func TestNewCredentials(t *testing.T) {
	s := newFakeStore(t)
	fakeLogin(t, s)
	c := s.client()
	login := auth.UbuntuOneGatewayLogin{UbuntuOneLogin: auth.UbuntuOneLogin{Email: "ann@example.com", Password: "pass"}}
	grant := auth.Grant{Permissions: []string{"package-view"}, TTL: time.Hour, Channels: []string{"edge"}, Packages: []auth.Package{{Type: "bundle", Name: "cake"}}}
	text, err := c.NewCredentials(t.Context(), login, grant)
	if err != nil || text != base64.StdEncoding.EncodeToString([]byte("store-token")) {
		t.Fatalf("got %q, %v", text, err)
	}
	if want := `{"permissions":["package-view"],"ttl":3600,"channels":["edge"],"packages":[{"type":"bundle","name":"cake"}]}`; !storetest.SameJSON(t, s.All()[0].Body, want) {
		t.Errorf("asked for %s", s.All()[0].Body)
	}
	if parsed, err := auth.Parse(text); err != nil || !reflect.DeepEqual(parsed, auth.NewToken("store-token")) {
		t.Errorf("read back as %v, %v", parsed, err)
	}
	if text, err = c.NewCredentials(t.Context(), auth.TokenLogin{Credentials: auth.NewBearer("api")}, auth.Grant{}); err != nil {
		t.Fatal(err)
	}
	if parsed, err := auth.Parse(text); err != nil || parsed.Kind != auth.Bearer {
		t.Errorf("an API token is read back as %v, %v", parsed, err)
	}
}

// TestOpenWithEnvironment can use what is there, and neither log in nor out.
func TestOpenWithEnvironment(t *testing.T) {
	s := newFakeStore(t)
	s.Answer("GET /v1/charm", 200, `{"results":[]}`)
	t.Setenv(auth.EnvCharmcraft, base64.StdEncoding.EncodeToString([]byte("ci-token")))
	c, err := Open(t.Context(), "test", At(s.URL), auth.FromEnvironment(auth.EnvCharmcraft))
	must(t, err)
	if _, err := c.ListNames(t.Context(), true); err != nil || s.Last().Header.Get("Authorization") != "Macaroon ci-token" || s.Last().URI != "/v1/charm?include-collaborations=true" {
		t.Errorf("%v with %+v", err, s.Last())
	}
	_, err = c.Login(t.Context(), auth.TokenLogin{Credentials: auth.NewToken("x")}, auth.Grant{})
	if !errors.Is(err, auth.ErrReadOnly) || !strings.Contains(err.Error(), "unset CHARMCRAFT_AUTH") {
		t.Errorf("login: %v", err)
	}
	if err := c.Logout(t.Context()); !errors.Is(err, auth.ErrReadOnly) {
		t.Errorf("logout: %v", err)
	}
	t.Setenv(auth.EnvCharmcraft, "")
	c, err = Open(t.Context(), "test", At(s.URL), auth.FromEnvironment(auth.EnvCharmcraft), auth.Ephemeral())
	must(t, err)
	if _, err = c.Login(t.Context(), auth.TokenLogin{Credentials: auth.NewToken("x")}, auth.Grant{}); err != nil {
		t.Errorf("login without the variable: %v", err)
	}
}

// TestConsumerCredentials go to the store, and to no other host that files are
// on.
func TestConsumerCredentials(t *testing.T) {
	store, other := newFakeStore(t), newFakeStore(t)
	store.Answer("GET /v2/charms/info/bake", 200, `{"id":"i","name":"bake","type":"charm"}`)
	other.Answer("GET /f", 200, "bytes")
	c := store.client().Consumer()
	_, err := c.Info(t.Context(), "bake", nil)
	must(t, err)
	if got := store.Last().Header.Get("Authorization"); got != "Macaroon tok-12345" {
		t.Errorf("the store got %q", got)
	}
	must(t, c.Download(context.Background(), announce("bytes", other.URL+"/f"), filepath.Join(t.TempDir(), "f"), nil))
	if got := other.Last().Header; got.Get("Authorization") != "" || got.Get("Accept-Encoding") != "identity" {
		t.Errorf("the other host got %v", got)
	}
	anonymous := (&Client{Endpoints: At(store.URL)}).Consumer()
	if _, err := anonymous.Info(t.Context(), "bake", nil); err != nil || store.Last().Header.Get("Authorization") != "" {
		t.Errorf("without a login: %v", err)
	}
	if _, err := anonymous.Info(t.Context(), "cake", nil); !errors.Is(err, ErrNotFound) || store.Last().Method != http.MethodGet {
		t.Errorf("unknown charm: %v", err)
	}
}
