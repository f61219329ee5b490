package cli

import (
	"net/http"
	"net/url"

	"github.com/larder-store/larder/internal/dialect/sso"
	"github.com/larder-store/larder/internal/identity/credential"
)

// signOn is the single sign-on with the tokens that it leads to.
func (h *house) signOn() http.Handler {
	return sso.New(sso.Options{
		Identity: h.identity, BaseURL: h.baseURL, Hosts: h.ssoHosts,
		KeysByEmail: func(r *http.Request) (bool, error) {
			return h.settings.Flag(r.Context(), "larder.sso.keys-by-email")
		},
	})
}

// ssoHosts says by which names clients know the single sign-on: what the
// settings say, else the host of the store's URL. Where the settings cannot be
// read the location is that host, too: it decides nothing.
func (h *house) ssoHosts(r *http.Request) credential.SSOHosts {
	var hosts credential.SSOHosts
	hosts.Aliases, _ = h.settings.List(r.Context(), "larder.sso.aliases")
	hosts.Netloc, _ = h.settings.Get(r.Context(), "larder.sso.location")
	if hosts.Netloc != "" {
		return hosts
	}
	if u, err := url.Parse(h.baseURL(r)); err == nil {
		hosts.Netloc = u.Host
	}
	return hosts
}
