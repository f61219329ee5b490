package store

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"testing"
)

func revisionFor(number int, architectures ...string) *Revision {
	r := &Revision{PackageID: "pkg", Number: number, Status: StatusApproved}
	for _, a := range architectures {
		r.Platforms = append(r.Platforms, Platform{Architecture: a})
	}
	return r
}

func factTexts(facts []Release) []string {
	var lines []string
	for _, r := range facts {
		lines = append(lines, fmt.Sprintf("%s %s %d", r.Channel, r.Platform.Architecture, r.Revision))
	}
	return lines
}

func TestReleaseFacts(t *testing.T) {
	for _, c := range []struct {
		name    string
		open    []string
		rev     *Revision
		channel string
		want    []string
	}{
		{"one fact for each platform", nil, revisionFor(4, "amd64", "arm64"), "edge",
			[]string{"latest/edge amd64 4", "latest/edge arm64 4"}},
		{"a platform named twice counts once", nil, revisionFor(4, "amd64", "amd64"), "edge", []string{"latest/edge amd64 4"}},
		{"a revision of one architecture leaves the others alone", []string{"1 edge all 3", "1 edge arm64 3"}, revisionFor(4, "amd64"), "edge",
			[]string{"latest/edge amd64 4"}},
		{"a revision for all takes over the architectures that are open", []string{"1 edge arm64 3", "1 beta amd64 3"}, revisionFor(4, "all"), "edge",
			[]string{"latest/edge all 4", "latest/edge arm64 4"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := Fold(releases(t, c.open...), day(2))
			got, err := ReleaseFacts(m, c.rev, ch(t, c.channel), ReleaseOptions{At: day(2), By: "acct"})
			if err != nil || !slices.Equal(factTexts(got), c.want) {
				t.Errorf("got %q, %v, want %q", factTexts(got), err, c.want)
			}
		})
	}
}

// A base of a charm is an architecture, a name and a channel; each may be "all".
func TestReleaseFactsOfBases(t *testing.T) {
	base := func(text string) Platform {
		var p Platform
		fmt.Sscan(text, &p.BaseName, &p.BaseChannel, &p.Architecture)
		return p
	}
	for _, c := range []struct {
		name       string
		open, want []string
		rev        []string
	}{
		{"each base for itself", []string{"ubuntu 22.04 amd64"}, []string{"ubuntu 24.04 amd64"}, []string{"ubuntu 24.04 amd64"}},
		{"every base takes over those that are open", []string{"ubuntu 22.04 amd64", "debian 12 arm64"},
			[]string{"all all all", "debian 12 arm64", "ubuntu 22.04 amd64"}, []string{"all all all"}},
		{"every architecture of a base takes over that base's", []string{"ubuntu 22.04 amd64", "ubuntu 24.04 amd64"},
			[]string{"ubuntu 22.04 all", "ubuntu 22.04 amd64"}, []string{"ubuntu 22.04 all"}},
		{"one base leaves every base alone", []string{"all all all"}, []string{"ubuntu 24.04 amd64"}, []string{"ubuntu 24.04 amd64"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var facts []Release
			for _, text := range c.open {
				facts = append(facts, Release{PackageID: "pkg", At: day(1), Channel: ch(t, "edge"), Platform: base(text), Revision: 3})
			}
			rev := &Revision{PackageID: "pkg", Number: 4, Status: StatusApproved}
			for _, text := range c.rev {
				rev.Platforms = append(rev.Platforms, base(text))
			}
			made, err := ReleaseFacts(Fold(facts, day(2)), rev, ch(t, "edge"), ReleaseOptions{At: day(2)})
			var got []string
			for _, r := range made {
				got = append(got, r.Platform.BaseName+" "+r.Platform.BaseChannel+" "+r.Platform.Architecture)
			}
			if slices.Sort(got); err != nil || !slices.Equal(got, c.want) {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestReleaseFactsCarryTheOptions(t *testing.T) {
	pins := []ResourcePin{{Name: "data", Revision: 2}}
	opts := ReleaseOptions{At: day(2), By: "acct", Resources: pins, Percentage: 12.5, Expires: day(9)}
	got, err := ReleaseFacts(nil, revisionFor(4, "amd64"), ch(t, "edge"), opts)
	if err != nil || len(got) != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
	r := got[0]
	if r.PackageID != "pkg" || r.By != "acct" || !r.At.Equal(day(2)) || r.Percentage != 12.5 || !r.Expires.Equal(day(9)) ||
		!slices.Equal(r.Resources, pins) {
		t.Errorf("got %+v", r)
	}
}

func TestReleaseToABranchExpiresAfterThirtyDays(t *testing.T) {
	got, err := ReleaseFacts(nil, revisionFor(4, "amd64"), ch(t, "edge/fix"), ReleaseOptions{At: day(2)})
	if err != nil || !got[0].Expires.Equal(day(32)) {
		t.Errorf("got %v, %v, want an expiry on day 32", got, err)
	}
	if got, _ = ReleaseFacts(nil, revisionFor(4, "amd64"), ch(t, "edge"), ReleaseOptions{At: day(2)}); !got[0].Expires.IsZero() {
		t.Errorf("a risk expires: %v", got)
	}
}

func TestReleaseFactsRefuse(t *testing.T) {
	pending := revisionFor(4, "amd64")
	pending.Status = StatusPending
	fine := revisionFor(4, "amd64")
	for _, c := range []struct {
		name string
		rev  *Revision
		opts ReleaseOptions
		kind Kind
	}{
		{"a revision that waits for review", pending, ReleaseOptions{}, KindConflict},
		{"a revision that runs nowhere", revisionFor(4), ReleaseOptions{}, KindInvalid},
		{"more than everyone", fine, ReleaseOptions{Percentage: 100.1}, KindInvalid},
		{"less than no one", fine, ReleaseOptions{Percentage: -1}, KindInvalid},
		{"no number", fine, ReleaseOptions{Percentage: math.NaN()}, KindInvalid},
		{"an expiry in the past", fine, ReleaseOptions{Expires: day(1)}, KindInvalid},
	} {
		c.opts.At = day(2)
		if got, err := ReleaseFacts(nil, c.rev, Channel{}, c.opts); KindOf(err) != c.kind || got != nil {
			t.Errorf("%s: got %v, %v, want %v", c.name, got, err, c.kind)
		}
	}
}

func TestReleaseForAllReachesDevicesThatHadTheirOwn(t *testing.T) {
	f := factsOf(releases(t, "1 stable amd64 3"), nil)
	f.Revisions[4] = revisionFor(4, "all")
	facts, err := ReleaseFacts(Fold(f.Releases, day(2)), f.Revisions[4], Channel{}, ReleaseOptions{At: day(2)})
	if err != nil {
		t.Fatal(err)
	}
	f.Releases = append(f.Releases, facts...)
	c, err := Choose(f, Fold(f.Releases, day(3)), Query{Action: ActionRefresh, Architecture: "amd64", At: day(3)})
	if err != nil || c.Revision.Number != 4 {
		t.Errorf("got %+v, %v, want revision 4", c.Revision, err)
	}
}

func TestAChannelIsOpenOnABoundedNumberOfPlatforms(t *testing.T) {
	platform := func(i int) Platform {
		return Platform{Architecture: "amd64", BaseName: "ubuntu", BaseChannel: strconv.Itoa(i)}
	}
	var open []Release
	for i := range MaxSlots {
		open = append(open, Release{Seq: int64(i), PackageID: "pkg", At: day(1), Channel: ch(t, "edge"), Platform: platform(i), Revision: 1})
	}
	m := Fold(open, day(2))
	release := func(channel string, platforms ...Platform) error {
		r := &Revision{PackageID: "pkg", Number: 2, Status: StatusApproved, Platforms: platforms}
		_, err := ReleaseFacts(m, r, ch(t, channel), ReleaseOptions{At: day(2)})
		return err
	}
	if err := release("edge", platform(0), platform(1)); err != nil {
		t.Errorf("what is open already: %v", err)
	}
	if err := release("edge", Platform{Architecture: "amd64", BaseName: "ubuntu", BaseChannel: "all"}); CodeOf(err) != "too-many-platforms" {
		t.Errorf("one more that covers all: %v", err)
	}
	if err := release("edge", platform(0), platform(MaxSlots)); CodeOf(err) != "too-many-platforms" || KindOf(err) != KindConflict {
		t.Errorf("one more: %v", err)
	}
	if err := release("beta", platform(MaxSlots)); err != nil {
		t.Errorf("another channel: %v", err)
	}
}

func TestCloseFacts(t *testing.T) {
	m := Fold(releases(t, "1 edge amd64 3", "1 edge arm64 3", "1 edge/fix amd64 3", "1 2.0/edge amd64 3", "1 edge s390x 4 10%"), day(2))
	all := CloseFacts(m, "pkg", ch(t, "edge"), day(2), "acct")
	if want := []string{"latest/edge amd64 0", "latest/edge arm64 0", "latest/edge s390x 0"}; !slices.Equal(factTexts(all), want) {
		t.Errorf("got %q, want %q", factTexts(all), want)
	}
	if all[0].PackageID != "pkg" || all[0].By != "acct" || !all[0].At.Equal(day(2)) {
		t.Errorf("got %+v", all[0])
	}
	one := CloseFacts(m, "pkg", ch(t, "edge"), day(2), "acct", Platform{Architecture: "arm64"}, Platform{Architecture: "riscv64"})
	if want := []string{"latest/edge arm64 0"}; !slices.Equal(factTexts(one), want) {
		t.Errorf("got %q, want %q", factTexts(one), want)
	}
	if none := CloseFacts(m, "pkg", ch(t, "beta"), day(2), "acct"); len(none) != 0 {
		t.Errorf("closing what is closed gave %q", factTexts(none))
	}
}

func TestCancelFacts(t *testing.T) {
	for _, c := range []struct {
		name string
		open []string
		rev  *Revision
		want []string
	}{
		{"everyone goes back to what is beneath", []string{"1 stable amd64 3", "2 stable amd64 4 10%"}, revisionFor(4, "amd64"), []string{"latest/stable amd64 3"}},
		{"what is beneath may name it, too", []string{"1 stable amd64 3", "2 stable amd64 4 10%"}, revisionFor(3, "amd64"), []string{"latest/stable amd64 3"}},
		{"over nothing the channel closes", []string{"2 stable amd64 4 10%"}, revisionFor(4, "amd64"), []string{"latest/stable amd64 0"}},
		{"another's phase goes on", []string{"1 stable amd64 3", "2 stable amd64 4 10%"}, revisionFor(2, "amd64"), nil},
		{"other platforms go on", []string{"1 stable amd64 3", "2 stable amd64 4 10%"}, revisionFor(4, "arm64"), nil},
		{"what everyone has stays", []string{"1 stable amd64 4"}, revisionFor(4, "amd64"), nil},
		{"other channels go on", []string{"1 edge amd64 3", "2 edge amd64 4 10%"}, revisionFor(4, "amd64"), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := Fold(releases(t, c.open...), day(5))
			got := CancelFacts(before, c.rev, ch(t, "stable"), day(5), "acct")
			if !slices.Equal(factTexts(got), c.want) {
				t.Fatalf("got %q, want %q", factTexts(got), c.want)
			}
			after := Fold(append(releases(t, c.open...), got...), day(5))
			if s := after.Slot(ch(t, "stable"), Platform{Architecture: "amd64"}); len(got) > 0 && s != nil && s.Progressive() {
				t.Errorf("the phase goes on: %s", after.text())
			}
		})
	}
}

func TestWhatGrowsOrPausesIsAPhase(t *testing.T) {
	for _, opts := range []ReleaseOptions{
		{Phasing: 5}, {Paused: true}, {Percentage: 5, Phasing: -1}, {Percentage: 5, Phasing: 101}, {Percentage: 5, Phasing: math.NaN()},
	} {
		opts.At = day(2)
		if got, err := ReleaseFacts(nil, revisionFor(4, "amd64"), ch(t, "edge"), opts); CodeOf(err) != "invalid-percentage" {
			t.Errorf("%+v: got %v, %v", opts, got, err)
		}
	}
}
