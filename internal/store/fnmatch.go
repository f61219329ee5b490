package store

import "slices"

// MatchChannel reports whether the pattern of a channel restriction covers c.
// Whoever wrote the pattern may have had any spelling of the channel in mind,
// so "edge", "latest/edge" and "*/edge" all cover latest/edge, and "2.0" covers
// 2.0/stable. It covers no other channel: "edge" leaves edge/fix out.
func MatchChannel(pattern string, c Channel) bool {
	return slices.ContainsFunc(c.spellings(), func(name string) bool { return Fnmatch(pattern, name) })
}

// spellings lists every text that ParseChannel reads as c, apart from "".
func (c Channel) spellings() []string {
	c = c.Normal()
	all := []string{c.String()}
	if c.Track == LatestTrack {
		all = append(all, c.Name())
	}
	if c.Risk == Stable && c.Branch == "" {
		all = append(all, c.Track)
	}
	return all
}

// Fnmatch reports whether the whole of name matches a shell pattern the way
// Python's fnmatch has it, which the clients' restrictions are written for:
// "*" is any text, slashes included, "?" any one character, "[a-z]" one of a
// set and "[!a-z]" one outside it. A bracket that nothing closes stands for
// itself; there is no escape but "[*]".
//
// It takes time in the order of the product of both lengths at most, whatever
// the pattern.
func Fnmatch(pattern, name string) bool {
	tokens, text := parsePattern(pattern), []rune(name)
	// Only the last star that was passed can have to take more text: an earlier
	// one taking more leaves less for what follows it.
	t, n := 0, 0
	star, taken := -1, 0
	for n < len(text) {
		switch {
		case t < len(tokens) && tokens[t].star:
			star, taken = t, n
			t++
		case t < len(tokens) && tokens[t].matches(text[n]):
			t++
			n++
		case star >= 0:
			taken++
			t, n = star+1, taken
		default:
			return false
		}
	}
	for t < len(tokens) && tokens[t].star {
		t++
	}
	return t == len(tokens)
}

// patternToken matches any text (star), or one character: one in the ranges,
// or with negated one outside them.
type patternToken struct {
	star    bool
	negated bool
	ranges  []runeRange
}

type runeRange struct{ low, high rune }

func (t patternToken) matches(r rune) bool {
	in := slices.ContainsFunc(t.ranges, func(s runeRange) bool { return s.low <= r && r <= s.high })
	return in != t.negated
}

func parsePattern(pattern string) []patternToken {
	p := []rune(pattern)
	var tokens []patternToken
	// After a bracket without its closing one, none of the later ones has it.
	unclosed := false
	for i := 0; i < len(p); i++ {
		switch p[i] {
		case '*':
			if len(tokens) == 0 || !tokens[len(tokens)-1].star {
				tokens = append(tokens, patternToken{star: true})
			}
			continue
		case '?':
			tokens = append(tokens, patternToken{negated: true})
			continue
		case '[':
			if unclosed {
				break
			}
			if end := closingBracket(p, i); end > 0 {
				tokens = append(tokens, parseSet(p[i+1:end]))
				i = end
				continue
			}
			unclosed = !slices.Contains(p[i+1:], ']')
		}
		tokens = append(tokens, patternToken{ranges: []runeRange{{p[i], p[i]}}})
	}
	return tokens
}

// closingBracket finds the end of the set that opens at p[open], or 0. A "]"
// that comes first in the set is a member of it.
func closingBracket(p []rune, open int) int {
	first := open + 1
	if first < len(p) && p[first] == '!' {
		first++
	}
	if first >= len(p) {
		return 0
	}
	if end := slices.Index(p[first+1:], ']'); end >= 0 {
		return first + 1 + end
	}
	return 0
}

// parseSet reads what stands between the brackets. A range that runs backwards
// is empty.
func parseSet(set []rune) patternToken {
	var t patternToken
	if set[0] == '!' {
		t.negated, set = true, set[1:]
	}
	for len(set) > 0 {
		if len(set) > 2 && set[1] == '-' {
			t.ranges = append(t.ranges, runeRange{set[0], set[2]})
			set = set[3:]
			continue
		}
		t.ranges = append(t.ranges, runeRange{set[0], set[0]})
		set = set[1:]
	}
	return t
}
