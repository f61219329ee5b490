package store

import (
	"strings"
	"testing"
	"time"
)

func TestOperatingSystemOf(t *testing.T) {
	for agent, want := range map[string]string{
		"snapd/2.63 (series 16; classic) ubuntu/24.04 (amd64) linux/6.8.0-31-generic": "ubuntu/24.04",
		"snapd/2.58.2 (series 16) ubuntu-core/22 (arm64)":                             "ubuntu-core/22",
		"snapd/2.63+23.10 (series 16; classic; devmode) debian/12 (amd64) linux/6.1":  "debian/12",
		"snapd/2.63 (series 16; classic; testing) WSL ubuntu/22.04 (amd64)":           "ubuntu/22.04",
		"snapd/2.63 (series 16; classic) arch/ (amd64)":                               "",
		"snapd/2.63 (series 16; classic) (amd64) linux/6.8":                           "",
		"snapd/2.63":              "",
		"curl/8.5 (x) ubuntu/1.0": "",
		"":                        "",
		"snapd/2.63 (series 16) ubuntu/" + strings.Repeat("9", 33):  "",
		"snapd/2.63 (series 16) " + strings.Repeat("x", 600) + "/1": "",
		"snapd/2.63 (series 16) <b>/1":                              "",
	} {
		if got := OperatingSystemOf(agent); got != want {
			t.Errorf("%q runs %q, want %q", agent, got, want)
		}
	}
}

func TestDaysBeginAtMidnightUTC(t *testing.T) {
	for text, want := range map[string]Day{
		"1970-01-01T00:00:00Z": 0, "1970-01-01T23:59:59Z": 0, "1970-01-02T00:00:00Z": 1, "1969-12-31T23:59:59Z": -1,
		"1969-12-31T00:00:00Z": -1, "2026-02-03T01:00:00+02:00": 20486,
	} {
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		if got := DayOf(at); got != want {
			t.Errorf("%s is day %d, want %d", text, got, want)
		}
		if begins := DayOf(at).Time(); begins.After(at) || at.Sub(begins) >= 24*time.Hour {
			t.Errorf("%s is on a day that begins at %s", text, begins)
		}
	}
}

func TestKnownArchitecture(t *testing.T) {
	for name, want := range map[string]string{"amd64": "amd64", "all": "all", "": "", "AMD64": "", "a b": "", "x'; --": "", strings.Repeat("x", 17): ""} {
		if got := KnownArchitecture(name); got != want {
			t.Errorf("%q is %q", name, got)
		}
	}
}
