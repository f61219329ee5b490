package auth

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
)

// The environment variables that clients of stores keep exported credentials
// in; give one to FromEnvironment.
const (
	EnvSnapcraft  = "SNAPCRAFT_STORE_CREDENTIALS"
	EnvCharmcraft = "CHARMCRAFT_AUTH"
	EnvUbuntu     = "UBUNTU_STORE_AUTH"
)

// A Store keeps the credentials of one application for one host.
type Store struct {
	// Application is the name of the program, for example "snapcraft".
	Application string
	// Host is the host (and port, if given) of the store's URL.
	Host string
	// Backend keeps the secret; nil keeps it nowhere: every Load is
	// ErrCredentialsUnavailable and every Save ErrNoKeyring.
	Backend Backend
	// Variable is the environment variable that Open took the credentials from,
	// empty if they came from nowhere outside.
	Variable string
}

// An Option changes what Open chooses.
type Option func(*options)

type options struct {
	variable     string
	ephemeral    bool
	fileFallback bool
	filePath     string
	logger       *slog.Logger
}

// FromEnvironment takes the credentials from this variable when it is not
// empty; they are then kept in memory only, and logging in is refused because
// credentials are there.
func FromEnvironment(variable string) Option { return func(o *options) { o.variable = variable } }

// Ephemeral keeps credentials in memory only.
func Ephemeral() Option { return func(o *options) { o.ephemeral = true } }

// FileFallback keeps credentials in a File where there is no keyring. The path
// may be empty, see File.
func FileFallback(path string) Option {
	return func(o *options) { o.fileFallback, o.filePath = true, path }
}

// Warn gets the warning that a file is used instead of a keyring.
func Warn(logger *slog.Logger) Option { return func(o *options) { o.logger = logger } }

// Open chooses where credentials are kept, in this order: memory, with the
// credentials of the environment, if that variable is set; memory if Ephemeral;
// the keyring; the file if there is no keyring and FileFallback allows it.
//
// The URL is the store's base URL; its host and port name the entry. Errors:
// ErrNoKeyring, ErrKeyringLocked, and ErrNotParseable for what the environment
// holds.
func Open(ctx context.Context, application, storeURL string, opts ...Option) (*Store, error) {
	var o options
	for _, set := range opts {
		set(&o)
	}
	s := &Store{Application: application, Host: HostOf(storeURL)}
	if o.variable != "" && os.Getenv(o.variable) != "" {
		credentials, err := Parse(os.Getenv(o.variable))
		if err != nil {
			return nil, fmt.Errorf("cannot use %s: %w", o.variable, err)
		}
		s.Backend, s.Variable = &Memory{}, o.variable
		return s, s.Save(ctx, credentials)
	}
	if o.ephemeral {
		s.Backend = &Memory{}
		return s, nil
	}
	s.Backend = Keyring{}
	_, err := s.Backend.Get(ctx, s.Application, s.Host)
	switch {
	case err == nil || errors.Is(err, ErrCredentialsUnavailable):
		return s, nil
	case errors.Is(err, ErrNoKeyring) && o.fileFallback:
		if o.logger != nil {
			o.logger.WarnContext(ctx, "no keyring: keeping credentials in a file, readable by whoever can read your files")
		}
		s.Backend = File{Path: o.filePath}
		return s, nil
	}
	return nil, err
}

// HostOf is the host, and the port if there is one, of a store's URL: the name
// under which its credentials are kept.
func HostOf(storeURL string) string {
	if u, err := url.Parse(storeURL); err == nil && u.Host != "" {
		return u.Host
	}
	return storeURL
}

// Load returns the credentials. ErrCredentialsUnavailable if there are none,
// ErrNotParseable if something else is kept there.
func (s *Store) Load(ctx context.Context) (Credentials, error) {
	if s.Backend == nil {
		return Credentials{}, unavailable(s.Application, s.Host)
	}
	secret, err := s.Backend.Get(ctx, s.Application, s.Host)
	if err != nil {
		return Credentials{}, err
	}
	return Parse(secret)
}

// Save keeps credentials and replaces what is there.
func (s *Store) Save(ctx context.Context, c Credentials) error {
	if s.Backend == nil {
		return ErrNoKeyring
	}
	secret, err := c.Export()
	if err != nil {
		return err
	}
	return s.Backend.Set(ctx, s.Application, s.Host, secret)
}

// EnsureNone returns ErrCredentialsAvailable if something is kept, readable or
// not, and the backend's error if it cannot tell.
func (s *Store) EnsureNone(ctx context.Context) error {
	if s.Backend == nil {
		return nil
	}
	_, err := s.Backend.Get(ctx, s.Application, s.Host)
	switch {
	case err == nil:
		return fmt.Errorf("%w for %q on %q; log out first", ErrCredentialsAvailable, s.Application, s.Host)
	case errors.Is(err, ErrCredentialsUnavailable):
		return nil
	}
	return err
}

// Delete forgets the credentials. ErrCredentialsUnavailable if there are none.
func (s *Store) Delete(ctx context.Context) error {
	if s.Backend == nil {
		return unavailable(s.Application, s.Host)
	}
	return s.Backend.Delete(ctx, s.Application, s.Host)
}
