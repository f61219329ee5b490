package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// text writes the open slots: "<channel> <architecture> <revision>", and for a
// progressive release "[over <revision or closed>]".
func (m *ChannelMap) text() string {
	var lines []string
	for _, s := range m.Slots() {
		line := fmt.Sprintf("%s %s %d", s.Channel.Name(), s.Architecture, s.Release.Revision)
		if s.Progressive() {
			if line += " over closed"; s.Plain != nil {
				line = fmt.Sprintf("%s %s %d over %d", s.Channel.Name(), s.Architecture, s.Release.Revision, s.Plain.Revision)
			}
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, ", ")
}

func TestFold(t *testing.T) {
	for _, c := range []struct {
		name  string
		facts []string
		at    float64 // day
		want  string
		until float64 // day until which the fold holds; 0 is forever
	}{
		{name: "no facts, no slots", at: 1},
		{name: "the last fact of a slot counts",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4"}, at: 9, want: "stable amd64 4"},
		{name: "slots are independent",
			facts: []string{"1 stable amd64 3", "2 stable arm64 4", "3 edge amd64 5"}, at: 9,
			want: "stable amd64 3, stable arm64 4, edge amd64 5"},
		{name: "latest spelled out is the same slot",
			facts: []string{"1 stable amd64 3", "2 latest/stable amd64 4"}, at: 9, want: "stable amd64 4"},
		{name: "a closed slot is absent",
			facts: []string{"1 stable amd64 3", "2 stable amd64 closed"}, at: 9},
		{name: "closing what never was open does nothing",
			facts: []string{"1 stable amd64 closed"}, at: 9},
		{name: "a later fact is not yet true, and says until when the fold holds",
			facts: []string{"1 stable amd64 3", "5 stable amd64 4", "7 stable amd64 5"}, at: 4, want: "stable amd64 3", until: 5},
		{name: "a fact is true from its own moment on",
			facts: []string{"1 stable amd64 3", "5 stable amd64 4"}, at: 5, want: "stable amd64 4"},
		{name: "the past can be asked for",
			facts: []string{"1 stable amd64 3", "2 stable amd64 closed", "3 stable amd64 4"}, at: 1.5, want: "stable amd64 3", until: 2},
		{name: "a fact lapses at its expiry",
			facts: []string{"1 stable/fix amd64 3 until 5"}, at: 5},
		{name: "until then it holds",
			facts: []string{"1 stable/fix amd64 3 until 5"}, at: 4, want: "stable/fix amd64 3", until: 5},
		{name: "releasing again extends it",
			facts: []string{"1 stable/fix amd64 3 until 5", "4 stable/fix amd64 4 until 8"}, at: 6, want: "stable/fix amd64 4", until: 8},
		{name: "what lapses does not uncover an older plain release",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 until 5"}, at: 6},
		{name: "the expiry of a replaced fact says nothing",
			facts: []string{"1 stable amd64 3 until 5", "2 stable amd64 4"}, at: 3, want: "stable amd64 4"},
		{name: "a progressive release lies on the plain one",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 30%"}, at: 9, want: "stable amd64 4 over 3"},
		{name: "a progressive release lies on a closed slot",
			facts: []string{"1 stable amd64 3", "2 stable amd64 closed", "3 stable amd64 4 30%"}, at: 9, want: "stable amd64 4 over closed"},
		{name: "the newest phase lies on the same plain release",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 30%", "3 stable amd64 5 10%"}, at: 9, want: "stable amd64 5 over 3"},
		{name: "all devices in the phase is still a phase",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 100%"}, at: 9, want: "stable amd64 4 over 3"},
		{name: "a phase that grows by itself is one until it has reached everyone",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 30% +30"}, at: 4.9, want: "stable amd64 4 over 3", until: 5},
		{name: "from then on it is plain",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 30% +30"}, at: 5, want: "stable amd64 4"},
		{name: "and a later phase lies on it",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 30% +30", "6 stable amd64 5 10%"}, at: 9, want: "stable amd64 5 over 4"},
		{name: "but not when another came before it had reached everyone",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 30% +30", "4 stable amd64 5 10%"}, at: 9, want: "stable amd64 5 over 3"},
		{name: "a paused phase does not grow",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 30% +30 paused"}, at: 9, want: "stable amd64 4 over 3"},
		{name: "a phase that would take for ever stays one",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 1% +0.0001"}, at: 9, want: "stable amd64 4 over 3"},
		{name: "a later plain release replaces both",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 30%", "3 stable amd64 4"}, at: 9, want: "stable amd64 4"},
		{name: "closing ends a phase and what is beneath",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 30%", "3 stable amd64 closed"}, at: 9},
		{name: "a lapsed phase uncovers what is beneath",
			facts: []string{"1 stable amd64 3", "2 stable amd64 4 30% until 5"}, at: 6, want: "stable amd64 3"},
		{name: "a lapsed plain release leaves the phase on top",
			facts: []string{"1 stable amd64 3 until 5", "2 stable amd64 4 30% until 8"}, at: 6, want: "stable amd64 4 over closed", until: 8},
		{name: "the first of several changes ends the fold",
			facts: []string{"1 stable amd64 3 until 7", "1 edge amd64 4 until 6", "8 stable amd64 5"}, at: 4,
			want: "stable amd64 3, edge amd64 4", until: 6},
		{name: "latest first, then track, risk, architecture; branches last",
			facts: []string{"1 2.0/edge amd64 1", "1 2.0/stable arm64 1", "1 2.0/stable amd64 1", "1 10.0/stable amd64 1",
				"1 edge amd64 1", "1 stable/a amd64 1", "1 beta amd64 1"},
			at:   9,
			want: "beta amd64 1, edge amd64 1, 10.0/stable amd64 1, 2.0/stable amd64 1, 2.0/stable arm64 1, 2.0/edge amd64 1, stable/a amd64 1"},
		{name: "the order of writing wins over clocks that disagree",
			facts: []string{"3 stable amd64 3", "2 stable amd64 4"}, at: 9, want: "stable amd64 4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Fold(releases(t, c.facts...), day(c.at))
			if got := m.text(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			until := time.Time{}
			if c.until != 0 {
				until = day(c.until)
			}
			if got := m.ValidUntil(); !got.Equal(until) {
				t.Errorf("holds until %v, want %v", got, until)
			}
		})
	}
}

func TestFoldKeepsTheHistoryOfASlotNewestFirst(t *testing.T) {
	m := Fold(releases(t, "1 stable amd64 3", "2 edge amd64 9", "3 stable amd64 closed", "4 stable amd64 4",
		"5 stable amd64 5 10%", "6 stable arm64 8", "7 stable amd64 6"), day(6.5))
	s := m.Slot(ch(t, "stable"), Platform{Architecture: "amd64"})
	if s == nil {
		t.Fatal("the slot is closed")
	}
	var got []string
	for _, r := range s.History {
		got = append(got, strconv.Itoa(r.Revision))
	}
	if want := []string{"5", "4", "3"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestChannelMapWithoutFactsIsClosed(t *testing.T) {
	var none *ChannelMap
	for name, m := range map[string]*ChannelMap{"nil": none, "empty": Fold(nil, day(1)), "zero": {}} {
		if m.Slot(Channel{}, Platform{Architecture: "amd64"}) != nil || len(m.Slots()) != 0 {
			t.Errorf("%s map: something is open", name)
		}
	}
}

func BenchmarkFold(b *testing.B) {
	facts := manyFacts(1000)
	b.ReportAllocs()
	for b.Loop() {
		if m := Fold(facts, day(5000)); len(m.Slots()) == 0 {
			b.Fatal("nothing is open")
		}
	}
}

// manyFacts is the history of a lively snap: n releases over two tracks, four
// risks and six architectures.
func manyFacts(n int) []Release {
	architectures := [...]string{"amd64", "arm64", "armhf", "ppc64el", "riscv64", "s390x"}
	tracks := [...]string{"", "2.0"}
	facts := make([]Release, n)
	for i := range facts {
		facts[i] = Release{
			Seq: int64(i), At: day(float64(i)), Revision: 1 + i/len(architectures),
			Channel:  Channel{Track: tracks[i/24%2], Risk: Risk(i / 6 % 4)},
			Platform: Platform{Architecture: architectures[i%6]},
		}
	}
	return facts
}

func BenchmarkChoose(b *testing.B) {
	f := factsOf(manyFacts(1000), nil)
	for _, r := range f.Revisions {
		r.Platforms = []Platform{{Architecture: "amd64"}, {Architecture: "arm64"}}
	}
	m := Fold(f.Releases, day(5000))
	overridden := factsOf(f.Releases, []Override{{Channel: Channel{}, Architecture: "amd64", Revision: 2}})
	phased := factsOf(append(slices.Clone(f.Releases), Release{
		At: day(4000), Revision: 7, Channel: Channel{}, Platform: Platform{Architecture: "amd64"}, Percentage: 50,
	}), nil)
	epoch := Epoch{Read: []uint32{0}, Write: []uint32{0}}
	q := Query{Action: ActionRefresh, Architecture: "amd64", Installed: 3, Epoch: &epoch, Phase: "brand/model/serial", At: day(5000)}
	tenth := q
	tenth.Revision = 10
	for _, c := range []struct {
		name string
		f    *Facts
		m    *ChannelMap
		q    Query
	}{
		{"channel", f, m, q},
		{"revision", f, m, tenth},
		{"override", overridden, m, q},
		{"phase", phased, Fold(phased.Releases, day(5000)), q},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Choose(c.f, c.m, c.q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// A release that would have reached everyone after its end took the one before it
// along, and closed the channel.
func TestAPhaseThatExpiresGivesWayToWhatWasThere(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	on := func(days int) time.Time { return start.AddDate(0, 0, days) }
	stable := Channel{Track: LatestTrack}
	for _, expires := range []int{3, 9, 10} { // the phase is over on the ninth day
		facts := []Release{
			{Seq: 1, At: start, Channel: stable, Platform: Platform{Architecture: "amd64"}, Revision: 1},
			{Seq: 2, At: start, Channel: stable, Platform: Platform{Architecture: "amd64"}, Revision: 2, Percentage: 10, Phasing: 10, Expires: on(expires)},
		}
		for _, at := range []int{0, 3, 9, 10, 100} {
			want := 1
			switch {
			case at < min(expires, 9), expires > 9 && at < expires:
				want = 2
			case expires > 9: // it was everyone's, and its end is the channel's
				want = 0
			}
			got := 0
			if s := Fold(facts, on(at)).Slot(stable, facts[0].Platform); s != nil {
				got = s.Release.Revision
			}
			if got != want {
				t.Errorf("expiring on day %d, on day %d: revision %d, want %d", expires, at, got, want)
			}
		}
	}
}
