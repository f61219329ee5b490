package snappublisher

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// The shapes that the dashboard and the publisher gateway were seen to answer
// about channels; values stand for their types.
var (
	seenProgressive = object{"paused": false, "percentage": 0.0, "current-percentage": 0.0}
	seenEpoch       = object{"read": []any{0.0}, "write": []any{0.0}}
	seenReleased    = object{"name": "", "track": "", "risk": "", "branch": "", "fallback": ""}

	seenSnap = object{
		"id": "", "name": "", "private": false, "default-track": "", "title": "",
		"publisher": object{"id": "", "display-name": "", "username": ""},
		"tracks":    []any{object{"name": "", "creation-date": "", "version-pattern": "", "status": ""}},
		"channels":  []any{seenReleased},
	}
	seenChannelMap = object{
		"channel-map": []any{object{
			"architecture": "", "channel": "", "expiration-date": "", "progressive": seenProgressive, "revision": 0.0, "when": "",
		}},
		"revisions": []any{object{
			"architectures": []any{""}, "attributes": object{}, "base": "", "confinement": "", "epoch": seenEpoch, "grade": "",
			"revision": 0.0, "version": "", "build-url": "", "created-at": "", "sha3-384": "", "size": 0.0,
		}},
		"snap": seenSnap,
	}
	seenRevision = object{
		"architectures": []any{""}, "attributes": object{}, "base": "", "build_url": "", "confinement": "", "created_at": "",
		"epoch": seenEpoch, "grade": "", "revision": 0.0, "size": 0.0, "status": "", "version": "",
	}
	seenHistory = object{
		"_links": object{"self": ""},
		"releases": []any{object{
			"when": "", "channel": "", "track": "", "risk": "", "branch": "", "expiration-date": "", "architecture": "",
			"revision": 0.0, "progressive": seenProgressive,
		}},
		"revisions": []any{also(seenRevision, "sha3-384", "")},
		"snap":      seenSnap,
	}
	seenSpecific = object{"channel": "", "info": "", "revision": 0.0, "version": ""}
	seenClosed   = object{"channel": "", "info": ""}
	seenBranch   = also(seenSpecific, "expires_at", "")

	// Seen of a charm: base is an object there, and the revisions have bases. What
	// stands here of them is what snapcraft and craft-store want of a snap's.
	seenGatewayReleases = object{
		"channel-map": []any{object{
			"architecture": "", "base": nil, "channel": "", "expiration-date": "", "resources": []any{},
			"progressive": object{"paused": false, "percentage": 0.0}, "revision": 0.0, "when": "",
		}},
		"package": object{"channels": []any{seenReleased}},
		"revisions": []any{object{
			"architectures": []any{""}, "base": "", "build-url": "", "confinement": "", "created-at": "", "created-by": "", "grade": "",
			"revision": 0.0, "sha3-384": "", "size": 0.0, "status": "", "type": "", "version": "",
		}},
	}
)

// also is a shape with one key more.
func also(o object, key string, value any) object {
	more := maps.Clone(o)
	more[key] = value
	return more
}

// sameState holds the channels of one architecture to the shapes seen.
func sameState(t *testing.T, where string, entries any) {
	t.Helper()
	shapes := map[any]object{"specific": seenSpecific, "tracking": seenClosed, "none": seenClosed, "branch": seenBranch}
	for _, e := range entries.([]any) {
		shape, known := shapes[e.(object)["info"]]
		if !known {
			t.Errorf("%s has an info %v", where, e)
		}
		sameShape(t, where, e, shape)
	}
}

func sameTree(t *testing.T, tree any) {
	t.Helper()
	for track, serieses := range tree.(object) {
		if keys := slices.Collect(maps.Keys(serieses.(object))); !slices.Equal(keys, []string{"16"}) {
			t.Errorf("track %s has the series %v", track, keys)
		}
		for arch, entries := range serieses.(object)["16"].(object) {
			sameState(t, track+"/"+arch, entries)
		}
	}
}

func TestAnswersAboutChannelsHaveTheShapesSeen(t *testing.T) {
	w, pkg := hello(t)
	w.released(1, "stable", "beta", "edge/fix")
	progressive := object{"name": "hello", "revision": 2, "channels": []string{"stable"}, "progressive": object{"percentage": 50, "paused": false}}

	answer := w.Do("alice", "POST", "/dev/api/snap-release/", progressive).Object(200)
	sameTree(t, answer["channel_map_tree"])
	sameState(t, "channel_map", answer["channel_map"])
	sameShape(t, "release", answer, object{"success": true, "channel_map_tree": nil, "channel_map": nil, "opened_channels": []any{""}})

	answer = w.Do("alice", "POST", "/dev/api/snaps/"+pkg.ID+"/close", object{"channels": []string{"beta"}}).Object(200)
	sameTree(t, answer["channel_map_tree"])
	for arch, entries := range answer["channel_maps"].(object) {
		sameState(t, "channel_maps/"+arch, entries)
	}
	sameShape(t, "close", answer, object{"closed_channels": []any{""}, "channel_map_tree": nil, "channel_maps": nil})

	answer = w.Do("alice", "GET", "/dev/api/snaps/"+pkg.ID+"/state?series=16&architecture=arm64", nil).Object(200)
	sameTree(t, answer["channel_map_tree"])
	if got := slices.Collect(maps.Keys(answer["channel_map_tree"].(object)["latest"].(object)["16"].(object))); !slices.Equal(got, []string{"arm64"}) {
		t.Errorf("the state of arm64 is about %v", got)
	}

	sameShape(t, "channel-map", w.Do("alice", "GET", "/api/v2/snaps/hello/channel-map", nil).Object(200), seenChannelMap)
	sameShape(t, "releases", w.Do("alice", "GET", "/api/v2/snaps/hello/releases", nil).Object(200), seenHistory)
	sameShape(t, "revision", w.Do("alice", "GET", "/api/v2/snaps/hello/revisions/2", nil).Object(200), object{"revision": seenRevision})
	sameShape(t, "gateway", w.Do("alice", "GET", "/v1/snap/hello/releases", nil).Object(200), seenGatewayReleases)
}

func TestTrap7NullsAreSpelledOut(t *testing.T) {
	w, _ := hello(t)
	w.released(1, "stable")
	for path, want := range map[string][]string{
		"/api/v2/snaps/hello/channel-map": {
			`"expiration-date":null`, `"paused":null`, `"percentage":null`, `"branch":null`, `"fallback":null`,
			`"creation-date":null`, `"version-pattern":null`, `"default-track":null`, `"build-url":null`,
		},
		"/api/v2/snaps/hello/releases": {`"build_url":null`, `"branch":null`, `"expiration-date":null`, `"paused":null`},
		"/v1/snap/hello/releases":      {`"base":null`, `"expiration-date":null`, `"paused":null`, `"percentage":null`, `"resources":[]`},
	} {
		body := w.Do("alice", "GET", path, nil).Body.String()
		for _, null := range want {
			if !strings.Contains(body, null) {
				t.Errorf("%s has no %s: %s", path, null, body)
			}
		}
	}
}

func TestTrap9ARevisionIsANumberOrText(t *testing.T) {
	w, _ := hello(t)
	for i, revision := range []any{1, "2", "1"} {
		w.Do("alice", "POST", "/dev/api/snap-release/", object{
			"name": "hello", "revision": revision, "channels": []string{"edge"}, "series": "16", "id": "x", "delta_format": nil, "progressive": nil,
		}).Object(200)
		if want := []string{"1", "2", "1"}[i]; w.mapText() != "latest/edge amd64 "+want+", latest/edge arm64 "+want {
			t.Errorf("after %v: %s", revision, w.mapText())
		}
	}
}

func TestTrap14NothingAboutChannelsAnswersAServersError(t *testing.T) {
	w, _ := hello(t)
	for _, path := range []string{
		"/api/v2/snaps/hello/channel-map", "/api/v2/snaps/%00/channel-map", "/api/v2/snaps/%ff/releases", "/api/v2/snaps/hello/revisions/99999999999999999999",
		"/api/v2/snaps/hello/releases?page=99999999999&size=-1", "/v1/snap/%2e%2e/releases", "/dev/api/snaps/%00/state",
		"/dev/api/snaps/hello/state?architecture=%00",
	} {
		if a := w.Do("alice", "GET", path, nil); a.Code >= 500 {
			t.Errorf("%s: %d %s", path, a.Code, a.Body)
		}
	}
}

func TestTrap15TheGatewaysReleasesFitTheStrictestReader(t *testing.T) {
	w, _ := hello(t)
	w.released(1, "stable")
	body := w.Do("alice", "GET", "/v1/snap/hello/releases", nil).Object(200)
	for _, e := range body["channel-map"].([]any) {
		if base, there := e.(object)["base"]; !there || base != nil {
			t.Errorf("an entry has the base %v", base)
		}
	}
	for _, r := range body["revisions"].([]any) {
		r := r.(object)
		if len(r["sha3-384"].(string)) != 96 || !slices.Contains([]any{"app", "gadget", "kernel", "base", "snapd"}, r["type"]) ||
			!slices.Contains([]any{"devel", "stable"}, r["grade"]) || !slices.Contains([]any{"classic", "strict", "devmode"}, r["confinement"]) {
			t.Errorf("a revision is %v", r)
		}
	}
}
