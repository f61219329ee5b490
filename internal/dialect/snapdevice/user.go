package snapdevice

import (
	"errors"
	"net/http"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// Somebody who has logged in on the device.

var errUserEnded = store.Unauthorisedf(codeUserEnded, "the login of the user has to be refreshed")

// withUser puts the device of an asker into the hands of the user who has
// logged in on it, if the request proves one; device is what was wrong with the
// device's session. Only a login that can be refreshed is asked for again: one
// that is over, or of another store, proves nothing, and a device on which
// somebody once logged in there must go on getting what is public.
func (a *api) withUser(r *http.Request, asker catalog.Asker, device error) (catalog.Asker, error) {
	if isBasic(r.Header["Authorization"]) {
		return asker, device // no client of this API sends passwords: nobody shall try any here
	}
	user, err := a.users.Authenticate(r.Context(), identity.Evidence{
		Authorization: r.Header["Authorization"], Address: identity.EvidenceOf(r).Address, UserAgent: r.UserAgent(),
	})
	switch {
	case err == nil:
		// A token that may not even look takes nothing from its device.
		if user.Need(store.PermView) == nil {
			asker.Who = asker.Who.With(user)
		}
		return asker, device
	case store.CodeOf(err) == identity.CodeNeedsRefresh:
		var session *store.Error
		if errors.As(device, &session) {
			return asker, store.Together([]*store.Error{session, errUserEnded})
		}
		return asker, errUserEnded
	case store.KindOf(err) == store.KindUnauthorised:
		return asker, device
	}
	return asker, err
}

func isBasic(authorization []string) bool {
	scheme, _, _ := strings.Cut(strings.TrimSpace(authorization[0]), " ")
	return strings.EqualFold(scheme, "basic")
}

// isEnded reports whether err is only about credentials that snapd renews.
func isEnded(err error) bool {
	code := store.CodeOf(err)
	return code == codeSessionEnded || code == codeUserEnded
}
