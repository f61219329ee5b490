package charmhub

import (
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// page asks info as juju does.
func (s *shop) page(name string) (p jujuPage) {
	s.T.Helper()
	s.Do("", "GET", "/v2/charms/info/"+name+"?fields="+jujuInfoFields, nil).Into(200, &p)
	return p
}

func (p jujuPage) standing() string {
	var list []string
	for _, c := range p.ChannelMap {
		on := "no base"
		if b := c.Channel.Base; b != nil {
			on = b.Architecture + "/" + b.Name + "/" + b.Channel
		}
		list = append(list, fmt.Sprintf("%s %s %d", c.Channel.Name, on, c.Revision.Revision))
	}
	return strings.Join(list, "; ")
}

func TestRule6InfoIsWhatJujuDecodes(t *testing.T) {
	s := newShop(t)
	p := s.page("webapp")
	if p.Type != "charm" || p.ID != s.webapp.ID || p.Name != "webapp" || p.Result.Summary != "Serves the web" || p.Result.License != "Apache-2.0" ||
		!reflect.DeepEqual(p.Result.Publisher, map[string]string{"display-name": "Alice"}) {
		t.Errorf("%+v", p)
	}
	want := "latest/stable amd64/ubuntu/22.04 1; latest/stable arm64/ubuntu/22.04 1; latest/candidate amd64/ubuntu/24.04 2; 2.0/edge amd64/ubuntu/24.04 3"
	if got := p.standing(); got != want {
		t.Errorf("channels %s\nwant %s", got, want)
	}
	first := p.ChannelMap[0]
	if c := first.Channel; c.Track != "latest" || c.Risk != "stable" || c.ReleasedAt == nil || first.Revision.CreatedAt == nil ||
		first.Revision.Download.Size != len("webapp 1") || len(first.Revision.Bases) != 2 {
		t.Errorf("%+v", first)
	}
	d := p.DefaultRelease
	if d == nil || d.Channel.Name != "latest/stable" || d.Revision.Revision != 1 || *d.Revision.MetadataYAML != s.revisions[0].Manifest ||
		*d.Revision.ConfigYAML != s.revisions[0].Texts[store.TextConfig] || *d.Revision.BundleYAML != "" {
		t.Errorf("%+v", d)
	}
}

func TestTextsStandInTheDefaultReleaseAlone(t *testing.T) {
	s := newShop(t)
	p := s.Do("", "GET", "/v2/charms/info/webapp?fields=channel-map,default-release", nil).Object(200)
	has := func(where any) []string {
		var names []string
		for _, name := range slices.Sorted(maps.Keys(where.(map[string]any)["revision"].(map[string]any))) {
			if strings.HasSuffix(name, "-yaml") || name == "readme-md" {
				names = append(names, name)
			}
		}
		return names
	}
	for _, c := range p["channel-map"].([]any) {
		if got := has(c); len(got) > 0 {
			t.Errorf("a channel map with %v", got)
		}
	}
	if got, want := has(p["default-release"]), []string{"actions-yaml", "bundle-yaml", "config-yaml", "metadata-yaml", "readme-md"}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestInfoChoosesTheDefaultReleaseByChannel(t *testing.T) {
	s := newShop(t)
	for channel, want := range map[string]string{
		"": "latest/stable 1 data=1", "edge": "latest/candidate 2 data=2", "latest/candidate": "latest/candidate 2 data=2",
		"2.0/edge": "2.0/edge 3 ", "2.0": "nothing", "stable/some-branch": "latest/stable 1 data=1",
	} {
		var p jujuPage
		s.Do("", "GET", "/v2/charms/info/webapp?fields=default-release&channel="+channel, nil).Into(200, &p)
		got := "nothing"
		if d := p.DefaultRelease; d != nil {
			got = fmt.Sprintf("%s %d ", d.Channel.Name, d.Revision.Revision)
			for _, r := range d.Resources {
				got += fmt.Sprintf("%s=%d", r.Name, r.Revision)
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", channel, got, want)
		}
	}
}

func TestABundleHasNoBaseAndNamesItsCharms(t *testing.T) {
	s := newShop(t)
	p := s.page("stack")
	if p.Type != "bundle" || p.standing() != "latest/stable no base 1" || *p.DefaultRelease.Revision.BundleYAML == "" {
		t.Errorf("%+v: %s", p, p.standing())
	}
	// Those that nobody may see are not told of.
	if c := p.Result.ContainsCharms; len(c) != 1 || c[0].Name != "webapp" || c[0].PackageID != s.webapp.ID {
		t.Errorf("%+v", c)
	}
}

func TestNoBaseSaysAllWhereTheCharmSaysMore(t *testing.T) {
	s := newShop(t)
	s.Update(func(tx *db.Tx) error {
		tx.Record(store.Released, "package/"+s.webapp.ID, nil)
		_, err := tx.AppendReleases([]store.Release{{
			PackageID: s.webapp.ID, At: s.Now, By: "alice-id", Revision: 1, Platform: store.Platform{Architecture: "all"},
			Channel: store.Channel{Track: store.LatestTrack, Risk: store.Edge},
		}})
		return err
	})
	if got, want := s.page("webapp").standing(), "latest/edge amd64/ubuntu/22.04 1; latest/edge arm64/ubuntu/22.04 1"; !strings.Contains(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := s.page("anywhere").standing(), "latest/stable all/ubuntu/24.04 1"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestFieldsAreDottedPaths(t *testing.T) {
	s := newShop(t)
	for fields, want := range map[string]string{
		"":                           "map[]",
		"from-the-future,result.odd": "map[result:map[]]",
		"result.summary,result.publisher.username": "map[result:map[publisher:map[username:alice] summary:Serves the web]]",
		"result.publisher":                         "map[result:map[publisher:map[display-name:Alice id:alice-id username:alice validation:unproven]]]",
		"default-release.channel.name":             "map[default-release:map[channel:map[name:latest/stable]]]",
		"default-release.revision.version":         "map[default-release:map[revision:map[version:1]]]",
		"default-release.channel.base":             "map[default-release:map[channel:map[base:map[architecture:amd64 channel:22.04 name:ubuntu]]]]",
	} {
		p := s.Do("", "GET", "/v2/charms/info/webapp?fields="+fields, nil).Object(200)
		for _, always := range []string{"type", "id", "name"} {
			if p[always] == nil {
				t.Errorf("%q: there is no %s", fields, always)
			}
			delete(p, always)
		}
		if got := fmt.Sprint(p); got != want {
			t.Errorf("%q: %s, want %s", fields, got, want)
		}
	}
	if whole := s.Do("", "GET", "/v2/charms/info/webapp?fields=result", nil).Object(200)["result"].(map[string]any); len(whole) != len(resultMembers) {
		t.Errorf("the whole result has %d members, want %d", len(whole), len(resultMembers))
	}
}

func TestWhatIsHiddenIsNotThere(t *testing.T) {
	s := newShop(t)
	for name, want := range map[string]int{"secret": 404, "nothing": 404, "hidden": 200, "empty": 200} {
		if got := s.Do("", "GET", "/v2/charms/info/"+name, nil); got.Code != want {
			t.Errorf("%s: %d, want %d", name, got.Code, want)
		}
	}
	if code := s.Do("", "GET", "/v2/charms/info/secret", nil).ErrorCode(404); code != "name-not-found" {
		t.Error(code)
	}
	for token, want := range map[string]int{"alice": 200, "bob": 404, "stale": 404} {
		got := s.Do(token, "GET", "/v2/charms/info/secret", nil)
		if got.Code != want || got.Header().Get("Cache-Control") != "private" {
			t.Errorf("%s: %d, %q", token, got.Code, got.Header().Get("Cache-Control"))
		}
	}
	if got := s.Do("", "GET", "/v2/charms/info/webapp", nil, "Authorization", "Basic YWxpY2U6YWxpY2U="); got.Code != 200 {
		t.Errorf("with a password: %d", got.Code)
	}
	empty := s.page("empty")
	if empty.Type != "charm" || empty.DefaultRelease != nil || len(empty.ChannelMap) != 0 {
		t.Errorf("%+v", empty)
	}
}

func (s *shop) found(query string) string {
	s.T.Helper()
	var got struct{ Results []jujuPage }
	s.Do("", "GET", "/v2/charms/find?"+query, nil).Into(200, &got)
	var names []string
	for _, r := range got.Results {
		names = append(names, r.Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestFindFilters(t *testing.T) {
	s := newShop(t)
	other := s.registerFor("bob", "bobs", store.TypeCharm)
	s.release(other, s.revision(other, "bobs", store.Revision{}), "latest/edge")
	s.Update(func(tx *db.Tx) error {
		tx.Record(store.PackageUpdated, "package/"+other.ID, nil)
		if _, err := tx.AddCategory("databases"); err != nil {
			return err
		}
		return tx.SetCategories(other.ID, []store.Category{{Name: "databases", Featured: true}})
	})
	for query, want := range map[string]string{
		"":   "anywhere bobs stack webapp",
		"q=": "anywhere bobs stack webapp",
		"q=&category=&channel=&type=&publisher=&platforms=&provides=&requires=&relation-provides=&relation-requires=": "anywhere bobs stack webapp",
		"q=webapp":                            "webapp",
		"q=serves+the+web":                    "webapp",
		"q=secret":                            "",
		"q=hidden":                            "",
		"type=bundle":                         "stack",
		"type=charm":                          "anywhere bobs webapp",
		"publisher=bob":                       "bobs",
		"publisher=nobody":                    "",
		"category=databases":                  "bobs",
		"category=featured":                   "bobs",
		"channel=latest/stable":               "anywhere stack webapp",
		"channel=2.0/edge":                    "webapp",
		"provides=http":                       "webapp",
		"provides=smtp,http":                  "webapp",
		"provides=postgresql_client":          "",
		"requires=postgresql_client":          "webapp",
		"relation-requires=postgresql_client": "webapp",
		"relation-provides=http":              "webapp",
		"platforms=arm64":                     "anywhere stack webapp",
		"platforms=amd64/ubuntu/22.04":        "stack webapp",
		"platforms=s390x,arm64/ubuntu":        "anywhere stack webapp",
	} {
		if got := s.found(query); got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
	}
	for query, want := range map[string]string{
		"type=snap": "bad-argument", "channel=a/b/c/d": "invalid-channel", "q=" + strings.Repeat("x", maxTerm+1): "bad-argument",
		"provides=" + strings.Repeat("a,", maxTermParts+1): "bad-argument",
		"fields=" + strings.Repeat("a,", maxFields):        "bad-argument",
		"fields=" + strings.Repeat("a.", maxFieldsDepth):   "bad-argument",
		"fields=" + strings.Repeat("a", maxFieldsText+1):   "bad-argument",
	} {
		if code := s.Do("", "GET", "/v2/charms/find?"+query, nil).ErrorCode(400); code != want {
			t.Errorf("%.40q: %s, want %s", query, code, want)
		}
	}
	// Names of parameters are what a client says, too.
	refusal := s.Do("", "GET", "/v2/charms/find?%25s%25d="+strings.Repeat("x", maxTerm+1), nil)
	if want := `the parameter \"%s%d\": it is longer than 1024 bytes`; refusal.ErrorCode(400) != "bad-argument" || !strings.Contains(refusal.Body.String(), want) {
		t.Errorf("%s, want %s", refusal.Body, want)
	}
}

func TestRule6FindIsWhatJujuDecodes(t *testing.T) {
	s := newShop(t)
	fields := "result.publisher.display-name,result.summary,result.store-url,default-release.revision.bases.architecture," +
		"default-release.revision.bases.name,default-release.revision.bases.channel,default-release.revision.version"
	var got struct{ Results []jujuPage }
	s.Do("", "GET", "/v2/charms/find?q=webapp&fields="+url.QueryEscape(fields), nil).Into(200, &got)
	if len(got.Results) != 1 {
		t.Fatalf("%+v", got)
	}
	r := got.Results[0]
	if r.Type != "charm" || r.Result.Publisher["display-name"] != "Alice" || r.DefaultRelease.Revision.Version != "1" ||
		*r.DefaultRelease.Revision.Bases[1] != (jujuBase{"arm64", "ubuntu", "22.04"}) {
		t.Errorf("%+v", r)
	}
}

// Nobody has to log in to ask.
func TestInfoOfAnEndlessCharmIsRefused(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("big", store.TypeCharm)
	rev := w.revision(pkg, "bytes", store.Revision{Number: 1, Version: strings.Repeat("9", 64<<10)})
	var channels strings.Builder
	for track := range 150 {
		for _, risk := range store.Risks {
			fmt.Fprintf(&channels, "t%d/%s ", track, risk)
		}
	}
	w.release(pkg, rev, channels.String())
	if code := w.Do("", "GET", "/v2/charms/info/big?fields=channel-map", nil).ErrorCode(413); code != "answer-too-large" {
		t.Errorf("the answer is refused as %s", code)
	}
	w.Do("", "GET", "/v2/charms/info/big?fields=channel-map.channel.name", nil).Object(200)
}
