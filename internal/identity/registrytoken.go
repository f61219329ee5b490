package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// RegistryAccess is what somebody may do in the registry, in the words of its
// tokens: type "repository", a repository's name, and some of the actions pull,
// push and delete; or type "registry", "catalog" and "*".
type RegistryAccess struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// RegistryToken is a short-lived token of the registry.
type RegistryToken struct {
	Text    Secret
	Issued  time.Time
	Expires time.Time
}

// The lives of the registry's tokens. A push asks for one at its beginning and
// may take long; who pulls asks again.
const (
	pullTokenLife = 15 * time.Minute
	pushTokenLife = time.Hour
)

// registryKey signs the registry's tokens.
type registryKey struct {
	id   string
	pair *ecdsa.PrivateKey
}

func newRegistryKey() (id string, text []byte, err error) {
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&pair.PublicKey)
	if err != nil {
		return "", nil, err
	}
	sum := sha256.Sum256(public)
	text, err = x509.MarshalPKCS8PrivateKey(pair)
	return hex.EncodeToString(sum[:16]), text, err
}

func openRegistryKey(id string, secret Secret) (registryKey, error) {
	key, err := x509.ParsePKCS8PrivateKey([]byte(secret.Reveal()))
	pair, ok := key.(*ecdsa.PrivateKey)
	if err != nil || !ok {
		return registryKey{}, fmt.Errorf("cannot read token key %s: it is no ECDSA key", id)
	}
	return registryKey{id, pair}, nil
}

// registryClaims are what a token says besides what the standard names.
type registryClaims struct {
	Access []RegistryAccess `json:"access"`
	Proof  registryProof    `json:"larder"`
}

// registryProof is what a token stands on. It is looked at whenever the token is
// shown, so that it ends with what it was made from.
type registryProof struct {
	Account  string          `json:"account,omitempty"`
	Session  string          `json:"session,omitempty"`
	LastAuth time.Time       `json:"last-auth,omitzero"` // of a password
	Limits   []store.Limits  `json:"limits,omitempty"`
	Pull     store.ImageRepo `json:"pull,omitzero"`
	// Generation of the pull credentials.
	Generation int64 `json:"generation,omitempty"`
}

// IssueRegistryToken makes a token that allows some access, all of which the
// caller must have been found to have. Service is whose it is: the registry by
// the name that clients know.
func (i *Identity) IssueRegistryToken(ctx context.Context, c RegistryCaller, service string, access []RegistryAccess) (RegistryToken, error) {
	k, err := i.keysFor(ctx, PurposeRegistry)
	if err != nil {
		return RegistryToken{}, err
	}
	t := RegistryToken{Issued: i.now().Truncate(time.Second)}
	life := pullTokenLife
	for _, a := range access {
		if slices.Contains(a.Actions, "push") || slices.Contains(a.Actions, "delete") {
			life = pushTokenLife
		}
	}
	if t.Expires = t.Issued.Add(life); !c.Principal.Expires.IsZero() {
		t.Expires = earlier(t.Expires, c.Principal.Expires)
	}
	key := k.tokens[0]
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key.pair, KeyID: key.id}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return t, fmt.Errorf("cannot sign a registry token: %w", err)
	}
	if access == nil {
		access = []RegistryAccess{}
	}
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: i.location, Subject: c.Principal.Name, Audience: jwt.Audience{service},
		ID:       base64.RawURLEncoding.EncodeToString(randomBytes(12)),
		IssuedAt: jwt.NewNumericDate(t.Issued), NotBefore: jwt.NewNumericDate(since(t.Issued)), Expiry: jwt.NewNumericDate(t.Expires),
	}).Claims(registryClaims{access, c.proof}).Serialize()
	t.Text = NewSecret(text)
	return t, err
}

// maxRegistryToken bounds what is parsed, bytes.
const maxRegistryToken = 32 << 10

// byRegistryToken is who a token proves, and for what.
func (i *Identity) byRegistryToken(ctx context.Context, service, text string) (RegistryCaller, error) {
	var none RegistryCaller
	if len(text) > maxRegistryToken {
		return none, noCredentials(nil)
	}
	token, err := jwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(token.Headers) != 1 {
		return none, noCredentials(err)
	}
	key, err := i.registryKey(ctx, token.Headers[0].KeyID)
	if err != nil {
		return none, err
	}
	var standard jwt.Claims
	var claims registryClaims
	if err := token.Claims(&key.pair.PublicKey, &standard, &claims); err != nil {
		return none, noCredentials(err)
	}
	now := i.now()
	expected := jwt.Expected{Issuer: i.location, AnyAudience: jwt.Audience{service}, Time: now}
	if err := standard.ValidateWithLeeway(expected, 0); err != nil || standard.Expiry == nil {
		return none, noCredentials(err)
	}
	c := RegistryCaller{ByToken: true, Access: claims.Access, proof: claims.Proof}
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		c.Principal, err = claims.Proof.principal(tx, standard.Expiry.Time())
		return err
	})
	switch kind := store.KindOf(err); {
	case kind == store.KindNotFound || kind == store.KindUnauthorised:
		return none, noCredentials(err)
	case err != nil:
		return none, err
	}
	return c, nil
}

// registryKey finds a key. One that is not known may have been made by another
// node a moment ago.
func (i *Identity) registryKey(ctx context.Context, id string) (registryKey, error) {
	for range 2 {
		k, err := i.readKeys(ctx)
		if err != nil {
			return registryKey{}, err
		}
		at := slices.IndexFunc(k.tokens, func(k registryKey) bool { return k.id == id })
		if at >= 0 {
			return k.tokens[at], nil
		}
		i.readAgain()
	}
	return registryKey{}, noCredentials(nil)
}

// principal is whom the proof stands for, if it still does.
func (p registryProof) principal(tx *db.Tx, expires time.Time) (store.Principal, error) {
	if p.Pull != (store.ImageRepo{}) {
		return pullPrincipal(tx, p.Pull, p.Generation, expires)
	}
	s := store.Session{AccountID: p.Account, LastAuth: p.LastAuth, ValidUntil: expires}
	if p.Session != "" {
		var err error
		if s, err = tx.Session(p.Session); err != nil {
			return store.Principal{}, err
		}
		if err := parentStands(tx, s); err != nil {
			return store.Principal{}, err
		}
	}
	u, err := vouched(tx, s)
	if err != nil {
		return store.Principal{}, err
	}
	who, err := principalOf(tx, u)
	who.Session, who.Expires, who.Limits = p.Session, expires, p.Limits
	return who, err
}
