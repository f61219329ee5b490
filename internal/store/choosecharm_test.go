package store

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The tables about charms write facts as those of Choose do, with a base where
// those have an architecture: "amd64:ubuntu@22.04", "amd64:NA" for one without a
// name and channel, "all" for three of it, "null" for none.

func base(text string) Platform {
	switch text {
	case "all":
		return Platform{Architecture: "all", BaseName: "all", BaseChannel: "all"}
	case "null":
		return Platform{}
	}
	architecture, rest, _ := strings.Cut(text, ":")
	if rest == "NA" {
		rest = "NA@NA"
	}
	name, channel, _ := strings.Cut(rest, "@")
	return Platform{Architecture: architecture, BaseName: name, BaseChannel: channel}
}

// spelled is the reverse of base.
func spelled(p Platform) string {
	switch p {
	case base("all"):
		return "all"
	case base("null"):
		return "null"
	}
	return p.Architecture + ":" + p.BaseName + "@" + p.BaseChannel
}

// charmFacts makes the facts of a charm with these releases and overrides. A
// revision runs on the bases it was released to and those runs names.
func charmFacts(t testing.TB, facts, replaced []string, runs map[int]string) *Facts {
	f := factsOf(releases(t, facts...), overrides(t, replaced...))
	f.Package.Namespace, f.Package.Name = Charm, "postgresql"
	for _, r := range f.Revisions {
		r.Meta.Type, r.Platforms = "charm", nil
	}
	runsOn := func(n int, p Platform) {
		if r := f.Revisions[n]; r != nil && !slices.Contains(r.Platforms, p) {
			r.Platforms = append(r.Platforms, p)
		}
	}
	for i := range f.Releases {
		r := &f.Releases[i]
		r.Platform = base(r.Platform.Architecture)
		if _, other := runs[r.Revision]; !other {
			runsOn(r.Revision, r.Platform)
		}
	}
	for n, bases := range runs {
		if f.Revisions[n] == nil {
			f.Revisions[n] = &Revision{PackageID: "pkg", Number: n, Status: StatusApproved, Meta: Meta{Type: "charm"}}
		}
		for _, b := range strings.Fields(bases) {
			runsOn(n, base(b))
		}
	}
	return f
}

// charmText writes an answer the way the tables expect it: the choice, or "choose
// <bases>", or "nothing".
func charmText(t testing.TB, c Choice, err error) string {
	t.Helper()
	var noBase *NoBase
	var none *NoCharmRevision
	switch {
	case err == nil:
		return c.text()
	case CodeOf(err) == "invalid-charm-base" && KindOf(err) == KindNotFound && errors.As(err, &noBase):
		var bases []string
		for _, b := range noBase.DefaultBases {
			bases = append(bases, spelled(b))
		}
		return "choose " + strings.Join(bases, " ")
	case CodeOf(err) == "revision-not-found" && KindOf(err) == KindNotFound && errors.As(err, &none):
		return "nothing"
	}
	return CodeOf(err)
}

func TestChooseCharm(t *testing.T) {
	in := device(t, true, "stable", 4, 50)
	out := device(t, false, "stable", 4, 50)
	const (
		focal   = "amd64:ubuntu@20.04"
		jammy   = "amd64:ubuntu@22.04"
		noble   = "amd64:ubuntu@24.04"
		unknown = "amd64:NA"
	)
	type table []struct {
		name      string
		facts     []string
		overrides []string
		runs      map[int]string // revision to the bases it runs on, where releases do not tell
		bundles   []int
		rejected  []int
		held      []int // revisions the facts lack
		track     string
		channel   string
		base      string // jammy unless set
		q         CharmQuery
		want      string
	}
	for rule, cases := range map[string]table{
		"by revision": {
			{name: "a released revision, whatever channel it has", facts: []string{"1 edge " + jammy + " 4"},
				base: "null", q: CharmQuery{Revision: 4}, want: "4"},
			{name: "one that was closed since", facts: []string{"1 edge " + jammy + " 4", "2 edge " + jammy + " closed"},
				base: "null", q: CharmQuery{Revision: 4}, want: "4"},
			{name: "one that an override names", overrides: []string{"stable amd64 4"}, runs: map[int]string{4: jammy},
				base: "null", q: CharmQuery{Revision: 4}, want: "4"},
			{name: "one that was never released is its publisher's affair", runs: map[int]string{4: jammy},
				base: "null", q: CharmQuery{Revision: 4}, want: "nothing"},
			{name: "who then has it", runs: map[int]string{4: jammy}, base: "null", q: CharmQuery{Revision: 4, MayByRevision: true}, want: "4"},
			{name: "one that is not approved", facts: []string{"1 edge " + jammy + " 4"}, rejected: []int{4},
				base: "null", q: CharmQuery{Revision: 4}, want: "nothing"},
			{name: "one that does not exist", base: "null", q: CharmQuery{Revision: 4, MayByRevision: true}, want: "nothing"},
			{name: "what is known of the base holds", facts: []string{"1 edge " + jammy + " 4"},
				base: "arm64:NA", q: CharmQuery{Revision: 4}, want: "nothing"},
			{name: "what is unknown of it does not matter", facts: []string{"1 edge " + jammy + " 4"},
				base: unknown, q: CharmQuery{Revision: 4}, want: "4"},
		},
		"default track": {
			{name: "a bare risk is one of the default track", facts: []string{"1 stable " + jammy + " 3", "1 14/stable " + jammy + " 4"},
				track: "14", channel: "stable", want: "4 from 14/stable"},
			{name: "also for a refresh", facts: []string{"1 stable " + jammy + " 3", "1 14/stable " + jammy + " 4"},
				track: "14", q: CharmQuery{Action: ActionRefresh}, want: "4 from 14/stable"},
			{name: "latest spelled out is latest", facts: []string{"1 stable " + jammy + " 3", "1 14/stable " + jammy + " 4"},
				track: "14", channel: "latest/stable", want: "3 from stable"},
			{name: "a package without one has latest", facts: []string{"1 stable " + jammy + " 3", "1 14/stable " + jammy + " 4"},
				channel: "stable", want: "3 from stable"},
		},
		"walk": {
			{name: "an open branch answers itself", facts: []string{"1 edge/fix " + jammy + " 4", "1 edge " + jammy + " 3"},
				channel: "edge/fix", want: "4 from edge/fix"},
			{name: "a closed branch is its risk", facts: []string{"1 edge/fix " + jammy + " 4", "2 edge/fix " + jammy + " closed", "1 edge " + jammy + " 3"},
				channel: "edge/fix", want: "3 from edge"},
			{name: "closed levels fall towards stable", facts: []string{"1 stable " + jammy + " 3", "2 beta " + jammy + " 4", "3 beta " + jammy + " closed"},
				channel: "edge", want: "3 from stable"},
			{name: "a level without the base is closed to it", facts: []string{"1 stable " + jammy + " 3", "2 edge " + noble + " 4"},
				channel: "edge", want: "3 from stable"},
			{name: "a riskier level never answers", facts: []string{"1 edge " + jammy + " 4"}, want: "nothing"},
			{name: "another track never answers", facts: []string{"1 14/stable " + jammy + " 4"}, channel: "edge", want: "nothing"},
			{name: "a revision that lost its approval closes its slot", facts: []string{"1 stable " + jammy + " 3", "2 edge " + jammy + " 4"},
				rejected: []int{4}, channel: "edge", want: "3 from stable"},
			{name: "one that does not run on the base closes its slot", facts: []string{"1 stable " + jammy + " 3", "2 edge " + jammy + " 4"},
				runs: map[int]string{4: noble}, channel: "edge", want: "3 from stable"},
			{name: "one that the facts lack ends the search", facts: []string{"1 stable " + jammy + " 3", "2 edge " + jammy + " 4"},
				held: []int{4}, channel: "edge", want: "nothing"},
		},
		"override": {
			{name: "goes before the slot", facts: []string{"1 stable " + jammy + " 3"}, overrides: []string{"stable amd64 4"},
				runs: map[int]string{4: jammy}, want: "4 from stable overridden"},
			{name: "opens a closed channel", overrides: []string{"beta amd64 4"}, runs: map[int]string{4: jammy},
				channel: "edge", want: "4 from beta overridden"},
			{name: "of the architecture goes before one for all", overrides: []string{"stable amd64 4", "stable all 5"},
				runs: map[int]string{4: jammy, 5: jammy}, want: "4 from stable overridden"},
			{name: "of another architecture does not count", facts: []string{"1 stable " + jammy + " 3"}, overrides: []string{"stable arm64 4"},
				runs: map[int]string{4: jammy}, want: "3 from stable"},
			{name: "whose revision does not run on the base does not exist", facts: []string{"1 stable " + jammy + " 3"},
				overrides: []string{"stable amd64 4"}, runs: map[int]string{4: noble}, want: "3 from stable"},
			{name: "that has expired does not exist", facts: []string{"1 stable " + jammy + " 3"},
				overrides: []string{"stable amd64 4 until 45"}, runs: map[int]string{4: jammy}, want: "3 from stable"},
			{name: "whose revision is not approved does not exist", facts: []string{"1 stable " + jammy + " 3"},
				overrides: []string{"stable amd64 4"}, runs: map[int]string{4: jammy}, rejected: []int{4}, want: "3 from stable"},
			{name: "offers its bases beside those of the slots", facts: []string{"1 stable " + jammy + " 3"},
				overrides: []string{"stable amd64 4"}, runs: map[int]string{4: noble}, base: unknown, want: "choose " + noble + " " + jammy},
		},
		"base": {
			{name: "each has its own release", facts: []string{"1 stable " + jammy + " 3", "1 stable " + noble + " 4"}, base: noble, want: "4 from stable"},
			{name: "its channel counts without a risk, where asked", facts: []string{"1 stable " + jammy + " 3"},
				base: jammy + "/stable", want: "3 from stable"},
			{name: "and where released", facts: []string{"1 stable " + jammy + "/stable 3"}, want: "3 from stable"},
			{name: "the newer of two spellings counts", facts: []string{"1 stable " + jammy + "/stable 3", "2 stable " + jammy + " 4", "3 stable " + jammy + "/stable 5"},
				want: "5 from stable"},
			{name: "a channel is not a prefix", facts: []string{"1 stable amd64:ubuntu@22 3"}, want: "nothing"},
			{name: "all fits any", facts: []string{"1 stable all 3"}, want: "3 from stable"},
			{name: "so does none", facts: []string{"1 stable null 3"}, want: "3 from stable"},
			{name: "any architecture", facts: []string{"1 stable all:ubuntu@22.04 3"}, want: "3 from stable"},
			{name: "any channel", facts: []string{"1 stable amd64:ubuntu@all 3"}, want: "3 from stable"},
			{name: "any base of another system is another base", facts: []string{"1 stable amd64:centos@all 3"}, want: "nothing"},
			{name: "its own before all", facts: []string{"1 stable " + jammy + " 3", "2 stable all 4"}, want: "3 from stable"},
			{name: "the architecture's own before the name's", facts: []string{"1 stable amd64:all@all 3", "2 stable all:ubuntu@22.04 4"}, want: "3 from stable"},
			{name: "the name's own before the channel's", facts: []string{"1 stable amd64:ubuntu@all 3", "2 stable amd64:all@22.04 4"}, want: "3 from stable"},
			{name: "a closed slot of its own gives way to all", facts: []string{"1 stable " + jammy + " 3", "1 stable all 4", "2 stable " + jammy + " closed"}, want: "4 from stable"},
			{name: "another base is no answer", facts: []string{"1 stable " + noble + " 3"}, want: "nothing"},
			{name: "another architecture is no answer", facts: []string{"1 stable arm64:ubuntu@22.04 3"}, want: "nothing"},
		},
		"unknown base": {
			{name: "is the client's to choose, Ubuntu's newest long-term release first",
				facts: []string{"1 stable " + focal + " 3", "1 stable amd64:ubuntu@23.10 4", "1 stable amd64:centos@9 5", "1 stable " + noble + " 6", "1 stable amd64:ubuntu@23.04 7",
					"1 stable amd64:debian@9 8", "1 stable amd64:centos@10 5", "1 stable " + jammy + " 6"},
				base: unknown, want: "choose " + noble + " " + jammy + " " + focal +
					" amd64:ubuntu@23.10 amd64:ubuntu@23.04 amd64:centos@10 amd64:centos@9 amd64:debian@9"},
			{name: "even where there is one", facts: []string{"1 stable " + jammy + " 3"}, base: unknown, want: "choose " + jammy},
			{name: "only of its architecture", facts: []string{"1 stable " + jammy + " 3", "1 stable arm64:ubuntu@24.04 4"}, base: unknown, want: "choose " + jammy},
			{name: "all is the architecture asked for", facts: []string{"1 stable all:ubuntu@22.04 3"}, base: "arm64:NA", want: "choose arm64:ubuntu@22.04"},
			{name: "of the name where that is known", facts: []string{"1 stable " + jammy + " 3", "1 stable amd64:centos@9 4"},
				base: "amd64:ubuntu@NA", want: "choose " + jammy},
			{name: "of the channel where that is known", facts: []string{"1 stable " + jammy + " 3", "1 stable " + noble + " 4"},
				base: "amd64:NA@24.04", want: "choose " + noble},
			{name: "of every architecture where that is not known", facts: []string{"1 stable " + jammy + " 3", "1 stable arm64:ubuntu@22.04 4"},
				base: "null", want: "choose " + jammy + " arm64:ubuntu@22.04"},
			{name: "what the slot leaves open is what the revision says", facts: []string{"1 stable amd64:all@all 3"},
				runs: map[int]string{3: jammy + " " + noble + " arm64:ubuntu@20.04"}, base: unknown, want: "choose " + noble + " " + jammy},
			{name: "what fits any needs no choice", facts: []string{"1 stable all 3", "1 stable " + jammy + " 4"}, base: unknown, want: "3 from stable"},
			{name: "one spelled two ways is named once", facts: []string{"1 stable " + jammy + " 3", "1 stable " + jammy + "/stable 4"}, base: unknown, want: "choose " + jammy},
			{name: "the first level that has any decides", facts: []string{"1 stable " + noble + " 3", "1 beta " + jammy + " 4"},
				channel: "edge", base: unknown, want: "choose " + jammy},
			{name: "a level without the architecture is closed to it", facts: []string{"1 stable " + noble + " 3", "1 beta arm64:ubuntu@22.04 4"},
				channel: "edge", base: unknown, want: "choose " + noble},
			{name: "a branch has its own bases", facts: []string{"1 edge/fix " + jammy + " 3", "1 edge " + noble + " 4"},
				channel: "edge/fix", base: unknown, want: "choose " + jammy},
			{name: "nothing open is no choice", facts: []string{"1 edge " + jammy + " 3"}, base: unknown, want: "nothing"},
			{name: "nothing for the architecture is no choice", facts: []string{"1 stable " + jammy + " 3"}, base: "s390x:NA", want: "nothing"},
			{name: "what cannot be named in full is left out", facts: []string{"1 stable amd64:ubuntu@all 3"}, base: unknown, want: "nothing"},
			{name: "a revision that is not approved is left out", facts: []string{"1 stable " + jammy + " 3", "1 stable " + noble + " 4"},
				rejected: []int{4}, base: unknown, want: "choose " + jammy},
			{name: "a phase is no base for a fresh install", facts: []string{"1 stable " + noble + " 4 50%", "1 stable " + jammy + " 3"}, base: unknown, want: "choose " + jammy},
		},
		"bundle": {
			{name: "for all", facts: []string{"1 stable all 3"}, bundles: []int{3}, want: "3 from stable"},
			{name: "for no base", facts: []string{"1 stable null 3"}, bundles: []int{3}, base: unknown, want: "3 from stable"},
			{name: "runs on every base, whatever it was released for", facts: []string{"1 stable " + noble + " 3"}, bundles: []int{3}, want: "3 from stable"},
			{name: "also on an unknown one", facts: []string{"1 stable " + noble + " 3"}, bundles: []int{3}, base: unknown, want: "3 from stable"},
			{name: "by override", overrides: []string{"stable all 3"}, bundles: []int{3}, base: unknown, want: "3 from stable overridden"},
			{name: "by revision", facts: []string{"1 stable all 3"}, bundles: []int{3}, base: "null", q: CharmQuery{Revision: 3}, want: "3"},
			{name: "is downloaded", facts: []string{"1 stable all 3"}, bundles: []int{3}, q: CharmQuery{Action: ActionDownload}, want: "3 from stable"},
			{name: "is not refreshed", facts: []string{"1 stable all 3"}, bundles: []int{3}, q: CharmQuery{Action: ActionRefresh}, want: "refresh-bundle-not-supported"},
			{name: "that is not approved is nothing", facts: []string{"1 stable all 3"}, bundles: []int{3}, rejected: []int{3}, want: "nothing"},
		},
		"phase": {
			{name: "a fresh install gets the plain release", facts: []string{"1 stable " + jammy + " 3", "2 stable " + jammy + " 4 50%"},
				q: CharmQuery{Phase: in}, want: "3 from stable"},
			{name: "an application within gets the phase", facts: []string{"1 stable " + jammy + " 3", "2 stable " + jammy + " 4 50%"},
				q: CharmQuery{Action: ActionRefresh, Phase: in}, want: "4 from stable"},
			{name: "one without gets the plain release", facts: []string{"1 stable " + jammy + " 3", "2 stable " + jammy + " 4 50%"},
				q: CharmQuery{Action: ActionRefresh, Phase: out}, want: "3 from stable"},
			{name: "so does one that is unknown", facts: []string{"1 stable " + jammy + " 3", "2 stable " + jammy + " 4 50%"},
				q: CharmQuery{Action: ActionRefresh}, want: "3 from stable"},
			{name: "with nothing beneath it is closed to a fresh install", facts: []string{"1 stable " + jammy + " 4 50%"},
				q: CharmQuery{Phase: in}, want: "nothing"},
			{name: "and goes on to a safer level", facts: []string{"1 stable " + jammy + " 3", "2 edge " + jammy + " 4 50%"},
				channel: "edge", want: "3 from stable"},
			{name: "one that has the phase keeps it", facts: []string{"1 stable " + jammy + " 3", "2 stable " + jammy + " 4 50% paused"},
				q: CharmQuery{Action: ActionRefresh, Phase: in, Installed: 4}, want: "4 from stable"},
		},
	} {
		for _, c := range cases {
			t.Run(rule+"/"+c.name, func(t *testing.T) {
				f := charmFacts(t, c.facts, c.overrides, c.runs)
				f.Package.DefaultTrack = c.track
				for _, n := range c.bundles {
					f.Revisions[n].Meta.Type = TypeBundle
				}
				for _, n := range c.rejected {
					f.Revisions[n].Status = StatusRejected
				}
				for _, n := range c.held {
					delete(f.Revisions, n)
				}
				q := c.q
				if q.Action == "" {
					q.Action = ActionInstall
				}
				q.Channel, q.At, q.Base = ch(t, c.channel), day(50), base(jammy)
				if c.base != "" {
					q.Base = base(c.base)
				}
				got, err := ChooseCharm(f, Fold(f.Releases, q.At), q)
				if text := charmText(t, got, err); text != c.want {
					t.Errorf("got %s (%v), want %s", text, err, c.want)
				}
			})
		}
	}
}

func TestChooseCharmSaysWhatItLacks(t *testing.T) {
	f := charmFacts(t, []string{"1 stable amd64:ubuntu@22.04 3"}, []string{"edge amd64 5"}, nil)
	m := Fold(f.Releases, day(2))
	clear(f.Revisions)
	for name, c := range map[string]struct {
		q    CharmQuery
		want int
	}{
		"by channel":      {CharmQuery{Base: base("amd64:ubuntu@22.04")}, 3},
		"unknown base":    {CharmQuery{Base: base("amd64:NA")}, 3},
		"by override":     {CharmQuery{Base: base("amd64:ubuntu@22.04"), Channel: ch(t, "edge")}, 5},
		"by revision":     {CharmQuery{Revision: 3}, 3},
		"that was hidden": {CharmQuery{Revision: 9, MayByRevision: true}, 9},
	} {
		c.q.Action, c.q.At = ActionInstall, day(2)
		_, err := ChooseCharm(f, m, c.q)
		var none *NoRevision
		if !errors.As(err, &none) || none.Missing != c.want || !strings.Contains(err.Error(), "the facts lack revision") {
			t.Errorf("%s: got %v, want revision %d asked for", name, err, c.want)
		}
	}
	f.Revisions[3], f.Revisions[5] = nil, nil
	for _, q := range []CharmQuery{{Revision: 3}, {Base: base("amd64:NA")}, {Base: base("amd64:NA"), Channel: ch(t, "edge")}} {
		q.Action, q.At = ActionInstall, day(2)
		_, err := ChooseCharm(f, m, q)
		var none *NoRevision
		if errors.As(err, &none) || CodeOf(err) != "revision-not-found" {
			t.Errorf("a revision known not to exist: got %v, want a plain not found", err)
		}
	}
}

func TestChooseCharmOffersWhatIsOpen(t *testing.T) {
	f := charmFacts(t, []string{
		"1 edge amd64:ubuntu@22.04 3", "1 edge arm64:ubuntu@24.04 4", "1 edge amd64:ubuntu@24.04 5", "1 14/beta all 6",
		"1 beta amd64:ubuntu@22.04 7", "2 beta amd64:ubuntu@22.04 closed", "1 edge/fix amd64:ubuntu@22.04 8",
	}, []string{"candidate amd64 9"}, map[int]string{9: "amd64:ubuntu@20.04 arm64:ubuntu@20.04"})
	f.Package.DefaultTrack = "14"
	_, err := ChooseCharm(f, Fold(f.Releases, day(50)), CharmQuery{
		Action: ActionInstall, Channel: ch(t, "latest/stable"), Base: base("amd64:ubuntu@22.04"), At: day(50),
	})
	var none *NoCharmRevision
	if !errors.As(err, &none) {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, o := range none.Offered {
		got = append(got, SpellLike(Channel{}, o.Channel, "14")+" "+spelled(o.Base))
	}
	want := []string{
		"beta all", "latest/candidate amd64:ubuntu@20.04",
		"latest/edge amd64:ubuntu@24.04", "latest/edge arm64:ubuntu@24.04", "latest/edge amd64:ubuntu@22.04",
	}
	if !slices.Equal(got, want) {
		t.Errorf("offered %q, want %q", got, want)
	}
	for _, part := range []string{`"postgresql"`, "ubuntu@22.04 on amd64", "latest/stable"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %s: %v", part, err)
		}
	}
}

func TestChooseCharmNamesTheBases(t *testing.T) {
	f := charmFacts(t, []string{"1 stable amd64:ubuntu@22.04 3", "1 stable amd64:ubuntu@24.04 3"}, nil, nil)
	_, err := ChooseCharm(f, Fold(f.Releases, day(2)), CharmQuery{Action: ActionInstall, Base: base("amd64:NA"), At: day(2)})
	if err == nil || !strings.Contains(err.Error(), "ubuntu@24.04 on amd64, ubuntu@22.04 on amd64") {
		t.Errorf("got %v", err)
	}
}

func TestChooseCharmPinsResources(t *testing.T) {
	f := charmFacts(t, []string{"1 stable amd64:ubuntu@22.04 3", "2 edge amd64:ubuntu@22.04 3"}, nil, nil)
	m := Fold(f.Releases, day(9))
	for channel, want := range map[string]int{"stable": 1, "edge": 2} {
		c, err := ChooseCharm(f, m, CharmQuery{Action: ActionInstall, Channel: ch(t, channel), Base: base("amd64:ubuntu@22.04"), At: day(9)})
		if err != nil || !slices.Equal(c.Resources, []ResourcePin{{Name: "data", Revision: want}}) {
			t.Errorf("%s: got %v, %v, want revision %d of the resource", channel, c.Resources, err, want)
		}
		if got := "latest/" + channel; c.EffectiveName() != got {
			t.Errorf("effective is %q, want %q", c.EffectiveName(), got)
		}
	}
	c, err := ChooseCharm(f, m, CharmQuery{Action: ActionInstall, Revision: 3, At: day(9)})
	if err != nil || c.EffectiveName() != "" {
		t.Errorf("by revision: effective is %q, %v, want none", c.EffectiveName(), err)
	}
}

func TestSpellLike(t *testing.T) {
	for _, c := range []struct{ asked, channel, track, want string }{
		{"stable", "latest/edge", "", "edge"},
		{"latest/stable", "latest/edge", "", "latest/edge"},
		{"stable", "14/edge", "14", "edge"},
		{"stable", "latest/edge", "14", "latest/edge"},
		{"14/stable", "14/edge", "14", "14/edge"},
		{"stable", "14/edge", "", "14/edge"},
		{"edge/fix", "latest/edge/fix", "", "edge/fix"},
		{"14/edge/fix", "14/edge/fix", "14", "14/edge/fix"},
	} {
		if got := SpellLike(ch(t, c.asked), ch(t, c.channel), c.track); got != c.want {
			t.Errorf("%s beside %s, default track %q: got %q, want %q", c.channel, c.asked, c.track, got, c.want)
		}
	}
}

func TestSpellLikeNamesTheSameChannel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		asked, c := genChannel().Draw(t, "asked"), genChannel().Draw(t, "channel").Normal()
		track := rapid.SampledFrom([]string{"", "latest", "2.0"}).Draw(t, "default")
		back, err := ParseChannel(SpellLike(asked, c, track))
		if err != nil {
			t.Fatal(err)
		}
		if back.Track == "" {
			if asked.Track != "" {
				t.Fatal("a bare risk for whoever names tracks")
			}
			if back.Track = track; track == "" {
				back.Track = LatestTrack
			}
		}
		if back != c {
			t.Fatalf("%v came back as %v", c, back)
		}
	})
}

func genBase() *rapid.Generator[Platform] {
	return rapid.Custom(func(t *rapid.T) Platform {
		return Platform{
			Architecture: rapid.SampledFrom([]string{"amd64", "amd64", "arm64", "all", ""}).Draw(t, "architecture"),
			BaseName:     rapid.SampledFrom([]string{"ubuntu", "ubuntu", "centos", "all", ""}).Draw(t, "base"),
			BaseChannel:  rapid.SampledFrom([]string{"22.04", "24.04", "22.04/stable", "all", ""}).Draw(t, "base channel"),
		}
	})
}

func genCharmFacts(t *rapid.T) *Facts {
	f := genFacts(t)
	for i := range f.Releases {
		f.Releases[i].Platform = genBase().Draw(t, "released for")
	}
	kind := rapid.SampledFrom([]string{"charm", "charm", "charm", TypeBundle}).Draw(t, "type")
	for _, n := range slices.Sorted(maps.Keys(f.Revisions)) {
		r := f.Revisions[n]
		r.Meta = Meta{Type: kind}
		r.Platforms = rapid.SliceOfN(genBase(), 1, 3).Draw(t, "runs on")
	}
	return f
}

func genCharmQuery(t *rapid.T) CharmQuery {
	key := func(name string, known ...string) string {
		return rapid.SampledFrom(append(known, known[0], "", "NA")).Draw(t, name)
	}
	return CharmQuery{
		Action:    rapid.SampledFrom([]Action{ActionInstall, ActionDownload, ActionRefresh}).Draw(t, "action"),
		Channel:   genChannel().Draw(t, "asked"),
		Base:      Platform{Architecture: key("architecture", "amd64", "arm64", "s390x"), BaseName: key("base", "ubuntu", "centos"), BaseChannel: key("base channel", "22.04", "24.04", "24.04/edge")},
		Installed: rapid.IntRange(0, 9).Draw(t, "installed"),
		Phase:     rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "identity"),
		At:        day(20),
	}
}

func TestChooseCharmIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, q := genCharmFacts(t), genCharmQuery(t)
		m := Fold(f.Releases, q.At)
		c, err := ChooseCharm(f, m, q)
		var noBase *NoBase
		switch {
		case errors.As(err, &noBase):
			checkDefaultBases(t, f, m, q, noBase.DefaultBases)
			return
		case err != nil:
			if code := CodeOf(err); c.Revision != nil || code != "revision-not-found" && code != "refresh-bundle-not-supported" {
				t.Fatalf("got %+v, %v", c, err)
			}
			return
		}
		asked := q.Channel
		if asked.Track == "" {
			asked.Track = f.Package.DefaultTrack
		}
		asked = asked.Normal()
		r := c.Revision
		switch {
		case c.Effective.Track != asked.Track, c.Effective.Risk > asked.Risk, c.Effective.Branch != "" && c.Effective != asked:
			t.Fatalf("asked %v, answered from %v", asked, c.Effective)
		case r.Status != StatusApproved:
			t.Fatalf("revision %d is not approved", r.Number)
		case r.bundle() && q.Action == ActionRefresh:
			t.Fatal("refreshed a bundle")
		case !r.bundle() && !slices.ContainsFunc(r.Platforms, func(own Platform) bool { return fitsPlainly(own, q.Base) }):
			t.Fatalf("revision %d does not run on %v", r.Number, q.Base)
		case c.Override != nil && (c.Release != nil || c.Override.Revision != r.Number):
			t.Fatal("both an override and a release decided")
		case c.Release != nil && c.Release.Percentage > 0 && !grownUp(c.Release, q.At) && q.Action != ActionRefresh:
			t.Fatalf("%s got a progressive release", q.Action)
		}
	})
}

// fitsPlainly says rules 6 and 7 once more, as short as they are in words.
func fitsPlainly(own, asked Platform) bool {
	key := func(own, asked string) bool {
		own, _, _ = strings.Cut(own, "/")
		asked, _, _ = strings.Cut(asked, "/")
		return own == "all" || own == "" || own == asked
	}
	return key(own.Architecture, asked.Architecture) && key(own.BaseName, asked.BaseName) && key(own.BaseChannel, asked.BaseChannel)
}

// checkDefaultBases asks again with each base offered: juju does so once, and
// gives up when that fails.
func checkDefaultBases(t *rapid.T, f *Facts, m *ChannelMap, q CharmQuery, bases []Platform) {
	if len(bases) == 0 {
		t.Fatal("no base to choose from")
	}
	for _, b := range bases {
		for _, key := range [...]struct{ known, got string }{
			{q.Base.Architecture, b.Architecture}, {q.Base.BaseName, b.BaseName}, {baseTrack(q.Base.BaseChannel), b.BaseChannel},
		} {
			if key.got == "" || key.got == "all" || key.got == "NA" || key.known != "" && key.known != "NA" && key.known != key.got {
				t.Fatalf("asked %v, offered %v", q.Base, b)
			}
		}
		again := q
		again.Base = b
		if _, err := ChooseCharm(f, m, again); err != nil {
			t.Fatalf("offered %v, then: %v", b, err)
		}
	}
	if !slices.IsSortedFunc(bases, compareBases) {
		t.Fatalf("not in order: %v", bases)
	}
}
