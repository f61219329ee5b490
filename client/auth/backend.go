package auth

import (
	"context"
	"fmt"
	"os"
	"sync"
)

// A Backend keeps secrets, one per application and host. The secret is opaque
// to it; a Store puts base64 of an Envelope there.
type Backend interface {
	// Name is for messages, for example "keyring".
	Name() string
	// Get returns ErrCredentialsUnavailable when there is none.
	Get(ctx context.Context, application, host string) (string, error)
	// Set replaces what is there.
	Set(ctx context.Context, application, host, secret string) error
	// Delete returns ErrCredentialsUnavailable when there is none.
	Delete(ctx context.Context, application, host string) error
}

func unavailable(application, host string) error {
	return fmt.Errorf("%w for %q on %q", ErrCredentialsUnavailable, application, host)
}

// Memory keeps secrets until the program ends. The zero value is empty and ready
// to use; it is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	secrets map[[2]string]string // guarded by mu; by application and host
}

// Name is "memory".
func (m *Memory) Name() string { return "memory" }

// Get implements Backend.
func (m *Memory) Get(_ context.Context, application, host string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	secret, ok := m.secrets[[2]string{application, host}]
	if !ok {
		return "", unavailable(application, host)
	}
	return secret, nil
}

// Set implements Backend.
func (m *Memory) Set(_ context.Context, application, host, secret string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.secrets == nil {
		m.secrets = map[[2]string]string{}
	}
	m.secrets[[2]string{application, host}] = secret
	return nil
}

// Delete implements Backend.
func (m *Memory) Delete(_ context.Context, application, host string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := [2]string{application, host}
	if _, ok := m.secrets[key]; !ok {
		return unavailable(application, host)
	}
	delete(m.secrets, key)
	return nil
}

// Environment reads the secret of every application and host from one variable.
// Setting and deleting give ErrReadOnly.
type Environment struct {
	// Variable is for example "SNAPCRAFT_STORE_CREDENTIALS".
	Variable string
}

// Name is "environment variable …".
func (e Environment) Name() string { return "environment variable " + e.Variable }

// Get implements Backend; an empty variable is as good as none.
func (e Environment) Get(context.Context, string, string) (string, error) {
	if secret := os.Getenv(e.Variable); secret != "" {
		return secret, nil
	}
	return "", fmt.Errorf("%w: %s is not set", ErrCredentialsUnavailable, e.Variable)
}

// Set returns ErrReadOnly.
func (e Environment) Set(context.Context, string, string, string) error { return e.readOnly() }

// Delete returns ErrReadOnly.
func (e Environment) Delete(context.Context, string, string) error { return e.readOnly() }

func (e Environment) readOnly() error { return fmt.Errorf("%w: %s", ErrReadOnly, e.Variable) }
