package store

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

func TestWantedDeltas(t *testing.T) {
	for _, c := range []struct {
		name  string
		facts []string
		bad   []int // revisions that are not approved
		most  int   // 0 is 4
		want  string
	}{
		{name: "nothing before, nothing to come from", facts: []string{"1 stable amd64 1"}},
		{name: "from what the channel held before", facts: []string{"1 stable amd64 1", "2 stable amd64 2"}, want: "1-2"},
		{name: "from the two before, as not all devices took the last", most: 9,
			facts: []string{"1 stable amd64 1", "2 stable amd64 2", "3 stable amd64 3", "4 stable amd64 4"}, want: "3-4 2-4"},
		{name: "back again", facts: []string{"1 stable amd64 1", "2 stable amd64 2", "3 stable amd64 1"}, want: "2-1"},
		{name: "the same again needs none", facts: []string{"1 stable amd64 1", "2 stable amd64 1"}},
		{name: "from the other risks of the track, and to them",
			facts: []string{"1 stable amd64 1", "2 candidate amd64 2", "3 edge amd64 3"}, want: "2-1 3-1 1-2 3-2 1-3 2-3"},
		{name: "never between tracks", facts: []string{"1 stable amd64 1", "2 2.0/stable amd64 2"}},
		{name: "never between architectures", facts: []string{"1 stable amd64 1", "2 edge arm64 2", "3 stable arm64 3"}, want: "2-3 3-2"},
		{name: "but with what is for all", facts: []string{"1 stable all 1", "2 edge arm64 2"}, want: "2-1 1-2"},
		{name: "into a branch, not out of it", facts: []string{"1 stable amd64 1", "2 stable/fix amd64 2"}, want: "1-2"},
		{name: "a closed channel is left", facts: []string{"1 stable amd64 1", "2 edge amd64 2", "3 edge amd64 closed"}},
		{name: "what a channel held before it was closed", facts: []string{"1 stable amd64 1", "2 stable amd64 closed", "3 stable amd64 2"}, want: "1-2"},
		{name: "a progressive release and what lies beneath",
			facts: []string{"1 stable amd64 1", "2 stable amd64 2", "3 stable amd64 3 50%"}, want: "1-2 2-3 1-3"},
		{name: "no more sources than asked for, the likeliest first", most: 2,
			facts: []string{"1 stable amd64 1", "2 stable amd64 2", "3 candidate amd64 3", "4 beta amd64 4"},
			want:  "1-2 3-2 2-3 4-3 2-4 3-4"},
		{name: "a revision that is not approved is no end", bad: []int{2},
			facts: []string{"1 stable amd64 1", "2 stable amd64 2", "3 stable amd64 3"}, want: "1-3"},
		{name: "nor one that the facts lack", bad: []int{-1},
			facts: []string{"1 stable amd64 1", "2 stable amd64 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := factsOf(releases(t, c.facts...), nil)
			for _, n := range c.bad {
				if n < 0 {
					delete(f.Revisions, -n)
				} else {
					f.Revisions[n].Status = StatusRejected
				}
			}
			if c.most == 0 {
				c.most = 4
			}
			var got []string
			for _, p := range WantedDeltas(f, Fold(f.Releases, day(30)), c.most) {
				got = append(got, fmt.Sprintf("%d-%d", p.Source.Number, p.Target.Number))
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestPointedAt(t *testing.T) {
	f := factsOf(releases(t,
		"1 stable amd64 1", "2 stable amd64 2", // 1 is gone before the time asked for
		"3 stable amd64 3",             // in force when it begins
		"11 stable amd64 4",            // comes and goes within
		"12 stable amd64 5 50%",        // on top of 4
		"13 stable amd64 6",            // in force when it ends
		"3 stable/fix amd64 7 until 5", // expired before
		"40 edge amd64 8",              // a clock ahead of ours
	), overrides(t, "beta amd64 9", "beta amd64 10 until 12"))
	got := PointedAt(f, day(10), day(20))
	want := []int{3, 4, 5, 6, 8, 9}
	if !slices.Equal(slices.Sorted(maps.Keys(got)), want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestADeltaIsWorthItBelowFourFifths(t *testing.T) {
	for full, largest := range map[int64]int64{0: 0, 1: 0, 5: 3, 10: 7, 100: 79, 101: 80, 1 << 40: 879609302220} {
		if got := LargestDelta(full); got != largest {
			t.Errorf("of %d bytes: up to %d, want %d", full, got, largest)
		}
		if full > 1 && ((&Delta{Size: largest + 1}).Worth(full) || !(&Delta{Size: largest}).Worth(full)) {
			t.Errorf("of %d bytes: Worth is wrong around %d", full, largest)
		}
	}
	f := &Facts{
		Deltas:    []Delta{{Format: FormatXdelta3, Source: 1, Target: 3, Size: 80}, {Format: FormatXdelta3, Source: 2, Target: 3, Size: 79}},
		Revisions: map[int]*Revision{3: {Number: 3, Size: 100}},
	}
	for source, want := range map[int]int{1: 0, 2: 1} {
		if got := DeltasFor(f, source, 3, []string{FormatXdelta3}); len(got) != want {
			t.Errorf("from %d: %v", source, got)
		}
	}
}
