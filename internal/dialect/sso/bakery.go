package sso

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/identity/credential"
)

// headerBakery says which version of the bakery's protocol a client speaks.
const headerBakery = "Bakery-Protocol-Version"

// bakeryVersion is the version to answer with. Clients that do not say read
// version 2, which holds all of a caveat in its id.
func bakeryVersion(r *http.Request) credential.BakeryVersion {
	if v, err := strconv.Atoi(r.Header.Get(headerBakery)); err == nil && v >= int(credential.LatestBakeryVersion) {
		return credential.LatestBakeryVersion
	}
	return 2
}

// bakeryRoot is a root that the identity service discharges: JSON, as text
// within JSON.
func (a *api) bakeryRoot(r *http.Request, asked identity.Asked) (any, error) {
	version := bakeryVersion(r)
	root, err := a.Identity.IssueBakeryRoot(r.Context(), asked, version, a.identityURL(r))
	if err != nil {
		return nil, err
	}
	text, err := root.Macaroon.BakeryJSON(version, root.Caveat)
	if err != nil {
		return nil, err
	}
	return map[string]string{"macaroon": text.Reveal()}, nil
}

// exchangeSlice makes one token of a root and its discharge of the identity
// service. One generation of clients has them in the body.
func (a *api) exchangeSlice(r *http.Request) (any, error) {
	var asked struct {
		Macaroon json.RawMessage `json:"macaroon"`
		clientDescription
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	e := identity.EvidenceOf(r)
	if len(e.Macaroons) == 0 && len(e.Authorization) == 0 && len(asked.Macaroon) > 0 {
		var text string
		if json.Unmarshal(asked.Macaroon, &text) != nil {
			text = string(asked.Macaroon)
		}
		e.Macaroons = []string{text}
	}
	return token(a.Identity.ExchangeSlice(r.Context(), e, asked.of(r)))
}

// clientDescription is how a client describes itself.
type clientDescription struct {
	Client string `json:"client-description"`
}

func (c clientDescription) of(r *http.Request) string {
	if c.Client != "" {
		return c.Client
	}
	return r.UserAgent()
}
