package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/internal/store"
)

func readReleases(t *testing.T, text string) (r charmhub.Releases) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

const someBase = `{"name": "ubuntu", "channel": "24.04", "architecture": "amd64"}`

func TestTheStatusOfCharms(t *testing.T) {
	for _, tt := range []struct{ name, channelMap, tracks, want string }{
		{"nothing", ``, `{"track": "latest"}`, "Track  Base  Channel  Version  Revision\n"},
		{"a bundle", `{"base": null, "channel": "latest/candidate", "revision": 1}`, `{"track": "latest"}`, `
Track   Base  Channel    Version  Revision
latest  -     stable     -        -
              candidate  1.0      1
              beta       ↑        ↑
              edge       ↑        ↑
`},
		{"a branch alone on its risk, and no version that is known", `{"base": ` + someBase + `, "channel": "2/edge/fix", "revision": 9,
			"expiration-date": "2026-01-02T03:04:05Z"}`, `{"track": "latest"}, {"track": "2"}`, `
Track  Base                  Channel    Version  Revision  Expires at
2      ubuntu 24.04 (amd64)  stable     -        -         -
                             candidate  -        -         -
                             beta       -        -         -
                             edge       -        -         -
                             edge/fix   -        9         2026-01-02T03:04:05Z
`},
		{"two bases and resources", `{"base": {"name": "ubuntu", "channel": "26.04", "architecture": "arm64"}, "channel": "latest/edge", "revision": 2,
			"resources": [{"name": "a", "revision": 0}, {"name": "b", "revision": null}]},
			{"base": ` + someBase + `, "channel": "latest/stable", "revision": 1}, {"base": ` + someBase + `, "channel": "what/is/this/then", "revision": 1}`,
			`{"track": "latest"}, {"track": "latest"}`, `
Track   Base                  Channel    Version  Revision  Resources
latest  ubuntu 24.04 (amd64)  stable     1.0      1         -
                              candidate  ↑        ↑         ↑
                              beta       ↑        ↑         ↑
                              edge       ↑        ↑         ↑
        ubuntu 26.04 (arm64)  stable     -        -         -
                              candidate  -        -         -
                              beta       -        -         -
                              edge       2.0      2         a (r0)
`},
	} {
		releases := readReleases(t, `{"channel-map": [`+tt.channelMap+`], "package": {"channels": [`+tt.tracks+`]},
			"revisions": [{"revision": 1, "version": "1.0", "bases": []}, {"revision": 2, "version": "2.0", "bases": []}]}`)
		var b bytes.Buffer
		printCharmTracks(&b, charmTracks(releases))
		if got, want := b.String(), strings.TrimPrefix(tt.want, "\n"); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", tt.name, got, want)
		}
	}
}

func TestWhichLibrariesArePublished(t *testing.T) {
	file := func(patch int, hash string) (f charmhub.LibraryFile) {
		f.Patch, f.Hash = patch, hash
		return f
	}
	for _, tt := range []struct {
		here   charmhub.LibraryFile
		says   string
		failed bool
	}{
		{file(4, "new"), "", false},
		{file(3, "tip"), "has 0.3 already", false},
		{file(2, "new"), "newer 0.3", true},
		{file(3, "new"), "raise LIBPATCH", true},
		{file(5, "new"), "the next is 4", true},
		{file(4, "tip"), "nothing but LIBPATCH", true},
	} {
		says, failed := unpublishable(tt.here, charmhub.Library{Patch: 3, Hash: "tip"})
		if failed != tt.failed || !strings.Contains(says, tt.says) || (tt.says == "") != (says == "") {
			t.Errorf("0.%d %s: %q, %t", tt.here.Patch, tt.here.Hash, says, failed)
		}
	}
}

func TestModulesAndPins(t *testing.T) {
	charm, library, api, err := parseModule("charms.my_pantry.v12.cooking_lib")
	if charm != "my-pantry" || library != "cooking_lib" || api != 12 || err != nil {
		t.Errorf("%s %s %d %v", charm, library, api, err)
	}
	for _, wrong := range []string{"", "pantry.cooking", "charms.pantry.cooking", "charms.pantry.v1.Cooking", "charms.pantry.v-1.cooking", "charms.a.v1.b.c", "charms.a.v99999999999.b"} {
		if _, _, _, err := parseModule(wrong); !errors.As(err, new(usageError)) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
	pins, err := parsePins([]string{"a:0", "b:12"})
	if want := []resourcePin{{"a", 0}, {"b", 12}}; err != nil || !reflect.DeepEqual(pins, want) {
		t.Errorf("%v, %v", pins, err)
	}
	for _, wrong := range []string{"", "a", "a:", ":1", "a:-1", "a:x", "a:1:2"} {
		if _, err := parsePins([]string{wrong}); !errors.As(err, new(usageError)) {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestWhatProjectsSay(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := projectName(); store.KindOf(err) != store.KindNotFound {
		t.Errorf("no project: %v", err)
	}
	write("charmcraft.yaml", "name: pantry\ncharm-libs:\n- {lib: my_oven.heat, version: '1'}\n- {lib: oven.heat, version: 2.10}\n- {lib: oven.cool, version: '2.10'}\n")
	if name, err := projectName(); name != "pantry" || err != nil {
		t.Errorf("%s, %v", name, err)
	}
	p, err := readProject("charmcraft.yaml")
	if err != nil {
		t.Fatal(err)
	}
	requests, err := p.libraries()
	if err != nil || len(requests) != 3 || requests[0].CharmName != "my-oven" || requests[0].Patch != nil || *requests[1].Patch != 10 || *requests[2].API != 2 {
		t.Errorf("%+v, %v", requests, err)
	}
	for _, wrong := range []string{"{lib: heat, version: '1'}", "{lib: oven.heat}", "{lib: oven.heat, version: x}", "{lib: oven.heat, version: '1.x'}", "{lib: .heat, version: '1'}"} {
		write("charmcraft.yaml", "charm-libs:\n- "+wrong+"\n")
		p, err := readProject("charmcraft.yaml")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.libraries(); store.CodeOf(err) != "bad-project" {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	for _, wrong := range []string{"name: [", strings.Repeat("#", maxProjectFile+1)} {
		write("metadata.yaml", wrong)
		if _, err := projectName(); store.CodeOf(err) != "bad-project" {
			t.Errorf("%.20s: %v", wrong, err)
		}
	}
}

func TestWhatCannotBeDownloaded(t *testing.T) {
	for _, d := range []charmDownloading{
		{revision: -1}, {revision: 1, channel: "edge"}, {revision: 1, base: "ubuntu@24.04"}, {revision: 1, resources: true},
		{file: "-", resources: true}, {base: "ubuntu"}, {base: "@24.04"}, {base: "ubuntu@"},
	} {
		if _, err := d.request(&terminal{}, "pantry"); !errors.As(err, new(usageError)) {
			t.Errorf("%+v: %v", d, err)
		}
	}
	if _, err := (&charmDownloading{file: "-"}).request(&terminal{json: true}, "pantry"); !errors.As(err, new(usageError)) {
		t.Errorf("bytes as JSON: %v", err)
	}
	for _, name := range []string{"", ".", "..", "a/b", "/a", "../a"} {
		if _, err := harmlessFile(name, "https://store.example"); store.CodeOf(err) != "not-a-store" {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestWhichChannelsInfoShows(t *testing.T) {
	edge := shownCharmChannel{Channel: "latest/edge", Base: "ubuntu@24.04", Arch: "amd64"}
	wide := shownCharmChannel{Channel: "2/edge/fix", Arch: "all"}
	for _, tt := range []struct {
		i          charmInfo
		edge, wide bool
	}{
		{charmInfo{}, true, true},
		{charmInfo{channel: "edge"}, true, false},
		{charmInfo{channel: "latest/edge"}, true, false},
		{charmInfo{channel: "2/edge/fix"}, false, true},
		{charmInfo{channel: "edge/fix"}, false, true},
		{charmInfo{channel: "not/a/channel/at/all"}, false, false},
		{charmInfo{arch: "arm64"}, false, true},
		{charmInfo{arch: "all"}, true, true},
		{charmInfo{base: "ubuntu@24.04"}, true, false},
	} {
		if tt.i.shows(edge) != tt.edge || tt.i.shows(wide) != tt.wide {
			t.Errorf("%+v shows %t and %t", tt.i, tt.i.shows(edge), tt.i.shows(wide))
		}
	}
}

// What a store says about charms is told in the words of larder charm.
func TestCharmErrorsNameTheNextStep(t *testing.T) {
	r := &remote{o: &options{t: &terminal{program: "larder"}}, realm: &charmRealm, url: "https://store.example"}
	t.Setenv("CHARMCRAFT_AUTH", "")
	t.Setenv(credentialsVariable, "")
	refused := &charmhub.RefreshError{Code: "revision-not-found", Message: "cannot find it (ask for another)"}
	for _, tt := range []struct {
		err  error
		code string
		kind store.Kind
		next string
	}{
		{&charmhub.ResolveError{Package: "pantry", Refused: refused}, "revision-not-found", store.KindNotFound, "ask for another"},
		{&charmhub.ResolveError{Package: "pantry", Refused: refused, Suggestions: make([]charmhub.BaseChannel, 1)}, "revision-not-found",
			store.KindNotFound, "larder charm info pantry shows what there is"},
		{&charmhub.StoreError{Status: 401}, "refused", store.KindUnauthorised, "larder charm login --store https://store.example"},
		{&charmhub.StoreError{Status: 403}, "refused", store.KindForbidden, "larder charm whoami shows what the login allows"},
		{&charmhub.RequestError{Problem: "no"}, "invalid-request", store.KindInvalid, "correct it and try again"},
		{context.Canceled, "", store.KindInternal, ""},
	} {
		told := r.told(fmt.Errorf("wrapped: %w", tt.err))
		var e *store.Error
		if errors.As(told, &e) && (e.Code != tt.code || e.Kind != tt.kind || e.Next != tt.next) || e == nil && tt.code != "" {
			t.Errorf("%v: told %#v", tt.err, told)
		}
	}
	t.Setenv("CHARMCRAFT_AUTH", "x")
	if told := r.told(&charmhub.StoreError{Status: 401}); !strings.Contains(told.Error(), "CHARMCRAFT_AUTH is no longer good: larder charm login --export FILE") {
		t.Errorf("exported credentials: %v", told)
	}
}
