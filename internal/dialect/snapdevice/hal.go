package snapdevice

import (
	"bufio"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// How the v1 API wraps its lists.
const (
	halSections = `{"_embedded":{"clickindex:sections":`
	halPackages = `{"_embedded":{"clickindex:package":`
)

const (
	maxPageV1 = 100   // results
	maxPageNo = 10000 // of pages
)

// searchV1 answers GET /api/v1/snaps/search, for snapd's fallback and for web
// pages, which read the links and the total.
func (a *api) searchV1(w http.ResponseWriter, r *http.Request) {
	body, err := a.searchPageV1(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.Bytes(w, http.StatusOK, contentHAL, body)
}

func (a *api) searchPageV1(r *http.Request) ([]byte, error) {
	asker, err := a.asker(r)
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	size, err := pageNumber(query, "size", maxPageV1, maxPageV1)
	if err != nil {
		return nil, err
	}
	page, err := pageNumber(query, "page", 1, maxPageNo)
	if err != nil {
		return nil, err
	}
	q, err := findQueryV1(r, query)
	if err != nil {
		return nil, err
	}
	q.Offset, q.Limit = (page-1)*size, size
	found, total, err := a.findV1(r, asker, q)
	if err != nil {
		return nil, err
	}
	base := a.jsonBase(r)
	want := parseFieldsV1(query.Get("fields"))
	b := append(make([]byte, 0, 16<<10), halPackages...)
	b = wire.AppendArray(b, found, func(b []byte, f catalog.Found) []byte {
		return appendSnapV1(b, listedAs(&f), want, base)
	})
	b = append(b, `},"_links":{`...)
	last := max(1, (total+size-1)/size)
	for _, link := range []struct {
		name  string
		page  int
		there bool
	}{
		{"self", page, true},
		{"first", 1, page > 1},
		{"next", page + 1, page < last},
		{"last", last, page < last},
	} {
		if link.there {
			b = appendLink(b, link.name, a.base(r)+pageURL(r.URL, link.page, link.name == "self"))
			b = append(b, ',')
		}
	}
	b = wire.CloseObject(b)
	if total > 0 {
		b = append(b, `,"total":`...)
		b = wire.AppendInt(b, int64(total))
	}
	return append(b, '}'), nil
}

// publisherPrefix marks a search for all of one publisher's snaps.
const publisherPrefix = "publisher:"

// findV1 returns one page of results and how many there are on all.
func (a *api) findV1(r *http.Request, asker catalog.Asker, q catalog.FindQuery) ([]catalog.Found, int, error) {
	if username, ok := strings.CutPrefix(q.Text, publisherPrefix); ok {
		return a.findPublisher(r, asker, q, username)
	}
	found, err := a.catalog.Find(r.Context(), asker, store.Snap, q)
	if err != nil || len(found) == 0 {
		return nil, 0, err
	}
	if len(found) < q.Limit {
		return found, q.Offset + len(found), nil
	}
	total, err := a.catalog.Count(r.Context(), asker, store.Snap, q)
	return found, max(total, q.Offset+len(found)), err
}

// findPublisher searches for the username, which search looks at, and keeps
// what is the publisher's.
func (a *api) findPublisher(r *http.Request, asker catalog.Asker, q catalog.FindQuery, username string) ([]catalog.Found, int, error) {
	offset, limit := q.Offset, q.Limit
	q.Text, q.Offset, q.Limit = username, 0, 0
	all, err := a.catalog.Find(r.Context(), asker, store.Snap, q)
	if err != nil {
		return nil, 0, err
	}
	var own []catalog.Found
	for _, f := range all {
		if f.Snapshot.Package().Publisher.Username == username {
			own = append(own, f)
		}
	}
	from := min(offset, len(own))
	return own[from:min(from+limit, len(own))], len(own), nil
}

// findQueryV1 reads a search as v1 spells it: without scope=wide only what is
// stable, without arch=wide only what the device runs.
func findQueryV1(r *http.Request, query url.Values) (catalog.FindQuery, error) {
	q, err := findQuery(query)
	if err != nil {
		return q, err
	}
	q.Category, q.CommonID = query.Get("section"), query.Get("common_id")
	if query.Get("scope") != "wide" && query.Get("channel") == "" {
		q.Risk = store.Stable
	}
	q.Architecture = ""
	if query.Get("arch") != "wide" {
		q.Architecture, err = architecture(r)
	}
	return q, err
}

func pageNumber(query url.Values, name string, otherwise, most int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most && name == "page" {
		return 0, badArgument(name, "%.32q is not a number from 1 to %d", text, most)
	}
	return min(n, most), nil
}

// pageURL is the path and query of another page of the same search.
func pageURL(u *url.URL, page int, same bool) string {
	if same {
		return u.RequestURI()
	}
	query := u.Query()
	query.Set("page", strconv.Itoa(page))
	return u.EscapedPath() + "?" + query.Encode()
}

func appendLink(b []byte, name, url string) []byte {
	b = wire.AppendString(b, name)
	b = append(b, `:{"href":`...)
	b = wire.AppendString(b, url)
	return append(b, '}')
}

// sectionsV1 answers GET /api/v1/snaps/sections.
func (a *api) sectionsV1(w http.ResponseWriter, r *http.Request) {
	names, err := a.shelves(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	b := wire.AppendArray([]byte(halSections), names, appendNamed)
	reply.Bytes(w, http.StatusOK, contentHAL, append(b, "}}"...))
}

// namesV1 answers GET /api/v1/snaps/names: every snap that can be installed,
// for shells that complete names. Clients read it token by token from its
// first key on, and it is written so: a page of packages at a time is all that
// is in memory. When something breaks halfway, the connection does, so that
// nobody takes a part for the whole.
func (a *api) namesV1(w http.ResponseWriter, r *http.Request) {
	asker, err := a.asker(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	q, err := findQuery(r.URL.Query())
	if err == nil {
		q.Architecture, err = architecture(r)
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	q.Risk = store.Stable
	out := bufio.NewWriterSize(w, 32<<10)
	var item []byte
	n := 0
	err = a.catalog.EachListed(r.Context(), asker, store.Snap, q, func(f catalog.Found) error {
		item = append(item[:0], ',')
		if n++; n == 1 {
			w.Header().Set("Content-Type", contentHAL)
			item = append(item[:0], halPackages+"["...)
		}
		item = appendNameV1(item, listedAs(&f))
		_, err := out.Write(item)
		return err
	})
	switch {
	case err != nil && n == 0:
		fail(w, r, err)
		return
	case err != nil:
		// Whatever was sent so far must not look complete.
		panic(http.ErrAbortHandler)
	case n == 0:
		reply.Bytes(w, http.StatusOK, contentHAL, []byte(halPackages+"[]}}"))
		return
	}
	if _, err := out.WriteString("]}}"); err == nil {
		// The client may be gone, and there is nobody to tell.
		_ = out.Flush()
	}
}

func appendNameV1(b []byte, s listedSnap) []byte {
	b = append(b, `{"package_name":`...)
	b = wire.AppendString(b, s.Name)
	b = append(b, `,"version":`...)
	b = wire.AppendString(b, s.rev.Version)
	b = append(b, `,"summary":`...)
	b = wire.AppendString(b, s.summary())
	b = append(b, `,"aliases":`...)
	b = wire.AppendArray(b, s.rev.Meta.Aliases, func(b []byte, alias store.Alias) []byte { return appendNamed(b, alias.Name) })
	b = append(b, `,"apps":`...)
	b = wire.AppendStrings(b, s.rev.Meta.Apps)
	return append(b, '}')
}

// detailsV1 answers GET /api/v1/snaps/details/<name>: one flat object, as
// plain JSON.
func (a *api) detailsV1(w http.ResponseWriter, r *http.Request) {
	body, err := a.details(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, body)
}

func (a *api) details(r *http.Request) ([]byte, error) {
	asker, err := a.asker(r)
	if err != nil {
		return nil, err
	}
	arch, err := architecture(r)
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	wanted, err := store.ParseChannel(query.Get("channel"))
	if err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	snapshot, list, err := a.catalog.Info(r.Context(), asker, store.Snap, store.Ref{Name: name}, arch)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, store.NotFoundf("name-not-found", "no package named %.100q has anything released", name)
	}
	// Without a channel, the one that people are shown first.
	shown := list[0]
	if query.Has("channel") {
		for _, l := range list {
			if l.Channel == wanted.Normal() {
				shown = l
			}
		}
	}
	s := listedSnap{subject{snapshot.Package(), shown.Revision}, shown.Channel}
	return appendSnapV1(nil, s, parseFieldsV1(query.Get("fields")), a.jsonBase(r)), nil
}

// metadataV1 answers POST /api/v1/snaps/metadata, which was refresh before
// there was a v2: the revision each snap should have, those that are unknown
// left out.
func (a *api) metadataV1(w http.ResponseWriter, r *http.Request) {
	body, err := a.metadata(w, r)
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.Bytes(w, http.StatusOK, contentHAL, body)
}

func (a *api) metadata(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	asker, err := a.asker(r)
	if err != nil {
		return nil, err
	}
	arch, err := architecture(r)
	if err != nil {
		return nil, err
	}
	if arch == "" {
		return nil, store.Invalidf(codeMissingHeader, "cannot choose revisions without the header %s", headerArchitecture.v1)
	}
	done, err := a.memory.Take(r, maxRefreshBody)
	if err != nil {
		return nil, err
	}
	defer done()
	body, err := wire.ReadBody(w, r, maxRefreshBody)
	if err != nil {
		return nil, err
	}
	wishes, want, err := parseMetadata(body, arch)
	if err != nil {
		return nil, err
	}
	answers, err := a.catalog.Resolve(r.Context(), asker, store.Snap, wishes)
	if err != nil {
		return nil, err
	}
	base := a.jsonBase(r)
	b := append(make([]byte, 0, 16<<10), halPackages+"["...)
	for _, answer := range answers {
		if answer.Err != nil {
			continue
		}
		s := listedSnap{subject{answer.Snapshot.Package(), answer.Choice.Revision}, answer.Choice.Effective}
		b = append(appendSnapV1(b, s, want, base), ',')
		if err := wire.Fits(b); err != nil {
			return nil, err
		}
	}
	return append(wire.CloseArray(b), "}}"...), nil
}

func parseMetadata(body, arch string) (wishes []catalog.Wish, want wantV1, err error) {
	d := wire.NewReader(body)
	d.Object(func(name string) {
		switch name {
		case "snaps":
			d.Array(maxContext, func(int) { wishes = append(wishes, readMetadataSnap(&d, arch)) })
		case "fields":
			want = d.Texts(maxFields)
		default:
			d.Skip()
		}
	})
	d.End()
	return wishes, want, d.Err()
}

func readMetadataSnap(d *wire.Reader, arch string) catalog.Wish {
	wish := catalog.Wish{Query: store.Query{Action: store.ActionRefresh, Architecture: arch}}
	d.Object(func(name string) {
		switch name {
		case "snap_id":
			wish.Ref.ID = d.Text()
		case "channel":
			text := d.Text()
			if d.Err() == nil {
				var err error
				if wish.Query.Channel, err = store.ParseChannel(text); err != nil {
					d.Fail("%s", reply.Describe(err).Message)
				}
			}
		case "revision":
			wish.Query.Installed = readRevision(d)
		case "epoch":
			wish.Query.Epoch = readEpoch(d)
		default:
			d.Skip()
		}
	})
	if d.Err() == nil && wish.Ref.ID == "" {
		d.Fail("it has no snap_id")
	}
	return wish
}
