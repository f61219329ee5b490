package gateway

import (
	"net/http"
	"time"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (g *Gateway) teamRoutes(path string) []reply.Route {
	team := path + "/{name}/collaborators"
	return []reply.Route{
		{Pattern: "GET " + team, Handle: g.collaborators},
		{Pattern: "GET " + team + "/invites", Handle: g.invites},
		{Pattern: "POST " + team + "/invites", Handle: g.invite},
		{Pattern: "POST " + team + "/invites/revoke", Handle: g.revokeInvites},
		{Pattern: "POST " + team + "/invites/accept", Handle: g.answerInvite((*catalog.Catalog).AcceptInvite)},
		{Pattern: "POST " + team + "/invites/reject", Handle: g.answerInvite((*catalog.Catalog).RejectInvite)},
	}
}

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

// WholeSeconds is a time as the gateway writes it; the zero time is null.
func WholeSeconds(t time.Time) *string {
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

func (g *Gateway) collaborators(w http.ResponseWriter, r *http.Request) {
	g.answer(w, r, http.StatusOK, func(who store.Principal) (any, error) {
		team, err := g.Catalog.Team(r.Context(), who, g.Namespace, r.PathValue("name"))
		if err != nil {
			return nil, err
		}
		list := make([]wireCollaborator, len(team.Collaborators))
		for i, c := range team.Collaborators {
			list[i] = wireCollaborator{
				Account: personOf(c.Account), Permissions: []string{roleCollaborator},
				CreatedAt: WholeSeconds(c.CreatedAt), CreatedBy: personOf(c.CreatedBy), UpdatedAt: WholeSeconds(c.UpdatedAt),
			}
		}
		return map[string]any{"publisher": personOf(team.Publisher), "collaborators": list}, nil
	})
}
