package store

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"
)

func TestChannelList(t *testing.T) {
	for _, c := range []struct {
		name         string
		facts        []string
		overrides    []string
		track        string
		architecture string
		want         []string // "<channel> <architecture> <revision> day <released>[, not <upstream>]"
	}{
		{name: "latest first, then by track, risk and architecture",
			facts: []string{"1 2.0/stable amd64 5", "2 edge amd64 4", "3 stable arm64 2", "4 stable amd64 3", "5 10/beta amd64 6"},
			want:  []string{"stable amd64 3 day 4", "stable arm64 2 day 3", "edge amd64 4 day 2", "10/beta amd64 6 day 5", "2.0/stable amd64 5 day 1"}},
		{name: "the default track before latest",
			facts: []string{"1 1.0/stable amd64 4", "1 2.0/edge amd64 5", "1 stable amd64 3"}, track: "2.0",
			want: []string{"2.0/edge amd64 5 day 1", "stable amd64 3 day 1", "1.0/stable amd64 4 day 1"}},
		{name: "closed channels and branches are absent",
			facts: []string{"1 stable amd64 3", "2 edge amd64 4", "3 edge amd64 closed", "4 stable/fix amd64 5"},
			want:  []string{"stable amd64 3 day 1"}},
		{name: "a progressive release shows what is beneath",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 50%", "3 edge amd64 4 50%"},
			want:  []string{"stable amd64 3 day 1"}},
		{name: "an override stands in, with its own date and the upstream beside it",
			facts: []string{"1 stable amd64 3", "1 edge amd64 4"}, overrides: []string{"stable amd64 2"},
			want: []string{"stable amd64 2 day 40, not 3", "edge amd64 4 day 1"}},
		{name: "an override opens a closed channel",
			facts: []string{"1 stable amd64 3"}, overrides: []string{"edge amd64 2", "edge arm64 2"},
			want: []string{"stable amd64 3 day 1", "edge amd64 2 day 40, not 0", "edge arm64 2 day 40, not 0"}},
		{name: "an expired override does not",
			facts: []string{"1 stable amd64 3"}, overrides: []string{"edge arm64 2 until 45", "stable amd64 2 until 45"},
			want: []string{"stable amd64 3 day 1"}},
		{name: "an override of a branch is not listed",
			facts: []string{"1 stable amd64 3"}, overrides: []string{"stable/fix amd64 2"},
			want: []string{"stable amd64 3 day 1"}},
		{name: "one architecture sees itself and all",
			facts:        []string{"1 stable amd64 3", "1 stable arm64 2", "1 edge all 4"},
			architecture: "amd64",
			want:         []string{"stable amd64 3 day 1", "edge all 4 day 1"}},
		{name: "all gives way to the architecture's own slot",
			facts:        []string{"1 stable amd64 3", "1 stable all 4"},
			architecture: "amd64",
			want:         []string{"stable amd64 3 day 1"}},
		{name: "without an architecture both are listed",
			facts: []string{"1 stable amd64 3", "1 stable all 4"},
			want:  []string{"stable all 4 day 1", "stable amd64 3 day 1"}},
		{name: "an override of an architecture goes beside all",
			facts: []string{"1 stable all 4"}, overrides: []string{"stable amd64 3"},
			architecture: "amd64",
			want:         []string{"stable amd64 3 day 40, not 0"}},
		{name: "an override for all goes to every slot of its channel",
			facts: []string{"1 stable amd64 4", "1 stable arm64 4"}, overrides: []string{"stable all 3"},
			want: []string{"stable all 3 day 40, not 0", "stable amd64 3 day 40, not 4", "stable arm64 3 day 40, not 4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := factsOf(releases(t, c.facts...), overrides(t, c.overrides...))
			f.Package.DefaultTrack = c.track
			var got []string
			for _, l := range ChannelList(f, Fold(f.Releases, day(50)), c.architecture, day(50)) {
				line := fmt.Sprintf("%s %s %d day %v", l.Channel.Name(), l.Architecture, l.Revision.Number,
					l.ReleasedAt.Sub(day(0)).Hours()/24)
				if l.Override != nil {
					upstream := 0
					if l.Release != nil {
						upstream = l.Release.Revision
					}
					line += fmt.Sprintf(", not %d", upstream)
				}
				got = append(got, line)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestChannelListLeavesOutWhatMayNotBeServed(t *testing.T) {
	f := factsOf(releases(t, "1 stable amd64 3", "1 edge amd64 4", "1 beta amd64 5"), nil)
	f.Revisions[4].Status = StatusRejected
	delete(f.Revisions, 5)
	list := ChannelList(f, Fold(f.Releases, day(2)), "", day(2))
	if len(list) != 1 || list[0].Revision.Number != 3 {
		t.Errorf("got %+v, want revision 3 alone", list)
	}
}

func TestOverrideLines(t *testing.T) {
	f := factsOf(
		releases(t, "1 stable amd64 3", "2 stable arm64 4", "3 stable amd64 5 50%", "4 2.0/stable amd64 9"),
		overrides(t, "edge amd64 2", "stable arm64 1", "stable amd64 1", "2.0/stable amd64 8", "3.0/stable amd64 7", "beta amd64 1 until 45"),
	)
	var got []string
	for _, l := range OverrideLines(f, Fold(f.Releases, day(50)), day(50)) {
		got = append(got, fmt.Sprintf("%s %s %d, not %d", l.Channel.Name(), l.Architecture, l.Revision, l.Upstream))
	}
	want := []string{
		"stable amd64 1, not 3", // what a fresh install gets, not the phase
		"stable arm64 1, not 4",
		"edge amd64 2, not 3", // by fallback, and not the override of stable
		"2.0/stable amd64 8, not 9",
		"3.0/stable amd64 7, not 0", // nothing upstream
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestOverridesOfCharmsSayWhatIsBeneathThem(t *testing.T) {
	noble, jammy := Platform{Architecture: "amd64", BaseName: "ubuntu", BaseChannel: "24.04"}, Platform{Architecture: "amd64", BaseName: "ubuntu", BaseChannel: "22.04"}
	arm := Platform{Architecture: "arm64", BaseName: "ubuntu", BaseChannel: "24.04"}
	at := time.Unix(1_700_000_000, 0)
	stable, edge := Channel{Track: LatestTrack, Risk: Stable}, Channel{Track: LatestTrack, Risk: Edge}
	f := &Facts{Package: Package{ID: "id", Namespace: Charm, Name: "pantry", Type: "charm"}, Revisions: map[int]*Revision{}}
	for n, platforms := range map[int][]Platform{1: {jammy}, 2: {noble}, 3: {arm}, 4: {noble, jammy}} {
		f.Revisions[n] = &Revision{PackageID: "id", Number: n, Status: StatusApproved, Platforms: platforms, Meta: Meta{Type: "charm", Charm: &CharmMeta{}}}
	}
	for i, r := range []Release{{Platform: jammy, Revision: 1}, {Platform: noble, Revision: 2}, {Platform: arm, Revision: 3}} {
		r.PackageID, r.Channel, r.At, r.Seq = "id", stable, at, int64(i+1)
		f.Releases = append(f.Releases, r)
	}
	now := at.Add(time.Hour)
	f.Overrides = []Override{
		{PackageID: "id", Channel: stable, Architecture: "amd64", Revision: 4, At: at},
		{PackageID: "id", Channel: edge, Architecture: "arm64", Revision: 3, At: at},
		{PackageID: "id", Channel: edge, Architecture: "s390x", Revision: 4, At: at},
		{PackageID: "id", Channel: stable, Architecture: "arm64", Revision: 3, At: at, Expires: now},
	}
	got := map[string]int{}
	for _, l := range OverrideLines(f, Fold(f.Releases, now), now) {
		got[l.Channel.Name()+" "+l.Architecture] = l.Upstream
	}
	// The newest of the bases, the safer channel where the own is closed, and nothing.
	if want := map[string]int{"stable amd64": 2, "edge arm64": 3, "edge s390x": 0}; !maps.Equal(got, want) {
		t.Errorf("beneath the overrides are %v, want %v", got, want)
	}
}
