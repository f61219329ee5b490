package charmhub

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// published is a charm with two revisions: the first runs on two bases and takes
// nothing, the second declares an image, that it needs, and a file.
func (w *world) published() (pkg *store.Package, first, second *store.Revision) {
	w.T.Helper()
	pkg = w.register("hello", "charm")
	first = w.revision(pkg, "one", store.Revision{Platforms: []store.Platform{base("22.04", "amd64"), base("22.04", "arm64")}})
	second = w.revision(pkg, "two", store.Revision{Version: "2.1", Meta: store.Meta{Charm: &store.CharmMeta{
		Resources: []store.DeclaredResource{
			{Name: "config", Type: store.ResourceFile, Filename: "c.tar", Optional: true},
			{Name: "image", Type: store.ResourceImage},
		},
	}}})
	w.resource(pkg, "an image", store.ResourceRevision{Name: "image", Type: store.ResourceImage})
	w.resource(pkg, "a file", store.ResourceRevision{Name: "config"})
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.PackageUpdated, "package/"+pkg.ID, nil)
		_, err := tx.AddTrack(pkg.ID, store.Track{Name: "2.0", CreatedAt: w.Now, VersionPattern: `^\d`})
		return err
	})
	return pkg, first, second
}

// seenReleases is the shape that the publisher gateway was seen to answer.
var seenReleases = map[string]any{
	"channel-map": []any{map[string]any{
		"base": seenBase, "channel": "", "expiration-date": nil, "progressive": map[string]any{"paused": nil, "percentage": nil},
		"resources": []any{}, "revision": 0.0, "when": "",
	}},
	"package": map[string]any{"channels": []any{map[string]any{"branch": nil, "fallback": nil, "name": "", "risk": "", "track": ""}}},
	"revisions": []any{map[string]any{
		"bases": []any{seenBase}, "created-at": "", "errors": nil, "revision": 0.0, "sha3-384": "", "size": 0.0, "status": "", "version": "",
	}},
}

var seenBase = map[string]any{"architecture": "", "channel": "", "name": ""}

// A release replaces what the channel holds on the revision's own bases, and
// leaves the others alone.
func TestReleasesAsCharmcraftMakesAndReadsThem(t *testing.T) {
	w := newWorld(t)
	pkg, first, _ := w.published()
	w.release(pkg, first, "latest/edge latest/beta")
	w.Now = w.Now.Add(time.Hour)
	w.golden(t, "release")
	w.golden(t, "releases")
	w.golden(t, "revisions")
	var answer any
	w.Do("alice", "GET", "/v1/charm/hello/releases", nil).Into(200, &answer)
	sameShape(t, "releases", answer, seenReleases)
	w.Now = w.Now.Add(store.BranchLife)
	var after struct {
		Map     []struct{ Channel string } `json:"channel-map"`
		Package struct {
			Channels []struct{ Name, Branch string }
		}
	}
	w.Do("alice", "GET", "/v1/charm/hello/releases", nil).Into(200, &after)
	for _, e := range after.Map {
		if strings.Contains(e.Channel, "fix-7") {
			t.Errorf("the branch is still open: %v", after.Map)
		}
	}
	for _, c := range after.Package.Channels {
		if c.Branch != "" {
			t.Errorf("the branch is still listed: %v", after.Package.Channels)
		}
	}
}

func TestAPromotionCanRepeatWhatTheChannelMapSays(t *testing.T) {
	w := newWorld(t)
	w.published()
	type entry struct {
		Channel   string
		Revision  int
		Resources []map[string]any
	}
	var list struct {
		Map []entry `json:"channel-map"`
	}
	promote := func(to string) {
		w.Do("alice", "GET", "/v1/charm/hello/releases", nil).Into(200, &list)
		var body []object
		for _, e := range list.Map {
			if e.Channel == "latest/edge" {
				body = append(body, object{"channel": to, "revision": e.Revision, "resources": e.Resources})
			}
		}
		w.Do("alice", "POST", "/v1/charm/hello/releases", body).Object(200)
	}
	w.Do("alice", "POST", "/v1/charm/hello/releases",
		`[{"channel":"edge","revision":2,"resources":[{"name":"image","revision":0}]}]`).Object(200)
	promote("latest/candidate")
	w.Do("alice", "GET", "/v1/charm/hello/releases", nil).Into(200, &list)
	if len(list.Map) != 2 || fmt.Sprint(list.Map[0].Resources) != fmt.Sprint(list.Map[1].Resources) || list.Map[0].Revision != 2 {
		t.Errorf("promoted: %+v", list.Map)
	}
}

func TestWhatNobodyCanRelease(t *testing.T) {
	w := newWorld(t)
	pkg, _, _ := w.published()
	w.register("other", "charm")
	held := w.revision(pkg, "held", store.Revision{Status: store.StatusPending})
	w.Token("limited", "alice", store.Limits{Channels: []string{"edge"}})
	one := func(channel, revision, resources string) string {
		return fmt.Sprintf(`[{"channel":%q,"revision":%s,"resources":[%s]}]`, channel, revision, resources)
	}
	for _, tt := range []struct {
		name, token, charm, body string
		status                   int
		code                     string
	}{
		{"no credentials", "", "hello", one("edge", "1", ""), 401, ""},
		{"another's charm", "bob", "hello", one("edge", "1", ""), 403, ""},
		{"no such charm", "alice", "nothing", one("edge", "1", ""), 404, "resource-not-found"},
		{"no such revision", "alice", "hello", one("edge", "99", ""), 404, "resource-not-found"},
		{"revision 0", "alice", "hello", one("edge", "0", ""), 400, "invalid-field"},
		{"a held revision", "alice", "hello", one("edge", fmt.Sprint(held.Number), ""), 409, "revision-not-approved"},
		{"no channel", "alice", "hello", one("a/b/c/d", "1", ""), 400, "invalid-channel"},
		{"no such track", "alice", "hello", one("9.9/edge", "1", ""), 400, "invalid-field"},
		{"a token for other channels", "limited", "hello", one("stable", "1", ""), 403, ""},
		{"resources left out", "alice", "hello", `[{"channel":"edge","revision":2}]`, 400, "missing-resources"},
		{"a needed resource left out", "alice", "hello", one("edge", "2", `{"name":"config","revision":1}`), 400, "missing-resources"},
		{"an undeclared resource", "alice", "hello", one("edge", "1", `{"name":"image","revision":1}`), 400, "charm-resource-not-found"},
		{"no such resource revision", "alice", "hello", one("edge", "2", `{"name":"image","revision":7}`), 404, "resource-revision-not-found"},
		{"a negative resource revision", "alice", "hello", one("edge", "2", `{"name":"image","revision":-1}`), 400, "invalid-field"},
		{"a resource twice", "alice", "hello", one("edge", "2", `{"name":"image","revision":1},{"name":"image","revision":0}`), 400, "duplicated-key"},
		{"no list", "alice", "hello", `{"channel":"edge","revision":1}`, 400, "api-error"},
		{"an empty list", "alice", "hello", `[]`, 400, "required"},
		{"a fraction", "alice", "hello", one("edge", "1.5", ""), 400, "api-error"},
		{"too many", "alice", "hello", "[" + strings.Repeat(`{"channel":"edge","revision":1},`, 200) + `{"channel":"edge","revision":1}]`, 413, "too-many-channels"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if code := (answer{ResponseRecorder: w.Do(tt.token, "POST", "/v1/charm/"+tt.charm+"/releases", tt.body).ResponseRecorder, T: t}).ErrorCode(tt.status); tt.code != "" && code != tt.code {
				t.Errorf("%s, want %s", code, tt.code)
			}
		})
	}
	if made := w.Releases(pkg.ID); len(made) > 0 {
		t.Errorf("what was refused has released %v", made)
	}
	for _, tt := range []struct {
		token, charm string
		status       int
	}{{"", "hello", 401}, {"bob", "hello", 403}, {"alice", "nothing", 404}} {
		w.Do(tt.token, "GET", "/v1/charm/"+tt.charm+"/releases", nil).ErrorCode(tt.status)
		w.Do(tt.token, "GET", "/v1/charm/"+tt.charm+"/revisions", nil).ErrorCode(tt.status)
		w.Do(tt.token, "GET", "/v1/charm/"+tt.charm+"/revisions/review?upload-id=x", nil).ErrorCode(tt.status)
	}
}

// A track may have releases reach clients by and by, where there is something
// older on the same base.
func TestAReleaseThatGrowsIsTheSecondOfItsBase(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("pantry", "charm")
	first, second := w.revision(pkg, "one", store.Revision{}), w.revision(pkg, "two", store.Revision{})
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.PackageUpdated, "package/"+pkg.ID, nil)
		_, err := tx.AddTrack(pkg.ID, store.Track{Name: "slow", CreatedAt: w.Now, Phasing: 25})
		return err
	})
	release := func(channel string, revision int) {
		w.Do("alice", "POST", "/v1/charm/pantry/releases", []object{{"channel": channel, "revision": revision}}).Object(200)
	}
	shown := func() string {
		var list struct {
			Map []struct {
				Revision    int
				Progressive map[string]any
			} `json:"channel-map"`
		}
		w.Do("alice", "GET", "/v1/charm/pantry/releases", nil).Into(200, &list)
		return fmt.Sprint(list.Map)
	}
	release("slow/stable", first.Number)
	release("slow/stable", second.Number)
	if got, want := shown(), "[{1 map[paused:<nil> percentage:<nil>]} {2 map[paused:false percentage:25]}]"; got != want {
		t.Errorf("at first: %s, want %s", got, want)
	}
	w.Now = w.Now.Add(24 * time.Hour)
	if got, want := shown(), "[{1 map[paused:<nil> percentage:<nil>]} {2 map[paused:false percentage:50]}]"; got != want {
		t.Errorf("a day later: %s, want %s", got, want)
	}
	w.Now = w.Now.Add(10 * 24 * time.Hour)
	if got, want := shown(), "[{2 map[paused:<nil> percentage:<nil>]}]"; got != want {
		t.Errorf("in the end: %s, want %s", got, want)
	}
}

// A bundle runs everywhere, and takes the place of what was there for one base.
func TestABundleIsReleasedForEveryBase(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("many", "bundle")
	everywhere := []store.Platform{{Architecture: "all", BaseName: "all", BaseChannel: "all"}}
	bundle := w.revision(pkg, "bundle", store.Revision{Platforms: everywhere})
	one := w.revision(pkg, "old", store.Revision{})
	w.release(pkg, one, "edge")
	w.Do("alice", "POST", "/v1/charm/many/releases", object{}).ErrorCode(400)
	w.Do("alice", "POST", "/v1/charm/many/releases", []object{{"channel": "edge", "revision": bundle.Number}}).Object(200)
	var list struct {
		Map []struct {
			Base     map[string]string
			Revision int
		} `json:"channel-map"`
	}
	w.Do("alice", "GET", "/v1/charm/many/releases", nil).Into(200, &list)
	if len(list.Map) != 2 || list.Map[0].Revision != bundle.Number || list.Map[1].Revision != bundle.Number {
		t.Errorf("%+v", list.Map)
	}
	if b := list.Map[0].Base; b["name"] != "all" || b["channel"] != "all" || b["architecture"] != "all" {
		t.Errorf("the base is %v", b)
	}
}
