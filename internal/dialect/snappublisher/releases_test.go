package snappublisher

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/dialect/publishertest"
	"github.com/larder-store/larder/internal/store"
)

// uploaded gives a package revisions, numbered from 1, that change may change.
func (w *world) uploaded(pkg *store.Package, revisions int, change func(*store.Revision)) {
	w.T.Helper()
	w.Update(func(tx *db.Tx) error {
		for n := 1; n <= revisions; n++ {
			var digest store.Digest
			digest[0], digest[47] = byte(n), byte(n>>8)
			if _, err := tx.AddBlob(store.Blob{Digest: digest, SHA256: fmt.Sprintf("%064x", n), Size: 4096}); err != nil {
				return err
			}
			rev := &store.Revision{
				PackageID: pkg.ID, Number: n, Status: store.StatusApproved, Version: fmt.Sprintf("1.%d", n),
				CreatedAt: w.Now.Add(time.Duration(n) * time.Minute), CreatedBy: pkg.PublisherID,
				Blob: digest, SHA256: fmt.Sprintf("%064x", n), Size: 4096,
				Platforms:  []store.Platform{{Architecture: "amd64"}, {Architecture: "arm64"}},
				Provenance: "global-upload",
				Meta:       store.Meta{Type: "app", Base: "core24", Confinement: "strict", Grade: "stable"},
			}
			if change != nil {
				change(rev)
			}
			if err := tx.InsertRevision(rev); err != nil {
				return err
			}
		}
		tx.Record(store.RevisionAdded, "package/"+pkg.ID, nil)
		return nil
	})
}

// hello is alice's snap with five revisions: 3 waits for review, 4 is in devmode
// and only for amd64, 5 is rejected. Its track 2.0 takes versions 1.x.
func hello(t *testing.T) (*world, *store.Package) {
	w := newWorld(t)
	pkg := w.listed(1, "hello", "alice")
	w.uploaded(pkg, 5, func(r *store.Revision) {
		switch r.Number {
		case 3:
			r.Status = store.StatusPending
		case 4:
			r.Meta.Confinement, r.Meta.Grade, r.Version = "devmode", "devel", "2.4"
			r.Platforms = r.Platforms[:1]
		case 5:
			r.Status = store.StatusRejected
		}
	})
	_, err := w.Catalog.AddTracks(t.Context(), publishertest.Operator, store.Snap, "hello", []store.Track{{Name: "2.0", VersionPattern: `1\..*`}})
	w.Must(err)
	w.Token("alice-edge", "alice", store.Limits{Channels: []string{"edge", "*/edge"}})
	return w, pkg
}

func (w *world) released(revision int, channels ...string) {
	w.T.Helper()
	w.Do("alice", "POST", "/dev/api/snap-release/", object{"name": "hello", "revision": revision, "channels": channels}).Object(http.StatusOK)
	w.Now = w.Now.Add(time.Minute)
}

func TestGoldenReleases(t *testing.T) {
	t.Run("dashboard", func(t *testing.T) {
		w, pkg := hello(t)
		w.released(1, "latest/stable")
		for _, name := range []string{
			"snapcraft-release", "snapcraft-release-progressive", "snapcraft-release-unknown-track", "snapcraft-release-unknown-revision",
			"snapcraft-release-forbidden-channel", "snapcraft-status", "snapcraft-tracks", "snapcraft-revisions",
			"snapcraft-promote-state", "snapcraft-promote-release", "snapcraft-close", "web-revision", "web-cancel-progressive",
			"launchpad-release",
		} {
			w.golden(t, name, "id", pkg.ID)
			w.Now = w.Now.Add(time.Minute)
		}
	})
	t.Run("on-prem", func(t *testing.T) {
		w, _ := hello(t)
		w.released(1, "latest/stable")
		for _, name := range []string{
			"onprem-release", "onprem-promote", "onprem-status", "onprem-tracks", "onprem-close",
		} {
			w.golden(t, name)
			w.Now = w.Now.Add(time.Minute)
		}
	})
	t.Run("gateway", func(t *testing.T) {
		w, _ := hello(t)
		_, err := w.Catalog.ChangeGuardrails(t.Context(), publishertest.Operator, store.Snap, "hello", []string{`3\.[0-9]`}, nil)
		w.Must(err)
		w.golden(t, "gateway-create-tracks")
		w.golden(t, "gateway-create-latest")
	})
}

func TestReleasesAreRefused(t *testing.T) {
	w, pkg := hello(t)
	release := func(more object) object {
		body := object{"name": "hello", "revision": 1, "channels": []string{"edge"}}
		for k, v := range more {
			body[k] = v
		}
		return body
	}
	const post, v1, gateway = "POST", "/dev/api/snap-release/", "/v1/snap/hello/releases"
	closing := "/dev/api/snaps/" + pkg.ID + "/close"
	many := make([]string, 201)
	for i := range many {
		many[i] = "edge"
	}
	w.refuses(t, []refusal{
		{"no credentials", "", post, v1, release(nil), 401, "macaroon-authorization-required"},
		{"no JSON", "alice", post, v1, "hello", 400, "api-error"},
		{"a list", "alice", post, v1, "[]", 400, "api-error"},
		{"no name", "alice", post, v1, release(object{"name": ""}), 400, "required"},
		{"an unknown snap", "alice", post, v1, release(object{"name": "other"}), 404, "resource-not-found"},
		{"another's snap", "bob", post, v1, release(nil), 403, "resource-forbidden"},
		{"a reader", "vera", post, v1, release(nil), 403, "macaroon-permission-required"},
		{"no channels", "alice", post, v1, release(object{"channels": []string{}}), 400, "required"},
		{"too many channels", "alice", post, v1, release(object{"channels": many}), 413, "too-many-channels"},
		{"too large", "alice", post, v1, release(object{"series": strings.Repeat("x", maxReleaseBody)}), 413, "request-too-large"},
		{"an empty channel", "alice", post, v1, release(object{"channels": []string{""}}), 400, "invalid-field"},
		{"a bad risk", "alice", post, v1, release(object{"channels": []string{"latest/nice"}}), 400, "invalid-field"},
		{"a bad branch", "alice", post, v1, release(object{"channels": []string{"edge/fix_1"}}), 400, "invalid-field"},
		{"a branch with a hyphen at its end", "alice", post, v1, release(object{"channels": []string{"edge/fix-"}}), 400, "invalid-field"},
		{"a revision in words", "alice", post, v1, release(object{"revision": "one"}), 400, "invalid-field"},
		{"half a revision", "alice", post, v1, release(object{"revision": 1.5}), 400, "invalid-field"},
		{"a revision of 0", "alice", post, v1, release(object{"revision": 0}), 400, "invalid-field"},
		{"a list of revisions", "alice", post, v1, release(object{"revision": []int{1}}), 400, "invalid-field"},
		{"a revision that waits", "alice", post, v1, release(object{"revision": 3}), 409, "resource-not-ready"},
		{"a rejected revision", "alice", post, v1, release(object{"revision": 5}), 409, "resource-not-ready"},
		{"devmode to stable", "alice", post, v1, release(object{"revision": 4, "channels": []string{"stable"}}), 400, "invalid-field"},
		{"a version that the track does not take", "alice", post, v1, release(object{"revision": 4, "channels": []string{"2.0/edge"}}), 400, "invalid-field"},
		{"0 percent", "alice", post, v1, release(object{"progressive": object{"percentage": 0}}), 400, "invalid-field"},
		{"101 percent", "alice", post, v1, release(object{"progressive": object{"percentage": 101}}), 400, "invalid-field"},
		{"a percentage in words", "alice", post, v1, release(object{"progressive": object{"percentage": "half"}}), 400, "api-error"},
		{"closing nothing", "alice", post, closing, object{"channels": []string{}}, 400, "required"},
		{"closing a bad channel", "alice", post, closing, object{"channels": []string{"a/b/c/d"}}, 400, "invalid-field"},
		{"closing an unknown track", "alice", post, closing, object{"channels": []string{"9.9/edge"}}, 400, "invalid-field"},
		{"closing what the token is not for", "alice-edge", post, closing, object{"channels": []string{"beta"}}, 403, "macaroon-permission-required"},
		{"closing an unknown snap", "alice", post, "/dev/api/snaps/nothing/close", object{"channels": []string{"edge"}}, 404, "resource-not-found"},
		{"the state of an unknown snap", "alice", "GET", "/dev/api/snaps/nothing/state", nil, 404, "resource-not-found"},
		{"the state of another's", "bob", "GET", "/dev/api/snaps/" + pkg.ID + "/state", nil, 403, "resource-forbidden"},
		{"the map of an unknown snap", "alice", "GET", "/api/v2/snaps/nothing/channel-map", nil, 404, "resource-not-found"},
		{"the map of another's", "bob", "GET", "/api/v2/snaps/hello/channel-map", nil, 403, "resource-forbidden"},
		{"the map without credentials", "", "GET", "/api/v2/snaps/hello/channel-map", nil, 401, "macaroon-authorization-required"},
		{"page 0", "alice", "GET", "/api/v2/snaps/hello/releases?page=0", nil, 400, "invalid-field"},
		{"a page in words", "alice", "GET", "/api/v2/snaps/hello/releases?page=one", nil, 400, "invalid-field"},
		{"a page after the last", "alice", "GET", "/api/v2/snaps/hello/releases?page=2", nil, 404, "page-not-found"},
		{"a size of 0", "alice", "GET", "/api/v2/snaps/hello/releases?size=0", nil, 400, "invalid-field"},
		{"the history of another's", "bob", "GET", "/api/v2/snaps/hello/releases", nil, 403, "resource-forbidden"},
		{"an unknown revision", "alice", "GET", "/api/v2/snaps/hello/revisions/99", nil, 404, "resource-not-found"},
		{"a revision's name", "alice", "GET", "/api/v2/snaps/hello/revisions/one", nil, 404, "resource-not-found"},
		{"another's revision", "bob", "GET", "/api/v2/snaps/hello/revisions/1", nil, 403, "resource-forbidden"},
		{"gateway: no list", "alice", post, gateway, object{}, 400, "api-error"},
		{"gateway: an empty list", "alice", post, gateway, "[]", 400, "required"},
		{"gateway: a revision of 0", "alice", post, gateway, `[{"channel":"edge","revision":0}]`, 400, "invalid-field"},
		{"gateway: a bad channel", "alice", post, gateway, `[{"channel":"","revision":1}]`, 400, "invalid-channel"},
		{"gateway: a foreign component", "alice", post, gateway, `[{"channel":"edge","revision":1,"resources":[{"name":"data","revision":1}]}]`, 400, "foreign-component"},
		{"gateway: another's", "bob", post, gateway, `[{"channel":"edge","revision":1}]`, 403, "resource-forbidden"},
		{"gateway: the token is for other channels", "alice-edge", post, gateway, `[{"channel":"beta","revision":1}]`, 403, "permission-required"},
		{"gateway: releases of another's", "bob", "GET", gateway, nil, 403, "resource-forbidden"},
		{"a track without a guardrail", "alice", post, "/v1/snap/hello/tracks", `[{"name":"3.0"}]`, 403, "track-guardrail-missing"},
		{"another's track", "bob", post, "/v1/snap/hello/tracks", `[{"name":"3.0"}]`, 403, "resource-forbidden"},
		{"no track", "alice", post, "/v1/snap/hello/tracks", `[]`, 400, "invalid-tracks"},
		{"a track that is there", "adam", post, "/v1/snap/hello/tracks", `[{"name":"3.0"},{"name":"2.0"}]`, 409, "conflicting-tracks"},
		{"a track's bad pattern", "adam", post, "/v1/snap/hello/tracks", `[{"name":"3.0","version-pattern":"("}]`, 400, "invalid-pattern"},
		{"a track's bad phasing", "adam", post, "/v1/snap/hello/tracks", `[{"name":"3.0","automatic-phasing-percentage":"much"}]`, 400, "invalid-percentage"},
	})
	if body := w.Do("alice", "GET", "/api/v2/snaps/hello/releases", nil).Object(200); len(body["releases"].([]any)) != 0 {
		t.Errorf("a refused request has released: %v", body["releases"])
	}
}

func TestARefusedReleaseSaysItTheOldWays(t *testing.T) {
	w, _ := hello(t)
	body := w.Do("alice-edge", "POST", "/dev/api/snap-release/", object{"name": "hello", "revision": 1, "channels": []string{"edge", "stable"}}).Object(403)
	if body["permission"] != "channel" || fmt.Sprint(body["channels"]) != "[latest/stable]" || body["success"] != false || body["errors"] == "" {
		t.Errorf("answered %v", body)
	}
	body = w.Do("alice", "POST", "/dev/api/snap-release/", object{"name": "hello", "revision": 4, "channels": []string{"edge", "stable", "9/edge"}}).Object(400)
	if list := body["error_list"].([]any); len(list) != 2 {
		t.Errorf("not everything that is wrong is said: %v", list)
	}
	if w.mapText() != "" {
		t.Errorf("half of a refused request was done: %s", w.mapText())
	}
}

// mapText is the channel map as "channel architecture revision[ percentage%]".
func (w *world) mapText() string {
	w.T.Helper()
	var lines []string
	for _, e := range w.Do("alice", "GET", "/api/v2/snaps/hello/channel-map", nil).Object(200)["channel-map"].([]any) {
		e := e.(object)
		line := fmt.Sprintf("%v %v %v", e["channel"], e["architecture"], e["revision"])
		if p := e["progressive"].(object); p["percentage"] != nil {
			line += fmt.Sprintf(" %v%%", p["percentage"])
			if p["paused"] == true {
				line += " paused"
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

func TestAProgressiveReleaseStepByStep(t *testing.T) {
	w, _ := hello(t)
	w.released(1, "stable")
	step := func(progressive any, want string) {
		t.Helper()
		body := object{"name": "hello", "revision": "2", "channels": []string{"stable"}, "progressive": progressive}
		w.Do("alice", "POST", "/dev/api/snap-release/", body).Object(200)
		w.Now = w.Now.Add(time.Minute)
		if got := w.mapText(); got != want {
			t.Errorf("after %v: %s\nwant %s", progressive, got, want)
		}
	}
	both := func(revision int, more string) string {
		return fmt.Sprintf("latest/stable amd64 1, latest/stable amd64 %[1]d%[2]s, latest/stable arm64 1, latest/stable arm64 %[1]d%[2]s", revision, more)
	}
	everyone := func(revision int) string {
		return fmt.Sprintf("latest/stable amd64 %[1]d, latest/stable arm64 %[1]d", revision)
	}
	step(object{"percentage": 10, "paused": false}, both(2, " 10%"))
	step(object{"percentage": 20}, both(2, " 20%"))
	step(object{"percentage": 20, "paused": true}, both(2, " 20% paused"))
	step(object{"percentage": 20, "paused": false}, both(2, " 20%"))
	step(object{"percentage": nil, "paused": nil}, everyone(1))
	step(object{"percentage": 30}, both(2, " 30%"))
	step(object{"percentage": 100}, everyone(2))
	w.released(1, "stable")
	step(object{"percentage": 30}, both(2, " 30%"))
	step(nil, everyone(2))
}

func TestBranchesLiveThirtyDays(t *testing.T) {
	w, pkg := hello(t)
	w.released(1, "stable", "edge/fix-1")
	entry := w.Do("alice", "GET", "/api/v2/snaps/hello/channel-map", nil).Object(200)["channel-map"].([]any)[2].(object)
	if entry["channel"] != "latest/edge/fix-1" || entry["expiration-date"] != "2026-03-05T04:05:06Z" {
		t.Errorf("the branch is %v", entry)
	}
	w.Now = w.Now.Add(29 * 24 * time.Hour)
	if got := w.mapText(); !strings.Contains(got, "fix-1") {
		t.Errorf("after 29 days: %s", got)
	}
	w.Now = w.Now.Add(24 * time.Hour)
	if got := w.mapText(); got != "latest/stable amd64 1, latest/stable arm64 1" {
		t.Errorf("after 30 days: %s", got)
	}
	if body := w.Do("alice", "GET", "/dev/api/snaps/"+pkg.ID+"/state", nil); strings.Contains(body.Body.String(), "fix-1") {
		t.Errorf("the state still has the branch: %s", body.Body)
	}
}

func TestClosingTwiceIsNoError(t *testing.T) {
	w, pkg := hello(t)
	w.released(1, "stable", "edge")
	for range 2 {
		body := w.Do("alice", "POST", "/dev/api/snaps/"+pkg.ID+"/close", object{"channels": []string{"latest/edge", "edge"}}).Object(200)
		if fmt.Sprint(body["closed_channels"]) != "[edge]" {
			t.Errorf("answered %v", body)
		}
	}
	if got := w.mapText(); got != "latest/stable amd64 1, latest/stable arm64 1" {
		t.Errorf("left open: %s", got)
	}
	n := len(w.Do("alice", "GET", "/api/v2/snaps/hello/releases", nil).Object(200)["releases"].([]any))
	if n != 6 {
		t.Errorf("%d releases in the history, want 6", n)
	}
}

func TestAGatewayRequestIsAllOrNothing(t *testing.T) {
	w, _ := hello(t)
	w.Do("alice", "POST", "/v1/snap/hello/releases", `[{"channel":"stable","revision":1},{"channel":"edge","revision":99}]`).ErrorCode(404)
	if got := w.mapText(); got != "" {
		t.Errorf("half of it was done: %s", got)
	}
	w.Do("alice", "POST", "/v1/snap/hello/releases", `[{"channel":"stable","revision":1},{"channel":"edge","revision":"2"},{"channel":"edge","revision":null}]`).Object(200)
	if got := w.mapText(); got != "latest/stable amd64 1, latest/stable arm64 1" {
		t.Errorf("it has done %s", got)
	}
}

func TestTracksThatReleaseByAndBy(t *testing.T) {
	w, _ := hello(t)
	w.Do("adam", "POST", "/v1/snap/hello/tracks", `[{"name":"slow","automatic-phasing-percentage":"30"}]`).Object(201)
	w.released(1, "slow/stable")
	w.released(2, "slow/stable")
	for _, tt := range []struct {
		after time.Duration
		want  string
	}{
		{0, "slow/stable amd64 1, slow/stable amd64 2 30%, slow/stable arm64 1, slow/stable arm64 2 30%"},
		{25 * time.Hour, "slow/stable amd64 1, slow/stable amd64 2 60%, slow/stable arm64 1, slow/stable arm64 2 60%"},
		{48 * time.Hour, "slow/stable amd64 2, slow/stable arm64 2"},
	} {
		w.Now = w.Now.Add(tt.after)
		if got := w.mapText(); got != tt.want {
			t.Errorf("after %v more: %s\nwant %s", tt.after, got, tt.want)
		}
	}
	w.Do("alice", "POST", "/dev/api/snap-release/", object{"name": "hello", "revision": 1, "channels": []string{"slow/stable"}}).Object(200)
	if got := w.mapText(); got != "slow/stable amd64 1, slow/stable arm64 1" {
		t.Errorf("going back took its time: %s", got)
	}
	w.Do("alice", "POST", "/dev/api/snap-release/", object{
		"name": "hello", "revision": 2, "channels": []string{"slow/stable"}, "progressive": object{"percentage": 100},
	}).Object(200)
	if got := w.mapText(); got != "slow/stable amd64 2, slow/stable arm64 2" {
		t.Errorf("at once took its time: %s", got)
	}
}

func TestHistoryByPages(t *testing.T) {
	w, pkg := hello(t)
	for i := range 5 {
		w.released(1+i%2, "edge")
	}
	path := "/api/v2/snaps/hello/releases"
	all := w.Do("alice", "GET", path, nil).Object(200)
	if links := all["_links"].(object); len(links) != 1 || links["self"] != publishertest.BaseURL+path+"?page=1" {
		t.Errorf("links of the only page: %v", links)
	}
	var releases []any
	next := any(path + "?size=4&page=1")
	for next != nil {
		url := strings.TrimPrefix(next.(string), publishertest.BaseURL)
		page := w.Do("alice", "GET", url, nil).Object(200)
		links := page["_links"].(object)
		releases = append(releases, page["releases"].([]any)...)
		next = links["next"]
		if links["first"] != publishertest.BaseURL+path+"?page=1&size=4" || links["last"] != publishertest.BaseURL+path+"?page=3&size=4" {
			t.Errorf("links %v", links)
		}
	}
	if fmt.Sprint(releases) != fmt.Sprint(all["releases"]) || len(releases) != 10 {
		t.Errorf("page by page\n%v\nat once\n%v", releases, all["releases"])
	}
	statuses := map[string]any{}
	for _, r := range all["revisions"].([]any) {
		statuses[fmt.Sprint(r.(object)["revision"])] = r.(object)["status"]
	}
	if got := fmt.Sprint(statuses); got != "map[1:Published 2:Published 3:ManualReviewPending 4:Unpublished 5:Rejected]" {
		t.Errorf("statuses %s", got)
	}
	w.Do("alice", "GET", "/api/v2/snaps/"+pkg.ID+"/revisions/5", nil).Object(200)
}

// fold is a channel map made from the history alone, as a reader would who knows
// the rules from the page.
func fold(history []any, at time.Time) map[string][]string {
	type slot struct{ plain, progressive object }
	slots := map[string]*slot{}
	lapsed := func(r object) bool {
		return r["expiration-date"] != nil && r["expiration-date"].(string) <= at.Format(time.RFC3339)
	}
	for _, r := range slices.Backward(history) {
		r := r.(object)
		key := fmt.Sprint(r["channel"], " ", r["architecture"])
		s := slots[key]
		if s == nil {
			s = &slot{}
			slots[key] = s
		}
		switch {
		case r["revision"] == nil:
			*s = slot{}
		case r["progressive"].(object)["percentage"] != nil:
			s.progressive = r
		default:
			*s = slot{plain: r}
		}
	}
	out := map[string][]string{}
	for key, s := range slots {
		for _, r := range []object{s.plain, s.progressive} {
			if r != nil && !lapsed(r) {
				out[key] = append(out[key], fmt.Sprint(r["revision"], r["when"], r["progressive"].(object)["percentage"]))
			}
		}
	}
	return out
}

func TestTheChannelMapIsTheFoldOfTheHistory(t *testing.T) {
	w, _ := hello(t)
	names := []string{"stable", "edge", "edge/fix", "2.0/beta"}
	rapid.Check(t, func(r *rapid.T) {
		w.Now = w.Now.Add(time.Duration(rapid.IntRange(1, 20*24*3600).Draw(r, "seconds")) * time.Second)
		entry := object{"channel": rapid.SampledFrom(names).Draw(r, "channel"), "revision": nil}
		if n := rapid.IntRange(0, 2).Draw(r, "revision"); n > 0 {
			entry["revision"] = n
		}
		if p := rapid.SampledFrom([]any{nil, nil, 10, 60, 100}).Draw(r, "percentage"); p != nil && entry["revision"] != nil {
			w.Do("alice", "POST", "/dev/api/snap-release/", object{
				"name": "hello", "revision": entry["revision"], "channels": []any{entry["channel"]}, "progressive": object{"percentage": p},
			}).Object(200)
		} else {
			w.Do("alice", "POST", "/v1/snap/hello/releases", []object{entry}).Object(200)
		}
		body := w.Do("alice", "GET", "/api/v2/snaps/hello/channel-map", nil).Object(200)
		got := map[string][]string{}
		known := map[any]bool{}
		for _, rev := range body["revisions"].([]any) {
			known[rev.(object)["revision"]] = true
		}
		listed := map[any]bool{}
		for _, c := range body["snap"].(object)["channels"].([]any) {
			listed[c.(object)["name"]] = true
		}
		for _, e := range body["channel-map"].([]any) {
			e := e.(object)
			key := fmt.Sprint(e["channel"], " ", e["architecture"])
			got[key] = append(got[key], fmt.Sprint(e["revision"], e["when"], e["progressive"].(object)["percentage"]))
			if !known[e["revision"]] || !listed[e["channel"]] {
				r.Fatalf("%v stands in the map, and nowhere else", e)
			}
		}
		var history []any
		for next := any("/api/v2/snaps/hello/releases?page=1"); next != nil; {
			page := w.Do("alice", "GET", strings.TrimPrefix(next.(string), publishertest.BaseURL), nil).Object(200)
			history, next = append(history, page["releases"].([]any)...), page["_links"].(object)["next"]
		}
		if want := fold(history, w.Now); fmt.Sprint(got) != fmt.Sprint(want) {
			r.Fatalf("the map is\n%v\nthe history says\n%v", got, want)
		}
	})
}

func TestPrivateSnapsOfOthersDoNotExist(t *testing.T) {
	w, pkg := hello(t)
	w.private(pkg.ID)
	for _, path := range []string{
		"/api/v2/snaps/hello/channel-map", "/api/v2/snaps/hello/releases", "/api/v2/snaps/hello/revisions/1",
		"/v1/snap/hello/releases", "/dev/api/snaps/" + pkg.ID + "/state",
	} {
		if code := w.Do("bob", "GET", path, nil).ErrorCode(404); code != "resource-not-found" {
			t.Errorf("%s: %s", path, code)
		}
		w.Do("alice", "GET", path, nil).Object(200)
		w.Do("vera", "GET", path, nil).Object(200)
	}
}
