package credential

import (
	"slices"
	"testing"
	"time"
)

// What a grammar needs at least: without any one of them a macaroon says
// nothing, even if its signature is ours.
func TestNoNecessaryCaveatMayBeMissing(t *testing.T) {
	account := "s|account|" + b64(`{"openid":"x"}`)
	since, last, until := "s|valid_since|"+FormatTime(now), "s|last_auth|"+FormatTime(now), "s|expires|"+FormatTime(now)
	before := "time-before " + formatBakeryTime(now)
	for name, c := range map[string]struct {
		read func([]string) error
		all  []string
	}{
		"a root":                       {func(c []string) error { _, err := readPipeCaveats(c); return err }, []string{since, until}},
		"a bakery root":                {func(c []string) error { _, err := readBakeryCaveats(c); return err }, []string{before}},
		"a discharge":                  {func(c []string) error { _, _, err := readSSOClaims(c); return err }, []string{account, since, last, until}},
		"the identity service's":       {func(c []string) error { _, _, err := readDeclaration(c); return err }, []string{"declared username alice", before}},
		"the identity service's by id": {func(c []string) error { _, _, err := readDeclaration(c); return err }, []string{"declared userid Ab1", before}},
	} {
		if err := c.read(c.all); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for i := range c.all {
			if c.read(slices.Delete(slices.Clone(c.all), i, i+1)) == nil {
				t.Errorf("%s may be without %q", name, c.all[i])
			}
		}
	}
}

func TestDeclarationsAreWords(t *testing.T) {
	for _, declared := range []string{
		"declared username ", "declared username", "declared", "declared username alice admin", "declared username alice\nadmin", "declared group x",
		"declared  alice", "s:declared username alice",
	} {
		if d, _, err := readDeclaration([]string{declared, "time-before " + formatBakeryTime(now)}); err == nil {
			t.Errorf("%q declares %+v", declared, d)
		}
	}
}

func TestSessionsOfCaveatsAreWords(t *testing.T) {
	end := "time-before " + formatBakeryTime(now)
	for caveat, ok := range map[string]bool{"session-id a-1": true, "session-id ": false, "session-id a b": false} {
		if _, err := readBakeryCaveats([]string{end, caveat}); (err == nil) != ok {
			t.Errorf("%q: %v", caveat, err)
		}
	}
	if _, err := readBakeryCaveats([]string{end, "session-id a", "session-id a"}); err == nil {
		t.Error("the same session may stand there twice")
	}
}

// Of several times the narrowest counts, in whichever order they come.
func TestTheNarrowestTimesCount(t *testing.T) {
	early, late := now, now.Add(time.Hour)
	for _, times := range [][]time.Time{{early, late}, {late, early}} {
		var s span
		for _, at := range times {
			s.from(at)
			s.before(at)
		}
		if !s.since.Equal(late) || !s.until.Equal(early) {
			t.Errorf("of %v it is from %v until %v", times, s.since, s.until)
		}
	}
	one, other := span{since: early, until: late}, span{}
	if one.both(other) != one || other.both(one) != one {
		t.Error("a time that nobody gave narrows")
	}
}

// Neither half holds before its own beginning.
func TestBothBeginningsCount(t *testing.T) {
	v := Verified{Identifier: Identifier{Purpose: U1Root}}
	whole := span{now.Add(-time.Hour), now.Add(time.Hour)}
	later := span{now.Add(time.Second), now.Add(time.Hour)}
	if err := v.holds(now, whole, whole); err != nil {
		t.Error(err)
	}
	wantCode(t, v.holds(now, later, whole), CodeInvalid)
	wantCode(t, v.holds(now, whole, later), CodeInvalid)
}

// The version stands outside of the box and inside; both are the same.
func TestBoxesOfAnotherVersionAreRefused(t *testing.T) {
	for _, c := range []struct {
		outside byte
		inside  string
		ok      bool
	}{
		{2, "\x02\x01kcondition", true},
		{3, "\x03\x01k\x04std:condition", true},
		{2, "\x03\x01kcondition", false},
		{3, "\x02\x01k\x04std:condition", false},
		{2, "", false},
		{2, "\x02", false},
		{2, "\x02\x05key", false},
		{2, "\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01k", false},
		{3, "\x03\x01k", false},
		{3, "\x03\x01k\x20std:", false},
	} {
		got, err := OpenBakeryCaveat(sealPlain(c.outside, []byte(c.inside), identityBox.Public()), identityBox)
		if (err == nil) != c.ok || c.ok && (got.Condition != "condition" || got.rootKey.Reveal() != "k") {
			t.Errorf("version %d around %q is %+v (%v)", c.outside, c.inside, got, err)
		}
	}
}
