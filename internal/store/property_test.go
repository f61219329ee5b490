package store

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

var architectures = []string{"amd64", "arm64", AnyArchitecture}

func genChannel() *rapid.Generator[Channel] {
	return rapid.Custom(func(t *rapid.T) Channel {
		return Channel{
			Track:  rapid.SampledFrom([]string{"", "latest", "2.0"}).Draw(t, "track"),
			Risk:   rapid.SampledFrom(Risks[:]).Draw(t, "risk"),
			Branch: rapid.SampledFrom([]string{"", "", "", "fix"}).Draw(t, "branch"),
		}
	})
}

// genRelease makes facts of the days 0 to 20.
func genRelease() *rapid.Generator[Release] {
	return rapid.Custom(func(t *rapid.T) Release {
		r := Release{
			PackageID:  "pkg",
			At:         day(float64(rapid.IntRange(0, 20).Draw(t, "day"))),
			Channel:    genChannel().Draw(t, "channel"),
			Platform:   Platform{Architecture: rapid.SampledFrom(architectures).Draw(t, "architecture")},
			Revision:   rapid.IntRange(0, 9).Draw(t, "revision"),
			Percentage: rapid.SampledFrom([]float64{0, 0, 0, 10, 50, 100}).Draw(t, "percentage"),
		}
		if r.Percentage > 0 {
			r.Phasing = rapid.SampledFrom([]float64{0, 0, 10, 33}).Draw(t, "phasing")
			r.Paused = rapid.SampledFrom([]bool{false, false, true}).Draw(t, "paused")
		}
		if life := rapid.SampledFrom([]int{0, 0, 0, 3, 9}).Draw(t, "life"); life > 0 {
			r.Expires = r.At.Add(time.Duration(life) * 24 * time.Hour)
		}
		return r
	})
}

func genReleases(t *rapid.T) []Release {
	return rapid.SliceOfN(genRelease(), 0, 40).Draw(t, "releases")
}

func genFacts(t *rapid.T) *Facts {
	f := &Facts{Package: Package{ID: "pkg", Name: "tool", DefaultTrack: rapid.SampledFrom([]string{"", "2.0"}).Draw(t, "default")}}
	f.Releases = genReleases(t)
	f.Overrides = rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Override {
		return Override{
			Channel:      genChannel().Draw(t, "channel"),
			Architecture: rapid.SampledFrom(architectures).Draw(t, "architecture"),
			Revision:     rapid.IntRange(1, 9).Draw(t, "revision"),
		}
	}), 0, 3).Draw(t, "overrides")
	f.Revisions = map[int]*Revision{}
	for n := range 10 {
		r := &Revision{Number: n, Status: rapid.SampledFrom([]string{StatusApproved, StatusApproved, StatusRejected}).Draw(t, "status")}
		for _, a := range rapid.SliceOfNDistinct(rapid.SampledFrom(architectures), 1, 2, rapid.ID).Draw(t, "architectures") {
			r.Platforms = append(r.Platforms, Platform{Architecture: a})
		}
		e := rapid.SampledFrom([]string{"0", "1", "1*", "2*"}).Draw(t, "epoch")
		r.Meta.Epoch = epochs[e]
		f.Revisions[n] = r
	}
	return f
}

func genQuery(t *rapid.T) Query {
	q := Query{
		Action:        rapid.SampledFrom([]Action{ActionInstall, ActionDownload, ActionRefresh}).Draw(t, "action"),
		Channel:       genChannel().Draw(t, "asked"),
		TracksDefault: rapid.Bool().Draw(t, "tracks default"),
		Architecture:  rapid.SampledFrom([]string{"amd64", "arm64", "s390x"}).Draw(t, "device"),
		Installed:     rapid.IntRange(0, 9).Draw(t, "installed"),
		Phase:         rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "identity"),
		IgnorePhasing: rapid.Bool().Draw(t, "cohort"),
		At:            day(20),
	}
	if e := rapid.SampledFrom([]string{"", "0", "1", "1*"}).Draw(t, "data"); e != "" {
		installed := epochs[e]
		q.Epoch = &installed
	}
	return q
}

func TestFoldDoesNotDependOnLaterFacts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := genReleases(t)
		at := day(float64(rapid.IntRange(0, 20).Draw(t, "at")))
		var known []Release
		for _, r := range all {
			if !r.At.After(at) {
				known = append(known, r)
			}
		}
		if got, want := Fold(all, at).text(), Fold(known, at).text(); got != want {
			t.Fatalf("with later facts %q, without %q", got, want)
		}
	})
}

func TestFoldHoldsUntilItSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := genReleases(t)
		at := day(float64(rapid.IntRange(0, 20).Draw(t, "at")))
		m := Fold(facts, at)
		last := day(100)
		if until := m.ValidUntil(); !until.IsZero() {
			if !until.After(at) {
				t.Fatalf("the fold at %v holds until %v", at, until)
			}
			last = until.Add(-1)
		}
		if got, want := Fold(facts, last).text(), m.text(); got != want {
			t.Fatalf("at %v it was %q, at %v it is %q", at, want, last, got)
		}
	})
}

func TestFactChangesOnlyItsOwnSlot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		facts := genReleases(t)
		next := genRelease().Draw(t, "next")
		at := day(20)
		before, after := Fold(facts, at), Fold(append(slices.Clone(facts), next), at)
		others := func(m *ChannelMap) string {
			others := &ChannelMap{}
			for _, s := range m.Slots() {
				if s.Slot != (Slot{next.Channel.Normal(), next.Platform}) {
					others.open = append(others.open, s)
				}
			}
			return others.text()
		}
		if got, want := others(after), others(before); got != want {
			t.Fatalf("the other slots were %q, and are %q", want, got)
		}
		s := after.Slot(next.Channel, next.Platform)
		inForce := next.Revision != 0 && (next.Expires.IsZero() || next.Expires.After(at))
		if inForce && (s == nil || s.Release.Revision != next.Revision) {
			t.Fatal("the newest fact of the slot does not count")
		}
		if next.Revision == 0 && s != nil {
			t.Fatal("closing left the slot open")
		}
	})
}

func grownUp(r *Release, at time.Time) bool {
	everyone := r.everyoneAt()
	return !everyone.IsZero() && !everyone.After(at)
}

func TestChooseIsSafe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, q := genFacts(t), genQuery(t)
		c, err := Choose(f, Fold(f.Releases, q.At), q)
		if err != nil {
			var none *NoRevision
			if CodeOf(err) != "revision-not-found" || !errors.As(err, &none) || c.Revision != nil {
				t.Fatalf("got %+v, %v", c, err)
			}
			return
		}
		asked := q.Channel.Normal()
		if c.Redirect != nil {
			if q.Channel.Track != "" || q.Action == ActionRefresh || !q.TracksDefault {
				t.Fatal("redirected without need")
			}
			asked = *c.Redirect
		}
		switch {
		case c.Effective.Track != asked.Track:
			t.Fatalf("asked %v, answered from track %v", asked, c.Effective)
		case c.Effective.Risk > asked.Risk:
			t.Fatalf("asked %v, answered from riskier %v", asked, c.Effective)
		case c.Effective.Branch != "" && c.Effective != asked:
			t.Fatalf("asked %v, answered from the branch %v", asked, c.Effective)
		case !c.Revision.RunsOn(Platform{Architecture: q.Architecture}):
			t.Fatalf("revision %d does not run on %s", c.Revision.Number, q.Architecture)
		case c.Revision.Status != StatusApproved:
			t.Fatalf("revision %d is not approved", c.Revision.Number)
		case q.Epoch != nil && !c.Revision.Meta.Epoch.CanRead(*q.Epoch) && c.Revision.Number != q.Installed:
			t.Fatalf("revision %d cannot read the device's data", c.Revision.Number)
		case c.Release != nil && c.Release.Percentage > 0 && !grownUp(c.Release, q.At) && (q.Action != ActionRefresh || q.IgnorePhasing) && c.Revision.Number != q.Installed:
			t.Fatalf("%s got a progressive release", q.Action)
		}
	})
}

func TestPhaseIsStickyWhileItGrows(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		identity := rapid.StringMatching(`[a-z]{1,8}/[a-z]{1,8}/[0-9a-f]{8}`).Draw(t, "device")
		small := rapid.Float64Range(0.01, 100).Draw(t, "first share")
		large := rapid.Float64Range(small, 100).Draw(t, "second share")
		first := Release{Seq: 1, At: day(1), Revision: 4, Percentage: small}
		second := Release{Seq: 9, At: day(8), Revision: 4, Percentage: large, Channel: Channel{Track: "latest"}}
		if inPhase("pkg", &first, identity, day(1)) && !inPhase("pkg", &second, identity, day(8)) {
			t.Fatal("a device left the phase when its share grew")
		}
		if second.Percentage = 100; !inPhase("pkg", &second, identity, day(8)) {
			t.Fatal("a device is outside a phase of everyone")
		}
	})
}

func TestPhaseReachesItsShare(t *testing.T) {
	const devices = 20_000
	for _, percent := range []float64{0.5, 1, 10, 33.3, 50, 90, 100} {
		r := Release{Revision: 4, Percentage: percent}
		in := 0
		for i := range devices {
			if inPhase("pkg", &r, fmt.Sprintf("brand/model/%08d", i), day(1)) {
				in++
			}
		}
		p := percent / 100
		got, margin := float64(in)/devices, 5*math.Sqrt(p*(1-p)/devices)
		if math.Abs(got-p) > margin {
			t.Errorf("%v%% reached %.2f%% of the devices", percent, got*100)
		}
	}
}

func TestEveryRevisionDrawsItsDevicesAnew(t *testing.T) {
	a, b := Release{Revision: 4, Percentage: 50}, Release{Revision: 5, Percentage: 50}
	both := 0
	for i := range 4000 {
		id := fmt.Sprintf("brand/model/%d", i)
		if inPhase("pkg", &a, id, day(1)) && inPhase("pkg", &b, id, day(1)) {
			both++
		}
	}
	if both < 850 || both > 1150 {
		t.Errorf("%d of 4000 devices are in two phases of half the devices, want about 1000", both)
	}
}

func TestCohortSeesOneViewForNinetyDays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		created := day(rapid.Float64Range(0, 1000).Draw(t, "created"))
		now := created.Add(time.Duration(rapid.Int64Range(0, int64(1000*24*time.Hour)).Draw(t, "age")))
		view := CohortView(created, now)
		switch {
		case view.After(now):
			t.Fatalf("at %v it sees the future: %v", now, view)
		case now.Sub(view) >= CohortWindow:
			t.Fatalf("at %v it sees %v, which is too old", now, view)
		case !CohortView(created, view).Equal(view):
			t.Fatal("the view changed within its window")
		case !CohortView(created, view.Add(CohortWindow-1)).Equal(view):
			t.Fatal("the view ended before its window")
		case !CohortView(created, view.Add(CohortWindow)).Equal(view.Add(CohortWindow)):
			t.Fatal("the next window does not follow")
		}
	})
}
