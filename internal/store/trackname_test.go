package store

import (
	"strings"
	"testing"
)

func TestValidTrackName(t *testing.T) {
	for _, name := range []string{"1", "1.0", "v2", "2.0-lts", "a_b.c-d", "LTS", strings.Repeat("a", 28), "latest1", "edgy"} {
		if err := ValidTrackName(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if c, err := ParseChannel(name + "/stable"); err != nil || c.Track != name {
			t.Errorf("%q: no client can name it: %v", name, err)
		}
	}
	for name, code := range map[string]string{
		"latest": "api-error", "": "invalid-tracks", "1.": "invalid-tracks", "-1": "invalid-tracks", "1..0": "invalid-tracks",
		"a-_b": "invalid-tracks", "a b": "invalid-tracks", "a/b": "invalid-tracks", "a+b": "invalid-tracks", "1\n": "invalid-tracks",
		"\u00e4": "invalid-tracks", strings.Repeat("a", 29): "invalid-tracks", strings.Repeat("a", 1<<20): "invalid-tracks",
		"edge": "invalid-tracks", "stable": "invalid-tracks",
	} {
		if err := ValidTrackName(name); CodeOf(err) != code || KindOf(err) != KindInvalid || len(err.Error()) > 1000 {
			t.Errorf("%.40q: got %v, want %s", name, err, code)
		}
	}
}

func TestTracksNeedAGuardrail(t *testing.T) {
	for _, c := range []struct {
		name       string
		guardrails []string
		want       string
	}{
		{"1.0", []string{`[0-9]\.[0-9]`}, ""},
		{"10.0", []string{`[0-9]\.[0-9]`}, "invalid-tracks"}, // the whole name
		{"10.0", []string{`[0-9]\.[0-9]`, `[0-9]+\.[0-9]+`}, ""},
		{"x", []string{`y|x`}, ""},
		{"xa", []string{`y|x`}, "invalid-tracks"},
		{"1.0", []string{`^[0-9.]+$`}, ""},
		{"1.0", nil, "track-guardrail-missing"},
		{"1.0", []string{`(`}, "invalid-tracks"},
		{"1.0", []string{`)|(`, `.*`}, ""},
		{"latest", []string{`.*`}, "api-error"},
		{"-", []string{`.*`}, "invalid-tracks"},
	} {
		if err := CheckNewTrack(c.name, c.guardrails); CodeOf(err) != c.want {
			t.Errorf("%s under %q: got %v, want %s", c.name, c.guardrails, err, c.want)
		}
	}
	if err := CheckNewTrack("1", nil); KindOf(err) != KindForbidden {
		t.Errorf("without a guardrail: %v", err)
	}
}

func TestCheckNewTracks(t *testing.T) {
	have, free := []Track{{Name: "1.0"}}, []string{".*"}
	for _, c := range []struct {
		names []string
		want  string
	}{
		{nil, ""}, {[]string{"2.0", "3.0"}, ""}, {[]string{"2.0", "1.0"}, "conflicting-tracks"},
		{[]string{"2.0", "2.0"}, "conflicting-tracks"}, {[]string{"2.0", "latest"}, "api-error"},
	} {
		if err := CheckNewTracks(c.names, have, free); CodeOf(err) != c.want {
			t.Errorf("%q: got %v, want %s", c.names, err, c.want)
		}
	}
}

func TestCompilePatternKeepsLimits(t *testing.T) {
	for _, pattern := range []string{"", "(", "a{1001}", `(?<x`, ")(", strings.Repeat("a", 257), "((a{100}){100}){100}"} {
		if _, err := CompilePattern(pattern); CodeOf(err) != "invalid-pattern" {
			t.Errorf("%.40q: got %v", pattern, err)
		}
	}
	re, err := CompilePattern("a$\n?")
	if err != nil || re.MatchString("xa") || !re.MatchString("a") {
		t.Errorf("got %v, %v", re, err)
	}
}

func TestReleaseProblem(t *testing.T) {
	for _, c := range []struct {
		channel, grade, confinement string
		version, pattern            string
		track                       string // "" is none
		want                        string
	}{
		{channel: "stable", grade: "stable", confinement: "strict"},
		{channel: "stable", grade: "stable", confinement: "classic"},
		{channel: "stable"}, // grade and confinement left out mean stable and strict
		{channel: "candidate", grade: "devel", want: "grade-not-allowed"},
		{channel: "stable", grade: "devel", want: "grade-not-allowed"},
		{channel: "stable/fix", grade: "devel", want: "grade-not-allowed"},
		{channel: "beta", grade: "devel"},
		{channel: "edge/fix", grade: "devel"},
		{channel: "stable", confinement: "devmode", want: "confinement-not-allowed"},
		{channel: "candidate", confinement: "devmode", want: "confinement-not-allowed"},
		{channel: "beta", grade: "devel", confinement: "devmode"},
		{channel: "2.0/stable", track: "2.0"},
		{channel: "2.0/stable", want: "invalid-field"},
		{channel: "2.0/stable", track: "3.0", want: "invalid-field"},
		{channel: "edge", track: "latest"},
		{channel: "edge/fix-1"},
		{channel: "edge/Fix1"},
		{channel: "edge/fix.1", want: "invalid-field"},
		{channel: "edge/fix_1", want: "invalid-field"},
		{channel: "edge/fix-", want: "invalid-field"},
		{channel: "2.0/edge", track: "2.0", version: "2.0.1", pattern: `2\.0\..*`},
		{channel: "2.0/edge", track: "2.0", version: "12.0.1", pattern: `2\.0\..*`, want: "version-not-allowed"},
		{channel: "2.0/edge", track: "2.0", version: "2.1.1", pattern: `2\.0\..*`, want: "version-not-allowed"},
		{channel: "edge", version: "3", pattern: `[0-9]`},
		{channel: "edge", version: "3", pattern: `(`, want: "invalid-pattern"},
	} {
		rev := &Revision{Number: 7, Version: c.version, Meta: Meta{Grade: c.grade, Confinement: c.confinement}}
		var track *Track
		if c.track != "" {
			track = &Track{Name: c.track}
		}
		if err := ReleaseProblem(rev, ch(t, c.channel), track, c.pattern); CodeOf(err) != c.want {
			t.Errorf("%+v: got %v", c, err)
		}
	}
}
