package candid

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) waitRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET " + root + "/wait-token", Handle: a.waitToken},
		{Pattern: "GET " + root + "/wait-legacy", Handle: a.waitLegacy},
	}
}

// patience is the context of a client that waits: it ends when the client
// leaves and when the server is about to stop.
func (a *api) patience(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(r.Context())
	go func() {
		select {
		case <-ctx.Done():
		case <-a.Stopping:
			cancel()
		}
	}()
	return ctx, cancel
}

// failWaiting is fail, but that a client which waited for nothing yet is no
// failure to be logged.
func failWaiting(w http.ResponseWriter, r *http.Request, err error) {
	if store.CodeOf(err) == identity.CodeVisitPending {
		Errors(w, r, reply.Describe(err))
		return
	}
	fail(w, r, err)
}

// did is the id of a visit, in either of its forms.
func did(r *http.Request) (identity.Secret, error) {
	text := r.FormValue("did")
	if len(text) != 43 {
		return identity.Secret{}, badRequest("did is missing, or is none that this service gave out")
	}
	return identity.NewSecret(text), nil
}

// waitToken keeps a client until somebody has logged in for it.
func (a *api) waitToken(w http.ResponseWriter, r *http.Request) {
	wait, err := did(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	ctx, cancel := a.patience(r)
	defer cancel()
	m, err := a.Identity.WaitVisit(ctx, wait, a.Wait)
	if err != nil {
		failWaiting(w, r, err)
		return
	}
	text, err := m.Token64()
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, map[string]string{"kind": credential.TokenKindMacaroon, "token64": text.Reveal()})
}

// waitLegacy is waitToken for clients that expect the discharge itself.
func (a *api) waitLegacy(w http.ResponseWriter, r *http.Request) {
	wait, err := did(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	ctx, cancel := a.patience(r)
	defer cancel()
	discharge, err := a.Identity.WaitDischarge(ctx, wait, a.Wait, r.UserAgent())
	if err != nil {
		failWaiting(w, r, err)
		return
	}
	m, err := discharge.Macaroon.BakeryJSON(discharge.Version)
	if err != nil {
		fail(w, r, err)
		return
	}
	token, err := discharge.Token.JSON()
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{
		"Macaroon": json.RawMessage(m.Reveal()), "DischargeToken": json.RawMessage(token.Reveal()),
	})
}
