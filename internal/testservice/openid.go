package testservice

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// OpenID is an OpenID provider: discovery, keys, the code flow with PKCE, and
// user info. Whoever comes to it is logged in already. It checks what clients
// send, and can be made to answer what no honest one would.
type OpenID struct {
	URL          string
	ClientID     string
	ClientSecret string

	key   *rsa.PrivateKey
	other *rsa.PrivateKey // which it does not publish
	now   func() time.Time

	mu     sync.Mutex
	person map[string]any              // claims of who is logged in; owned by mu
	spoil  func(claims map[string]any) // owned by mu
	sign   string                      // owned by mu
	grants map[string]grant            // by code, each once; owned by mu
	access map[string]map[string]any   // user info by access token; owned by mu
	asked  url.Values                  // of the last authorization; owned by mu
	wrong  []string                    // what clients did wrong; owned by mu
}

// grant is what a code stands for.
type grant struct {
	redirect, challenge, nonce string
	person                     map[string]any
}

// The ways to sign an ID token. All but the first are attacks.
const (
	SignRS256    = ""
	SignNone     = "none"
	SignHS256    = "HS256"     // with the client's secret
	SignOtherKey = "other key" // of the same id
)

// StartOpenID starts a provider for one test.
func StartOpenID(t testing.TB, now func() time.Time) *OpenID {
	t.Helper()
	p := &OpenID{
		ClientID: "larder", ClientSecret: "a secret of the client", now: now,
		grants: make(map[string]grant), access: make(map[string]map[string]any),
	}
	var err error
	if p.key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if p.other, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// LogIn says who uses the browser: the claims that the provider makes.
func (p *OpenID) LogIn(claims map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person, p.spoil, p.sign = claims, nil, SignRS256
}

// Cheat changes the next ID tokens, and how they are signed.
func (p *OpenID) Cheat(sign string, spoil func(claims map[string]any)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sign, p.spoil = sign, spoil
}

// Asked is what the last authorization asked for, and Wrong what clients have
// done that a provider refuses.
func (p *OpenID) Asked() url.Values {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.asked
}

// Wrong lists what clients have done that a provider refuses.
func (p *OpenID) Wrong() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.wrong
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}

func (p *OpenID) discovery(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token",
		"jwks_uri": p.URL + "/keys", "userinfo_endpoint": p.URL + "/userinfo",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256", "HS256", "none"},
		"code_challenge_methods_supported":      []string{"S256"},
	})
}

const keyID = "the key"

func (p *OpenID) keys(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, jose.JSONWebKeySet{Keys: []jose.JSONWebKey{
		{Key: &p.key.PublicKey, KeyID: keyID, Algorithm: "RS256", Use: "sig"},
	}})
}

func (p *OpenID) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = q
	if q.Get("client_id") != p.ClientID || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" ||
		q.Get("state") == "" || q.Get("nonce") == "" {
		p.wrong = append(p.wrong, "authorize: "+q.Encode())
		http.Error(w, "bad request", http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.grants[code] = grant{q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("nonce"), p.person}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
}

func (p *OpenID) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	refuse := func(why string) {
		p.wrong = append(p.wrong, "token: "+why)
		writeJSON(w, http.StatusBadRequest, map[string]string{"error": why})
	}
	id, secret, ok := r.BasicAuth()
	if !ok {
		id, secret = r.FormValue("client_id"), r.FormValue("client_secret")
	} else if plain, err := url.QueryUnescape(secret); err == nil {
		secret = plain
	}
	code := r.FormValue("code")
	g, known := p.grants[code]
	delete(p.grants, code)
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	switch {
	case id != p.ClientID || subtle.ConstantTimeCompare([]byte(secret), []byte(p.ClientSecret)) != 1:
		refuse("invalid_client")
		return
	case !known || r.FormValue("redirect_uri") != g.redirect:
		refuse("invalid_grant")
		return
	case base64.RawURLEncoding.EncodeToString(sum[:]) != g.challenge:
		refuse("invalid_grant: PKCE")
		return
	}
	claims := map[string]any{
		"iss": p.URL, "aud": p.ClientID, "iat": p.now().Unix(), "exp": p.now().Add(time.Hour).Unix(), "nonce": g.nonce,
	}
	for name, value := range g.person {
		claims[name] = value
	}
	if p.spoil != nil {
		p.spoil(claims)
	}
	idToken, err := p.signed(claims)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	access := rand.Text()
	p.access[access] = g.person
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": access, "token_type": "Bearer", "expires_in": 3600, "id_token": idToken,
	})
}

// signed makes a JWT, honestly or not.
func (p *OpenID) signed(claims map[string]any) (string, error) {
	text, err := json.Marshal(claims)
	if err != nil {
		return "", err
	}
	key := jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: p.key, KeyID: keyID}}
	switch p.sign {
	case SignNone:
		header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"` + keyID + `"}`))
		return header + "." + base64.RawURLEncoding.EncodeToString(text) + ".", nil
	case SignHS256:
		key = jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: append([]byte(p.ClientSecret), make([]byte, 32)...), KeyID: keyID}}
	case SignOtherKey:
		key.Key = jose.JSONWebKey{Key: p.other, KeyID: keyID}
	}
	signer, err := jose.NewSigner(key, nil)
	if err != nil {
		return "", err
	}
	signature, err := signer.Sign(text)
	if err != nil {
		return "", err
	}
	return signature.CompactSerialize()
}

func (p *OpenID) userInfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	const scheme = "Bearer "
	shown := r.Header.Get("Authorization")
	person, ok := p.access[shown[min(len(scheme), len(shown)):]]
	if !ok {
		http.Error(w, "unauthorized", http.StatusUnauthorized)
		return
	}
	writeJSON(w, http.StatusOK, person)
}
