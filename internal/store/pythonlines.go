package store

import (
	"iter"
	"strings"
)

// pythonLines returns the lines of Python source, without their ends, that begin
// outside a string. It knows just enough of the language for that: comments,
// strings of one and of three quotes, and backslashes in them. Prefixes such as r
// or f do not change where a string ends, but for quotes within the braces of an
// f-string, which balance.
func pythonLines(source string) iter.Seq[string] {
	return func(yield func(string) bool) {
		quote := "" // of the string that runs on from the line before
		for source != "" {
			line, rest, _ := strings.Cut(source, "\n")
			if quote == "" && !yield(line) {
				return
			}
			quote = pythonString(line, quote)
			source = rest
		}
	}
}

// pythonString returns the quote of the string that a line ends within, "" for
// none, given the one it begins within. A string of one quote ends with its line
// unless a backslash continues it.
func pythonString(line, quote string) string {
	line = strings.TrimSuffix(line, "\r")
	for i := 0; i < len(line); {
		rest := line[i:]
		switch {
		case quote == "" && rest[0] == '#':
			return ""
		case quote == "" && (rest[0] == '"' || rest[0] == '\''):
			quote = rest[:1]
			if triple := strings.Repeat(quote, 3); strings.HasPrefix(rest, triple) {
				quote = triple
			}
			i += len(quote)
		case rest[0] == '\\':
			if len(rest) == 1 {
				return quote
			}
			i += 2
		case quote != "" && strings.HasPrefix(rest, quote):
			i += len(quote)
			quote = ""
		default:
			i++
		}
	}
	if len(quote) == 1 {
		return ""
	}
	return quote
}
