package candid

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) agentRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET " + root + "/login/agent", Handle: a.agent},
		{Pattern: "GET " + root + "/login/legacy-agent", Handle: a.legacyAgentCookie},
		{Pattern: "POST " + root + "/login/legacy-agent", Handle: a.legacyAgent},
	}
}

// bakeryVersion is the version of the protocol that a client speaks. What is
// absent or no number is version 0.
func bakeryVersion(r *http.Request) credential.BakeryVersion {
	v, err := strconv.Atoi(r.Header.Get("Bakery-Protocol-Version"))
	if err != nil || v < 0 {
		return 0
	}
	return min(credential.BakeryVersion(v), credential.LatestBakeryVersion)
}

// agent gives an agent the macaroon that it discharges with its own key.
func (a *api) agent(w http.ResponseWriter, r *http.Request) {
	m, err := a.agentRoot(r, r.FormValue("username"), r.FormValue("public-key"))
	if err != nil {
		fail(w, r, err)
		return
	}
	text, err := m.Macaroon.BakeryJSON(bakeryVersion(r), m.Caveat)
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"macaroon": json.RawMessage(text.Reveal())})
}

func (a *api) agentRoot(r *http.Request, username, key string) (identity.Root, error) {
	visit, err := did(r)
	if err != nil {
		return identity.Root{}, err
	}
	public, err := credential.ParseBoxPublic(key)
	if err != nil {
		return identity.Root{}, err
	}
	if username == "" {
		return identity.Root{}, badRequest("an agent needs a username")
	}
	return a.Identity.AgentLogin(r.Context(), visit, username, public, bakeryVersion(r))
}

// agentLogin is what an agent of the old protocol says it is.
type agentLogin struct {
	Username  string `json:"username"`
	PublicKey string `json:"public_key"`
}

func (a *api) legacyAgent(w http.ResponseWriter, r *http.Request) {
	var login agentLogin
	if err := reply.Decode(w, r, BodyLimit, &login); err != nil {
		fail(w, r, err)
		return
	}
	a.legacyAgentLogin(w, r, login)
}

// legacyAgentCookie is legacyAgent for still older clients.
func (a *api) legacyAgentCookie(w http.ResponseWriter, r *http.Request) {
	c, err := r.Cookie("agent-login")
	if err != nil {
		fail(w, r, badRequest("the cookie agent-login is missing"))
		return
	}
	text, err := credential.DecodeBase64(c.Value)
	if err != nil {
		fail(w, r, badRequest("the cookie agent-login is not base64"))
		return
	}
	var login agentLogin
	if err := reply.Unmarshal(text, &login); err != nil {
		fail(w, r, err)
		return
	}
	a.legacyAgentLogin(w, r, login)
}

// legacyAgentLogin asks an agent to discharge a macaroon with its key, and once
// it shows it in a cookie, lets whoever waits go on.
func (a *api) legacyAgentLogin(w http.ResponseWriter, r *http.Request, login agentLogin) {
	visit, err := did(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	err = a.Identity.ApproveByAgent(r.Context(), visit, identity.EvidenceOf(r))
	if err == nil {
		reply.JSON(w, r, http.StatusOK, map[string]bool{"agent_login": true})
		return
	}
	if store.KindOf(err) != store.KindUnauthorised {
		fail(w, r, err)
		return
	}
	m, err := a.agentRoot(r, login.Username, login.PublicKey)
	if err != nil {
		fail(w, r, err)
		return
	}
	a.dischargeRequired(w, r, m, r.URL.EscapedPath(), "agent")
}

// dischargeRequired sends a client to have a macaroon discharged. It comes back
// with it in a cookie of the given name, below a path.
func (a *api) dischargeRequired(w http.ResponseWriter, r *http.Request, m identity.Root, below, cookie string) {
	version := bakeryVersion(r)
	text, err := m.Macaroon.BakeryJSON(version, m.Caveat)
	if err != nil {
		fail(w, r, err)
		return
	}
	status := http.StatusProxyAuthRequired // what clients of version 0 look for
	if version > 0 {
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", "Macaroon")
	}
	reply.JSON(w, r, status, map[string]any{
		"Code": "macaroon discharge required", "Message": "macaroon discharge required: log in first",
		"Info": map[string]any{
			"Macaroon": json.RawMessage(text.Reveal()), "MacaroonPath": below, "CookieNameSuffix": cookie,
		},
	})
}
