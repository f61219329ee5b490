package credential

import (
	"crypto/rand"
	"crypto/rsa"
	"sync"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/store"
)

// now is the time of all tests.
var now = time.Date(2026, 11, 20, 12, 0, 0, 123456000, time.UTC)

const (
	here = "store.example"
	sso  = "login.example:8443"
)

// rsaKey is generated once: keys of this size are for tests only.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey { return newRSAKey() })

func newRSAKey() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

var (
	ssoKeys = sync.OnceValue(func() SSOKeys { return NewSSOKeys(rsaKey()) })
	ring    = sync.OnceValue(func() *Keyring { return keyringOf("a-secret-for-all-the-tests") })

	issuerBox   = DeriveBoxKey(NewSecret("the store's box"))
	identityBox = DeriveBoxKey(NewSecret("the identity service's box"))
	agentBox    = DeriveBoxKey(NewSecret("an agent's box"))
)

func keyringOf(secret string) *Keyring {
	r, err := ParseKeyring(secret)
	if err != nil {
		panic(err)
	}
	return r
}

// must fails the test for an error of something that cannot go wrong.
func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

var alice = Account{Username: "alice", OpenID: "AbC1234", DisplayName: "Alice Ä", Email: "alice@example.org", Verified: true}

func aliceSays() SSOClaims {
	return SSOClaims{Account: alice, Since: now.Add(-time.Hour), LastAuth: now.Add(-time.Hour), Expires: now.Add(time.Hour)}
}

func ssoCaveat(t testing.TB) ThirdParty {
	return must[ThirdParty](t)(NewSSOCaveat(&rsaKey().PublicKey, sso))
}

// token is what a macaroon of the purpose says when nothing special is wanted.
func token(t testing.TB, p Purpose) Token {
	tok := Token{Location: here, Session: NewSessionID(), Since: now.Add(-time.Minute), Expires: now.Add(24 * time.Hour)}
	switch p {
	case U1Root, AdminRoot:
		tok.Identity = ssoCaveat(t)
	case BakeryRoot:
		tok.Identity = must[ThirdParty](t)(NewBakeryCaveat(2, issuerBox, identityBox.Public(), "https://store.example/identity/", NeedUsername))
	case DischargeToken:
		tok.Subject = "alice"
	}
	return tok
}

func mint(t testing.TB, p Purpose, tok Token) Macaroon {
	t.Helper()
	key := must[Key](t)(ring().Newest(p))
	return must[Macaroon](t)(Mint(key, tok))
}

// discharge makes the unbound discharge of the identity caveat.
func discharge(t testing.TB, c ThirdParty) Macaroon {
	t.Helper()
	switch c.kind {
	case accountIdentity:
		opened := must[SSOCaveat](t)(ssoKeys().Open(c.ID()))
		return must[Macaroon](t)(NewSSODischarge(opened, sso, aliceSays()))
	case agentIdentity:
		opened := must[BakeryCaveat](t)(OpenBakeryCaveat(payload(c), agentBox))
		m := must[*macaroon.Macaroon](t)(macaroon.New(opened.rootKey.bytes(), c.ID(), "", macaroon.V2))
		return wrap(m)
	}
	opened := must[BakeryCaveat](t)(OpenBakeryCaveat(payload(c), identityBox))
	condition := must[Condition](t)(ParseCondition(opened.Condition))
	return must[Macaroon](t)(NewBakeryDischarge(opened, condition, c.ID(), now.Add(time.Hour), Declaration{DeclaredUsername, "alice"}))
}

// payload is what a client sends to have a caveat discharged.
func payload(c ThirdParty) []byte {
	if c.data != nil {
		return c.data
	}
	return c.id
}

func bound(root, d Macaroon) Macaroon {
	m := d.raw().Clone()
	m.Bind(root.raw().Signature())
	return wrap(m)
}

// good is a macaroon of the purpose as its client presents it.
func good(t testing.TB, p Purpose) Slice {
	t.Helper()
	tok := token(t, p)
	root := mint(t, p, tok)
	if tok.Identity.IsZero() {
		return Slice{root}
	}
	return Slice{root, bound(root, discharge(t, tok.Identity))}
}

// with is m with caveats that its holder appends.
func with(m Macaroon, caveats ...string) Macaroon {
	c := m.raw().Clone()
	for _, caveat := range caveats {
		c.AddFirstPartyCaveat([]byte(caveat))
	}
	return wrap(c)
}

// wantCode checks the code of an error, and that it is a 401.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("there was no error, want %s", code)
	case store.CodeOf(err) != code:
		t.Errorf("the error is %v with the code %q, want %s", err, store.CodeOf(err), code)
	case store.KindOf(err) != store.KindUnauthorised:
		t.Errorf("%s is %v, want unauthorised", code, store.KindOf(err))
	}
}
