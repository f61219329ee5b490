package store

import (
	"fmt"
	"slices"
	"strings"
)

// Decision is what the review policy does with an upload.
type Decision string

// The decisions.
const (
	Accept Decision = "accept" // the revision is approved at once
	Hold   Decision = "hold"   // it waits for a reviewer
	Reject Decision = "reject"
)

// DefaultReviewPolicy stands where the operator wrote none: publishers that the
// operator vouches for are not held up, and what others upload waits for a
// reviewer only when it would run without confinement.
const DefaultReviewPolicy = `accept validation=verified,starred
hold confinement=classic
accept
`

// ReviewFacts is what the review policy looks at.
type ReviewFacts struct {
	Package       string // name
	Publisher     Account
	Type          string
	Base          string
	Confinement   string
	Grade         string
	Provenance    string // empty stands for global-upload
	Architectures []string
	Plugs, Slots  []string // interfaces, not names of plugs and slots
	Warnings      []string // codes of what inspection found odd but harmless
	Size          int64    // bytes
}

// Verdict is what the policy says of one upload.
type Verdict struct {
	Decision Decision
	Rule     string // the rule that decided; empty when none did
	Line     int    // of the policy's text, from 1; 0 when none did
	Reason   string // for the publisher: what the rule matched
}

// ReviewPolicy is an operator's rules in order. The first rule that fits an
// upload decides; an upload that none fits is accepted, so that the zero
// policy accepts everything. ParseReviewPolicy makes one.
type ReviewPolicy struct {
	lines []reviewLine
}

// reviewLine is a rule, a comment, both, or a blank line.
type reviewLine struct {
	decision   Decision // empty when the line has no rule
	conditions []reviewCondition
	comment    string
}

// reviewCondition fits when one of its values does; all conditions of a rule
// have to fit.
type reviewCondition struct {
	key    string
	op     string // =, !=, and for the size >, <, >=, <=
	values []string
	bytes  int64 // of the size
}

// reviewKeys names what conditions may look at, and how the facts answer. A
// fact that a package does not have is no value: base=* fits what has a base,
// base!=* what has none.
var reviewKeys = map[string]func(f *ReviewFacts) []string{
	"architecture": func(f *ReviewFacts) []string { return f.Architectures },
	"base":         func(f *ReviewFacts) []string { return []string{f.Base} },
	"confinement":  func(f *ReviewFacts) []string { return []string{f.Confinement} },
	"grade":        func(f *ReviewFacts) []string { return []string{f.Grade} },
	"package":      func(f *ReviewFacts) []string { return []string{f.Package} },
	"plug":         func(f *ReviewFacts) []string { return f.Plugs },
	"provenance":   func(f *ReviewFacts) []string { return []string{provenanceOf(f)} },
	"publisher":    func(f *ReviewFacts) []string { return []string{f.Publisher.Username, f.Publisher.ID} },
	"size":         nil, // a number
	"slot":         func(f *ReviewFacts) []string { return f.Slots },
	"type":         func(f *ReviewFacts) []string { return []string{f.Type} },
	"validation":   func(f *ReviewFacts) []string { return []string{f.Publisher.Validation} },
	"warnings":     func(f *ReviewFacts) []string { return f.Warnings },
}

// reviewWords lists the words of keys that have few, so that a slip of the pen
// is an error and not a rule that never fits.
var reviewWords = map[string][]string{
	"confinement": {"strict", "classic", "devmode"},
	"grade":       {"stable", "devel"},
	"type":        {"app", "gadget", "kernel", "os", "base", "snapd", "charm", "bundle"},
	"validation":  {"unproven", "starred", "verified"},
}

func provenanceOf(f *ReviewFacts) string {
	if f.Provenance == "" {
		return "global-upload"
	}
	return f.Provenance
}

// Judge says what to do with an upload.
func (p ReviewPolicy) Judge(f ReviewFacts) Verdict {
	for i, line := range p.lines {
		if line.decision == "" {
			continue
		}
		if reasons, ok := line.fits(&f); ok {
			return Verdict{Decision: line.decision, Rule: line.rule(), Line: i + 1, Reason: reasons}
		}
	}
	return Verdict{Decision: Accept, Reason: "no rule of the review policy fits"}
}

func (l *reviewLine) fits(f *ReviewFacts) (reason string, ok bool) {
	var reasons []string
	for i := range l.conditions {
		found, ok := l.conditions[i].fits(f)
		if !ok {
			return "", false
		}
		reasons = append(reasons, found)
	}
	if len(reasons) == 0 {
		return "the review policy says so for every upload", true
	}
	return strings.Join(reasons, ", "), true
}

// fits says in words what of the facts the condition found.
func (c *reviewCondition) fits(f *ReviewFacts) (found string, ok bool) {
	if c.key == "size" {
		return fmt.Sprintf("the size is %d bytes", f.Size), c.sizeFits(f.Size)
	}
	for _, value := range reviewKeys[c.key](f) {
		if value != "" && slices.ContainsFunc(c.values, func(pattern string) bool { return Fnmatch(pattern, value) }) {
			return fmt.Sprintf("%s is %.60s", c.key, value), c.op == "="
		}
	}
	return fmt.Sprintf("%s is not %s", c.key, strings.Join(c.values, " or ")), c.op == "!="
}

func (c *reviewCondition) sizeFits(size int64) bool {
	switch c.op {
	case ">":
		return size > c.bytes
	case "<":
		return size < c.bytes
	case ">=":
		return size >= c.bytes
	default:
		return size <= c.bytes
	}
}

// String writes the policy as text, comments and blank lines included; reading
// it back gives the same policy.
func (p ReviewPolicy) String() string {
	var b strings.Builder
	for _, line := range p.lines {
		b.WriteString(line.rule())
		if line.comment != "" {
			if line.decision != "" {
				b.WriteByte(' ')
			}
			b.WriteString(line.comment)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// rule writes the line without its comment.
func (l *reviewLine) rule() string {
	words := []string{string(l.decision)}
	for _, c := range l.conditions {
		words = append(words, c.key+c.op+strings.Join(c.values, ","))
	}
	return strings.Join(words, " ")
}
