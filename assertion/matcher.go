package assertion

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
)

// matcher constrains a header value or an attribute.
type matcher interface {
	matches(value any) bool
}

// Bounds of patterns, which otherwise could make little text take much memory.
const (
	maxPatternText = 4 << 10 // bytes of one pattern
	maxPatternSize = 1 << 18 // what all patterns of one document may compile to
)

var (
	operationPattern = regexp.MustCompile(`^\$(?:SLOT|PLUG)\([^,]+\)$`)
	publisherPattern = regexp.MustCompile(`^\$(?:SLOT|PLUG)_PUBLISHER_ID$`)
)

// constraintCompiler reads constraints: a map of keys to constraints, a pattern
// that the whole text must match, or a list of alternatives. At the top there must
// be a map or alternatives of maps.
type constraintCompiler struct {
	// attributes is true for constraints on plugs and slots. Only devices match
	// these; here they are checked for their form and what they use. They may have
	// special values.
	attributes bool

	// What was used, which raises the format of a declaration.
	dollar      bool // $SLOT(), $PLUG(), $MISSING
	alternative bool
	publisherID bool // $SLOT_PUBLISHER_ID, $PLUG_PUBLISHER_ID

	size int // of the patterns so far
}

func (c *constraintCompiler) compile(constraint any, where string, inAlternative bool) (matcher, error) {
	switch v := constraint.(type) {
	case map[string]any:
		return c.compileMap(v, where)
	case []any:
		if inAlternative {
			return nil, fmt.Errorf("alternatives of %q nest directly", where)
		}
		return c.compileAlternatives(v, where)
	case string:
		if where == "" {
			return nil, fmt.Errorf("constraints must be a map at the top")
		}
		if strings.HasPrefix(v, "$") {
			return c.compileSpecial(v, where)
		}
		return c.compilePattern(v, where)
	}
	return nil, fmt.Errorf("constraint %q must be a map, a pattern or a list", where)
}

type mapMatcher map[string]matcher

func (c *constraintCompiler) compileMap(constraints map[string]any, where string) (matcher, error) {
	m := make(mapMatcher, len(constraints))
	for name, constraint := range constraints {
		sub, err := c.compile(constraint, where+"."+name, false)
		if err != nil {
			return nil, err
		}
		m[name] = sub
	}
	return m, nil
}

func (m mapMatcher) matches(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		for name, sub := range m {
			entry, ok := v[name]
			if !ok || !sub.matches(entry) {
				return false
			}
		}
		return true
	case []any:
		return all(m, v)
	}
	return false
}

type alternatives []matcher

func (c *constraintCompiler) compileAlternatives(constraints []any, where string) (matcher, error) {
	c.alternative = true
	alts := make(alternatives, len(constraints))
	for i, constraint := range constraints {
		sub, err := c.compile(constraint, where, true)
		if err != nil {
			return nil, err
		}
		alts[i] = sub
	}
	return alts, nil
}

func (alts alternatives) matches(value any) bool {
	// Each element of a list may satisfy another alternative.
	if list, ok := value.([]any); ok {
		return all(alts, list)
	}
	for _, alt := range alts {
		if alt.matches(value) {
			return true
		}
	}
	return false
}

type pattern struct{ *regexp.Regexp }

func (c *constraintCompiler) compilePattern(constraint, where string) (matcher, error) {
	if len(constraint) > maxPatternText {
		return nil, fmt.Errorf("constraint %q is a pattern of more than %d bytes: %w", where, maxPatternText, ErrTooLarge)
	}
	// It must be a pattern by itself, or "a)|(b" would escape the anchors.
	tree, err := syntax.Parse(constraint, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("constraint %q is no pattern: %w", where, err)
	}
	if c.size += patternSize(tree); c.size > maxPatternSize {
		return nil, fmt.Errorf("constraint %q takes too much: %w", where, ErrTooLarge)
	}
	if c.attributes {
		return special{}, nil
	}
	re, err := regexp.Compile("^(" + constraint + ")$")
	if err != nil {
		return nil, fmt.Errorf("constraint %q is no pattern: %w", where, err)
	}
	return pattern{re}, nil
}

// patternSize estimates what a pattern compiles to: repetitions are written out.
func patternSize(tree *syntax.Regexp) int {
	size := 1 + len(tree.Rune)
	for _, sub := range tree.Sub {
		size += patternSize(sub)
	}
	if tree.Op == syntax.OpRepeat {
		size *= max(tree.Min, tree.Max, 1)
	}
	return size
}

func (p pattern) matches(value any) bool {
	switch v := value.(type) {
	case string:
		return p.MatchString(v)
	case []any:
		return all(p, v)
	}
	return false
}

// special is what is checked for its form only.
type special struct{}

func (special) matches(any) bool { return false }

func (c *constraintCompiler) compileSpecial(constraint, where string) (matcher, error) {
	switch {
	case !c.attributes:
		return nil, fmt.Errorf("constraint %q must not use $", where)
	case constraint == "$MISSING", operationPattern.MatchString(constraint):
		c.dollar = true
	case publisherPattern.MatchString(constraint):
		c.publisherID = true
	default:
		return nil, fmt.Errorf("constraint %q has an unknown special value %s", where, quote(constraint))
	}
	return special{}, nil
}

func all(m matcher, list []any) bool {
	for _, elem := range list {
		if !m.matches(elem) {
			return false
		}
	}
	return true
}
