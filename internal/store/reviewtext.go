package store

import (
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Limits of a review policy's text. They keep judging an upload cheap.
const (
	maxReviewText       = 16 << 10 // bytes
	maxReviewLines      = 500
	maxReviewConditions = 16 // of one rule
	maxReviewValues     = 64 // of one condition
)

// ParseReviewPolicy reads rules, one per line:
//
//	accept|hold|reject [condition…] [# comment]
//
// A condition is key=value[,value…] or key!=value[,value…] without blanks; a
// value is a pattern as of Fnmatch without commas. The keys are architecture,
// base, confinement, grade, package, plug and slot (interfaces), provenance,
// publisher (username or account id), type, validation (of the publisher),
// warnings (codes), and size, which is compared with >, <, >= or <= to a
// number of bytes, KiB, MiB or GiB. All conditions of a line have to fit; the
// first line that fits decides. A line without conditions fits everything, so
// no rule may follow it.
func ParseReviewPolicy(text string) (ReviewPolicy, error) {
	text = strings.TrimSuffix(text, "\n")
	if len(text) > maxReviewText {
		return ReviewPolicy{}, TooLargef("review-policy-too-large", "the review policy has %d bytes, at most %d are read", len(text), maxReviewText)
	}
	var p ReviewPolicy
	if text == "" {
		return p, nil
	}
	everything := 0 // the line that fits everything
	for i, written := range strings.Split(text, "\n") {
		number := i + 1
		line, err := parseReviewLine(written)
		switch {
		case err != nil:
			return ReviewPolicy{}, invalidReview(number, err.Error())
		case number > maxReviewLines:
			return ReviewPolicy{}, invalidReview(number, fmt.Sprintf("a policy has at most %d lines", maxReviewLines))
		case line.decision != "" && everything > 0:
			return ReviewPolicy{}, invalidReview(number, fmt.Sprintf("the rule is never reached, line %d decides everything", everything))
		case line.decision != "" && len(line.conditions) == 0:
			everything = number
		}
		p.lines = append(p.lines, line)
	}
	return p, nil
}

func invalidReview(line int, why string) error {
	return Invalidf("invalid-review-policy", "cannot read line %d of the review policy: %s", line, why).
		Try("write rules such as: hold confinement=classic")
}

func parseReviewLine(written string) (line reviewLine, err error) {
	rule, comment := splitComment(written)
	line.comment = comment
	if strings.ContainsFunc(written, func(r rune) bool { return r < ' ' && r != '\t' && r != '\r' || r == 0x7f }) {
		return line, fmt.Errorf("it has control characters")
	}
	words := strings.Fields(rule)
	if len(words) == 0 {
		return line, nil
	}
	switch d := Decision(words[0]); d {
	case Accept, Hold, Reject:
		line.decision = d
	default:
		return line, fmt.Errorf("it begins with %.40q, not with accept, hold or reject", words[0])
	}
	if len(words) > 1+maxReviewConditions {
		return line, fmt.Errorf("a rule has at most %d conditions", maxReviewConditions)
	}
	for _, word := range words[1:] {
		c, err := parseReviewCondition(word)
		if err != nil {
			return line, err
		}
		line.conditions = append(line.conditions, c)
	}
	return line, nil
}

// splitComment cuts a line where a "#" begins it or follows a blank.
func splitComment(line string) (rule, comment string) {
	for i := range len(line) {
		if line[i] == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return line[:i], strings.TrimRight(line[i:], " \t\r")
		}
	}
	return line, ""
}

var reviewConditionText = regexp.MustCompile(`^([a-z-]+)(!=|>=|<=|=|>|<)(.*)$`)

func parseReviewCondition(word string) (reviewCondition, error) {
	m := reviewConditionText.FindStringSubmatch(word)
	if m == nil {
		return reviewCondition{}, fmt.Errorf("%.60q is no condition such as type=gadget", word)
	}
	c := reviewCondition{key: m[1], op: m[2], values: strings.Split(m[3], ",")}
	if _, known := reviewKeys[c.key]; !known {
		return c, fmt.Errorf("%.40q is none of %s", c.key, strings.Join(slices.Sorted(maps.Keys(reviewKeys)), ", "))
	}
	switch compares := c.op != "=" && c.op != "!="; {
	case compares != (c.key == "size"):
		return c, fmt.Errorf("%s does not go with %s", c.op, c.key)
	case len(c.values) > maxReviewValues:
		return c, fmt.Errorf("a condition has at most %d values", maxReviewValues)
	case slices.Contains(c.values, ""):
		return c, fmt.Errorf("a value of %s is empty", c.key)
	case compares:
		var err error
		c.bytes, err = parseSize(m[3])
		return c, err
	}
	for _, value := range c.values {
		if words := reviewWords[c.key]; words != nil && !slices.ContainsFunc(words, func(word string) bool { return Fnmatch(value, word) }) {
			return c, fmt.Errorf("%s is none of %s, but %.40q", c.key, strings.Join(words, ", "), value)
		}
	}
	return c, nil
}

var sizeText = regexp.MustCompile(`^([0-9]{1,18})(|B|KiB|MiB|GiB|TiB)$`)

var sizeUnits = map[string]int64{"": 1, "B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}

// parseSize reads a whole number of bytes, or of the binary units.
func parseSize(text string) (int64, error) {
	m := sizeText.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%.40q is no size such as 500MiB", text)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if unit := sizeUnits[m[2]]; err == nil && n <= math.MaxInt64/unit {
		return n * unit, nil
	}
	return 0, fmt.Errorf("%.40q is too large", text)
}
