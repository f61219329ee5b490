package charmhub

import (
	"net/http"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) infoRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET /v2/charms/info/{name}", Handle: a.info},
	}
}

// info answers what there is of one charm or bundle: what people read of it, what
// stands in its channels, and the release that stands for it, which is that of the
// channel where one is asked for. juju shows the channels as they come.
func (a *api) info(w http.ResponseWriter, r *http.Request) {
	body, err := a.infoOf(r)
	if err != nil {
		reply.Fail(w, r, consumerErrors, err)
		return
	}
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, body)
}

func (a *api) infoOf(r *http.Request) ([]byte, error) {
	query := r.URL.Query()
	want, err := parseFields(query.Get("fields"))
	if err != nil {
		return nil, err
	}
	channel, err := channelOf(query.Get("channel"))
	if err != nil {
		return nil, err
	}
	asker, err := a.asker(r)
	if err != nil {
		return nil, err
	}
	page, err := a.Catalog.CharmInfo(r.Context(), asker, store.Ref{Name: r.PathValue("name")}, channel)
	if err != nil {
		return nil, err
	}
	base := a.base(r)
	prepared := append(make([]byte, 0, 8192), '{')
	prepared = appendShown(prepared, page.Snapshot.Package(), page.Default, page.Contains, want)
	if inner := want.of("channel-map"); inner != nil {
		prepared = append(prepared, `"channel-map":`...)
		prepared = wire.AppendArray(prepared, page.Channels, func(b []byte, l store.Listed) []byte {
			b = append(b, '{')
			b = appendStanding(b, page.Snapshot, l, liteMembers, inner)
			return wire.CloseObject(b)
		})
		prepared = append(prepared, ',')
	}
	if err := wire.Fits(prepared); err != nil {
		return nil, err
	}
	inner := want.of("default-release")
	if inner == nil || page.Default == nil {
		if inner != nil {
			prepared = append(prepared, `"default-release":null`...)
		}
		return wire.AppendBased(nil, wire.CloseObject(prepared), base), nil
	}
	prepared = append(prepared, `"default-release":{`...)
	prepared = appendStanding(prepared, page.Snapshot, *page.Default, revisionMembers, inner)
	b := wire.AppendBased(make([]byte, 0, len(prepared)+4096), prepared, base)
	if inner.of("resources") != nil {
		b = append(b, `"resources":`...)
		if b, err = a.appendAttachments(b, r, base, page.Snapshot.Package(), page.Default.Revision, page.Attachments); err != nil {
			return nil, err
		}
	}
	return append(wire.CloseObject(b), '}'), nil
}

// channelOf reads a channel that need not be there.
func channelOf(text string) (*store.Channel, error) {
	if text == "" {
		return nil, nil
	}
	c, err := store.ParseChannel(text)
	return &c, err
}

// nothingReleased stands for the revision of a package that has none.
var nothingReleased = new(store.Revision)

// appendShown appends what is the same for all revisions of a package, each member
// with its comma. Its type, id and name are told unasked.
func appendShown(b []byte, pkg *store.Package, shown *store.Listed, contains []*store.Package, want *selection) []byte {
	s := subject{pkg, nothingReleased, contains}
	if shown != nil {
		s.rev = shown.Revision
	}
	b = append(b, `"type":`...)
	b = wire.AppendString(b, s.kind())
	b = append(b, `,"id":`...)
	b = wire.AppendString(b, pkg.ID)
	b = append(b, `,"name":`...)
	b = wire.AppendString(b, pkg.Name)
	b = append(b, ',')
	if inner := want.of("result"); inner != nil {
		b = append(b, `"result":`...)
		b = appendMembers(b, resultMembers, s, inner)
		b = append(b, ',')
	}
	return b
}

// appendStanding appends a channel and what stands in it, each with its comma.
func appendStanding(b []byte, s *catalog.Snapshot, l store.Listed, revision []member[subject], want *selection) []byte {
	if inner := want.of("channel"); inner != nil {
		b = append(b, `"channel":`...)
		b = appendMembers(b, channelMembers, l, inner)
		b = append(b, ',')
	}
	if inner := want.of("revision"); inner != nil {
		b = append(b, `"revision":`...)
		b = appendMembers(b, revision, subject{s.Package(), l.Revision, nil}, inner)
		b = append(b, ',')
	}
	return b
}
