package snapstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/transport"
)

// A Client talks to one store as a publisher. The zero value asks the public
// snap store anonymously and keeps a login in memory; it is safe for concurrent
// use if its fields are not changed meanwhile, and must not be copied after
// first use.
type Client struct {
	// Endpoints is the store; the zero value is UbuntuOneSnapStore().
	Endpoints Endpoints
	// Credentials is where a login is kept; nil is in memory.
	Credentials *auth.Store
	// Authorizer proves who asks; nil uses Credentials. If it is an
	// auth.Refresher it is asked to renew what has expired.
	Authorizer auth.Authorizer
	// HTTP sends the requests: user agent, retries, debug log, proxies; nil is
	// the zero transport.Client.
	HTTP *transport.Client
	// PollInterval is the time between two questions about a review; 0 is one
	// second.
	PollInterval time.Duration

	once      sync.Once
	endpoints Endpoints       // Endpoints with defaults; set by once
	session   auth.Authorizer // set by once
	store     *auth.Store     // set by once

	resume sync.Map // storage URL → bool: whether it takes resumable uploads
}

// Open is a Client that keeps its login as auth.Open chooses: in the
// environment's variable, the keyring, or a file. The application's name is that
// of the calling program. Errors: auth.ErrNoKeyring, auth.ErrKeyringLocked,
// auth.ErrNotParseable.
func Open(ctx context.Context, application string, e Endpoints, opts ...auth.Option) (*Client, error) {
	store, err := auth.Open(ctx, application, e.withDefaults().BaseURL, opts...)
	if err != nil {
		return nil, err
	}
	return &Client{Endpoints: e, Credentials: store}, nil
}

func (c *Client) setUp() {
	c.once.Do(func() {
		c.endpoints = c.Endpoints.withDefaults()
		c.store = c.Credentials
		if c.store == nil {
			c.store = &auth.Store{Application: "larder", Host: auth.HostOf(c.endpoints.BaseURL), Backend: &auth.Memory{}}
		}
		c.session = c.Authorizer
		if c.session == nil {
			c.session = &auth.Session{Store: c.store, Identity: c.identity()}
		}
	})
}

func (c *Client) identity() *auth.Identity {
	return &auth.Identity{URL: c.Endpoints.withDefaults().IdentityURL, HTTP: c.HTTP}
}

func (c *Client) transport() *transport.Client {
	if c.HTTP == nil {
		return &transport.Client{}
	}
	return c.HTTP
}

// Login obtains credentials and keeps them. The answer is what other programs
// read from their environment (SNAPCRAFT_STORE_CREDENTIALS and the like); it is
// a secret.
//
// Errors: auth.ErrCredentialsAvailable if there are some (Logout first), a
// *RequestError for a package type that the store has not, the login's.
func (c *Client) Login(ctx context.Context, login auth.Login, grant auth.Grant) (string, error) {
	c.setUp()
	if err := c.store.EnsureNone(ctx); err != nil {
		return "", err
	}
	credentials, err := c.Obtain(ctx, login, grant)
	if err != nil {
		return "", err
	}
	if err := c.store.Save(ctx, credentials); err != nil {
		return "", err
	}
	c.forget()
	return credentials.Export()
}

// Obtain is Login that keeps the credentials nowhere.
func (c *Client) Obtain(ctx context.Context, login auth.Login, grant auth.Grant) (auth.Credentials, error) {
	c.setUp()
	for _, p := range grant.Packages {
		if p.Type != "" && len(c.endpoints.PackageTypes) > 0 && !slices.Contains(c.endpoints.PackageTypes, p.Type) {
			return auth.Credentials{}, invalidf("the store has packages of type %s, not %q", strings.Join(c.endpoints.PackageTypes, ", "), p.Type)
		}
	}
	base := c.endpoints.BaseURL
	switch l := login.(type) {
	case auth.UbuntuOneLogin:
		l.Identity = c.identityOf(l.Identity)
		login = l
	case auth.UbuntuOneGatewayLogin:
		l.Identity = c.identityOf(l.Identity)
		login, base = l, c.endpoints.GatewayURL
	case auth.CandidLogin:
		if !l.Dashboard {
			base = c.endpoints.GatewayURL
		}
	case auth.DashboardExchange, auth.OfflineLogin:
		base = c.endpoints.GatewayURL
	}
	return login.Login(ctx, auth.Site{URL: base, HTTP: c.HTTP}, grant)
}

func (c *Client) identityOf(given *auth.Identity) *auth.Identity {
	if given != nil {
		return given
	}
	return c.identity()
}

// Logout forgets the credentials; the store is not told (see RevokeToken).
// auth.ErrCredentialsUnavailable if there are none.
func (c *Client) Logout(ctx context.Context) error {
	c.setUp()
	defer c.forget()
	return c.store.Delete(ctx)
}

func (c *Client) forget() {
	if s, ok := c.session.(*auth.Session); ok {
		s.Forget()
	}
}

// Whoami tells whose credentials these are and what they allow.
func (c *Client) Whoami(ctx context.Context) (Whoami, error) {
	c.setUp()
	var out Whoami
	err := c.call(ctx, transport.Call{URL: c.endpoints.BaseURL + c.endpoints.WhoamiPath, Out: &out})
	return out, err
}

// Do sends a request of the caller's making, for what no method covers. A URL
// that starts with "/" belongs to BaseURL. Credentials are added if the URL is
// one of the store's; they are renewed once if the store asks for that.
//
// Errors are those of transport.Client.Do and of the Authorizer.
func (c *Client) Do(req *http.Request) (*http.Response, error) {
	c.setUp()
	if req.URL.Host == "" {
		u, err := url.Parse(c.endpoints.BaseURL + req.URL.String())
		if err != nil {
			return nil, fmt.Errorf("cannot send a request to %q: %w", req.URL, err)
		}
		req.URL, req.Host = u, ""
	}
	if err := c.authorize(req); err != nil {
		return nil, err
	}
	resp, err := c.transport().Do(req)
	if retry, refreshErr := c.refresh(req, err); !retry {
		return resp, refreshErr
	}
	if req.Body != nil && req.Body != http.NoBody {
		if req.GetBody == nil {
			return nil, err
		}
		body, bodyErr := req.GetBody()
		if bodyErr != nil {
			return nil, errors.Join(err, bodyErr)
		}
		req.Body = body
	}
	if err := c.authorize(req); err != nil {
		return nil, err
	}
	return c.transport().Do(req)
}

// Call is Do for an exchange of JSON of the caller's making: with credentials,
// which are renewed once if the store asks for that. A URL that starts with "/"
// belongs to the gateway; call.Authorize is not used.
func (c *Client) Call(ctx context.Context, call transport.Call) error {
	call.URL = c.onGateway(call.URL)
	return c.call(ctx, call)
}

func (c *Client) onGateway(u string) string {
	c.setUp()
	if strings.HasPrefix(u, "/") {
		return c.endpoints.GatewayURL + u
	}
	return u
}

// CallAnyhow is Call for what a store also tells strangers: credentials are sent
// if there are some that the store takes.
func (c *Client) CallAnyhow(ctx context.Context, call transport.Call) error {
	err := c.Call(ctx, call)
	none := errors.Is(err, auth.ErrCredentialsUnavailable)
	if !none && !errors.Is(err, ErrUnauthorized) {
		return err
	}
	call.URL, call.Authorize = c.onGateway(call.URL), nil
	if again := c.transport().JSON(ctx, call); none || again == nil {
		return again
	}
	return err
}

// call is transport.JSON with credentials. Every call but a few needs them; a
// client that has none and no Authorizer says so before it asks.
func (c *Client) call(ctx context.Context, call transport.Call) error {
	c.setUp()
	var sent *http.Request
	call.Authorize = func(req *http.Request) error {
		sent = req
		return c.authorize(req)
	}
	err := c.transport().JSON(ctx, call)
	if sent == nil {
		return err
	}
	if retry, refreshErr := c.refresh(sent, err); !retry {
		return refreshErr
	}
	return c.transport().JSON(ctx, call)
}

// authorize adds credentials only where they belong: a URL in an answer of the
// store may lead anywhere.
func (c *Client) authorize(req *http.Request) error {
	if !c.ours(req.URL) {
		return nil
	}
	return c.session.Authorize(req)
}

func (c *Client) ours(u *url.URL) bool {
	for _, base := range []string{c.endpoints.BaseURL, c.endpoints.GatewayURL, c.endpoints.DeviceURL} {
		if own, err := url.Parse(base); err == nil && transport.SameOrigin(u, own) {
			return true
		}
	}
	return false
}

// refresh renews the credentials if that is what the store asks for. It returns
// whether to send the request again, else the error to return.
func (c *Client) refresh(refused *http.Request, err error) (bool, error) {
	var e *transport.StoreError
	if !errors.As(err, &e) || !e.NeedsRefresh {
		return false, err
	}
	refresher, ok := c.session.(auth.Refresher)
	if !ok {
		return false, err
	}
	if refreshErr := refresher.Refresh(refused.Context(), refused); refreshErr != nil {
		return false, fmt.Errorf("%w: %w", refreshErr, err)
	}
	return true, nil
}

// gateway is the URL of a path under the namespace.
func (c *Client) gateway(elements ...string) string {
	c.setUp()
	return c.endpoints.GatewayURL + "/v1" + path(append([]string{c.endpoints.Namespace}, elements...)...)
}
