package charmhub

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/dialect/publishertest"
	"github.com/larder-store/larder/internal/inspect/charmtest"
	"github.com/larder-store/larder/internal/store"
)

const noble, jammy = "amd64/ubuntu/24.04", "amd64/ubuntu/22.04"

// Ground rule 4: juju sorts the results by their keys, and counts them.
func TestRule4EveryActionGetsOneResultWithItsKey(t *testing.T) {
	s := newShop(t)
	results := s.ask(have("app-key", s.webapp.ID, 1, "latest/stable", jammy)+","+have("unused", strings.Repeat("x", 32), 9, "edge", noble),
		install("webapp", "latest/stable", jammy), install("nothing", "stable", noble),
		`{"action":"refresh","instance-key":"app-key","id":"`+s.webapp.ID+`"}`,
		`{"action":"download","instance-key":"a \"quoted\" key ✓","id":"`+s.webapp.ID+`","channel":"candidate","base":`+baseJSON(noble)+`}`)
	var got []string
	for _, r := range results {
		got = append(got, fmt.Sprintf("%s %s %s %d %s", r.Result, r.InstanceKey, r.Name, r.Charm.Revision, r.code()))
	}
	want := []string{
		"install key-webapp webapp 1 ", "error key-nothing nothing 0 name-not-found", "refresh app-key webapp 1 ",
		`download a "quoted" key ✓ webapp 2 `,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if got := s.Do("", "POST", "/v2/charms/refresh", `{"context":[],"actions":[],"metrics":{"model":{"uuid":"u"}}}`).Object(200); len(got["results"].([]any)) != 0 {
		t.Errorf("for metrics alone: %v", got)
	}
}

// Ground rule 5: what fails one charm is no failure of the request.
func TestRule5WhatIsWrongWithOneCharmStaysWithIt(t *testing.T) {
	s := newShop(t)
	gone := strings.Repeat("g", 32)
	for action, want := range map[string]string{
		install("nothing", "stable", noble):          "name-not-found",
		install("secret", "stable", noble):           "name-not-found",
		install("empty", "stable", noble):            "revision-not-found",
		install("webapp", "not/a/channel/at", noble): "invalid-channel",
		install("webapp", "9.9/stable", noble):       "revision-not-found",
		`{"action":"install","instance-key":"k","id":"` + gone + `","channel":"stable","base":` + baseJSON(noble) + `}`: "id-not-found",
		`{"action":"refresh","instance-key":"gone"}`:                                                                                            "id-not-found",
		`{"action":"refresh","instance-key":"bundled"}`:                                                                                         "refresh-bundle-not-supported",
		`{"action":"install","instance-key":"k","name":"webapp","revision":99,"base":null}`:                                                     "revision-not-found",
		`{"action":"install","instance-key":"k","name":"webapp","revision":4,"base":null}`:                                                      "revision-not-found",
		`{"action":"install","instance-key":"k","name":"webapp","revision":1,"base":null,"resource-revisions":[{"name":"data","revision":9}]}`:  "charm-resource-not-found",
		`{"action":"install","instance-key":"k","name":"webapp","revision":1,"base":null,"resource-revisions":[{"name":"data","revision":3}]}`:  "charm-resource-not-found",
		`{"action":"install","instance-key":"k","name":"webapp","revision":1,"base":null,"resource-revisions":[{"name":"other","revision":1}]}`: "charm-resource-not-found",
	} {
		context := have("gone", gone, 1, "stable", noble) + "," + have("bundled", s.bundle.ID, 1, "stable", noble)
		results := s.ask(context, action, `{"action":"install","instance-key":"good","name":"webapp","channel":"stable","base":`+baseJSON(jammy)+`}`)
		if r := results[0]; r.code() != want || r.Error.Message == "" || r.Result != "error" || r.Charm.Name != "" {
			t.Errorf("%s: %+v, want %s", action, r.Error, want)
		}
		if r := results[1]; r.Error != nil || r.Charm.Revision != 1 {
			t.Errorf("beside %s: %+v", action, r)
		}
	}
}

// juju looks at the first entry of the list alone.
func TestRequestsThatCannotBeAnsweredFailWhole(t *testing.T) {
	s := newShop(t)
	good := install("webapp", "stable", jammy)
	many := func(n int, one string) string { return strings.TrimSuffix(strings.Repeat(one+",", n), ",") }
	for name, tt := range map[string]struct {
		body, code string
		status     int
	}{
		"a key twice":                {`{"context":[],"actions":[` + good + `,` + good + `]}`, "instance-key-not-unique", 400},
		"a key twice in the context": {`{"context":[` + many(2, have("k", s.webapp.ID, 1, "stable", jammy)) + `],"actions":[]}`, "instance-key-not-unique", 400},
		"no key":                     {`{"context":[],"actions":[{"action":"install","name":"webapp","channel":"stable"}]}`, "missing-instance-key", 400},
		"no key in the context":      {`{"context":[{"id":"x"}],"actions":[]}`, "missing-instance-key", 400},
		"refresh of nothing":         {`{"context":[],"actions":[{"action":"refresh","instance-key":"k","id":"x"}]}`, "missing-context", 400},
		"neither name nor id":        {`{"context":[],"actions":[{"action":"install","instance-key":"k"}]}`, "bad-argument", 400},
		"an unknown action":          {`{"context":[],"actions":[{"action":"remove","instance-key":"k"}]}`, "bad-argument", 400},
		"no actions":                 {`{"context":[]}`, "api-error", 400},
		"nothing":                    {``, "api-error", 400},
		"half":                       {`{"context":[],"actions":[{`, "api-error", 400},
		"more":                       {`{"context":[],"actions":[]} x`, "api-error", 400},
		"a list":                     {`[]`, "api-error", 400},
		"a text for a number":        {`{"context":[],"actions":[{"revision":"1"}]}`, "api-error", 400},
		"a number too large":         {`{"context":[],"actions":[{"revision":4294967296}]}`, "api-error", 400},
		"a text for a base":          {`{"context":[],"actions":[{"base":"jammy"}]}`, "api-error", 400},
		"deep metrics":               {`{"metrics":` + strings.Repeat(`{"a":`, 10000) + `1` + strings.Repeat(`}`, 10000) + `,"actions":[]}`, "api-error", 400},
		"too many actions":           {`{"context":[],"actions":[` + many(maxActions+1, `{}`) + `]}`, "api-error", 400},
		"too much context":           {`{"context":[` + many(maxContext+1, `{}`) + `],"actions":[]}`, "api-error", 400},
		"too many fields":            {`{"actions":[],"fields":[` + many(maxRefreshFields+1, `"id"`) + `]}`, "api-error", 400},
		"too many pins":              {`{"actions":[{"resource-revisions":[` + many(maxPins+1, `{}`) + `]}]}`, "api-error", 400},
		"too many pins in all": {`{"actions":[` + many(maxAllPins/maxPins+1, `{"resource-revisions":[`+many(maxPins, `{}`)+`]}`) + `]}`,
			"api-error", 400},
		"too large": {`{"actions":[],"x":"` + strings.Repeat("x", maxRefreshBody) + `"}`, "request-too-large", 413},
	} {
		if code := s.Do("", "POST", "/v2/charms/refresh", tt.body).ErrorCode(tt.status); code != tt.code {
			t.Errorf("%s: %s, want %s", name, code, tt.code)
		}
	}
}

func TestAnUnknownBaseIsAskedForOnceMore(t *testing.T) {
	s := newShop(t)
	r := s.one("", install("webapp", "stable", "arm64/NA/NA"))
	if r.code() != "invalid-charm-base" {
		t.Fatalf("%+v", r.Error)
	}
	if got, want := r.Error.Extra.DefaultBases, []jujuBase{{"arm64", "ubuntu", "22.04"}}; !reflect.DeepEqual(got, want) {
		t.Errorf("default bases %v, want %v", got, want)
	}
	// juju takes the first of its own architecture, and asks again.
	first := r.Error.Extra.DefaultBases[0]
	again := s.one("", install("webapp", "stable", first.Architecture+"/"+first.Name+"/"+first.Channel))
	if again.Error != nil || again.Charm.Revision != 1 || again.EffectiveChannel != "latest/stable" {
		t.Errorf("%+v", again)
	}
	// A charm for all architectures has that of whoever asks.
	r = s.one("", install("anywhere", "stable", "riscv64/NA/NA"))
	if got, want := fmt.Sprint(r.Error.Extra.DefaultBases), "[{riscv64 ubuntu 24.04}]"; got != want {
		t.Errorf("default bases %s, want %s", got, want)
	}
	// Null is not known either, and a channel without anything is another error.
	r = s.one("", `{"action":"install","instance-key":"k","name":"webapp","channel":"stable","base":null}`)
	if r.code() != "invalid-charm-base" {
		t.Errorf("%+v", r.Error)
	}
	if r = s.one("", install("webapp", "3.0/edge", "amd64/NA/NA")); r.code() != "revision-not-found" {
		t.Errorf("%+v", r.Error)
	}
}

// juju compares the channels of the offers with the text that it sent.
func TestOffersAreSpelledAsTheClientAsked(t *testing.T) {
	s := newShop(t)
	for channel, want := range map[string]string{
		"stable":        "amd64/22.04 stable; arm64/22.04 stable; amd64/24.04 candidate; amd64/24.04 2.0/edge",
		"latest/stable": "amd64/22.04 latest/stable; arm64/22.04 latest/stable; amd64/24.04 latest/candidate; amd64/24.04 2.0/edge",
	} {
		r := s.one("", install("webapp", channel, noble))
		var got []string
		if r.code() != "revision-not-found" {
			t.Fatalf("%s: %+v", channel, r)
		}
		for _, o := range r.Error.Extra.Releases {
			got = append(got, o.Base.Architecture+"/"+o.Base.Channel+" "+o.Channel)
			if o.Base.Name != "ubuntu" {
				t.Errorf("base %v", o.Base)
			}
		}
		if s := strings.Join(got, "; "); s != want {
			t.Errorf("%s: %s\nwant %s", channel, s, want)
		}
	}
}

// juju would send "all" back, and refuses to.
func TestNoOfferSaysAllWhereTheCharmSaysMore(t *testing.T) {
	s := newShop(t)
	s.Update(func(tx *db.Tx) error {
		tx.Record(store.Released, "package/"+s.webapp.ID, nil)
		_, err := tx.AppendReleases([]store.Release{{
			PackageID: s.webapp.ID, At: s.Now, By: "alice-id", Revision: 1, Platform: store.Platform{Architecture: "all", BaseName: "all", BaseChannel: "all"},
			Channel: store.Channel{Track: "2.0", Risk: store.Beta},
		}})
		return err
	})
	r := s.one("", install("webapp", "2.0/beta", noble))
	var got []string
	for _, o := range r.Error.Extra.Releases {
		if o.Channel == "2.0/beta" {
			got = append(got, fmt.Sprint(o.Base))
		}
	}
	if want := []string{"{amd64 ubuntu 22.04}", "{arm64 ubuntu 22.04}"}; !reflect.DeepEqual(got, want) {
		t.Errorf("offers %v, want %v", got, want)
	}
	if r := s.one("", install("webapp", "2.0/beta", jammy)); r.Error != nil || r.Charm.Revision != 1 {
		t.Errorf("%+v", r.Error)
	}
}

func TestEffectiveChannelIsTheOneThatWasUsed(t *testing.T) {
	s := newShop(t)
	s.Update(func(tx *db.Tx) error {
		tx.Record(store.PackageUpdated, "package/"+s.anywhere.ID, nil)
		if _, err := tx.AddTrack(s.anywhere.ID, store.Track{Name: "lts", CreatedAt: s.Now}); err != nil {
			return err
		}
		s.anywhere.DefaultTrack = "lts"
		return tx.UpdatePackage(s.anywhere)
	})
	s.release(s.anywhere, &store.Revision{Number: 1, Platforms: []store.Platform{base("24.04", "all")}}, "lts/candidate")
	for action, want := range map[string]string{
		install("webapp", "stable", jammy):               "latest/stable",
		install("webapp", "edge", jammy):                 "latest/stable", // candidate is for another base
		install("webapp", "edge", noble):                 "latest/candidate",
		install("webapp", "latest/beta/fix-1", noble):    "latest/candidate",
		install("webapp", "2.0/edge", noble):             "2.0/edge",
		install("anywhere", "edge", noble):               "lts/candidate",
		install("anywhere", "latest/edge", noble):        "latest/stable",
		install("stack", "stable", "amd64/NA/NA"):        "latest/stable",
		`{"action":"refresh","instance-key":"tracking"}`: "latest/candidate",
	} {
		r := s.one(have("tracking", s.webapp.ID, 1, "edge", noble), action)
		if r.Error != nil || r.EffectiveChannel != want || r.ReleasedAt.IsZero() {
			t.Errorf("%s: %q (%v), want %q", action, r.EffectiveChannel, r.Error, want)
		}
	}
}

func TestResourcesBelongToTheChannelOrAreNamed(t *testing.T) {
	s := newShop(t)
	names := func(r jujuResult) string {
		var list []string
		for _, res := range r.Charm.Resources {
			list = append(list, fmt.Sprintf("%s=%d", res.Name, res.Revision))
		}
		return strings.Join(list, " ")
	}
	const byRevision = `{"action":"download","instance-key":"k","name":"webapp","revision":1,"base":null%s}`
	for action, want := range map[string]string{
		install("webapp", "stable", jammy):                                              "data=1",
		install("webapp", "candidate", noble):                                           "data=2",
		install("webapp", "2.0/edge", noble):                                            "",
		fmt.Sprintf(byRevision, ""):                                                     "",
		fmt.Sprintf(byRevision, `,"resource-revisions":[]`):                             "",
		fmt.Sprintf(byRevision, `,"resource-revisions":[{"name":"data","revision":2}]`): "data=2",
		strings.Replace(install("webapp", "stable", jammy), "{", `{"resource-revisions":[{"name":"data","revision":2}],`, 1): "data=2",
	} {
		r := s.one("", action)
		if r.Error != nil || names(r) != want {
			t.Errorf("%s: %q (%v), want %q", action, names(r), r.Error, want)
		}
		if strings.Contains(action, "download") && r.EffectiveChannel != "" {
			t.Errorf("by revision there is the channel %q", r.EffectiveChannel)
		}
	}
	// The publisher may have what was never released.
	r := s.askAs("alice", "", `{"action":"install","instance-key":"k","name":"webapp","revision":4,"base":null,"resource-revisions":[{"name":"data","revision":3}]}`)[0]
	if r.Error != nil || r.Charm.Revision != 4 || names(r) != "data=3" {
		t.Errorf("%+v", r)
	}
	if r := s.askAs("bob", "", `{"action":"install","instance-key":"k","name":"webapp","revision":4,"base":null}`)[0]; r.code() != "revision-not-found" {
		t.Errorf("%+v", r)
	}
}

// Ground rule 7: the hashes have hyphens between sha and the number.
func TestRule7HashesHaveTheNamesThatJujuReads(t *testing.T) {
	s := newShop(t)
	charm := s.one("", install("webapp", "stable", jammy)).Charm
	for _, tt := range []struct {
		content string
		got     jujuDownload
	}{{"webapp 1", charm.Download}, {"data 1", charm.Resources[0].Download}} {
		short, long := sha256.Sum256([]byte(tt.content)), sha512.Sum384([]byte(tt.content))
		if tt.got.SHA256 != hex.EncodeToString(short[:]) || tt.got.SHA384 != hex.EncodeToString(long[:]) || tt.got.Size != len(tt.content) {
			t.Errorf("%s: %+v", tt.content, tt.got)
		}
		path, ok := strings.CutPrefix(tt.got.URL, publishertest.BaseURL)
		if got := s.Do("", "GET", path, nil); !ok || got.Body.String() != tt.content {
			t.Errorf("%s: %d %q", tt.got.URL, got.Code, got.Body)
		}
	}
	if r := charm.Resources[0]; r.Filename != "data.tgz" || r.Description != "what it serves" || r.Type != "file" {
		t.Errorf("%+v", r)
	}
}

// What stands for an image is a document, and its hashes are what juju is told.
func TestAnImageIsToldAsItsDocument(t *testing.T) {
	s := newShop(t)
	pkg, rev := s.declaring("imaged")
	s.attachImage("imaged", "server", s.image(pkg, "server", "amd64"))
	s.release(pkg, rev, "latest/stable", "server=1")
	got := s.one("", install("imaged", "stable", noble))
	if len(got.Charm.Resources) != 1 {
		t.Fatalf("%+v %+v", got, got.Error)
	}
	r := got.Charm.Resources[0]
	path, _ := strings.CutPrefix(r.Download.URL, publishertest.BaseURL)
	text := s.Do("", "GET", path, nil).Body.Bytes()
	short, long := sha256.Sum256(text), sha512.Sum384(text)
	if r.Type != "oci-image" || r.Download.SHA256 != hex.EncodeToString(short[:]) || r.Download.SHA384 != hex.EncodeToString(long[:]) ||
		r.Download.Size != len(text) || !bytes.Contains(text, []byte(`"ImageName":"store.example/charm/`)) {
		t.Errorf("%+v\n%s", r, text)
	}
}

// Ground rule 12: juju compares the files that it was told with those in the archive.
func TestRule12TextsAreTheFilesOfTheArchiveByteForByte(t *testing.T) {
	s := newShop(t)
	s.register("pantry", store.TypeCharm)
	content := charmtest.CharmBytes(t, charmtest.Machine())
	s.push("pantry", content)
	s.process()
	if got := s.Do("alice", "POST", "/v1/charm/pantry/releases", []any{
		map[string]any{"channel": "latest/stable", "revision": 1, "resources": []any{}},
	}); got.Code != 200 {
		t.Fatal(got.Body)
	}
	charm := s.one("", install("pantry", "stable", jammy)).Charm
	path, _ := strings.CutPrefix(charm.Download.URL, publishertest.BaseURL)
	archive := s.Do("", "GET", path, nil).Body.Bytes()
	if !bytes.Equal(archive, content) {
		t.Fatal("the download is not what was pushed")
	}
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	s.Must(err)
	for name, told := range map[string]string{
		"metadata.yaml": charm.MetadataYAML, "config.yaml": charm.ConfigYAML, "actions.yaml": charm.ActionsYAML,
	} {
		f, err := z.Open(name)
		s.Must(err)
		want, err := io.ReadAll(f)
		s.Must(err)
		if told == "" || told != string(want) {
			t.Errorf("%s is told as\n%q\nand is\n%q", name, told, want)
		}
	}
}

func TestOddTextsArriveAsTheyAre(t *testing.T) {
	s := newShop(t)
	charm := s.one("", install("webapp", "stable", jammy)).Charm
	rev := s.revisions[0]
	if charm.MetadataYAML != rev.Manifest || charm.ConfigYAML != rev.Texts[store.TextConfig] || charm.ActionsYAML != rev.Texts[store.TextActions] {
		t.Errorf("%+v", charm)
	}
}

// Ground rule 6: one member of another type fails the whole answer.
func TestRule6AnEntityIsWhatJujuDecodes(t *testing.T) {
	s := newShop(t)
	charm := s.one("", install("webapp", "stable", jammy)).Charm
	want := jujuEntity{
		Type: "charm", ID: s.webapp.ID, Name: "webapp", Revision: 1, Version: "1", License: "Apache-2.0", Summary: "Serves the web",
		Publisher: map[string]string{"display-name": "Alice", "id": "alice-id", "username": "alice", "validation": "unproven"},
		Bases:     []jujuBase{{"amd64", "ubuntu", "22.04"}, {"arm64", "ubuntu", "22.04"}},
	}
	charm.Download, charm.Resources, charm.MetadataYAML, charm.ConfigYAML, charm.ActionsYAML = jujuDownload{}, nil, "", "", ""
	if !reflect.DeepEqual(charm, want) {
		t.Errorf("%+v\nwant %+v", charm, want)
	}
	if r := s.one("", install("stack", "stable", "amd64/NA/NA")); r.Charm.Type != "bundle" || r.Charm.MetadataYAML == "" {
		t.Errorf("a bundle: %+v", r)
	}
}

func TestOnlyTheFieldsAskedForAreAnswered(t *testing.T) {
	s := newShop(t)
	ask := func(fields string) map[string]any {
		body := `{"context":[],"actions":[` + install("webapp", "stable", jammy) + `]` + fields + `}`
		return s.Do("", "POST", "/v2/charms/refresh", body).Object(200)["results"].([]any)[0].(map[string]any)["charm"].(map[string]any)
	}
	if got := ask(`,"fields":["revision","id","from-the-future"]`); len(got) != 2 || got["revision"] != 1.0 || got["id"] != s.webapp.ID {
		t.Errorf("%v", got)
	}
	if got := ask(`,"fields":[]`); len(got) != 0 {
		t.Errorf("%v", got)
	}
	for _, fields := range []string{"", `,"fields":null`} {
		got := ask(fields)
		for _, f := range entityFields {
			if _, ok := got[f.name]; !ok {
				t.Errorf("%q: there is no %s", fields, f.name)
			}
		}
	}
}

// A refresh tracks what it says, and keeps what a phase gave it.
func TestPhasesReachApplicationsByTheirKey(t *testing.T) {
	s := newShop(t)
	later := s.revision(s.anywhere, "later", store.Revision{Platforms: []store.Platform{base("24.04", "all")}})
	s.Update(func(tx *db.Tx) error {
		tx.Record(store.Released, "package/"+s.anywhere.ID, nil)
		_, err := tx.AppendReleases([]store.Release{{
			PackageID: s.anywhere.ID, At: s.Now, By: "alice-id", Revision: later.Number, Platform: later.Platforms[0],
			Channel: store.Channel{Track: store.LatestTrack}, Percentage: 50,
		}})
		return err
	})
	s.Now = s.Now.Add(time.Minute)
	got := map[int]int{}
	for i := range 64 {
		key := fmt.Sprint("application-", i)
		action := `{"action":"refresh","instance-key":"` + key + `"}`
		first := s.one(have(key, s.anywhere.ID, 1, "stable", noble), action)
		if again := s.one(have(key, s.anywhere.ID, 1, "stable", noble), action); again.Charm.Revision != first.Charm.Revision {
			t.Errorf("%s changes its mind", key)
		}
		got[first.Charm.Revision]++
	}
	if got[1] < 8 || got[2] < 8 {
		t.Errorf("revisions by how many got them: %v", got)
	}
	if r := s.one("", install("anywhere", "stable", noble)); r.Charm.Revision != 1 {
		t.Error("a fresh install is in the phase")
	}
}

// Nobody has to log in to ask for thousands of what a charm with many channels does
// not have: that costs one list of what it has.
func TestManyRefusalsOfOneCharmCostLittle(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("big", store.TypeCharm)
	var platforms []store.Platform
	for _, channel := range []string{"18.04", "20.04", "22.04", "24.04"} {
		for _, arch := range []string{"amd64", "arm64", "s390x"} {
			platforms = append(platforms, base(channel, arch))
		}
	}
	rev := w.revision(pkg, "bytes", store.Revision{Number: 1, Platforms: platforms})
	var channels strings.Builder
	for track := range 20 {
		for _, risk := range store.Risks {
			fmt.Fprintf(&channels, "t%d/%s ", track, risk)
		}
	}
	w.release(pkg, rev, channels.String())
	const open = 20 * 4 * 12
	var actions []string
	for i := range maxActions {
		actions = append(actions, fmt.Sprintf(`{"action":"install","instance-key":"k%d","name":"big","channel":"none/edge",
			"base":{"name":"ubuntu","channel":"24.04","architecture":"amd64"}}`, i))
	}
	var answer struct {
		Results []struct {
			Error struct {
				Code  string
				Extra struct{ Releases []struct{ Channel string } }
			}
		}
	}
	w.Do("", "POST", "/v2/charms/refresh", `{"context":[],"actions":[`+strings.Join(actions, ",")+`]}`).Into(200, &answer)
	told := 0
	for i, r := range answer.Results {
		if r.Error.Code != "revision-not-found" || r.Error.Extra.Releases == nil {
			t.Fatalf("action %d: %+v", i, r)
		}
		told += len(r.Error.Extra.Releases)
	}
	if first := len(answer.Results[0].Error.Extra.Releases); len(answer.Results) != maxActions || first != open || told > maxOffers || told < open {
		t.Errorf("%d results, the first with %d offers, %d in all", len(answer.Results), first, told)
	}

	wish := catalog.CharmWish{Ref: store.Ref{Name: "big"}, Query: store.CharmQuery{
		Action: store.ActionInstall, Channel: store.Channel{Track: "none"}, Base: base("24.04", "amd64"),
	}}
	answers, err := w.Catalog.ResolveCharms(t.Context(), catalog.Asker{}, []catalog.CharmWish{wish, wish})
	w.Must(err)
	var one, other *store.NoCharmRevision
	if !errors.As(answers[0].Err, &one) || !errors.As(answers[1].Err, &other) || &one.Offered[0] != &other.Offered[0] {
		t.Error("each refusal lists the channels for itself")
	}
}
