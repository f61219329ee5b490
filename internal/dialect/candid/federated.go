package candid

import (
	"net/http"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
)

// federatedCookie keeps, sealed, what must fit to the provider's answer.
const federatedCookie = "larder-openid"

const federatedSeconds = 600

func (a *api) federatedRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET " + root + "/login/openid", Handle: a.federated},
		{Pattern: "GET " + root + "/login/openid/callback", Handle: a.federatedBack},
	}
}

func (a *api) callback(r *http.Request) string { return a.url(r, "/login/openid/callback") }

// federated sends a browser to the OpenID provider.
func (a *api) federated(w http.ResponseWriter, r *http.Request) {
	id, _, v, err := a.visit(r)
	if err != nil {
		failPage(w, r, err)
		return
	}
	mark := a.browserOf(w, r)
	to, ticket, err := a.Identity.BeginFederated(r.Context(), id, a.callback(r), mark)
	if err != nil {
		a.askPassword(w, r, statusOf(w, err), mark, v, err)
		return
	}
	a.setCookie(w, r, federatedCookie, ticket.Reveal(), federatedSeconds)
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// federatedBack is where the provider sends the browser: from here on it is as
// if a password had been typed.
func (a *api) federatedBack(w http.ResponseWriter, r *http.Request) {
	mark, _ := markOf(r)
	back := identity.Returned{State: r.FormValue("state"), Code: r.FormValue("code"), Refusal: r.FormValue("error")}
	if c, err := r.Cookie(federatedCookie); err == nil {
		back.Ticket = identity.NewSecret(c.Value)
	}
	id, e, err := a.Identity.FinishFederated(r.Context(), back, a.callback(r), identity.EvidenceOf(r), mark)
	a.setCookie(w, r, federatedCookie, "", -1)
	if err != nil && id.IsZero() {
		failPage(w, r, err)
		return
	}
	shown, v, showing := a.shown(r, id)
	switch {
	case showing != nil:
		failPage(w, r, showing)
	case err != nil:
		a.askPassword(w, r, statusOf(w, err), mark, v, err)
	default:
		a.askApproval(w, r, mark, v, e, shown.ReturnTo)
	}
}
