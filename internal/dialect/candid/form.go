package candid

import (
	"net/http"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) formRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET " + root + "/login/form", Handle: a.formFields},
		{Pattern: "POST " + root + "/login/form", Handle: a.form},
	}
}

// field is one of a form that the client itself asks its user to fill in.
type field struct {
	Description string `json:"description"`
	Type        string `json:"type"`
	Mandatory   bool   `json:"mandatory,omitempty"`
	Secret      bool   `json:"secret,omitempty"`
}

// Clients ask for the fields in the order of their names.
var fields = map[string]field{
	"username": {Description: "username or e-mail address", Type: "string", Mandatory: true},
	"password": {Description: "password", Type: "string", Mandatory: true, Secret: true},
	"otp":      {Description: "code of the second factor, if the account has one", Type: "string"},
}

func (a *api) formFields(w http.ResponseWriter, r *http.Request) {
	if _, err := did(r); err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"schema": fields})
}

func (a *api) form(w http.ResponseWriter, r *http.Request) {
	wait, err := did(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	var body struct {
		Form map[string]any `json:"form"`
	}
	if err := reply.Decode(w, r, BodyLimit, &body); err != nil {
		fail(w, r, err)
		return
	}
	text := make(map[string]string)
	for name, value := range body.Form {
		s, ok := value.(string)
		if _, known := fields[name]; !known || !ok && value != nil {
			fail(w, r, badRequest("the form has no field %.40q that is a text", name))
			return
		}
		text[name] = s
	}
	shown := identity.EvidenceOf(r)
	m, err := a.Identity.FormLogin(r.Context(), wait, identity.Attempt{
		Login: text["username"], Password: identity.NewSecret(text["password"]), OTP: identity.NewSecret(text["otp"]),
		Address: shown.Address, UserAgent: shown.UserAgent,
	})
	if store.CodeOf(err) == identity.CodeTwoFactorRequired {
		err = store.Unauthorisedf(identity.CodeTwoFactorRequired, "this account needs the code of its second factor")
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	writeToken(w, r, m)
}

// writeToken writes a discharge token as httpbakery's structure has it.
func writeToken(w http.ResponseWriter, r *http.Request, m credential.Macaroon) {
	text, err := m.Token64()
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{
		"token": map[string]string{"kind": credential.TokenKindMacaroon, "value": text.Reveal()},
	})
}
