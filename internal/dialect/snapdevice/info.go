package snapdevice

import (
	"net/http"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// info answers GET /v2/snaps/info/<name>: the package and what stands in its
// channels. The first entry is what snapd shows, so their order matters.
func (a *api) info(w http.ResponseWriter, r *http.Request) {
	asker, err := a.asker(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	query := r.URL.Query()
	want := defaultFields
	if query.Has("fields") {
		want = parseFields(query.Get("fields"))
	}
	name := r.PathValue("name")
	snapshot, list, err := a.catalog.Info(r.Context(), asker, store.Snap, store.Ref{Name: name}, query.Get("architecture"))
	if err == nil && len(list) == 0 && query.Get("architecture") == "" {
		err = store.NotFoundf("name-not-found", "no package named %.100q has anything released", name)
	}
	if err != nil {
		fail(w, r, err)
		return
	}

	pkg, base := snapshot.Package(), a.jsonBase(r)
	b := append(make([]byte, 0, 4096), `{"name":`...)
	b = wire.AppendString(b, pkg.Name)
	b = append(b, `,"snap-id":`...)
	b = wire.AppendString(b, pkg.ID)
	b = append(b, `,"default-track":`...)
	b = wire.AppendNullable(b, pkg.DefaultTrack)
	b = append(b, `,"snap":{`...)
	// The listing falls back to what the shown revision says of itself.
	if shown := shownRevision(list); shown != nil {
		if b, err = snapObject(b, snapshot, shown, want&packageFields, base, nil, nil); err != nil {
			fail(w, r, err)
			return
		}
	}
	b = wire.CloseObject(b)
	b = append(b, `,"channel-map":[`...)
	for i := range list {
		l := &list[i]
		b = append(b, '{')
		var pins []store.ResourcePin
		if l.Release != nil && l.Override == nil {
			pins = l.Release.Resources
		}
		if b, err = snapObject(b, snapshot, l.Revision, want&revisionFields, base, pins, nil); err != nil {
			fail(w, r, err)
			return
		}
		b = append(b, `"channel":`...)
		b = appendSlot(b, l)
		b = append(b, "},"...)
	}
	b = wire.CloseArray(b)
	b = append(b, '}')
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, b)
}

func shownRevision(list []store.Listed) *store.Revision {
	if len(list) == 0 {
		return nil
	}
	return list[0].Revision
}

// appendSlot describes a channel. snapd puts track and risk together itself,
// so the track is never left out, while the name leaves latest out.
func appendSlot(b []byte, l *store.Listed) []byte {
	c := l.Channel.Normal()
	b = append(b, `{"architecture":`...)
	b = wire.AppendString(b, l.Architecture)
	b = append(b, `,"name":`...)
	b = wire.AppendString(b, c.Name())
	b = append(b, `,"track":`...)
	b = wire.AppendString(b, c.Track)
	b = append(b, `,"risk":`...)
	b = wire.AppendString(b, c.Risk.String())
	b = append(b, `,"released-at":`...)
	b = wire.AppendTime(b, l.ReleasedAt)
	return append(b, '}')
}
