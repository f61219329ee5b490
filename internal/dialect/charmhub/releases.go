package charmhub

import (
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/gateway"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) releaseRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET /v1/charm/{name}/releases", Handle: a.listReleases},
		{Pattern: "POST /v1/charm/{name}/releases", Handle: a.release},
	}
}

// listReleases names in its list of revisions every one that its channel map
// names: charmcraft looks them up there.
func (a *api) listReleases(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		c, err := a.Catalog.Channels(r.Context(), who, store.Charm, store.Ref{Name: r.PathValue("name")})
		if err != nil {
			return nil, err
		}
		revisions := make([]object, len(c.Revisions))
		for i, rev := range c.Revisions {
			revisions[i] = revisionOf(rev)
		}
		return object{
			"channel-map": channelMap(&c), "package": object{"channels": channelsOf(&c)}, "revisions": revisions,
		}, nil
	})
}

// channelMap lists what is in force, each base for itself: a closed channel has no
// entry, and a progressive release is the second of its channel and base.
func channelMap(c *catalog.Channels) []object {
	list := []object{}
	slots := c.Map.Slots()
	for i := range slots {
		s := &slots[i]
		if s.Plain != nil {
			list = append(list, mapEntry(c, s.Plain, object{"paused": nil, "percentage": nil}))
		}
		if s.Progressive() {
			list = append(list, mapEntry(c, s.Release, object{"paused": s.Release.Paused, "percentage": s.Release.Share(c.At)}))
		}
	}
	return list
}

// mapEntry has all of its keys, also where they are null: charmcraft asks for each.
func mapEntry(c *catalog.Channels, r *store.Release, progressive object) object {
	return object{
		"base": publisherBase(r.Platform), "channel": r.Channel.String(), "expiration-date": gateway.WholeSeconds(r.Expires),
		"progressive": progressive, "resources": resourcesOf(c.Revision(r.Revision), r.Resources),
		"revision": r.Revision, "when": gateway.WholeSeconds(r.At),
	}
}

// resourcesOf lists what the charm's revision declares, with null where the release
// has none.
func resourcesOf(rev *store.Revision, pins []store.ResourcePin) []object {
	list := []object{}
	for _, d := range rev.Declares() {
		var revision any
		for _, pin := range pins {
			if pin.Name == d.Name && pin.Revision != 0 {
				revision = pin.Revision
			}
		}
		list = append(list, object{"name": d.Name, "type": d.Type, "revision": revision})
	}
	return list
}

func channelsOf(c *catalog.Channels) []object {
	list := []object{}
	for _, p := range store.PublisherChannels(&store.Facts{Package: c.Package}, c.Map) {
		ch := p.Channel.Normal()
		var fallback any
		if p.Fallback != nil {
			fallback = p.Fallback.Normal().String()
		}
		list = append(list, object{
			"name": ch.String(), "track": ch.Track, "risk": ch.Risk.String(), "branch": orNull(ch.Branch), "fallback": fallback,
		})
	}
	return list
}

// maxReleases bounds a request, bytes: its resources are named one by one.
const maxReleases = 1 << 20

// wantedRelease is one release of a request; a revision of null closes the
// channel.
type wantedRelease struct {
	Channel   string           `json:"channel"`
	Revision  *int             `json:"revision"`
	Resources []wantedResource `json:"resources"`
}

// wantedResource with a revision of null, as the channel map has it, or of 0 has
// the release go without the resource.
type wantedResource struct {
	Name     string `json:"name"`
	Revision *int   `json:"revision"`
}

func (a *api) release(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		var request []wantedRelease
		if err := reply.Decode(w, r, maxReleases, &request); err != nil {
			return nil, err
		}
		if len(request) == 0 {
			return nil, store.Invalidf("required", "the list of releases is empty")
		}
		moves, released := make([]catalog.Move, len(request)), make([]object, len(request))
		for i, wanted := range request {
			var err error
			if moves[i], released[i], err = wanted.move(); err != nil {
				return nil, err
			}
		}
		_, err := a.Catalog.Move(r.Context(), who, store.Charm, store.Ref{Name: r.PathValue("name")}, moves)
		return object{"released": released}, err
	})
}

// move says what is wanted, and what the answer says of it.
func (wanted wantedRelease) move() (m catalog.Move, released object, err error) {
	ch, err := store.ParseChannel(wanted.Channel)
	if err != nil {
		return m, nil, store.Invalidf("invalid-channel", "%.100q is no channel", wanted.Channel).
			Try("name it as track/risk or track/risk/branch").Because(err)
	}
	m.Channel = ch.Normal()
	resources := []object{}
	released = object{"channel": m.Channel.String(), "revision": nil, "resources": resources}
	if wanted.Revision == nil {
		return m, released, nil
	}
	if *wanted.Revision < 1 {
		return m, nil, store.Invalidf("invalid-field", "revision must be a number from 1, or null to close").With("name", "revision")
	}
	m.Revision = *wanted.Revision
	for _, res := range wanted.Resources {
		pin := store.ResourcePin{Name: res.Name}
		if res.Revision != nil {
			pin.Revision = *res.Revision
		}
		if pin.Revision < 0 {
			return m, nil, store.Invalidf("invalid-field", "a resource's revision must be a number, or null for none").With("name", "resources")
		}
		m.Resources = append(m.Resources, pin)
		resources = append(resources, object{"name": res.Name, "revision": res.Revision})
	}
	released["revision"], released["resources"] = m.Revision, resources
	return m, released, nil
}
