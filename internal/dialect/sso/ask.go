package sso

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// dashboardAsk is how clients of the dashboard say what a token shall allow.
type dashboardAsk struct {
	Permissions []string           `json:"permissions"`
	Packages    []dashboardPackage `json:"packages"`
	Channels    []string           `json:"channels"`
	StoreIDs    []string           `json:"store_ids"`
	Expires     string             `json:"expires"`
	Description string             `json:"description"`
}

type dashboardPackage struct {
	SnapID string `json:"snap_id"`
	Name   string `json:"name"`
	Series string `json:"series"` // there is but one
}

func (d dashboardAsk) asked() (identity.Asked, error) {
	a := identity.Asked{
		Permissions: d.Permissions, Channels: d.Channels, Stores: d.StoreIDs, Description: d.Description,
	}
	if d.Packages != nil {
		a.Packages = []store.PackageLimit{}
	}
	for _, p := range d.Packages {
		l := store.PackageLimit{ID: p.SnapID}
		if p.Name != "" {
			l.Name, l.Namespace = p.Name, store.Snap
		}
		a.Packages = append(a.Packages, l)
	}
	if d.Expires == "" {
		return a, nil
	}
	var ok bool
	if a.Expires, ok = readTime(d.Expires); !ok {
		return a, badAsk("%.100q is not a 'date-time' in UTC at /expires", d.Expires)
	}
	return a, nil
}

// expiresLayouts are how clients write times: craft-store with an offset, surl
// with a blank and without one.
var expiresLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05", time.DateOnly}

// readTime reads a time in UTC.
func readTime(text string) (time.Time, bool) {
	for _, layout := range expiresLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			_, offset := t.Zone()
			return t.UTC(), offset == 0
		}
	}
	return time.Time{}, false
}

func badAsk(format string, args ...any) error {
	return store.Invalidf(identity.CodeBadAsk, format, args...)
}

// strictAsk is a dashboardAsk in which the store takes no member that it does
// not know: what it would leave out might be a restriction.
type strictAsk struct{ dashboardAsk }

func (s *strictAsk) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&s.dashboardAsk)
	if err != nil {
		if name, found := strings.CutPrefix(err.Error(), "json: unknown field "); found {
			//lint:ignore ST1005 this is the sentence that clients know
			return fmt.Errorf("Additional properties are not allowed (%.100s was unexpected)", name)
		}
	}
	return err
}

// gatewayAsk is how clients of the gateway say it.
type gatewayAsk struct {
	Permissions []string         `json:"permissions"`
	Packages    []gatewayPackage `json:"packages"`
	Channels    []string         `json:"channels"`
	TTL         *int64           `json:"ttl"` // seconds
	Description string           `json:"description"`
}

type gatewayPackage struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Type string `json:"type"`
}

// UnmarshalJSON also takes a bare name, which craft-store's single sign-on
// login has in the place of a package.
func (p *gatewayPackage) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &p.Name)
	}
	type plain gatewayPackage
	return json.Unmarshal(text, (*plain)(p))
}

// packageTypes is what the gateway's types of packages limit a token to.
var packageTypes = map[string]store.PackageLimit{
	"":       {},
	"snap":   {Namespace: store.Snap},
	"charm":  {Namespace: store.Charm, Type: store.TypeCharm},
	"bundle": {Namespace: store.Charm, Type: store.TypeBundle},
}

func (g gatewayAsk) asked() (identity.Asked, error) {
	a := identity.Asked{
		Permissions: g.Permissions, Channels: g.Channels, TTL: g.TTL, Description: g.Description,
	}
	if g.Packages != nil {
		a.Packages = []store.PackageLimit{}
	}
	for n, p := range g.Packages {
		l, known := packageTypes[p.Type]
		if !known {
			return a, badAsk("%.100q is not one of ['charm', 'bundle', 'snap'] at /packages/%d/type", p.Type, n)
		}
		l.ID, l.Name = p.ID, p.Name
		if p.ID != "" {
			l.Namespace = "" // the id says it all
		}
		a.Packages = append(a.Packages, l)
	}
	return a, nil
}

// readGatewayAsk reads what a client of the gateway wants.
func readGatewayAsk(r *http.Request) (identity.Asked, error) {
	var g gatewayAsk
	if err := read(r, &g); err != nil {
		return identity.Asked{}, err
	}
	return g.asked()
}
