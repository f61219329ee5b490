package charmhub

import (
	"net/http"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// asker says who reads. juju never shows credentials, so nobody needs any; a
// publisher who does is shown what is private, too. Credentials that prove
// nothing any more are as none.
func (a *api) asker(r *http.Request) (catalog.Asker, error) {
	shown := r.Header["Authorization"]
	if len(shown) == 0 {
		return catalog.Asker{}, nil
	}
	if scheme, _, _ := strings.Cut(strings.TrimSpace(shown[0]), " "); strings.EqualFold(scheme, "basic") {
		return catalog.Asker{}, nil // no client sends passwords here: nobody shall try any
	}
	who, err := a.who(r)
	switch {
	case store.KindOf(err) == store.KindUnauthorised:
		return catalog.Asker{}, nil
	case err != nil:
		return catalog.Asker{}, err
	case who.Need(store.PermView) != nil:
		return catalog.Asker{}, nil // a token that may not even look takes nothing away
	}
	return catalog.Asker{Who: who}, nil
}

// base is the store's own URL as it stands within a JSON string, without a slash
// at its end.
func (a *api) base(r *http.Request) string {
	return string(wire.AppendEscaped(nil, strings.TrimSuffix(a.BaseURL(r), "/")))
}
