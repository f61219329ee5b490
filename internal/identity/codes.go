package identity

import (
	"fmt"
	"math"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// The codes of logins are the single sign-on's. Its clients also know them in
// upper case with underscores.
const (
	CodeInvalidCredentials = "invalid-credentials"
	CodeTwoFactorRequired  = "twofactor-required"
	CodeTwoFactorFailure   = "twofactor-failure"
	CodeSuspended          = "account-suspended"
	CodeDeactivated        = "account-deactivated"
	CodeInvalidData        = "invalid-data"
	CodePasswordPolicy     = "password-policy-error"
	CodeTooMany            = "too-many-requests"
)

// The codes of what concerns accounts and tokens.
const (
	// CodeNeedsLogin: a token does not do; whoever asks must log in afresh.
	CodeNeedsLogin = "login-required"
	// CodeLastAdmin: without this administrator there would be none.
	CodeLastAdmin = "last-admin"
	// CodeLinkUsed: a one-time link that was used, replaced, or has expired.
	CodeLinkUsed = "link-expired"

	codeInvalidRole    = "invalid-role"
	codeInvalidKey     = "invalid-user-key"
	codeUserExists     = "user-exists"
	codeNoSecondFactor = "no-second-factor"
)

// ExtraRetryAfter is where an error with CodeTooMany says, in seconds, when
// trying again makes sense.
const ExtraRetryAfter = "retry-after"

func tooMany(wait time.Duration) *store.Error {
	seconds := max(1, int(math.Ceil(wait.Seconds())))
	return store.Unavailablef(CodeTooMany, "too many attempts").
		Try(fmt.Sprintf("try again in %d seconds", seconds)).
		With(ExtraRetryAfter, fmt.Sprint(seconds))
}

// errCredentials is the same whether the account or the password is wrong.
var errCredentials = store.Unauthorisedf(CodeInvalidCredentials, "the e-mail address or the password is wrong")

// invalidData names what is wrong with one member of a request.
func invalidData(member, why string) *store.Error {
	return store.Invalidf(CodeInvalidData, "the request is not valid: %s: %s", member, why).
		With(member, []string{why})
}
