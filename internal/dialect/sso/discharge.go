package sso

import (
	"net/http"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// signOnRoutes are the single sign-on's.
func (a *api) signOnRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "POST /api/v2/tokens/discharge", Handle: answering(signOnErrors, a.discharge)},
		{Pattern: "POST /api/v2/tokens/refresh", Handle: answering(signOnErrors, a.refresh)},
		{Pattern: "GET /api/v2/keys/{email}", Handle: answering(signOnErrors, a.keys)},
	}
}

func (a *api) discharge(r *http.Request) (any, error) {
	var asked struct {
		Email    string `json:"email"`
		Password string `json:"password"`
		OTP      string `json:"otp"`
		CaveatID string `json:"caveat_id"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	e := identity.EvidenceOf(r)
	discharge, err := a.Identity.Discharge(r.Context(), identity.Attempt{
		Login: asked.Email, Password: identity.NewSecret(asked.Password), OTP: identity.NewSecret(asked.OTP),
		Address: e.Address, UserAgent: e.UserAgent,
	}, asked.CaveatID, a.location(r))
	if err != nil {
		return nil, err
	}
	return map[string]string{"discharge_macaroon": discharge.Reveal()}, nil
}

func (a *api) refresh(r *http.Request) (any, error) {
	var asked struct {
		Discharge string `json:"discharge_macaroon"`
	}
	if err := read(r, &asked); err != nil {
		return nil, err
	}
	discharge, err := a.Identity.RefreshDischarge(
		r.Context(), asked.Discharge, a.location(r), identity.EvidenceOf(r).Address)
	if err != nil {
		return nil, err
	}
	return map[string]string{"discharge_macaroon": discharge.Reveal()}, nil
}

// keys are what snap create-user gives a new user of a device.
func (a *api) keys(r *http.Request) (any, error) {
	unknown := store.NotFoundf("resource-not-found", "no account has this address")
	allowed, err := a.KeysByEmail(r)
	if err != nil {
		return nil, err
	}
	if !allowed {
		return nil, unknown
	}
	users, err := a.Identity.UsersByEmail(r.Context(), []string{r.PathValue("email")})
	if err != nil {
		return nil, err
	}
	if len(users) == 0 || users[0].State != store.UserActive {
		return nil, unknown
	}
	u := users[0]
	keys, err := a.Identity.Keys(r.Context(), u.Account.ID, store.UserKeySSH)
	if err != nil {
		return nil, err
	}
	lines := make([]string, len(keys))
	for i, k := range keys {
		lines[i] = k.Key
	}
	return map[string]any{"username": u.Account.Username, "ssh_keys": lines, "openid_identifier": u.OpenID}, nil
}
