package credential

import (
	"errors"
	"strings"
	"time"
)

// pipeTime is how the single sign-on and the dashboard write times: UTC, six
// digits of fraction, no zone.
const pipeTime = "2006-01-02T15:04:05.000000"

// FormatTime writes a time as pipe caveats have it.
func FormatTime(t time.Time) string { return t.UTC().Format(pipeTime) }

var errTime = errors.New("not a time")

// ParseTime reads a time of a pipe caveat, as UTC. Python leaves a fraction of
// zero out.
func ParseTime(s string) (time.Time, error) {
	layout := pipeTime
	if !strings.Contains(s, ".") {
		layout = "2006-01-02T15:04:05"
	}
	t, err := time.Parse(layout, s)
	if err != nil || t.Format(layout) != s {
		return time.Time{}, errTime
	}
	return t, nil
}

// formatBakeryTime writes a time as the bakery's caveats have it.
func formatBakeryTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

func parseBakeryTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}, errTime
	}
	return t.UTC(), nil
}

// span is when a macaroon holds: from since, up to but not at until. The zero
// times are those that no caveat gave.
type span struct{ since, until time.Time }

func (s *span) from(t time.Time) {
	if s.since.IsZero() || t.After(s.since) {
		s.since = t
	}
}

func (s *span) before(t time.Time) {
	if s.until.IsZero() || t.Before(s.until) {
		s.until = t
	}
}

// both is when two macaroons hold.
func (s span) both(o span) span {
	if !o.since.IsZero() {
		s.from(o.since)
	}
	if !o.until.IsZero() {
		s.before(o.until)
	}
	return s
}
