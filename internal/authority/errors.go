package authority

import (
	"errors"
	"fmt"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/store"
)

// How a chain is completed.
const (
	nextAddKey   = "add that account-key, or the anchor it chains to with: larder trust add FILE"
	nextAddFirst = "add that first, or together with this"
	nextTrust    = "if it is a root you trust, add its account and account-key with: larder trust add FILE"
)

// refused says why a cannot be added, or signed, as verb has it, and names the
// link that is missing or fails. It is nil for nil.
func refused(verb string, a *assertion.Assertion, err error) error {
	var (
		missing   *assertion.MissingError
		signature *assertion.SignatureError
		authority *assertion.AuthorityError
		expired   *assertion.ExpiredError
		format    *assertion.FormatError
	)
	name := verb + " " + short(a.Ref())
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing) && missing.Role == "signing key":
		return store.Invalidf(codeMissing, "cannot %s: its signing key, %s, is not known", name, short(missing.Ref)).
			Try(nextAddKey).Because(err)
	case errors.As(err, &missing):
		return store.Invalidf(codeMissing, "cannot %s: its %s, %s, is not known", name, missing.Role, short(missing.Ref)).
			Try(nextAddFirst).Because(err)
	case errors.As(err, &signature):
		return store.Invalidf(codeBadSignature, "cannot %s: its signature by the key %s is not good", name, signature.KeyID).
			Because(err)
	case errors.As(err, &expired):
		return store.Invalidf(codeExpired, "cannot %s: its signing key, %s, is not valid at %s",
			name, short(expired.Key), expired.At.UTC().Format("2006-01-02T15:04:05Z")).Because(err)
	case errors.As(err, &authority) && a.Type().Authority == assertion.ByTrusted:
		return store.Forbiddenf(codeUntrusted, "cannot %s: account %s signed it and may not", name, authority.AuthorityID).
			Try(nextTrust).Because(err)
	case errors.As(err, &authority):
		return store.Forbiddenf(codeUntrusted, "cannot %s: account %s signed it and may not", name, authority.AuthorityID).
			Because(err)
	case errors.As(err, &format):
		return store.Invalidf(codeInvalid, "cannot %s: %s has a format newer than this larder understands", name, short(format.Ref)).
			Try("upgrade larder").Because(err)
	}
	return fmt.Errorf("cannot %s: %w", name, err)
}
