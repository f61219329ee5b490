package cli

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"strings"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/store"
)

// loginTroubles is what the ways to log in say when they fail.
var loginTroubles = []struct {
	err  error
	as   func(code, format string, args ...any) *store.Error
	code string
	next string // as step reads it
}{
	{auth.ErrCannotRefresh, store.Unauthorisedf, "login-expired", "LOGIN --store URL"},
	{auth.ErrSecondFactorRequired, store.Unauthorisedf, "second-factor-required", "give the code on the second line with --otp-stdin, or log in on a terminal"},
	{auth.ErrSecondFactorFailed, store.Unauthorisedf, "second-factor-failed", "wait for the next code and try again"},
	{auth.ErrInvalidLogin, store.Unauthorisedf, "invalid-login", "check both, or ask the store's operator for a new link"},
	{auth.ErrAccountBlocked, store.Forbiddenf, "account-blocked", "ask the store's operator"},
	{auth.ErrReadOnly, store.Conflictf, "credentials-in-environment", "unset VARIABLE first"},
	{auth.ErrNotParseable, store.Invalidf, "bad-credentials", "export them again with EXPORT"},
	{auth.ErrKeyringLocked, store.Unavailablef, "keyring-locked", "unlock it, or use VARIABLE"},
	{auth.ErrNoKeyring, store.Unavailablef, "no-keyring", "use VARIABLE"},
	{auth.ErrInteractionRequired, store.Invalidf, "no-way-to-log-in", "try another --flavour"},
	{auth.ErrNoDischarge, store.Invalidf, "no-way-to-log-in", "try another --flavour"},
	{auth.ErrTokenTimeout, store.Unavailablef, "login-timeout", "try again"},
	{auth.ErrTokenKind, store.Unavailablef, "bad-identity-service", "ask the store's operator"},
	{auth.ErrTokenValue, store.Unavailablef, "bad-identity-service", "ask the store's operator"},
}

// remoteSteps is what a publisher can do about the refusals of a store, by
// their code, as step reads them.
var remoteSteps = map[string]string{
	"resource-not-found":           "PUBLISH names lists yours; PUBLISH register NAME makes one",
	"already-registered":           "choose another name, or ask the store's operator",
	"already-claimed":              "choose another name, or ask the store's operator",
	"already-owned":                "it is yours: PUBLISH upload FILE",
	"reserved-name":                "choose another name, or ask the store's operator",
	"macaroon-permission-required": "log in again, with --permissions and --channel that allow it",
	"user-not-ready":               "accept the store's terms, or ask its operator",
	"conflict":                     "--force replaces what was edited in the store",
}

// stepsByKind is the same for everything that has no row above.
var stepsByKind = map[store.Kind]string{
	store.KindUnauthorised: "LOGIN --store URL",
	store.KindForbidden:    "WHOAMI shows what the login allows",
	store.KindNotFound:     "PUBLISH names lists yours",
	store.KindConflict:     "look at what the store has, and try again",
	store.KindInvalid:      "correct it and try again",
	store.KindTooLarge:     "ask the store's operator about its limits",
	store.KindUnavailable:  "try again later, or tell the store's operator",
	store.KindInternal:     "tell the store's operator",
}

func kindOf(status int) store.Kind {
	switch status {
	case http.StatusUnauthorized:
		return store.KindUnauthorised
	case http.StatusForbidden, http.StatusPaymentRequired:
		return store.KindForbidden
	case http.StatusNotFound, http.StatusGone:
		return store.KindNotFound
	case http.StatusConflict, http.StatusPreconditionFailed:
		return store.KindConflict
	case http.StatusRequestEntityTooLarge:
		return store.KindTooLarge
	case http.StatusTooManyRequests:
		return store.KindUnavailable
	}
	if status >= 500 {
		return store.KindUnavailable
	}
	return store.KindInvalid
}

// told is an error of the SDK in the words of the command line: its kind gives
// the exit code, and it names the next step.
func (r *remote) told(err error) error {
	var ours *store.Error
	var upload *snapstore.UploadError
	var refused *snapstore.StoreError
	var network *snapstore.NetworkError
	var invalid *snapstore.InvalidResponseError
	var request *snapstore.RequestError
	var unresolved *charmhub.ResolveError
	switch {
	case err == nil, errors.As(err, new(usageError)), errors.As(err, new(outcome)), errors.As(err, &ours),
		errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &upload) && upload.ResumeID != "":
		return withStep(r.told(upload.Err), "go on with the same command and --resume "+upload.ResumeID)
	case errors.As(err, &upload):
		return r.told(upload.Err)
	}
	if errors.Is(err, auth.ErrCredentialsUnavailable) {
		return store.Unauthorisedf("not-logged-in", "not logged in to %s", r.url).Try(r.step(stepsByKind[store.KindUnauthorised]))
	}
	for _, trouble := range loginTroubles {
		if errors.Is(err, trouble.err) {
			return trouble.as(trouble.code, "cannot use the store %s: %v", r.url, trouble.err).Try(r.step(trouble.next))
		}
	}
	switch {
	case errors.As(err, &network):
		return store.Unavailablef("store-unreachable", "cannot reach the store %s: %s", r.url, rootCause(network)).
			Try("check the address, and that the store runs")
	case errors.As(err, &invalid):
		return store.Unavailablef("not-a-store", "%s does not answer as a store does", r.url).Because(err).
			Try("check the address, and what stands before the store")
	case errors.As(err, &unresolved):
		return r.unresolved(unresolved)
	case errors.As(err, &request):
		return store.Invalidf("invalid-request", "%s", request.Problem).Try("correct it and try again")
	case errors.As(err, &refused):
		return r.refusal(refused)
	case errors.Is(err, snapstore.ErrNotFound):
		return store.NotFoundf("not-found", "%v", err).Try(r.step(stepsByKind[store.KindNotFound]))
	case errors.Is(err, snapstore.ErrWrongDigest):
		return store.Invalidf("wrong-digest", "%v", err).Try("try again; if it stays, tell the store's operator")
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrPermission):
		return store.NotFoundf("file-not-found", "%v", err)
	}
	return err
}

// refusal is what a store said no with. Its words are kept, its spelling of
// codes is not.
func (r *remote) refusal(e *snapstore.StoreError) error {
	code, said := "refused", make([]string, 0, len(e.Errors))
	for i, item := range e.Errors {
		if i == 0 && item.Code != "" {
			code = strings.ReplaceAll(strings.ToLower(item.Code), "_", "-")
		}
		said = append(said, cmp.Or(strings.TrimSuffix(item.Message, "."), item.Code))
	}
	if len(said) == 0 {
		said = append(said, strings.ToLower(cmp.Or(http.StatusText(e.Status), "no")))
	}
	kind := kindOf(e.Status)
	message, step := stepIn(strings.Join(said, "; "))
	switch known := remoteSteps[code]; {
	case kind == store.KindUnauthorised && r.realm.inEnvironment():
		step = "VARIABLE is no longer good: EXPORT --store URL"
	case kind == store.KindUnauthorised:
		step = stepsByKind[kind]
	case known != "":
		step = known
	case step == "":
		step = stepsByKind[kind]
	}
	refusal := &store.Error{Kind: kind, Code: code, Message: "the store refuses: " + message}
	if e.RequestID != "" && kind == store.KindUnavailable {
		refusal.Message += ", request " + e.RequestID
	}
	return refusal.Try(r.step(step))
}

// unresolved says that a store has not the charm that juju would ask for.
func (r *remote) unresolved(e *charmhub.ResolveError) error {
	if e.Refused == nil {
		return store.NotFoundf("not-found", "%v", e)
	}
	message, step := stepIn(e.Refused.Message)
	if len(e.Suggestions) > 0 || step == "" {
		step = r.step("PUBLISH info " + e.Package + " shows what there is")
	}
	return store.NotFoundf(e.Refused.Code, "the store refuses: %s", message).Try(step)
}

// stepIn parts the next step from a sentence of a larder, which puts it into
// brackets at the end.
func stepIn(text string) (sentence, step string) {
	if at := strings.LastIndex(text, " ("); at > 0 && strings.HasSuffix(text, ")") {
		return text[:at], text[at+2 : len(text)-1]
	}
	return text, ""
}

// step is a next step in which words in capitals stand for the commands of the
// realm, for the store, and for the variable with exported credentials.
func (r *remote) step(text string) string {
	larder := r.o.t.program + " "
	return strings.NewReplacer("LOGIN", larder+r.realm.login, "WHOAMI", larder+r.realm.whoami, "EXPORT", larder+r.realm.export,
		"PUBLISH", larder+r.realm.kind, "URL", r.url, "VARIABLE", r.realm.variable()).Replace(text)
}

// withStep replaces the next step of an error.
func withStep(err error, step string) error {
	var e *store.Error
	if errors.As(err, &e) {
		return e.Try(step)
	}
	return err
}

// rootCause is the last error of a chain: "connection refused" rather than how
// it came to be known.
func rootCause(err error) string {
	for {
		next := errors.Unwrap(err)
		if next == nil {
			return err.Error()
		}
		err = next
	}
}

// An outcome is no failure of the command and still not what it was for; it has
// an exit code of its own.
type outcome struct {
	err  *store.Error
	exit int
}

func (o outcome) Error() string { return o.err.Error() }

func (o outcome) Unwrap() error { return o.err }
