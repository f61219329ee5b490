package auth

import (
	"context"
	"net/http"
	"sync"
)

// An Authorizer adds to a request what proves who sends it. Programs with a
// scheme of their own implement it.
type Authorizer interface {
	// Authorize changes the request's headers and nothing else. An error stops
	// the request.
	Authorize(req *http.Request) error
}

// A Refresher is an Authorizer that can renew what it adds. A client calls
// Refresh once when the store answers that the discharge has expired, then
// authorizes and sends the request again.
type Refresher interface {
	Authorizer
	// Refresh renews what Authorize added to the refused request; requests that
	// fail together cause one renewal.
	Refresh(ctx context.Context, refused *http.Request) error
}

// AuthorizerFunc is a function as an Authorizer.
type AuthorizerFunc func(req *http.Request) error

// Authorize calls f.
func (f AuthorizerFunc) Authorize(req *http.Request) error { return f(req) }

// Authorize implements Authorizer: fixed credentials, never renewed.
func (c Credentials) Authorize(req *http.Request) error {
	header, err := c.Header()
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", header)
	return nil
}

// Session authorizes with the credentials of a Store: read once, when first
// needed, and renewed through the identity service when they are UbuntuOne. It
// is safe for concurrent use.
type Session struct {
	// Store keeps the credentials; required.
	Store *Store
	// Identity renews discharges; nil is the zero Identity.
	Identity *Identity

	mu     sync.Mutex
	loaded Credentials // guarded by mu
	header string      // guarded by mu; of loaded
}

// Authorize implements Authorizer. ErrCredentialsUnavailable before a login.
func (s *Session) Authorize(req *http.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	header, err := s.currentHeader(req.Context())
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", header)
	return nil
}

// currentHeader is called with mu held.
func (s *Session) currentHeader(ctx context.Context) (string, error) {
	if s.header != "" {
		return s.header, nil
	}
	loaded, err := s.Store.Load(ctx)
	if err != nil {
		return "", err
	}
	header, err := loaded.Header()
	if err != nil {
		return "", err
	}
	s.loaded, s.header = loaded, header
	return header, nil
}

// Refresh implements Refresher: each discharge is renewed, kept, and used from
// now on. ErrCannotRefresh for other kinds of credentials.
func (s *Session) Refresh(ctx context.Context, refused *http.Request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	header, err := s.currentHeader(ctx)
	if err != nil {
		return err
	}
	if refused.Header.Get("Authorization") != header {
		return nil // renewed meanwhile, by a request beside this one
	}
	if s.loaded.Kind != UbuntuOne || len(s.loaded.Discharges) == 0 {
		return ErrCannotRefresh
	}
	identity := s.Identity
	if identity == nil {
		identity = &Identity{}
	}
	renewed := s.loaded
	renewed.Discharges = make([]string, len(s.loaded.Discharges))
	for i, old := range s.loaded.Discharges {
		if renewed.Discharges[i], err = identity.Refresh(ctx, old); err != nil {
			return err
		}
	}
	if header, err = renewed.Header(); err != nil {
		return err
	}
	s.loaded, s.header = renewed, header
	return s.Store.Save(ctx, renewed)
}

// Forget makes the session read its store again: call it after logging in or
// out.
func (s *Session) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.loaded, s.header = Credentials{}, ""
}
