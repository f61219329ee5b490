package credential

import "github.com/larder-store/larder/internal/store"

// The codes of this package's errors.
const (
	// CodeMalformed: a header or body that holds no credential this store knows.
	CodeMalformed = "credentials-malformed"
	// CodeInvalid: a credential that was not issued here, was tampered with, or
	// says something this store does not understand.
	CodeInvalid = "credentials-invalid"
	// CodeExpired: a good credential whose time is over; only logging in helps.
	CodeExpired = "credentials-expired"
	// CodeNeedsRefresh: a good root whose single sign-on discharge is past its
	// time; the client refreshes the discharge and tries again.
	CodeNeedsRefresh = "macaroon-needs-refresh"
	// CodeTooLarge: more bytes, caveats or discharges than are read.
	CodeTooLarge = "credentials-too-large"
	// CodeCaveat: a third-party caveat id that none of the keys here opens.
	CodeCaveat = "caveat-invalid"
)

// The errors are few and say nothing of what was wrong with a secret: the
// cause goes to the log, never to the client.
var (
	errMalformed    = store.Unauthorisedf(CodeMalformed, "the credentials cannot be read")
	errInvalid      = store.Unauthorisedf(CodeInvalid, "the credentials are not valid")
	errExpired      = store.Unauthorisedf(CodeExpired, "the credentials have expired").Try("log in again")
	errNeedsRefresh = store.Unauthorisedf(CodeNeedsRefresh, "the credentials need to be refreshed")
	errTooLarge     = store.Unauthorisedf(CodeTooLarge, "the credentials are too large")
	errCaveat       = store.Invalidf(CodeCaveat, "the caveat id cannot be opened")
)
