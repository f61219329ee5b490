package identity

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"sync"
	"time"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
)

// Options are what an Identity is made of. DB and Authority are required.
type Options struct {
	DB        *db.DB
	Authority *authority.Authority
	Now       func() time.Time // default: time.Now
	Log       *slog.Logger     // default: slog.Default()
	Hashing   Hashing          // how passwords are hashed; the zero value is good
	// Location is written into the macaroons of this store. It decides nothing.
	// Default: "larder".
	Location string
	// Federation says which OpenID provider people may log in with. Default:
	// none.
	Federation func(context.Context) (Federation, error)
}

// Identity knows accounts, checks who they are, and issues and checks the
// tokens that say so afterwards. It is safe for concurrent use; any number of
// nodes may work on one database.
type Identity struct {
	db        *db.DB
	authority *authority.Authority
	now       func() time.Time
	log       *slog.Logger
	hasher    *hasher
	location  string
	newPair   func() (*rsa.PrivateKey, error) // for the single sign-on
	basic     basicCache
	touched   touched
	waiting   waiting
	providers providers

	federation func(context.Context) (Federation, error)

	counting chan struct{} // holds one while attempts are counted: the counters are few and many want them

	mu   sync.Mutex
	keys *tokenKeys // nil until read; owned by mu, what it points at does not change
}

// New returns the identity provider of a store.
func New(o Options) *Identity {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Location == "" {
		o.Location = "larder"
	}
	return &Identity{
		db: o.DB, authority: o.Authority, log: o.Log, location: o.Location,
		now:     func() time.Time { return o.Now().UTC().Truncate(time.Microsecond) },
		hasher:  newHasher(o.Hashing),
		newPair: func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, ssoKeyBits) },
		basic:   newBasicCache(),

		federation: o.Federation,
		counting:   make(chan struct{}, 1),
	}
}

// Forget drops what is kept in memory; the next need reads it again.
func (i *Identity) Forget() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.keys = nil
}

// Secret is text that must never be printed.
type Secret = credential.Secret

// NewSecret keeps text from being printed.
func NewSecret(text string) Secret { return credential.NewSecret(text) }
