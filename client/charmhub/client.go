package charmhub

import (
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/client/transport"
)

// Endpoints say where a store is; see package snapstore. The namespace is
// "charm" whatever they say.
type Endpoints = snapstore.Endpoints

// Public is Charmhub itself: the zero Client's store.
func Public() Endpoints { return snapstore.Charmhub() }

// At is a store that serves everything at one address, its logins included, as
// larder does.
func At(baseURL string) Endpoints { return snapstore.CharmsAt(baseURL) }

// The environment variables that charmcraft takes its addresses from.
const (
	EnvAPI      = "CHARMCRAFT_STORE_API_URL"
	EnvUpload   = "CHARMCRAFT_UPLOAD_URL"
	EnvIdentity = "CHARMCRAFT_STORE_SSO_URL"
	EnvRegistry = "CHARMCRAFT_REGISTRY_URL"
)

// FromEnvironment returns the endpoints with what charmcraft's variables
// replace; Client.RegistryURL takes EnvRegistry.
func FromEnvironment(e Endpoints) Endpoints {
	for variable, field := range map[string]*string{EnvAPI: &e.BaseURL, EnvUpload: &e.StorageURL, EnvIdentity: &e.IdentityURL} {
		if value := os.Getenv(variable); value != "" {
			*field = value
		}
	}
	return e
}

// DefaultReviewTimeout is how long an upload waits for its review.
const DefaultReviewTimeout = 5 * time.Minute

// A Client talks to a store as a publisher of charms and bundles. The zero value
// asks Charmhub anonymously and keeps a login in memory: what needs a login is
// then refused with auth.ErrCredentialsUnavailable before anything is sent. It
// is safe for concurrent use if its fields are not changed meanwhile, and must
// not be copied after first use.
type Client struct {
	// Endpoints is the store; the zero value is Public().
	Endpoints Endpoints
	// RegistryURL replaces the host of the image names that the store gives, for
	// registries reached by another name; empty keeps it.
	RegistryURL string
	// Credentials is where a login is kept; nil is in memory.
	Credentials *auth.Store
	// Authorizer proves who asks; nil uses Credentials.
	Authorizer auth.Authorizer
	// HTTP sends the requests; nil is the zero transport.Client.
	HTTP *transport.Client
	// PollInterval is the time between two questions about a review; 0 is one
	// second.
	PollInterval time.Duration
	// ReviewTimeout is how long an upload waits for its review; 0 is
	// DefaultReviewTimeout, below 0 is as long as the context allows.
	ReviewTimeout time.Duration

	once    sync.Once
	gateway *snapstore.Client // set by once
}

// Open is a Client that keeps its login as auth.Open chooses: in the
// environment's variable (auth.FromEnvironment(auth.EnvCharmcraft)), the
// keyring, or a file. An application of the name "charmcraft" shares
// charmcraft's login. Errors: auth.ErrNoKeyring, auth.ErrKeyringLocked,
// auth.ErrNotParseable.
func Open(ctx context.Context, application string, e Endpoints, opts ...auth.Option) (*Client, error) {
	base := e.BaseURL
	if base == "" {
		base = Public().BaseURL
	}
	store, err := auth.Open(ctx, application, base, opts...)
	if err != nil {
		return nil, err
	}
	return &Client{Endpoints: e, Credentials: store}, nil
}

// Gateway is the client of the publisher gateway that this one is built on, for
// what has no method here because it is the same for snaps: collaborators and
// invites, tokens, requests of the caller's making.
func (c *Client) Gateway() *snapstore.Client {
	c.once.Do(func() {
		e := c.Endpoints
		if e.Namespace == "snap" { // what only fits snaps goes with it
			e.WhoamiPath, e.PackageTypes = "", nil
		}
		e.Namespace = "charm"
		c.gateway = &snapstore.Client{
			Endpoints: e, Credentials: c.Credentials, Authorizer: c.Authorizer, HTTP: c.HTTP, PollInterval: c.PollInterval,
		}
	})
	return c.gateway
}

// Consumer asks the same store what juju would, with the client's credentials if
// there are some, so that it sees private charms too.
func (c *Client) Consumer() *Consumer {
	d := c.Gateway().Device()
	return &Consumer{URL: d.URL, Authorizer: d.Authorizer, HTTP: d.HTTP}
}

// Permissions are those that charmcraft asks for: everything that publishers do.
func Permissions() []string {
	return []string{auth.AccountRegisterPackage, auth.AccountViewPackages, auth.PackageManage, auth.PackageView}
}

// DefaultTTL is how long a login lasts that says nothing else; charmcraft's.
const DefaultTTL = 30 * time.Hour

func withDefaults(grant auth.Grant) auth.Grant {
	if len(grant.Permissions) == 0 {
		grant.Permissions = Permissions()
	}
	if grant.TTL == 0 {
		grant.TTL = DefaultTTL
	}
	return grant
}

// Login obtains credentials and keeps them; a grant without permissions gets
// Permissions(), one without TTL DefaultTTL. The answer is a secret that other
// programs read from their environment.
//
// Errors: auth.ErrReadOnly while the credentials come from the environment,
// auth.ErrCredentialsAvailable if there are some (Logout first), the login's.
func (c *Client) Login(ctx context.Context, login auth.Login, grant auth.Grant) (string, error) {
	if err := c.writable(); err != nil {
		return "", err
	}
	return c.Gateway().Login(ctx, login, withDefaults(grant))
}

// Logout forgets the credentials; the store is not told. Errors: auth.ErrReadOnly
// while they come from the environment, auth.ErrCredentialsUnavailable if there
// are none.
func (c *Client) Logout(ctx context.Context) error {
	if err := c.writable(); err != nil {
		return err
	}
	return c.Gateway().Logout(ctx)
}

func (c *Client) writable() error {
	if c.Credentials != nil && c.Credentials.Variable != "" {
		return fmt.Errorf("%w: unset %s first", auth.ErrReadOnly, c.Credentials.Variable)
	}
	return nil
}

// NewCredentials obtains credentials beside those of the client and keeps them
// nowhere: for another machine, usually with a narrower grant. The answer is
// base64 of the store's token, as charmcraft 4.4 and later read CHARMCRAFT_AUTH;
// use Gateway().Obtain and Credentials.Export for older ones.
func (c *Client) NewCredentials(ctx context.Context, login auth.Login, grant auth.Grant) (string, error) {
	credentials, err := c.Gateway().Obtain(ctx, login, withDefaults(grant))
	if err != nil {
		return "", err
	}
	if credentials.Kind != auth.Macaroon { // a bare token would lose what it is
		return credentials.Export()
	}
	return base64.StdEncoding.EncodeToString([]byte(credentials.Token)), nil
}

// Whoami tells whose credentials these are and what they allow.
func (c *Client) Whoami(ctx context.Context) (Whoami, error) { return c.Gateway().Whoami(ctx) }

// Account is the account of Whoami.
func (c *Client) Account(ctx context.Context) (Account, error) {
	who, err := c.Whoami(ctx)
	return who.Account.Account, err
}

// path is a path below /v1/charm, for Gateway().Call.
func (c *Client) path(elements ...string) string {
	return transport.Path(append([]string{"v1", "charm"}, elements...)...)
}
