package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/zalando/go-keyring"
)

// Keyring is the keyring of the system: Secret Service, macOS's keychain or
// Windows's credential manager. On Linux entries are those of Python's keyring,
// and so of snapcraft and charmcraft: programs can share a login. Windows and
// macOS limit a secret to about 2.5 KB, less than some pairs of macaroons have.
// Errors: ErrNoKeyring, ErrKeyringLocked.
//
// A keyring may ask its user to unlock it; a call returns when that is done or
// the context ends.
type Keyring struct{}

// Name is "keyring".
func (Keyring) Name() string { return "keyring" }

// Get implements Backend.
func (Keyring) Get(ctx context.Context, application, host string) (string, error) {
	return inKeyring(ctx, application, host, func() (string, error) { return keyring.Get(application, host) })
}

// Set implements Backend.
func (Keyring) Set(ctx context.Context, application, host, secret string) error {
	_, err := inKeyring(ctx, application, host, func() (string, error) { return "", keyring.Set(application, host, secret) })
	return err
}

// Delete implements Backend.
func (Keyring) Delete(ctx context.Context, application, host string) error {
	_, err := inKeyring(ctx, application, host, func() (string, error) { return "", keyring.Delete(application, host) })
	return err
}

// inKeyring calls the library, which knows no context, beside this goroutine: a
// prompt that nobody answers must not hold the program.
func inKeyring(ctx context.Context, application, host string, call func() (string, error)) (string, error) {
	type answer struct {
		secret string
		err    error
	}
	done := make(chan answer, 1)
	go func() {
		secret, err := call()
		done <- answer{secret, err}
	}()
	select {
	case <-ctx.Done():
		return "", fmt.Errorf("%w: %w", ErrKeyringLocked, ctx.Err())
	case a := <-done:
		switch {
		case a.err == nil:
			return a.secret, nil
		case errors.Is(a.err, keyring.ErrNotFound):
			return "", unavailable(application, host)
		case errors.Is(a.err, keyring.ErrSetDataTooBig):
			return "", fmt.Errorf("cannot keep the credentials in the keyring, which is limited; keep them in a file: %w", a.err)
		case isLocked(a.err):
			return "", fmt.Errorf("%w: %w", ErrKeyringLocked, a.err)
		}
		return "", fmt.Errorf("%w: %w", ErrNoKeyring, a.err)
	}
}

// isLocked goes by the texts of the Secret Service and of the library: neither
// gives anything better.
func isLocked(err error) bool {
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "locked") || strings.Contains(text, "unlock") || strings.Contains(text, "dismissed")
}
