package transfer

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/inspect/snaptest"
	"github.com/larder-store/larder/internal/store"
)

const channelMapJSON = `{"name": "hello", "snap": {"name": "hello", "title": "Hello", "default-track": "2.0"}, "channel-map": [
	{"channel": {"track": "latest", "risk": "stable", "architecture": "amd64"}, "revision": 1},
	{"channel": {"track": "2.0", "risk": "stable", "architecture": "amd64"}, "revision": {"revision": 2}},
	{"channel": {"track": "latest", "risk": "edge", "architecture": "arm64"}, "revision": 3}]}`

// export is an archive of hello with revisions 1 and 2 and a map that also
// names revision 3.
func (s *site) export(t *testing.T) []member {
	one, sign1 := s.revision(t, "hello", 1)
	two, sign2 := s.revision(t, "hello", 2)
	return []member{
		{name: "x/", header: dirHeader("x/")},
		{name: "x/blob-a", data: two},
		{name: "x/map.txt", data: []byte(channelMapJSON)},
		{name: "x/y/docs", data: authority.Encode([]*assertion.Assertion{sign2, sign1})},
		{name: "install.sh", data: []byte("#!/bin/sh\necho: hello\n")},
		{name: "x/blob-b", data: one},
		{name: "z", data: s.declaration(t, "hello").Encoded()},
	}
}

func TestAnArchiveIsReadByItsContent(t *testing.T) {
	for _, packed := range []bool{false, true} {
		s := newSite(t)
		archive := tarOf(t, s.export(t)...)
		if packed {
			archive = gzipped(t, archive)
		}
		file := write(t, t.TempDir(), "whatever", archive)
		out := s.push(t, PushOptions{}, file)[0]
		if len(out.Pushed) != 2 || len(out.Skipped) != 1 || out.Skipped[0].Revision != 3 {
			t.Fatalf("pushed %+v, skipped %+v", out.Pushed, out.Skipped)
		}
		want := map[string]int{"latest/stable amd64": 1, "2.0/stable amd64": 2}
		if got := s.channels(t, "hello"); !maps.Equal(got, want) {
			t.Errorf("channels %v, want %v", got, want)
		}
		d, err := s.Catalog.Describe(t.Context(), operator, store.Snap, "hello")
		if err != nil || d.Package.Listing.Title != "Hello" || d.Package.DefaultTrack != "2.0" {
			t.Errorf("package %+v, %v", d.Package, err)
		}
		if out := s.push(t, PushOptions{}, file)[0]; out.Changed() {
			t.Errorf("pushed again it changed %+v", out)
		}
	}
}

func TestAChannelMapIsAppliedAgainOnlyWhenAsked(t *testing.T) {
	s := newSite(t)
	file := write(t, t.TempDir(), "a.tar", tarOf(t, s.export(t)...))
	s.push(t, PushOptions{}, file)
	ch := store.Channel{Track: "latest"}
	if _, err := s.Catalog.Release(t.Context(), operator, store.Snap, "hello", 2, []pointing{{Channel: ch, Architecture: "amd64"}}); err != nil {
		t.Fatal(err)
	}
	s.push(t, PushOptions{}, file)
	if got := s.channels(t, "hello")["latest/stable amd64"]; got != 2 {
		t.Errorf("importing again moved stable to %d", got)
	}
	out := s.push(t, PushOptions{ChannelMap: true}, file)[0]
	if got := s.channels(t, "hello")["latest/stable amd64"]; got != 1 || len(out.Released) != 1 {
		t.Errorf("with the map, stable is %d after %v", got, out.Released)
	}
}

func TestFilesThatBelongTogetherAreOneUnit(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"a_1.snap", "a_1.assert", "a_2.snap", "b_1.snap", "a+x_7.comp", "a+x_7.assert", "c+y_1.comp", "k.assert", "d.tar.gz"} {
		write(t, dir, name, nil)
	}
	in := func(names ...string) (paths []string) {
		for _, n := range names {
			paths = append(paths, filepath.Join(dir, n))
		}
		return paths
	}
	for _, tt := range []struct {
		files []string
		want  []string // the files of each unit
	}{
		{in("a_1.snap", "b_1.snap"), []string{"a_1.snap a_1.assert", "b_1.snap"}},
		{in("a_1.assert", "a_1.snap", "./a_1.snap"), []string{"a_1.assert a_1.snap"}},
		{in("a+x_7.comp", "a_1.snap"), []string{"a_1.snap a_1.assert a+x_7.comp a+x_7.assert"}},
		{in("a_1.snap", "b_1.snap", "a_2.snap", "a+x_7.comp"), []string{"a_1.snap a_1.assert a_2.snap a+x_7.comp a+x_7.assert", "b_1.snap"}},
		{in("b_1.snap", "c+y_1.comp", "k.assert", "d.tar.gz"), []string{"b_1.snap", "c+y_1.comp", "k.assert", "d.tar.gz"}},
	} {
		units, err := group(tt.files)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range units {
			var names []string
			for _, f := range u.files {
				names = append(names, filepath.Base(f))
			}
			got = append(got, strings.Join(names, " "))
		}
		if strings.Join(got, "|") != strings.Join(tt.want, "|") {
			t.Errorf("units %q, want %q", got, tt.want)
		}
	}
	for name, code := range map[string]string{"missing.snap": "file-not-found", ".": "is-a-directory"} {
		if _, err := group(in(name)); store.CodeOf(err) != code {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestASnapIsPushedWithTheAssertionsBesideIt(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	snap, signed := s.revision(t, "hello", 41)
	write(t, dir, "hello_41.assert", authority.Encode([]*assertion.Assertion{s.declaration(t, "hello"), signed}))
	file := write(t, dir, "hello_41.snap", snap)
	out := s.push(t, PushOptions{Channels: []store.Channel{{Track: "latest", Risk: store.Beta}}}, file)
	if len(out) != 1 || out[0].Pushed[0].Revision != 41 || out[0].Pushed[0].PackageID != "snapidsnapidsnapidsnapidsnap0005" {
		t.Fatalf("results %+v", out)
	}
	if got := s.channels(t, "hello"); got["latest/beta amd64"] != 41 || got["latest/beta arm64"] != 41 {
		t.Errorf("channels %v", got)
	}
}

func TestASnapAndItsComponentBecomeVisibleTogether(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	snap := write(t, dir, "tool_1.0_all.snap", read(t, snaptest.Snap(t, snapYAML("tool", "1.0", "components: {data: {type: standard}}\n"))))
	comp := write(t, dir, "tool+data_1.0.comp", read(t, snaptest.Component(t, "component: tool+data\ntype: standard\nversion: 1\n")))
	out := s.push(t, PushOptions{Register: true, Channels: []store.Channel{{Track: "latest"}}}, comp, snap)
	if len(out) != 1 || len(out[0].Pushed) != 2 || len(out[0].Released) != 1 || len(out[0].Released[0].Resources) != 1 {
		t.Fatalf("results %+v", out)
	}
}

func TestAUnitThatFailsDoesNotStopTheOthers(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	good := write(t, dir, "good.snap", read(t, snaptest.Snap(t, snapYAML("good", "1", ""))))
	note := write(t, dir, "note.txt", []byte("hello"))
	var done int
	s.Parallel = 1
	s.Progress = func(p Progress) {
		if p.Done {
			done++
		}
	}
	results, err := s.Push(t.Context(), operator, []string{note, good}, PushOptions{Register: true})
	if store.CodeOf(err) != "unknown-file" || results[0].Err == nil || results[1].Err != nil || !results[1].Pushed[0].Registered || done != 2 {
		t.Errorf("results %+v, done %d, error %v", results, done, err)
	}
	if _, err := s.Push(t.Context(), operator, []string{good}, PushOptions{Architectures: []string{"x86"}}); store.CodeOf(err) != "invalid-architecture" {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(good); err != nil {
		t.Errorf("the file is gone: %v", err)
	}
}

func TestAnArchiveOfSeveralSnapsNeedsToSayWhichIsMeant(t *testing.T) {
	s := newSite(t)
	one, signOne := s.revision(t, "hello", 1)
	two, signTwo := s.revision(t, "goodbye", 1)
	files := []member{
		{name: "1", data: one}, {name: "2", data: two},
		{name: "a", data: authority.Encode([]*assertion.Assertion{signOne, signTwo, s.declaration(t, "hello"), s.declaration(t, "goodbye")})},
	}
	bad := write(t, t.TempDir(), "bad.tar", tarOf(t, append(files, member{name: "m", data: []byte(`{"channel-map": [{"channel": "edge", "revision": 1}]}`)})...))
	if _, err := s.Push(t.Context(), operator, []string{bad}, PushOptions{}); store.CodeOf(err) != "ambiguous-channel-map" {
		t.Errorf("error %v", err)
	}
	s.nothing(t)
	good := write(t, t.TempDir(), "good.tar", tarOf(t, append(files, member{name: "m", data: []byte(
		"packages:\n- {name: hello, revision: 1, push_channel: 3.0/beta}\n- {name: goodbye, revision: 1, push_channel: edge}\n")})...))
	s.push(t, PushOptions{}, good)
	if got := s.channels(t, "hello"); len(got) != 2 || got["3.0/beta amd64"] != 1 {
		t.Errorf("channels of hello %v", got)
	}
	if got := s.channels(t, "goodbye"); len(got) != 2 || got["latest/edge arm64"] != 1 {
		t.Errorf("channels of goodbye %v", got)
	}
}
