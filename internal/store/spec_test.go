package store

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The tables of this package write facts as text, one line each:
//
//	<day> <channel> <architecture> <revision or "closed"> [<n>%] [+<n>] [paused] [until <day>]
//
// "+5" grows by five percent each day.
//
// Revisions named there exist, are approved, have epoch 0, and run on the
// architectures they were released to; "runs" and "epochs" of a table change
// that.

func day(n float64) time.Time {
	return time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(n * 24 * float64(time.Hour)))
}

func ch(t testing.TB, text string) Channel {
	t.Helper()
	c, err := ParseChannel(text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func number(t testing.TB, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func releases(t testing.TB, lines ...string) []Release {
	t.Helper()
	var facts []Release
	for i, line := range lines {
		w := strings.Fields(line)
		r := Release{
			Seq: int64(i + 1), PackageID: "pkg", By: "acct", At: day(number(t, w[0])),
			Channel: ch(t, w[1]), Platform: Platform{Architecture: w[2]},
		}
		if w[3] != "closed" {
			r.Revision = int(number(t, w[3]))
			r.Resources = []ResourcePin{{Name: "data", Revision: i + 1}}
		}
		for rest := w[4:]; len(rest) > 0; rest = rest[1:] {
			if percent, ok := strings.CutSuffix(rest[0], "%"); ok {
				r.Percentage = number(t, percent)
			}
			if growth, ok := strings.CutPrefix(rest[0], "+"); ok {
				r.Phasing = number(t, growth)
			}
			r.Paused = r.Paused || rest[0] == "paused"
			if rest[0] == "until" {
				r.Expires = day(number(t, rest[1]))
				rest = rest[1:]
			}
		}
		facts = append(facts, r)
	}
	return facts
}

// overrides reads "<channel> <architecture> <revision> [until <day>]".
func overrides(t testing.TB, lines ...string) []Override {
	t.Helper()
	var all []Override
	for _, line := range lines {
		w := strings.Fields(line)
		o := Override{
			PackageID: "pkg", Channel: ch(t, w[0]), Architecture: w[1], Revision: int(number(t, w[2])), At: day(40),
		}
		if len(w) == 5 {
			o.Expires = day(number(t, w[4]))
		}
		all = append(all, o)
	}
	return all
}

// factsOf makes the facts of a package with these releases and overrides.
func factsOf(rs []Release, os []Override) *Facts {
	f := &Facts{
		Package:   Package{ID: "pkg", Namespace: Snap, Name: "tool", StoreID: GlobalStore},
		Releases:  rs,
		Overrides: os,
		Revisions: map[int]*Revision{},
	}
	addRevision := func(n int, architecture string) {
		if n == 0 {
			return
		}
		r := f.Revisions[n]
		if r == nil {
			r = &Revision{PackageID: "pkg", Number: n, Status: StatusApproved}
			f.Revisions[n] = r
		}
		if p := (Platform{Architecture: architecture}); !r.RunsOn(p) || architecture == AnyArchitecture {
			r.Platforms = append(r.Platforms, p)
		}
	}
	for _, r := range rs {
		addRevision(r.Revision, r.Platform.Architecture)
	}
	for _, o := range os {
		addRevision(o.Revision, o.Architecture)
	}
	return f
}

// epochs maps the short forms of an epoch to what they stand for.
var epochs = map[string]Epoch{
	"0":    {},
	"1":    {Read: []uint32{1}, Write: []uint32{1}},
	"1*":   {Read: []uint32{0, 1}, Write: []uint32{1}},
	"2":    {Read: []uint32{2}, Write: []uint32{2}},
	"2*":   {Read: []uint32{1, 2}, Write: []uint32{2}},
	"both": {Read: []uint32{0, 1, 2}, Write: []uint32{0, 1, 2}},
}

// device returns an identity that is in, or out of, the phase of a release.
func device(t testing.TB, in bool, channel string, revision int, percent float64) string {
	t.Helper()
	r := &Release{Channel: ch(t, channel), Revision: revision, Percentage: percent}
	for i := range 10_000 {
		if id := fmt.Sprintf("brand/model/%d", i); inPhase("pkg", r, id, r.At) == in {
			return id
		}
	}
	t.Fatalf("no device with inPhase=%v at %v%%", in, percent)
	return ""
}

// deviceBetween returns an identity that the second share of a release
// reaches, and the first does not.
func deviceBetween(t testing.TB, channel string, revision int, first, second float64) string {
	t.Helper()
	c := ch(t, channel)
	for i := range 10_000 {
		id := fmt.Sprintf("brand/model/%d", i)
		if !inPhase("pkg", &Release{Channel: c, Revision: revision, Percentage: first}, id, day(0)) &&
			inPhase("pkg", &Release{Channel: c, Revision: revision, Percentage: second}, id, day(0)) {
			return id
		}
	}
	t.Fatalf("no device between %v%% and %v%%", first, second)
	return ""
}

// text writes a choice the way the tables expect it.
func (c Choice) text() string {
	s := strconv.Itoa(c.Revision.Number)
	if c.Effective != (Channel{}) {
		s += " from " + c.Effective.Name()
	}
	if c.Override != nil {
		s += " overridden"
	}
	if c.Redirect != nil {
		s += " redirect " + c.Redirect.Name()
	}
	return s
}
