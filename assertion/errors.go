package assertion

import (
	"errors"
	"fmt"
	"time"
)

// Sentinels for errors.Is.
var (
	// ErrUnknownType marks an assertion of a type that is not in the table.
	ErrUnknownType = errors.New("unknown assertion type")
	// ErrTooLarge marks input that exceeds one of the [Limits].
	ErrTooLarge = errors.New("too large")
	// ErrNotFound is what a [Lookup] returns, bare or wrapped, for an assertion
	// it does not have.
	ErrNotFound = errors.New("assertion not found")
)

// MissingError reports an assertion that must be known before another can be
// believed. It is an [ErrNotFound].
type MissingError struct {
	Ref  Ref    // what is missing
	Role string // what it would have been, such as "signing key" or "publisher account"
	For  Ref    // what needs it
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("cannot verify %s: its %s %s is missing, add that first", e.For, e.Role, e.Ref)
}

// Is makes every MissingError an ErrNotFound.
func (e *MissingError) Is(target error) bool { return target == ErrNotFound }

// SignatureError reports a signature that does not fit its content and key.
type SignatureError struct {
	Ref    Ref
	KeyID  string
	Reason string
}

func (e *SignatureError) Error() string {
	return fmt.Sprintf("cannot verify the signature of %s with key %s: %s", e.Ref, e.KeyID, e.Reason)
}

// AuthorityError reports a good signature by someone who may not sign this.
type AuthorityError struct {
	Ref         Ref
	AuthorityID string
	Reason      string
}

func (e *AuthorityError) Error() string {
	if e.AuthorityID == "" {
		return fmt.Sprintf("cannot accept %s: %s", e.Ref, e.Reason)
	}
	return fmt.Sprintf("cannot accept %s signed by account %q: %s", e.Ref, e.AuthorityID, e.Reason)
}

// ExpiredError reports a signing key that is not valid at the time that counts.
type ExpiredError struct {
	Ref   Ref
	Key   Ref
	At    time.Time
	What  string // what At is: "now" or "its timestamp"
	Since time.Time
	Until time.Time // zero: no end
}

func (e *ExpiredError) Error() string {
	until := "with no end"
	if !e.Until.IsZero() {
		until = "until " + e.Until.Format(time.RFC3339)
	}
	return fmt.Sprintf("cannot verify %s: %s (%s) is outside the validity of its signing key %s, which is valid from %s %s",
		e.Ref, e.What, e.At.Format(time.RFC3339), e.Key, e.Since.Format(time.RFC3339), until)
}

// FormatError reports an assertion whose format is newer than this package
// understands where understanding is needed, such as in a signing key.
type FormatError struct {
	Ref    Ref
	Format int
	Max    int
}

func (e *FormatError) Error() string {
	return fmt.Sprintf("cannot use %s: its format %d is newer than format %d, the newest understood here", e.Ref, e.Format, e.Max)
}

// StaleError reports that a revision at least as new is already held. Nothing was
// changed; for most callers that is success.
type StaleError struct {
	Ref      Ref
	Have     int
	Revision int
	// Same is true if the very same bytes are held.
	Same bool
}

func (e *StaleError) Error() string {
	if e.Same {
		return fmt.Sprintf("cannot add %s: revision %d is already held", e.Ref, e.Revision)
	}
	return fmt.Sprintf("cannot add revision %d of %s: revision %d is already held", e.Revision, e.Ref, e.Have)
}
