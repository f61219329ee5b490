package snappublisher

import (
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) releasesGateway() []reply.Route {
	return []reply.Route{
		{Pattern: "GET /v1/snap/{name}/releases", Handle: a.gatewayReleases},
		{Pattern: "POST /v1/snap/{name}/releases", Handle: a.gatewayRelease},
	}
}

func (a *api) gatewayReleases(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		channels, err := a.Catalog.Channels(r.Context(), who, store.Snap, store.Ref{Name: r.PathValue("name")})
		components := map[int]map[string]string{}
		for _, rev := range channels.Revisions {
			components[rev.Number] = rev.Meta.Components
		}
		return object{
			"channel-map": channelMap(&channels, gatewayEntry(components)),
			"package":     object{"channels": channelsOf(&channels)},
			"revisions":   inGatewayReleases.all(channels.Revisions),
		}, err
	})
}

// gatewayMove is one release of a request; a revision of null closes.
type gatewayMove struct {
	Channel   string   `json:"channel"`
	Revision  *wireInt `json:"revision"`
	Resources []struct {
		Name     string   `json:"name"`
		Revision *wireInt `json:"revision"` // null is the newest
	} `json:"resources"`
}

func (a *api) gatewayRelease(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	var request []gatewayMove
	if err := reply.Decode(w, r, maxReleaseBody, &request); err != nil {
		fail(w, r, err)
		return
	}
	moves, released, err := gatewayMoves(request)
	if err != nil {
		fail(w, r, err)
		return
	}
	_, err = a.Catalog.Move(r.Context(), who, store.Snap, store.Ref{Name: r.PathValue("name")}, moves)
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, object{"released": released})
}

// gatewayMoves says what a request means, and what its answer says.
func gatewayMoves(request []gatewayMove) (moves []catalog.Move, released []object, err error) {
	if len(request) == 0 {
		return nil, nil, store.Invalidf("required", "the list of releases is empty")
	}
	for _, m := range request {
		c, err := parseChannel(m.Channel)
		if err != nil {
			return nil, nil, err
		}
		move := catalog.Move{Pointing: catalog.Pointing{Channel: c}}
		entry := object{"channel": c.String(), "revision": nil}
		if m.Revision != nil {
			if *m.Revision < 1 {
				return nil, nil, store.Invalidf("invalid-field", "revision must be a number from 1, or null to close").With("name", "revision")
			}
			move.Revision = int(*m.Revision)
			entry["revision"] = move.Revision
		}
		var resources []object
		for _, res := range m.Resources {
			pin := store.ResourcePin{Name: res.Name}
			shown := object{"name": res.Name, "revision": nil}
			if res.Revision != nil {
				if *res.Revision < 1 {
					return nil, nil, store.Invalidf("invalid-field", "a resource's revision must be a number from 1, or null for the newest").With("name", "resources")
				}
				pin.Revision = int(*res.Revision)
				shown["revision"] = pin.Revision
			}
			move.Resources = append(move.Resources, pin)
			resources = append(resources, shown)
		}
		if resources != nil {
			entry["resources"] = resources
		}
		moves, released = append(moves, move), append(released, entry)
	}
	return moves, released, nil
}
