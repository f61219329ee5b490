package gateway

import (
	"context"
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

type wireInvite struct {
	Email      string      `json:"email"`
	Type       string      `json:"invite-type"`
	CreatedAt  *string     `json:"created-at"`
	CreatedBy  *wirePerson `json:"created-by"`
	ExpiresAt  *string     `json:"expires-at"`
	AcceptedAt *string     `json:"accepted-at"`
	AcceptedBy *wirePerson `json:"accepted-by"`
	RevokedAt  *string     `json:"revoked-at"`
	RevokedBy  *wirePerson `json:"revoked-by"`
}

func (g *Gateway) invites(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, http.StatusOK, func(who store.Principal) (any, error) {
		invites, err := g.Catalog.Invites(r.Context(), who, g.Namespace, r.PathValue("name"))
		if err != nil {
			return nil, err
		}
		list := make([]wireInvite, len(invites))
		for i, one := range invites {
			list[i] = wireInvite{
				Email: one.Email, Type: roleCollaborator,
				CreatedAt: WholeSeconds(one.CreatedAt), CreatedBy: noPerson(one.CreatedBy), ExpiresAt: WholeSeconds(one.ExpiresAt),
				AcceptedAt: WholeSeconds(one.AcceptedAt), AcceptedBy: noPerson(one.AcceptedBy),
				RevokedAt: WholeSeconds(one.RevokedAt), RevokedBy: noPerson(one.RevokedBy),
			}
		}
		return map[string]any{"invites": list}, nil
	})
}

// readInvites reads the addresses that a request names.
func readInvites(w http.ResponseWriter, r *http.Request) ([]string, error) {
	var body struct {
		Invites []struct {
			Email string `json:"email"`
		} `json:"invites"`
	}
	if err := reply.Decode(w, r, smallBody, &body); err != nil {
		return nil, err
	}
	emails := make([]string, len(body.Invites))
	for i, one := range body.Invites {
		emails[i] = one.Email
	}
	return emails, nil
}

func (g *Gateway) invite(w http.ResponseWriter, r *http.Request) {
	type wireToken struct {
		Email string `json:"email"`
		Token string `json:"token"`
	}
	g.answer(w, r, http.StatusCreated, func(who store.Principal) (any, error) {
		emails, err := readInvites(w, r)
		if err != nil {
			return nil, err
		}
		made, err := g.Catalog.Invite(r.Context(), who, g.Namespace, r.PathValue("name"), emails)
		if err != nil {
			return nil, err
		}
		tokens := make([]wireToken, len(made))
		for i, one := range made {
			tokens[i] = wireToken(one)
		}
		return map[string]any{"tokens": tokens}, nil
	})
}

func (g *Gateway) revokeInvites(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, http.StatusNoContent, func(who store.Principal) (any, error) {
		emails, err := readInvites(w, r)
		if err != nil {
			return nil, err
		}
		return nil, g.Catalog.RevokeInvites(r.Context(), who, g.Namespace, r.PathValue("name"), emails)
	})
}

type inviteAnswer func(c *catalog.Catalog, ctx context.Context, who store.Principal, ns store.Namespace, name, token string) error

// answerInvite is what the invited says: yes or no.
func (g *Gateway) answerInvite(say inviteAnswer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		g.answer(w, r, g.custom().answered, func(who store.Principal) (any, error) {
			var body struct {
				Token string `json:"token"`
			}
			if err := reply.Decode(w, r, smallBody, &body); err != nil {
				return nil, err
			}
			return struct{}{}, say(g.Catalog, r.Context(), who, g.Namespace, r.PathValue("name"), body.Token)
		})
	}
}
