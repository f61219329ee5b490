package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestConcreteBasesNamesWhatTheRevisionRunsOn(t *testing.T) {
	base := func(s string) Platform {
		parts := strings.SplitN(s, "/", 3)
		return Platform{Architecture: parts[0], BaseName: parts[1], BaseChannel: parts[2]}
	}
	revision := func(n int, kind string, bases ...string) *Revision {
		r := &Revision{Number: n, Status: StatusApproved, Meta: Meta{Type: kind}}
		for _, b := range bases {
			r.Platforms = append(r.Platforms, base(b))
		}
		return r
	}
	line := func(risk Risk, on string, r *Revision) Listed {
		return Listed{Slot: Slot{Channel: Channel{Track: LatestTrack, Risk: risk}, Platform: base(on)}, Revision: r}
	}
	two := revision(2, "charm", "amd64/ubuntu/22.04", "arm64/ubuntu/24.04")
	for name, tt := range map[string]struct {
		list []Listed
		want string
	}{
		"a concrete slot stays": {
			[]Listed{line(Stable, "amd64/ubuntu/22.04", two)}, "stable amd64/ubuntu/22.04 2",
		},
		"a slot for all is each base of the revision, the newest first": {
			[]Listed{line(Stable, "all/all/all", two)}, "stable arm64/ubuntu/24.04 2; stable amd64/ubuntu/22.04 2",
		},
		"a slot without a base, too": {
			[]Listed{line(Stable, "//", two)}, "stable arm64/ubuntu/24.04 2; stable amd64/ubuntu/22.04 2",
		},
		"an architecture that the slot names limits the bases": {
			[]Listed{line(Stable, "amd64/all/all", two)}, "stable amd64/ubuntu/22.04 2",
		},
		"what has a line of its own keeps it, within its channel": {
			[]Listed{line(Stable, "amd64/ubuntu/22.04", revision(1, "charm", "amd64/ubuntu/22.04")), line(Stable, "all/all/all", two),
				line(Edge, "all/all/all", two)},
			"stable arm64/ubuntu/24.04 2; stable amd64/ubuntu/22.04 1; edge arm64/ubuntu/24.04 2; edge amd64/ubuntu/22.04 2",
		},
		"a charm for all architectures says so": {
			[]Listed{line(Stable, "all/all/all", revision(3, "charm", "all/ubuntu/22.04"))}, "stable all/ubuntu/22.04 3",
		},
		"the track of a base is the base": {
			[]Listed{line(Stable, "amd64/ubuntu/22.04", two), line(Stable, "all/all/all", revision(4, "charm", "amd64/ubuntu/22.04/stable"))},
			"stable amd64/ubuntu/22.04 2",
		},
		"a charm for anything stays": {
			[]Listed{line(Stable, "all/all/all", revision(5, "charm", "all/all/all"))}, "stable all/all/all 5",
		},
		"a bundle stays": {
			[]Listed{line(Stable, "all/all/all", revision(6, TypeBundle, "amd64/ubuntu/22.04"))}, "stable all/all/all 6",
		},
		"nothing": {nil, ""},
	} {
		var got []string
		for _, l := range ConcreteBases(tt.list) {
			got = append(got, fmt.Sprintf("%s %s/%s/%s %d", l.Channel.Name(), l.Architecture, l.BaseName, l.BaseChannel, l.Revision.Number))
		}
		if s := strings.Join(got, "; "); s != tt.want {
			t.Errorf("%s: %s, want %s", name, s, tt.want)
		}
	}
}

// TestALineIsLookedUpAsItIsSearched compares the index with a look at every line.
func TestALineIsLookedUpAsItIsSearched(t *testing.T) {
	key := func(values ...string) *rapid.Generator[string] {
		return rapid.SampledFrom(append(values, "", AnyArchitecture))
	}
	platform := rapid.Custom(func(t *rapid.T) Platform {
		return Platform{
			Architecture: key("amd64", "arm64").Draw(t, "architecture"), BaseName: key("ubuntu", "debian").Draw(t, "name"),
			BaseChannel: key("22.04", "22.04/stable", "24.04").Draw(t, "channel"),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		var lines []Listed
		index := make(map[Platform][]Listed)
		for n := range rapid.IntRange(1, 12).Draw(t, "lines") {
			l := Listed{
				Slot: Slot{Platform: platform.Draw(t, "slot")}, ReleasedAt: time.Unix(int64(rapid.IntRange(0, 2).Draw(t, "at")), 0),
				Revision: &Revision{Number: n + 1, Status: StatusApproved, Platforms: rapid.SliceOfN(platform, 1, 3).Draw(t, "runs on")},
			}
			if rapid.Bool().Draw(t, "overridden") {
				l.Override = &Override{}
			}
			lines = append(lines, l)
			index[baseKey(l.Platform)] = append(index[baseKey(l.Platform)], l)
		}
		base := platform.Draw(t, "base")
		asked := knownOf(base)
		rank := func(l Listed) int {
			distance, _ := fitBase(l.Platform, asked)
			if l.Override != nil {
				distance -= 8
			}
			return distance
		}
		var want *Listed
		for i, l := range lines {
			_, fits := fitBase(l.Platform, asked)
			if fits && l.Revision.runsOnBase(asked) && (want == nil || rank(l) < rank(*want) || rank(l) == rank(*want) && l.ReleasedAt.After(want.ReleasedAt)) {
				want = &lines[i]
			}
		}
		got, ok := lineFor(index, base)
		if ok != (want != nil) || ok && (got.Revision != want.Revision || got.Platform != base) {
			t.Fatalf("found %+v, %t, want %+v", got, ok, want)
		}
	})
}

// TestManyBasesAreListedInTime has as many bases in one channel as a publisher can
// put there with some uploads. Held against each other they took minutes, whoever
// asked.
func TestManyBasesAreListedInTime(t *testing.T) {
	const many = 30_000
	f := &Facts{Revisions: make(map[int]*Revision)}
	for n := range many {
		p := Platform{Architecture: "amd64", BaseName: "base", BaseChannel: fmt.Sprint(n)}
		number := n/100 + 1
		if f.Revisions[number] == nil {
			f.Revisions[number] = &Revision{Number: number, Status: StatusApproved, Meta: Meta{Type: TypeCharm}}
		}
		f.Revisions[number].Platforms = append(f.Revisions[number].Platforms, p)
		f.Releases = append(f.Releases, Release{Seq: int64(n + 1), Channel: Channel{Track: LatestTrack}, Platform: p, Revision: number})
	}
	now := time.Unix(1, 0)
	if got := len(CharmOffers(f, Fold(f.Releases, now), now)); got != many {
		t.Errorf("%d bases are offered, not %d", got, many)
	}
}
