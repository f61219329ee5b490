package cli

import (
	"github.com/larder-store/larder/internal/dialect/charmhub"
	"github.com/larder-store/larder/internal/dialect/gateway"
	"github.com/larder-store/larder/internal/server"
)

// charmhubMount is what juju and charmcraft ask.
func (h *house) charmhubMount() server.Mount {
	return server.Mount{
		Name: "charmhub", Under: charmhub.Under,
		Handler: charmhub.New(charmhub.Options{
			Catalog: h.catalog, Identity: h.identity, Registry: h.identity, BaseURL: h.baseURL,
			Ready: gateway.Ready(h.identity, h.terms),
		}),
	}
}
