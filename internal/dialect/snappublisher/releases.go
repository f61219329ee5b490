package snappublisher

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// maxReleaseBody bounds requests about channels, bytes.
const maxReleaseBody = 256 << 10

func (a *api) releasesV1() []reply.Route {
	return []reply.Route{
		{Pattern: "POST /dev/api/snap-release", Handle: a.release},
		{Pattern: "POST /dev/api/snaps/{id}/close", Handle: a.closeChannels},
		{Pattern: "GET /dev/api/snaps/{id}/state", Handle: a.state},
	}
}

func (a *api) releasesV2() []reply.Route {
	return []reply.Route{
		{Pattern: "GET /api/v2/snaps/{name}/channel-map", Handle: a.channelMap},
		{Pattern: "GET /api/v2/snaps/{name}/releases", Handle: a.history},
		{Pattern: "GET /api/v2/snaps/{name}/revisions/{revision}", Handle: a.revision},
	}
}

// releaseErrors is the dashboard's shape with what Launchpad reads of a release
// that failed.
var releaseErrors reply.Shape = func(w http.ResponseWriter, r *http.Request, f reply.Failure) {
	body := dashboardBody(w, &f)
	body["success"], body["errors"] = false, f.Message
	reply.JSON(w, r, f.Status, body)
}

func (a *api) release(w http.ResponseWriter, r *http.Request) {
	failed := func(err error) { reply.Fail(w, r, releaseErrors, err) }
	who, err := a.who(r)
	if err != nil {
		failed(err)
		return
	}
	var request releaseRequest
	if err := reply.Decode(w, r, maxReleaseBody, &request); err != nil {
		failed(err)
		return
	}
	moves, err := request.moves()
	if err != nil {
		failed(err)
		return
	}
	moved, err := a.Catalog.Move(r.Context(), who, store.Snap, store.Ref{Name: request.Name}, moves)
	if err != nil {
		failed(err)
		return
	}
	channels, err := a.Catalog.Channels(r.Context(), who, store.Snap, store.Ref{ID: moved.Package.ID})
	if err != nil {
		failed(err)
		return
	}
	architectures := architecturesOf(moved.Revision)
	slices.Sort(architectures)
	opened := []string{}
	for _, c := range moved.Opened {
		opened = append(opened, c.Name())
	}
	tracks := tracksNamed(moves)
	first := stateOfTrack(&channels, tracks[0], architectures)
	reply.JSON(w, r, http.StatusOK, object{
		"success":          true,
		"channel_map_tree": stateTree(&channels, tracks, architectures),
		"channel_map":      orEmpty(first[architectures[0]]),
		"opened_channels":  opened,
	})
}

func orEmpty(list []object) []object {
	if list == nil {
		return []object{}
	}
	return list
}

// tracksNamed lists the tracks of some moves, in their order.
func tracksNamed(moves []catalog.Move) []string {
	var tracks []string
	for _, m := range moves {
		if t := m.Channel.Normal().Track; !slices.Contains(tracks, t) {
			tracks = append(tracks, t)
		}
	}
	return tracks
}

func (a *api) closeChannels(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		failV1(w, r, err)
		return
	}
	var request struct {
		Channels []string `json:"channels"`
	}
	if err := reply.Decode(w, r, maxReleaseBody, &request); err != nil {
		failV1(w, r, err)
		return
	}
	closing, err := channelsNamed(request.Channels)
	if err != nil {
		failV1(w, r, err)
		return
	}
	moves := make([]catalog.Move, len(closing))
	closed := []string{}
	for i, c := range closing {
		moves[i].Channel = c
		if name := c.Name(); !slices.Contains(closed, name) {
			closed = append(closed, name)
		}
	}
	ref := store.Ref{ID: r.PathValue("id")}
	if _, err := a.Catalog.Move(r.Context(), who, store.Snap, ref, moves); err != nil {
		failV1(w, r, err)
		return
	}
	channels, err := a.Catalog.Channels(r.Context(), who, store.Snap, ref)
	if err != nil {
		failV1(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, object{
		"closed_channels":  closed,
		"channel_map_tree": stateTree(&channels, nil, nil),
		"channel_maps":     stateOfTrack(&channels, closing[0].Normal().Track, nil),
	})
}

func (a *api) state(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		failV1(w, r, err)
		return
	}
	channels, err := a.Catalog.Channels(r.Context(), who, store.Snap, store.Ref{ID: r.PathValue("id")})
	if err != nil {
		failV1(w, r, err)
		return
	}
	var only []string
	if arch := r.URL.Query().Get("architecture"); arch != "" {
		only = []string{arch}
	}
	reply.JSON(w, r, http.StatusOK, object{"channel_map_tree": stateTree(&channels, nil, only)})
}

func (a *api) channelMap(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	channels, err := a.Catalog.Channels(r.Context(), who, store.Snap, store.Ref{Name: r.PathValue("name")})
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, object{
		"channel-map": channelMap(&channels, mapEntry),
		"revisions":   inChannelMap.all(channels.Revisions),
		"snap":        snapOf(&channels),
	})
}

func (a *api) history(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	page, err := positive(r.URL.Query(), "page", 1)
	if err != nil {
		fail(w, r, err)
		return
	}
	size, err := positive(r.URL.Query(), "size", catalog.MaxHistory)
	if err != nil {
		fail(w, r, err)
		return
	}
	h, err := a.Catalog.History(r.Context(), who, store.Snap, store.Ref{Name: r.PathValue("name")}, page, size)
	if err != nil {
		fail(w, r, err)
		return
	}
	releases := make([]object, len(h.Releases))
	for i := range h.Releases {
		releases[i] = releaseOf(&h.Releases[i])
	}
	reply.JSON(w, r, http.StatusOK, object{
		"_links":    a.pageLinks(r, &h),
		"releases":  releases,
		"revisions": inHistory.all(h.Revisions),
		"snap":      snapOf(&h.Channels),
	})
}

// pageLinks are absolute, and those of pages that are not there are absent.
func (a *api) pageLinks(r *http.Request, h *catalog.History) object {
	to := func(page int) string {
		q := url.Values{"page": {strconv.Itoa(page)}}
		if r.URL.Query().Has("size") {
			q.Set("size", strconv.Itoa(h.Size))
		}
		return a.BaseURL(r) + r.URL.EscapedPath() + "?" + q.Encode()
	}
	links := object{"self": to(h.Page)}
	if h.Pages > 1 {
		links["first"], links["last"] = to(1), to(h.Pages)
	}
	if h.Page > 1 {
		links["prev"] = to(h.Page - 1)
	}
	if h.Page < h.Pages {
		links["next"] = to(h.Page + 1)
	}
	return links
}

// positive reads a number from 1 of a query.
func positive(q url.Values, key string, otherwise int) (int, error) {
	if !q.Has(key) {
		return otherwise, nil
	}
	n, err := strconv.Atoi(q.Get(key))
	if err != nil || n < 1 || n > maxPage {
		return 0, store.Invalidf("invalid-field", "%s must be a number from 1 to %d", key, maxPage).With("name", key)
	}
	return n, nil
}

const maxPage = 1_000_000

func (a *api) revision(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	number, err := strconv.Atoi(r.PathValue("revision"))
	if err != nil || number < 1 {
		fail(w, r, store.NotFoundf("revision-not-found", "there is no revision %.40q", r.PathValue("revision")))
		return
	}
	rev, err := a.Catalog.RevisionOf(r.Context(), who, store.Snap, store.Ref{Name: r.PathValue("name")}, number)
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, object{"revision": byItself.of(rev)})
}

// channelsNamed parses the channels of a request.
func channelsNamed(names []string) ([]store.Channel, error) {
	if len(names) == 0 {
		return nil, store.Invalidf("required", "channels must name at least one channel").With("name", "channels")
	}
	list := make([]store.Channel, len(names))
	for i, name := range names {
		c, err := parseChannel(name)
		if err != nil {
			return nil, err
		}
		list[i] = c
	}
	return list, nil
}

func parseChannel(name string) (store.Channel, error) {
	if name == "" {
		return store.Channel{}, store.Invalidf("invalid-channel", "a channel's name is empty").
			Try("write it as [track/]risk[/branch], such as latest/stable")
	}
	return store.ParseChannel(name)
}
