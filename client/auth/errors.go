package auth

import (
	"errors"
	"fmt"
)

// What can go wrong with credentials; test with errors.Is.
var (
	// ErrCredentialsUnavailable: nothing is kept for this application and host.
	ErrCredentialsUnavailable = errors.New("no credentials found")
	// ErrCredentialsAvailable: something is kept already, and it was not asked
	// to be replaced.
	ErrCredentialsAvailable = errors.New("credentials are already there")
	// ErrNotParseable: the text is none of the encodings, or not the kind of
	// credentials that is needed.
	ErrNotParseable = errors.New("cannot read the credentials")
	// ErrNoKeyring: this machine offers no keyring.
	ErrNoKeyring = errors.New("no keyring found to keep credentials in")
	// ErrKeyringLocked: there is a keyring, but it stays locked.
	ErrKeyringLocked = errors.New("cannot unlock the keyring")
	// ErrReadOnly: these credentials come from the environment and cannot be
	// changed there.
	ErrReadOnly = errors.New("credentials from the environment cannot be changed")
)

// What can go wrong while logging in; test with errors.Is. Errors of the
// service are wrapped too: errors.As to *transport.StoreError finds them.
var (
	// ErrSecondFactorRequired: the account wants a one-time password as well.
	ErrSecondFactorRequired = errors.New("a second factor is needed")
	// ErrSecondFactorFailed: the one-time password was wrong or used before.
	ErrSecondFactorFailed = errors.New("the second factor was refused")
	// ErrInvalidLogin: unknown address or wrong password.
	ErrInvalidLogin = errors.New("the address or the password is wrong")
	// ErrAccountBlocked: the account is suspended, deactivated, its address is
	// not confirmed, or its password must be changed.
	ErrAccountBlocked = errors.New("the account cannot log in")
	// ErrNoDischarge: the root macaroon names no identity service to go to.
	ErrNoDischarge = errors.New("the store's macaroon asks for no identity service")
	// ErrCannotRefresh: these credentials cannot be renewed; log in again.
	ErrCannotRefresh = errors.New("the credentials have expired and cannot be renewed; log in again")
	// ErrInteractionRequired: the identity service offers no way to log in
	// that this program has.
	ErrInteractionRequired = errors.New("no common way to log in")
	// ErrTokenTimeout: waiting for a login in the browser ended without one.
	ErrTokenTimeout = errors.New("timed out waiting for the login in the browser")
	// ErrTokenKind: the identity service gave a token without its kind.
	ErrTokenKind = errors.New("the identity service gave a token without a kind")
	// ErrTokenValue: the identity service gave no token.
	ErrTokenValue = errors.New("the identity service gave no token")
)

func notParseable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotParseable, fmt.Sprintf(format, args...))
}
