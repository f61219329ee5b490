package candid

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// The API with which other services learn what somebody is, to decide who may
// do what there. They ask as agents.
func (a *api) userRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET " + root + "/v1/whoami", Handle: a.known(a.whoami)},
		{Pattern: "GET " + root + "/v1/u", Handle: a.known(a.users)},
		{Pattern: "GET " + root + "/v1/u/{username}", Handle: a.known(a.user)},
		{Pattern: "GET " + root + "/v1/u/{username}/groups", Handle: a.known(a.groups)},
		{Pattern: "GET " + root + "/v1/u/{username}/idpgroups", Handle: a.known(a.groups)},
		{Pattern: "POST " + root + "/v1/verify", Handle: a.known(a.verify)},
	}
}

// known lets through who is logged in, and sends others to log in.
func (a *api) known(handle func(w http.ResponseWriter, r *http.Request, who identity.Who)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := a.Identity.Whoami(r.Context(), identity.EvidenceOf(r))
		switch {
		case err == nil:
			handle(w, r, who)
		case store.KindOf(err) == store.KindUnauthorised && r.Header.Get("Authorization") == "":
			a.loginRequired(w, r)
		default:
			fail(w, r, err)
		}
	}
}

// loginRequired gives a client a macaroon to be discharged by this service
// itself. It allows no more than to look.
func (a *api) loginRequired(w http.ResponseWriter, r *http.Request) {
	day := int64(24 * 60 * 60)
	m, err := a.Identity.IssueBakeryRoot(r.Context(), identity.Asked{
		Permissions: []string{"account-view-packages"}, TTL: &day, Description: "look up accounts",
	}, bakeryVersion(r), a.url(r, "/"))
	if err != nil {
		fail(w, r, err)
		return
	}
	a.dischargeRequired(w, r, m, root, "authn")
}

func (a *api) whoami(w http.ResponseWriter, r *http.Request, who identity.Who) {
	reply.JSON(w, r, http.StatusOK, map[string]string{"user": who.User.Account.Username})
}

// userJSON is an account as this API has it.
type userJSON struct {
	Username   string   `json:"username"`
	ExternalID string   `json:"external_id"`
	FullName   string   `json:"fullname"`
	Email      string   `json:"email"`
	GravatarID string   `json:"gravatar_id"`
	Groups     []string `json:"idpgroups"`
	PublicKeys []string `json:"public_keys"`
	SSHKeys    []string `json:"ssh_keys"`
}

func (a *api) user(w http.ResponseWriter, r *http.Request, who identity.Who) {
	l, err := a.Identity.Look(r.Context(), who, r.PathValue("username"))
	if err != nil {
		fail(w, r, err)
		return
	}
	u := userJSON{
		Username: l.User.Account.Username, ExternalID: l.User.OpenID, FullName: l.User.Account.DisplayName,
		Email: l.User.Email, Groups: l.Groups, PublicKeys: []string{}, SSHKeys: []string{},
	}
	for _, k := range l.Keys {
		switch k.Kind {
		case store.UserKeyAgent:
			u.PublicKeys = append(u.PublicKeys, k.Key)
		case store.UserKeySSH:
			u.SSHKeys = append(u.SSHKeys, k.Key)
		}
	}
	reply.JSON(w, r, http.StatusOK, u)
}

func (a *api) groups(w http.ResponseWriter, r *http.Request, who identity.Who) {
	l, err := a.Identity.Look(r.Context(), who, r.PathValue("username"))
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, l.Groups)
}

// users finds usernames by e-mail address, the one question that clients ask.
func (a *api) users(w http.ResponseWriter, r *http.Request, who identity.Who) {
	email := r.FormValue("email")
	if email == "" {
		fail(w, r, badRequest("users are found by email only"))
		return
	}
	found, err := a.Identity.LookByEmail(r.Context(), who, email)
	if err != nil {
		fail(w, r, err)
		return
	}
	names := []string{}
	for _, u := range found {
		names = append(names, u.Account.Username)
	}
	reply.JSON(w, r, http.StatusOK, names)
}

// verify says who macaroons prove that a service was shown.
func (a *api) verify(w http.ResponseWriter, r *http.Request, _ identity.Who) {
	var slice json.RawMessage
	if err := reply.Decode(w, r, BodyLimit, &slice); err != nil {
		fail(w, r, err)
		return
	}
	asker := identity.EvidenceOf(r)
	proven, err := a.Identity.VerifySlice(r.Context(), identity.Evidence{
		Macaroons: []string{base64.RawURLEncoding.EncodeToString(slice)}, Address: asker.Address, UserAgent: asker.UserAgent,
	}, asker)
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, map[string]string{"username": proven.User.Account.Username})
}
