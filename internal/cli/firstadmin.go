package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/larder-store/larder/internal/identity"
)

// firstAdmin is how the first administrator is shown, once.
type firstAdmin struct {
	Username string `json:"username"`
	Email    string `json:"email"`
	Link     string `json:"link"`
}

// firstAdmin is nil where there was an administrator already. The link leads to
// the store's own address once it has one, else to where it serves now.
func (h *house) firstAdmin(ctx context.Context, made *identity.FirstAdmin, at string) *firstAdmin {
	if made == nil {
		return nil
	}
	if u, err := h.upkeep.URL(ctx); err == nil && u != "" {
		at = u
	}
	return &firstAdmin{made.User.Account.Username, made.User.Email, identity.SetupURL(at, made.Link).Reveal()}
}

// introduce tells of the first administrator.
func (o *options) introduce(w io.Writer, a *firstAdmin) {
	if a == nil {
		return
	}
	fmt.Fprintf(w, "First administrator: %s (%s)\n", a.Username, a.Email)
	fmt.Fprintf(w, "Choose its password with this one-time link: %s\n", a.Link)
	fmt.Fprintf(w, "or with: %s account set-password %s --data %s\n", o.t.called, a.Username, o.data)
}
