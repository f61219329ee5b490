package charmhub

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) findRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET /v2/charms/find", Handle: a.find},
	}
}

// find answers what a search finds. There are no pages: clients neither ask for
// them nor read them.
func (a *api) find(w http.ResponseWriter, r *http.Request) {
	body, err := a.findOf(r)
	if err != nil {
		reply.Fail(w, r, consumerErrors, err)
		return
	}
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, body)
}

func (a *api) findOf(r *http.Request) ([]byte, error) {
	query := r.URL.Query()
	want, err := parseFields(query.Get("fields"))
	if err != nil {
		return nil, err
	}
	q, err := findQuery(query)
	if err != nil {
		return nil, err
	}
	asker, err := a.asker(r)
	if err != nil {
		return nil, err
	}
	found, err := a.Catalog.FindCharms(r.Context(), asker, q)
	if err != nil {
		return nil, err
	}
	prepared := append(make([]byte, 0, 8192), `{"results":`...)
	prepared = wire.AppendArray(prepared, found, func(b []byte, f catalog.FoundCharm) []byte {
		b = append(b, '{')
		b = appendShown(b, f.Snapshot.Package(), &f.Shown, nil, want)
		if inner := want.of("default-release"); inner != nil {
			b = append(b, `"default-release":{`...)
			b = appendStanding(b, f.Snapshot, f.Shown, revisionMembers, inner)
			b = append(wire.CloseObject(b), ',')
		}
		return wire.CloseObject(b)
	})
	b := wire.AppendBased(make([]byte, 0, len(prepared)+1024), append(prepared, '}'), a.base(r))
	return b, wire.Fits(b)
}

// Limits of what a person types and ticks.
const (
	maxTerm      = 1024 // bytes
	maxTermParts = 64   // of a comma list
)

// findQuery reads the parameters. An empty one is as none.
func findQuery(query url.Values) (q catalog.CharmFindQuery, err error) {
	for name, values := range query {
		if name != "fields" && len(values[0]) > maxTerm {
			return q, badArgument(name, "it is longer than %d bytes", maxTerm)
		}
	}
	q = catalog.CharmFindQuery{
		Text: query.Get("q"), Category: query.Get("category"), Publisher: query.Get("publisher"),
		CharmFilter: store.CharmFilter{Type: query.Get("type")},
	}
	if q.Type != "" && q.Type != store.TypeCharm && q.Type != store.TypeBundle {
		return q, badArgument("type", "it is neither %s nor %s", store.TypeCharm, store.TypeBundle)
	}
	if q.Channel, err = channelOf(query.Get("channel")); err != nil {
		return q, err
	}
	// The library of juju and the web site call the same by two names.
	for _, list := range [...]struct {
		to    *[]string
		names [2]string
	}{
		{&q.Provides, [2]string{"relation-provides", "provides"}},
		{&q.Requires, [2]string{"relation-requires", "requires"}},
	} {
		for _, name := range list.names {
			parts, err := partsOf(name, query.Get(name))
			if err != nil {
				return q, err
			}
			*list.to = append(*list.to, parts...)
		}
	}
	platforms, err := partsOf("platforms", query.Get("platforms"))
	for _, p := range platforms {
		q.Platforms = append(q.Platforms, platformOf(p))
	}
	return q, err
}

// partsOf reads a comma list.
func partsOf(name, csv string) (parts []string, err error) {
	for part := range strings.SplitSeq(csv, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	if len(parts) > maxTermParts {
		return nil, badArgument(name, "it has more than %d parts", maxTermParts)
	}
	return parts, nil
}

// platformOf reads architecture[/name[/channel]], as juju writes platforms.
func platformOf(text string) store.Platform {
	architecture, base, _ := strings.Cut(text, "/")
	name, channel, _ := strings.Cut(base, "/")
	return store.Platform{Architecture: architecture, BaseName: name, BaseChannel: channel}
}
