package store

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func (l Listed) charmText() string {
	s := fmt.Sprintf("%s %s %d", l.Channel, spelled(l.Platform), l.Revision.Number)
	if l.Override != nil {
		s += " overridden"
	}
	if l.Override != nil && l.Release != nil {
		s += fmt.Sprintf(", was %d", l.Release.Revision)
	}
	return s
}

func charmTexts(list []Listed) []string {
	var lines []string
	for _, l := range list {
		lines = append(lines, l.charmText())
	}
	return lines
}

func TestCharmChannels(t *testing.T) {
	for _, c := range []struct {
		name      string
		facts     []string
		overrides []string
		runs      map[int]string
		bundles   []int
		rejected  []int
		track     string
		want      []string
	}{
		{name: "one line for each channel and base, the newest long-term release first",
			facts: []string{"1 stable amd64:ubuntu@22.04 3", "1 stable amd64:ubuntu@24.04 3", "1 stable arm64:ubuntu@24.04 4", "1 edge amd64:ubuntu@22.04 5"},
			want:  []string{"latest/stable amd64:ubuntu@24.04 3", "latest/stable arm64:ubuntu@24.04 4", "latest/stable amd64:ubuntu@22.04 3", "latest/edge amd64:ubuntu@22.04 5"}},
		{name: "the default track, then latest, then by name",
			facts: []string{"1 16/stable all 3", "1 stable all 4", "1 14/stable all 5", "1 15/stable all 6"}, track: "15",
			want: []string{"15/stable all 6", "latest/stable all 4", "14/stable all 5", "16/stable all 3"}},
		{name: "no closed channel, no branch, no phase without a base",
			facts: []string{"1 stable all 3", "2 stable all closed", "1 edge/fix all 3", "1 beta all 4 50%", "1 candidate all 5", "2 candidate all 6 50%"},
			want:  []string{"latest/candidate all 5"}},
		{name: "no revision that is not approved", facts: []string{"1 stable all 3", "1 edge all 4"}, rejected: []int{3}, want: []string{"latest/edge all 4"}},
		{name: "a bundle of no base", facts: []string{"1 stable null 3"}, bundles: []int{3}, want: []string{"latest/stable null 3"}},
		{name: "an override stands in where its revision runs, and adds where it runs besides",
			facts:     []string{"1 stable amd64:ubuntu@22.04 3", "1 stable amd64:ubuntu@20.04 3", "1 stable arm64:ubuntu@22.04 3"},
			overrides: []string{"stable amd64 4"}, runs: map[int]string{4: "amd64:ubuntu@22.04 amd64:ubuntu@24.04 arm64:ubuntu@22.04"},
			want: []string{"latest/stable amd64:ubuntu@24.04 4 overridden", "latest/stable amd64:ubuntu@22.04 4 overridden, was 3",
				"latest/stable arm64:ubuntu@22.04 3", "latest/stable amd64:ubuntu@20.04 3"}},
		{name: "an override for one architecture stands beside a slot for all",
			facts: []string{"1 stable all:ubuntu@22.04 3"}, overrides: []string{"stable arm64 4"}, runs: map[int]string{4: "all:ubuntu@22.04"},
			want: []string{"latest/stable all:ubuntu@22.04 3", "latest/stable arm64:ubuntu@22.04 4 overridden"}},
		{name: "an override that has expired adds nothing", overrides: []string{"stable amd64 4 until 45"}, runs: map[int]string{4: "all"}},
		{name: "nor one of a revision that the facts lack", overrides: []string{"stable amd64 4"}, runs: map[int]string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := charmFacts(t, c.facts, c.overrides, c.runs)
			f.Package.DefaultTrack = c.track
			for _, n := range c.bundles {
				f.Revisions[n].Meta.Type = TypeBundle
			}
			for _, n := range c.rejected {
				f.Revisions[n].Status = StatusRejected
			}
			if c.runs != nil && len(c.runs) == 0 {
				clear(f.Revisions)
			}
			if got := charmTexts(CharmChannels(f, Fold(f.Releases, day(50)), day(50))); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestCharmChannelsListWhatClientsGet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := genCharmFacts(t)
		m := Fold(f.Releases, day(20))
		list := ConcreteBases(CharmChannels(f, m, day(20)))
		for _, l := range list {
			if l.Revision.bundle() || !baseKnown(knownOf(l.Platform)) {
				continue
			}
			c, err := ChooseCharm(f, m, CharmQuery{Action: ActionInstall, Channel: l.Channel, Base: l.Platform, At: day(20)})
			if err != nil {
				t.Fatalf("listed %s, got %v", l.charmText(), err)
			}
			if !slices.ContainsFunc(list, func(same Listed) bool {
				return same.Channel == c.Effective && sameBase(same.Platform, l.Platform) && same.Revision == c.Revision
			}) {
				t.Fatalf("listed %s, got %s", l.charmText(), c.text())
			}
		}
	})
}

func TestDefaultRelease(t *testing.T) {
	for _, c := range []struct {
		name  string
		facts []string
		track string
		want  string
	}{
		{"the most stable risk", []string{"1 edge all 5", "1 candidate all 3", "1 beta all 4"}, "", "latest/candidate all 3"},
		{"the newest revision there", []string{"1 stable amd64:ubuntu@24.04 3", "1 stable amd64:ubuntu@22.04 4"}, "", "latest/stable amd64:ubuntu@22.04 4"},
		{"of one on several bases the first", []string{"1 stable amd64:ubuntu@22.04 3", "1 stable amd64:ubuntu@24.04 3"}, "", "latest/stable amd64:ubuntu@24.04 3"},
		{"of the default track", []string{"1 stable all 5", "1 14/edge all 3"}, "14", "14/edge all 3"},
		{"and of no other", []string{"1 stable all 5"}, "14", "none"},
		{"nothing is open", nil, "", "none"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := charmFacts(t, c.facts, nil, nil)
			f.Package.DefaultTrack = c.track
			got := "none"
			if l, ok := DefaultRelease(f, CharmChannels(f, Fold(f.Releases, day(9)), day(9))); ok {
				got = l.charmText()
			}
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestReleaseIn(t *testing.T) {
	f := charmFacts(t, []string{"1 stable all 3", "1 14/candidate all 4", "1 edge all 5"}, nil, nil)
	f.Package.DefaultTrack = "14"
	list := CharmChannels(f, Fold(f.Releases, day(9)), day(9))
	for channel, want := range map[string]string{
		"edge": "14/candidate all 4", "latest/edge": "latest/edge all 5", "latest/beta": "latest/stable all 3",
		"stable": "none", "edge/fix": "14/candidate all 4", "9/edge": "none",
	} {
		got := "none"
		if l, ok := ReleaseIn(f, list, ch(t, channel)); ok {
			got = l.charmText()
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", channel, got, want)
		}
	}
}

func TestPublisherChannels(t *testing.T) {
	f := charmFacts(t, []string{"1 14/edge/fix all 3", "1 edge/old all 3", "2 edge/old all closed", "1 9/stable all 4"}, nil, nil)
	f.Package.DefaultTrack, f.Package.Tracks = "14", []Track{{Name: "14"}, {Name: "0.1"}}
	var got []string
	for _, c := range PublisherChannels(f, Fold(f.Releases, day(9))) {
		line := c.Channel.String()
		if c.Fallback != nil {
			line += " > " + c.Fallback.String()
		}
		got = append(got, line)
	}
	want := []string{
		"14/stable", "14/candidate > 14/stable", "14/beta > 14/candidate", "14/edge > 14/beta", "14/edge/fix > 14/edge",
		"latest/stable", "latest/candidate > latest/stable", "latest/beta > latest/candidate", "latest/edge > latest/beta",
		"0.1/stable", "0.1/candidate > 0.1/stable", "0.1/beta > 0.1/candidate", "0.1/edge > 0.1/beta",
		"9/stable", "9/candidate > 9/stable", "9/beta > 9/candidate", "9/edge > 9/beta",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCompareBasesIsAnOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		gen := rapid.Custom(func(t *rapid.T) Platform {
			p := genBase().Draw(t, "base")
			p.BaseChannel = rapid.StringMatching(`[0-9]{0,2}\.?0?[0-9x]?(/stable)?`).Draw(t, "channel")
			return p
		})
		a, b, c := gen.Draw(t, "a"), gen.Draw(t, "b"), gen.Draw(t, "c")
		ab, ba := compareBases(a, b), compareBases(b, a)
		switch {
		case ab != -ba:
			t.Fatalf("%v before %v both ways", a, b)
		case (ab == 0) != (a == b):
			t.Fatalf("%v and %v are the same", a, b)
		case ab <= 0 && compareBases(b, c) <= 0 && compareBases(a, c) > 0:
			t.Fatalf("%v, %v, %v go in a circle", a, b, c)
		}
	})
}
