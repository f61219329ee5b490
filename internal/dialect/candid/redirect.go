package candid

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) redirectRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET " + root + "/login-redirect", Handle: a.loginRedirect},
		{Pattern: "POST " + root + "/discharge-token", Handle: a.dischargeToken},
	}
}

const (
	maxReturnTo = 2 << 10 // bytes
	maxState    = 1 << 10
)

// loginRedirect is where a web site sends a user to log in, who then comes back
// to it with a code.
func (a *api) loginRedirect(w http.ResponseWriter, r *http.Request) {
	returnTo, state := r.FormValue("return_to"), r.FormValue("state")
	sites, err := a.ReturnTo(r.Context())
	if err != nil {
		failPage(w, r, err)
		return
	}
	if !mayReturn(sites, returnTo) || len(state) > maxState {
		failPage(w, r, store.Forbiddenf("return-not-allowed", "the web site that sent you here may not use this login").
			Try("its operator asks this store's to add it to larder.identity.return-to"))
		return
	}
	shown := identity.EvidenceOf(r)
	v, err := a.Identity.BeginVisit(r.Context(), identity.VisitAsked{
		ReturnTo: returnTo, State: state, Address: shown.Address, UserAgent: returnTo,
	})
	if err != nil {
		failPage(w, r, err)
		return
	}
	http.Redirect(w, r, root+"/login?did="+v.Visit.Reveal(), http.StatusSeeOther)
}

// mayReturn reports whether a URL is one of the sites, or below one: the same
// scheme, host and port to the letter, and the site's path or one below it. What
// browsers and servers may read in two ways is refused.
func mayReturn(sites []string, to string) bool {
	if len(to) == 0 || len(to) > maxReturnTo {
		return false
	}
	for _, c := range []byte(to) {
		if c <= ' ' || c >= 0x7f || c == '\\' {
			return false
		}
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil || u.Fragment != "" ||
		strings.Contains(to, "#") || u.RawPath != "" || u.Opaque != "" {
		return false
	}
	if p := strings.TrimSuffix(u.Path, "/"); p != "" && path.Clean(p) != p {
		return false
	}
	for _, text := range sites {
		site, err := url.Parse(text)
		if err != nil || site.Host == "" || site.Scheme != u.Scheme || site.Host != u.Host {
			continue
		}
		at := strings.TrimSuffix(site.Path, "/")
		if u.Path == at || strings.HasPrefix(u.Path, at+"/") {
			return true
		}
	}
	return false
}

// goBack sends a browser back to the web site it came from.
func goBack(w http.ResponseWriter, r *http.Request, to string, with url.Values) {
	separator := "?"
	if strings.Contains(to, "?") {
		separator = "&"
	}
	http.Redirect(w, r, to+separator+with.Encode(), http.StatusSeeOther)
}

// dischargeToken gives a web site the token for the code that its user came
// back with.
func (a *api) dischargeToken(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Code string `json:"code"`
	}
	if err := reply.Decode(w, r, BodyLimit, &body); err != nil {
		fail(w, r, err)
		return
	}
	visit, code, _ := strings.Cut(body.Code, ".")
	m, err := a.Identity.TakeRedirect(r.Context(), identity.NewSecret(visit), identity.NewSecret(code))
	if err != nil {
		fail(w, r, err)
		return
	}
	writeToken(w, r, m)
}
