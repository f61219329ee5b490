package assertion

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// fields reads typed values out of headers or out of a map within them. The first
// failure sticks: later reads return zero values, so that a rule reads everything
// it needs and looks at the error once.
type fields struct {
	values map[string]any
	where  string // "" for headers, else such as `"snaps" item 2`
	err    error
}

func (f *fields) fail(name, format string, args ...any) {
	if f.err != nil {
		return
	}
	err := fmt.Errorf(format, args...)
	if f.where != "" {
		f.err = fmt.Errorf("%q in %s %w", name, f.where, err)
		return
	}
	f.err = fmt.Errorf("header %q %w", name, err)
}

func (f *fields) has(name string) bool {
	_, ok := f.values[name]
	return ok
}

func (f *fields) absent(name string) {
	if f.has(name) {
		f.fail(name, "must not be set")
	}
}

// anyText reads a mandatory string that may be empty.
func (f *fields) anyText(name string) string {
	value, ok := f.values[name]
	if !ok {
		f.fail(name, "is mandatory")
		return ""
	}
	s, ok := value.(string)
	if !ok {
		f.fail(name, "must be a string")
	}
	return s
}

// text reads a mandatory string that is not empty.
func (f *fields) text(name string) string {
	s := f.anyText(name)
	if s == "" {
		f.fail(name, "must not be empty")
	}
	return s
}

// textOr reads an optional string.
func (f *fields) textOr(name, absent string) string {
	if !f.has(name) {
		return absent
	}
	return f.anyText(name)
}

func (f *fields) matching(name string, pattern *regexp.Regexp) string {
	s := f.text(name)
	if f.err == nil && !pattern.MatchString(s) {
		f.fail(name, "has an invalid value: %s", quote(s))
	}
	return s
}

func (f *fields) matchingOr(name string, pattern *regexp.Regexp, absent string) string {
	if !f.has(name) {
		return absent
	}
	return f.matching(name, pattern)
}

// oneOf reads an optional string out of a set. Empty counts as absent.
func (f *fields) oneOf(name, absent string, allowed ...string) string {
	s := f.textOr(name, absent)
	if s == "" {
		return absent
	}
	if !slices.Contains(allowed, s) {
		f.fail(name, "must be one of %s: %s", strings.Join(allowed, ", "), quote(s))
	}
	return s
}

// int reads a mandatory integer.
func (f *fields) int(name string) int {
	s := f.text(name)
	if f.err != nil {
		return 0
	}
	n, err := parseInt(s)
	if err != nil {
		f.fail(name, "%w", err)
	}
	return n
}

// positive reads a mandatory integer of at least 1.
func (f *fields) positive(name string) int {
	n := f.int(name)
	if f.err == nil && n < 1 {
		f.fail(name, "must be at least 1: %d", n)
	}
	return n
}

func (f *fields) positiveOr(name string, absent int) int {
	if !f.has(name) {
		return absent
	}
	return f.positive(name)
}

// countOr reads an optional integer of at least 0.
func (f *fields) countOr(name string, absent int) int {
	if !f.has(name) {
		return absent
	}
	n := f.int(name)
	if f.err == nil && n < 0 {
		f.fail(name, "must not be negative: %d", n)
	}
	return n
}

// size reads a mandatory number of bytes.
func (f *fields) size(name string) uint64 {
	s := f.text(name)
	if f.err != nil {
		return 0
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || strconv.FormatUint(n, 10) != s {
		f.fail(name, "must be an unsigned integer without leading zeros: %s", quote(s))
	}
	return n
}

// date reads a mandatory RFC 3339 time.
func (f *fields) date(name string) time.Time {
	s := f.text(name)
	if f.err != nil {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		f.fail(name, "must be an RFC 3339 time: %s", quote(s))
	}
	return t
}

// dateOr reads an optional time, zero if absent.
func (f *fields) dateOr(name string) time.Time {
	if !f.has(name) {
		return time.Time{}
	}
	return f.date(name)
}

// flag reads an optional boolean, false if absent.
func (f *fields) flag(name string) bool {
	if !f.has(name) {
		return false
	}
	switch f.values[name] {
	case "true":
		return true
	case "false":
		return false
	}
	f.fail(name, `must be "true" or "false"`)
	return false
}

// digest reads a mandatory SHA3-384 digest.
func (f *fields) digest(name string) string {
	s := f.text(name)
	if f.err != nil {
		return ""
	}
	sum, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(sum) != 48 || len(s) != 64 {
		f.fail(name, "must be a SHA3-384 digest in unpadded URL-safe base64: %s", quote(s))
	}
	return s
}

// key reads a mandatory encoded public key.
func (f *fields) key(name string) *PublicKey {
	s := f.text(name)
	if f.err != nil {
		return nil
	}
	k, err := ParsePublicKey([]byte(s))
	if err != nil {
		f.fail(name, "must be a public key: %w", err)
	}
	return k
}

// texts reads an optional list of strings.
func (f *fields) texts(name string) []string { return f.textsMatching(name, nil) }

func (f *fields) textsMatching(name string, pattern *regexp.Regexp) []string {
	value, ok := f.values[name]
	if !ok {
		return nil
	}
	list, ok := value.([]any)
	if !ok {
		f.fail(name, "must be a list of strings")
		return nil
	}
	texts := make([]string, 0, len(list))
	for _, elem := range list {
		s, ok := elem.(string)
		if !ok {
			f.fail(name, "must be a list of strings")
			return nil
		}
		if pattern != nil && !pattern.MatchString(s) {
			f.fail(name, "has an invalid element: %s", quote(s))
			return nil
		}
		texts = append(texts, s)
	}
	return texts
}

// mapping reads an optional map.
func (f *fields) mapping(name string) map[string]any {
	value, ok := f.values[name]
	if !ok {
		return nil
	}
	m, ok := value.(map[string]any)
	if !ok {
		f.fail(name, "must be a map")
	}
	return m
}

// each reads an optional list of maps and calls item for every one.
func (f *fields) each(name string, item func(*fields)) {
	value, ok := f.values[name]
	if !ok || f.err != nil {
		return
	}
	list, ok := value.([]any)
	if !ok {
		f.fail(name, "must be a list of maps")
		return
	}
	for i, elem := range list {
		m, ok := elem.(map[string]any)
		if !ok {
			f.fail(name, "must be a list of maps")
			return
		}
		sub := &fields{values: m, where: fmt.Sprintf("%q item %d", name, i+1)}
		item(sub)
		if sub.err != nil {
			f.err = sub.err
			return
		}
	}
}

func (f *fields) mandatory(name string) {
	if !f.has(name) {
		f.fail(name, "is mandatory")
	}
}

// reject fails with a rule that concerns several headers at once.
func (f *fields) reject(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}
