package identity

import (
	"context"

	"github.com/larder-store/larder/internal/store"
)

// Introspection is what a token allows, for a service that was shown it.
type Introspection struct {
	Allowed         bool
	RefreshRequired bool // the discharge has expired; nothing else is said then
	Who             Who  // zero unless allowed
}

// Introspect says what the value of an Authorization header is good for. It
// answers anybody, so failures are counted per address. The evidence is that
// of the service that asks, with the header it was shown.
func (i *Identity) Introspect(ctx context.Context, shown string, asker Evidence) (Introspection, error) {
	guess := checks{addressCheck(asker.Address)}
	if err := i.mayTry(ctx, guess); err != nil {
		return Introspection{}, err
	}
	w, err := i.Whoami(ctx, Evidence{
		Authorization: []string{shown}, Address: asker.Address, UserAgent: asker.UserAgent,
	})
	switch {
	case err == nil:
		return Introspection{Allowed: true, Who: w}, nil
	case store.CodeOf(err) == CodeNeedsRefresh:
		return Introspection{RefreshRequired: true}, nil
	case store.KindOf(err) == store.KindUnauthorised:
		i.note(ctx, guess)
		return Introspection{}, nil
	}
	return Introspection{}, err
}
