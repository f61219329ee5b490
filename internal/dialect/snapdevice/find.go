package snapdevice

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// maxTerm bounds what a person types.
const maxTerm = 1024

// find answers GET /v2/snaps/find. There are no pages: clients neither ask for
// them nor read them. The architecture is a parameter; the header of that name
// has no say, as the public store's Vary tells.
func (a *api) find(w http.ResponseWriter, r *http.Request) {
	asker, err := a.asker(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	query := r.URL.Query()
	q, err := findQuery(query)
	if err != nil {
		fail(w, r, err)
		return
	}
	found, err := a.catalog.Find(r.Context(), asker, store.Snap, q)
	if err != nil {
		fail(w, r, err)
		return
	}

	want, base := parseFields(query.Get("fields")), a.jsonBase(r)
	b := append(make([]byte, 0, 8192), `{"results":[`...)
	for i := range found {
		if b, err = appendFound(b, &found[i], want, base); err != nil {
			fail(w, r, err)
			return
		}
		b = append(b, ',')
	}
	b = append(wire.CloseArray(b), '}')
	cacheable(w, r, "300", "Snap-Device-Store, Snap-Device-Series, Accept-Encoding")
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, b)
}

// findQuery reads what v2 and v1 name alike.
func findQuery(query url.Values) (catalog.FindQuery, error) {
	q := catalog.FindQuery{
		Text: query.Get("q"), Prefix: query.Get("name"), CommonID: query.Get("common-id"),
		Category: query.Get("category"), Architecture: query.Get("architecture"), Risk: store.Edge,
		Own: query.Get("private") == "true",
	}
	for _, name := range []string{"q", "name", "common-id", "common_id", "category", "section", "architecture", "confinement"} {
		if len(query.Get(name)) > maxTerm {
			return q, badArgument(name, "it is longer than %d bytes", maxTerm)
		}
	}
	if confinement := query.Get("confinement"); confinement != "" {
		q.Confinements = strings.Split(confinement, ",")
	}
	if text := query.Get("channel"); text != "" {
		c, err := store.ParseChannel(text)
		if err != nil {
			return q, err
		}
		q.Risk = c.Risk
	}
	return q, nil
}

// appendFound appends one result. It has a revision only when something of the
// revision was asked for.
func appendFound(b []byte, f *catalog.Found, want fieldSet, base string) ([]byte, error) {
	pkg := f.Snapshot.Package()
	b = append(b, `{"name":`...)
	b = wire.AppendString(b, pkg.Name)
	b = append(b, `,"snap-id":`...)
	b = wire.AppendString(b, pkg.ID)
	b = append(b, `,"snap":{`...)
	b, err := snapObject(b, f.Snapshot, f.Choice.Revision, want&packageFields, base, nil, nil)
	if err != nil {
		return b, err
	}
	b = wire.CloseObject(b)
	if want.has(revisionFields) {
		b = append(b, `,"revision":{`...)
		b, err = snapObject(b, f.Snapshot, f.Choice.Revision, want&revisionFields, base, f.Choice.Resources, nil)
		if err != nil {
			return b, err
		}
		if want.has(fieldChannel) {
			b = append(b, `"channel":`...)
			b = wire.AppendString(b, f.Choice.Effective.Name())
		}
		b = wire.CloseObject(b)
	}
	return append(b, '}'), nil
}

// categories answers GET /v2/snaps/categories.
func (a *api) categories(w http.ResponseWriter, r *http.Request) {
	names, err := a.shelves(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	b := append([]byte(nil), `{"categories":`...)
	b = append(wire.AppendArray(b, names, appendNamed), '}')
	cacheable(w, r, "3600", "Snap-Device-Store")
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, b)
}

func (a *api) shelves(r *http.Request) ([]string, error) {
	asker, err := a.asker(r)
	if err != nil {
		return nil, err
	}
	return a.catalog.Categories(r.Context(), asker)
}

func appendNamed(b []byte, name string) []byte {
	b = append(b, `{"name":`...)
	b = wire.AppendString(b, name)
	return append(b, '}')
}
