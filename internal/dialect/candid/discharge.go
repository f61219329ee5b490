package candid

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) dischargeRoutes() []reply.Route {
	var routes []reply.Route
	// Older clients know the same paths below another one.
	for _, prefix := range []string{root, root + "/v1/discharger"} {
		routes = append(routes,
			reply.Route{Pattern: "GET " + prefix + "/discharge/info", Handle: a.info},
			reply.Route{Pattern: "GET " + prefix + "/publickey", Handle: a.publicKey},
			reply.Route{Pattern: "POST " + prefix + "/discharge", Handle: a.discharge},
		)
	}
	return routes
}

// info is how makers of caveats learn the key.
func (a *api) info(w http.ResponseWriter, r *http.Request) {
	keys, err := a.Identity.BakeryKeys(r.Context())
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{
		"PublicKey": keys[0].Public().String(), "Version": int(credential.LatestBakeryVersion),
	})
}

func (a *api) publicKey(w http.ResponseWriter, r *http.Request) {
	keys, err := a.Identity.BakeryKeys(r.Context())
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"PublicKey": keys[0].Public().String()})
}

// asked is a client's wish to have a caveat discharged.
type asked struct {
	id        []byte // of the caveat on the wire
	caveat    []byte // what it says: the id, or what goes with it
	tokenKind string
	token     []byte // nil before the login
}

func (a *api) discharge(w http.ResponseWriter, r *http.Request) {
	asked, err := readAsked(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	c, condition, err := a.Identity.CheckCaveat(r.Context(), asked.caveat)
	if err != nil {
		fail(w, r, err)
		return
	}
	if asked.token == nil {
		a.interactionRequired(w, r, asked, condition)
		return
	}
	e, err := a.Identity.ByDischargeToken(r.Context(), asked.tokenKind, asked.token, asked.id, identity.EvidenceOf(r))
	if err != nil {
		fail(w, r, err)
		return
	}
	m, err := a.Identity.DischargeCaveat(r.Context(), e, asked.caveat, asked.id)
	if err != nil {
		fail(w, r, err)
		return
	}
	text, err := m.BakeryJSON(c.Version)
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"Macaroon": json.RawMessage(text.Reveal())})
}

func badRequest(format string, args ...any) error {
	return store.Invalidf("bad-request", format, args...)
}

// readForm reads a form, from the body or the URL.
func readForm(r *http.Request) (url.Values, error) {
	if err := r.ParseForm(); err != nil {
		var over *http.MaxBytesError
		if errors.As(err, &over) {
			return nil, store.TooLargef(reply.CodeTooLarge, "the form is larger than %d bytes", over.Limit)
		}
		return nil, badRequest("cannot read the form")
	}
	return r.Form, nil
}

func readAsked(r *http.Request) (a asked, err error) {
	form, err := readForm(r)
	if err != nil {
		return a, err
	}
	if form.Has("discharge-for-user") {
		return a, store.Forbiddenf("bad-request", "this service discharges nothing in the name of somebody else")
	}
	if a.id, err = eitherBase64(form, "id"); err != nil {
		return a, err
	}
	if len(a.id) == 0 {
		return a, badRequest("the caveat's id is needed, as id or id64")
	}
	a.caveat = a.id
	if text := form.Get("caveat64"); text != "" {
		if a.caveat, err = credential.DecodeBase64(text); err != nil {
			return a, badRequest("caveat64 is not base64")
		}
	}
	if a.token, err = eitherBase64(form, "token"); err != nil {
		return a, err
	}
	a.tokenKind = form.Get("token-kind")
	if (len(a.token) > 0) != (a.tokenKind != "") {
		return a, badRequest("token (or token64) and token-kind go together")
	}
	if len(a.token) == 0 {
		a.token = nil
	}
	return a, nil
}

// eitherBase64 reads a field that is text, or base64 under a name of its own.
func eitherBase64(form url.Values, name string) ([]byte, error) {
	plain, coded := form.Get(name), form.Get(name+"64")
	switch {
	case plain != "" && coded != "":
		return nil, badRequest("%s and %s64 are the same thing: one is enough", name, name)
	case coded == "":
		return []byte(plain), nil
	}
	raw, err := credential.DecodeBase64(coded)
	if err != nil {
		return nil, badRequest("%s64 is not base64", name)
	}
	return raw, nil
}

// interactionRequired opens a visit and tells the client how somebody may log
// in. Clients of before version 2 know only the first two members of Info, as
// do those whose caveat begins with "<".
func (a *api) interactionRequired(w http.ResponseWriter, r *http.Request, asked asked, condition credential.Condition) {
	shown := identity.EvidenceOf(r)
	v, err := a.Identity.BeginVisit(r.Context(), identity.VisitAsked{
		Caveat: asked.caveat, CaveatID: asked.id, Address: shown.Address, UserAgent: shown.UserAgent,
	})
	if err != nil {
		fail(w, r, err)
		return
	}
	visit, wait := "?did="+v.Visit.Reveal(), "?did="+v.Wait.Reveal()
	info := map[string]any{
		"VisitURL": a.url(r, "/login-legacy"+visit),
		"WaitURL":  a.url(r, "/wait-legacy"+wait),
	}
	if !condition.Legacy {
		methods := map[string]any{
			"browser-window": map[string]string{
				"VisitURL": a.url(r, "/login"+visit), "WaitTokenURL": a.url(r, "/wait-token"+wait),
				"Code": v.Code, // for those who know to show it
			},
			"agent": map[string]string{"login-url": a.url(r, "/login/agent"+visit)},
			"form":  map[string]string{"url": a.url(r, "/login/form"+wait)},
		}
		if sites, err := a.ReturnTo(r.Context()); err == nil && len(sites) > 0 {
			methods["browser-redirect"] = map[string]string{
				"LoginURL": a.url(r, "/login-redirect"), "DischargeTokenURL": a.url(r, "/discharge-token"),
			}
		}
		info["InteractionMethods"] = methods
	}
	w.Header().Set("WWW-Authenticate", "Macaroon") // clients compare all of it
	reply.JSON(w, r, http.StatusUnauthorized, map[string]any{
		"Code": "interaction required", "Message": "login needed", "Info": info,
	})
}
