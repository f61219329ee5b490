package snappublisher

import (
	"context"
	"net/http"
	"time"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) collaboratorsGateway() []reply.Route {
	const invites = "/v1/snap/{name}/collaborators/invites"
	return []reply.Route{
		{Pattern: "GET /v1/snap/{name}/collaborators", Handle: a.collaborators},
		{Pattern: "GET " + invites, Handle: a.invites},
		{Pattern: "POST " + invites, Handle: a.invite},
		{Pattern: "POST " + invites + "/revoke", Handle: a.revokeInvites},
		{Pattern: "POST " + invites + "/accept", Handle: a.answerInvite((*catalog.Catalog).AcceptInvite)},
		{Pattern: "POST " + invites + "/reject", Handle: a.answerInvite((*catalog.Catalog).RejectInvite)},
	}
}

// maxSmallBody bounds requests that name a few things, bytes.
const maxSmallBody = 64 << 10

// wirePerson is an account as the gateway names it among those who publish.
type wirePerson struct {
	ID          string `json:"id"`
	Username    string `json:"username"`
	DisplayName string `json:"display-name"`
	Email       string `json:"email"`
}

func personOf(p catalog.Person) wirePerson {
	return wirePerson{ID: p.ID, Username: p.Username, DisplayName: p.DisplayName, Email: p.Email}
}

// noPerson is null where nobody did it.
func noPerson(p catalog.Person) *wirePerson {
	if p.ID == "" {
		return nil
	}
	w := personOf(p)
	return &w
}

// wholeSeconds is a time as the gateway writes it; the zero time is null.
func wholeSeconds(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05Z")
	return &s
}

// roleCollaborator is the only thing that an account can be on another's package.
const roleCollaborator = "package-collaborator"

type wireCollaborator struct {
	Account     wirePerson `json:"account"`
	Permissions []string   `json:"permissions"`
	CreatedAt   *string    `json:"created-at"`
	CreatedBy   wirePerson `json:"created-by"`
	UpdatedAt   *string    `json:"updated-at"`
}

func (a *api) collaborators(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	team, err := a.Catalog.Team(r.Context(), who, store.Snap, r.PathValue("name"))
	if err != nil {
		fail(w, r, err)
		return
	}
	list := make([]wireCollaborator, len(team.Collaborators))
	for i, c := range team.Collaborators {
		list[i] = wireCollaborator{
			Account: personOf(c.Account), Permissions: []string{roleCollaborator},
			CreatedAt: wholeSeconds(c.CreatedAt), CreatedBy: personOf(c.CreatedBy), UpdatedAt: wholeSeconds(c.UpdatedAt),
		}
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"publisher": personOf(team.Publisher), "collaborators": list})
}

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

func (a *api) invites(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	invites, err := a.Catalog.Invites(r.Context(), who, store.Snap, r.PathValue("name"))
	if err != nil {
		fail(w, r, err)
		return
	}
	list := make([]wireInvite, len(invites))
	for i, one := range invites {
		list[i] = wireInvite{
			Email: one.Email, Type: roleCollaborator,
			CreatedAt: wholeSeconds(one.CreatedAt), CreatedBy: noPerson(one.CreatedBy), ExpiresAt: wholeSeconds(one.ExpiresAt),
			AcceptedAt: wholeSeconds(one.AcceptedAt), AcceptedBy: noPerson(one.AcceptedBy),
			RevokedAt: wholeSeconds(one.RevokedAt), RevokedBy: noPerson(one.RevokedBy),
		}
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"invites": list})
}

// readInvites reads the addresses that a request names.
func readInvites(w http.ResponseWriter, r *http.Request) ([]string, error) {
	var body struct {
		Invites []struct {
			Email string `json:"email"`
		} `json:"invites"`
	}
	if err := reply.Decode(w, r, maxSmallBody, &body); err != nil {
		return nil, err
	}
	emails := make([]string, len(body.Invites))
	for i, one := range body.Invites {
		emails[i] = one.Email
	}
	return emails, nil
}

func (a *api) invite(w http.ResponseWriter, r *http.Request) {
	type wireToken struct {
		Email string `json:"email"`
		Token string `json:"token"`
	}
	who, err := a.who(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	emails, err := readInvites(w, r)
	if err != nil {
		fail(w, r, err)
		return
	}
	made, err := a.Catalog.Invite(r.Context(), who, store.Snap, r.PathValue("name"), emails)
	if err != nil {
		fail(w, r, err)
		return
	}
	tokens := make([]wireToken, len(made))
	for i, one := range made {
		tokens[i] = wireToken(one)
	}
	reply.JSON(w, r, http.StatusCreated, map[string]any{"tokens": tokens})
}

func (a *api) revokeInvites(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	emails, err := readInvites(w, r)
	if err == nil {
		err = a.Catalog.RevokeInvites(r.Context(), who, store.Snap, r.PathValue("name"), emails)
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

type inviteAnswer func(c *catalog.Catalog, ctx context.Context, who store.Principal, ns store.Namespace, name, token string) error

// answerInvite is what the invited says: yes or no.
func (a *api) answerInvite(say inviteAnswer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := a.who(r)
		if err != nil {
			fail(w, r, err)
			return
		}
		var body struct {
			Token string `json:"token"`
		}
		if err = reply.Decode(w, r, maxSmallBody, &body); err == nil {
			err = say(a.Catalog, r.Context(), who, store.Snap, r.PathValue("name"), body.Token)
		}
		if err != nil {
			fail(w, r, err)
			return
		}
		reply.JSON(w, r, http.StatusOK, struct{}{})
	}
}
