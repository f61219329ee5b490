package charmhub

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// A LibraryVersion orders the revisions of a library: API first, then patch.
type LibraryVersion struct{ API, Patch int }

// String is API.PATCH.
func (v LibraryVersion) String() string { return fmt.Sprintf("%d.%d", v.API, v.Patch) }

// Before reports whether v is older than w.
func (v LibraryVersion) Before(w LibraryVersion) bool {
	return v.API < w.API || v.API == w.API && v.Patch < w.Patch
}

// A LibrarySource is what a library's file says of itself.
type LibrarySource struct {
	LibraryVersion
	// ID is LIBID.
	ID string
	// PythonDependencies is PYDEPS: requirements for pip; nil if it has none.
	PythonDependencies []string
	// Hash is ContentHash of the file.
	Hash string
}

// MaxLibrary bounds a library's file, in bytes.
const MaxLibrary = 4 << 20

var libraryName = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

func checkLibraryName(name string) error {
	if len(name) > 128 || !libraryName.MatchString(name) {
		return invalidf("the library name %.60q is not lower case letters, digits and _, with a letter first", name)
	}
	return nil
}

// ContentHash is what stores compare libraries by: SHA-256 in hex of the file
// with \n for \r\n, and without the lines that begin with LIBAPI, LIBPATCH or
// LIBID.
func ContentHash(content []byte) string {
	sum := sha256.New()
	for line := range bytes.Lines(bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n"))) {
		if !bytes.HasPrefix(line, []byte("LIBAPI")) && !bytes.HasPrefix(line, []byte("LIBPATCH")) && !bytes.HasPrefix(line, []byte("LIBID")) {
			sum.Write(line)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// ParseLibrary reads the assignments LIBAPI, LIBPATCH, LIBID and PYDEPS at the
// top level of a library's file, without running it: values must be plain
// literals. A *RequestError names what is missing or wrong. LIBAPI and LIBPATCH
// are not negative and not both 0.
func ParseLibrary(content []byte) (LibrarySource, error) {
	if len(content) > MaxLibrary {
		return LibrarySource{}, invalidf("a library has %d bytes at most", MaxLibrary)
	}
	values, err := topLevelLiterals(string(content), "LIBAPI", "LIBPATCH", "LIBID", "PYDEPS")
	if err != nil {
		return LibrarySource{}, err
	}
	source := LibrarySource{Hash: ContentHash(content)}
	for name, number := range map[string]*int{"LIBAPI": &source.API, "LIBPATCH": &source.Patch} {
		if *number, err = wholeNumber(name, values[name]); err != nil {
			return LibrarySource{}, err
		}
	}
	if source.API == 0 && source.Patch == 0 {
		return LibrarySource{}, invalidf("LIBAPI and LIBPATCH are both 0; the first revision has LIBPATCH = 1")
	}
	id, rest, ok := pythonString(values["LIBID"])
	if !ok || strings.TrimSpace(rest) != "" || id == "" || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return LibrarySource{}, invalidf(`LIBID must be set to a text of ASCII characters, for example LIBID = "0123456789abcdef"`)
	}
	source.ID = id
	if deps, ok := values["PYDEPS"]; ok {
		if source.PythonDependencies, ok = pythonStrings(deps); !ok {
			return LibrarySource{}, invalidf("PYDEPS must be a list of plain texts, none of them empty")
		}
	}
	return source, nil
}

func wholeNumber(name, literal string) (int, error) {
	n, err := strconv.Atoi(strings.ReplaceAll(literal, "_", ""))
	if err != nil || n < 0 || strings.HasPrefix(literal, "+") {
		return 0, invalidf("%s must be set to a whole number, 0 or more", name)
	}
	return n, nil
}

// topLevelLiterals finds the text right of "NAME =" in logical lines that begin
// at the margin, comments left out. Texts, brackets and continued lines are
// followed, so that nothing inside them counts. Charmcraft takes no annotation
// ("NAME: int =") for an assignment either.
func topLevelLiterals(source string, names ...string) (map[string]string, error) {
	found := map[string]string{}
	for source != "" {
		line, rest, err := logicalLine(source)
		if err != nil {
			return nil, err
		}
		source = rest
		for _, name := range names {
			value, ok := assigned(line, name)
			if !ok {
				continue
			}
			if _, twice := found[name]; twice {
				return nil, invalidf("%s is set twice", name)
			}
			found[name] = value
		}
	}
	return found, nil
}

func assigned(line, name string) (string, bool) {
	rest, ok := strings.CutPrefix(line, name)
	if !ok {
		return "", false
	}
	value, ok := strings.CutPrefix(strings.TrimLeft(rest, " \t"), "=")
	if !ok || strings.HasPrefix(value, "=") {
		return "", false
	}
	return strings.TrimSpace(value), true
}

// logicalLine cuts the first logical line of Python off: to the end of a line
// that is in no text and no bracket. Comments are taken out of it.
func logicalLine(source string) (line, rest string, err error) {
	var b strings.Builder
	depth := 0
	for i := 0; i < len(source); {
		switch c := source[i]; c {
		case '#':
			end := strings.IndexByte(source[i:], '\n')
			if end < 0 {
				return b.String(), "", nil
			}
			i += end
		case '"', '\'':
			n, ok := textLength(source[i:])
			if !ok {
				return "", "", invalidf("the library is no Python: a text has no end")
			}
			b.WriteString(source[i : i+n])
			i += n
		case '\\':
			i += 1 + len(lineEnd(source[i+1:]))
			b.WriteByte(' ')
		case '\r', '\n':
			i++
			if depth == 0 {
				return b.String(), source[i:], nil
			}
			b.WriteByte(' ')
		default:
			switch c {
			case '(', '[', '{':
				depth++
			case ')', ']', '}':
				depth = max(0, depth-1)
			}
			b.WriteByte(c)
			i++
		}
	}
	return b.String(), "", nil
}

func lineEnd(s string) string {
	if strings.HasPrefix(s, "\r\n") {
		return s[:2]
	}
	if s != "" && (s[0] == '\n' || s[0] == '\r') {
		return s[:1]
	}
	return ""
}

// textLength is the length of the quoted text that s begins with, quotes
// included.
func textLength(s string) (int, bool) {
	quote := s[:1]
	if triple := strings.Repeat(quote, 3); strings.HasPrefix(s, triple) {
		quote = triple
	}
	for i := len(quote); i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case strings.HasPrefix(s[i:], quote):
			return i + len(quote), true
		case len(quote) == 1 && s[i] == '\n':
			return 0, false
		}
	}
	return 0, false
}

// pythonString reads a plain text literal, or several that stand side by side,
// and returns what follows. Escapes other than of quotes and the backslash are
// refused, prefixes but r and u too: nothing here needs them.
func pythonString(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for rest = s; ; {
		trimmed := strings.TrimLeft(rest, " \t")
		raw := false
		if len(trimmed) > 1 && strings.ContainsRune("rRuU", rune(trimmed[0])) && (trimmed[1] == '"' || trimmed[1] == '\'') {
			raw, trimmed = trimmed[0]|0x20 == 'r', trimmed[1:]
		}
		if trimmed == "" || trimmed[0] != '"' && trimmed[0] != '\'' {
			return b.String(), rest, ok
		}
		n, ended := textLength(trimmed)
		if !ended {
			return "", s, false
		}
		quote := 1
		if n >= 6 && trimmed[0] == trimmed[1] && trimmed[0] == trimmed[2] {
			quote = 3
		}
		inner := trimmed[quote : n-quote]
		for i := 0; i < len(inner); i++ {
			if inner[i] == '\\' && !raw {
				if i++; i == len(inner) || !strings.ContainsRune(`\'"`, rune(inner[i])) {
					return "", s, false
				}
			}
			b.WriteByte(inner[i])
		}
		rest, ok = trimmed[n:], true
	}
}

// pythonStrings reads a list of texts that are not empty.
func pythonStrings(s string) ([]string, bool) {
	s, ok := strings.CutPrefix(s, "[")
	list := []string{}
	for rest := strings.TrimSpace(s); ok; {
		if rest == "]" {
			return list, true
		}
		text, after, isText := pythonString(rest)
		if !isText || text == "" {
			return nil, false
		}
		list = append(list, text)
		rest = strings.TrimSpace(after)
		if next, more := strings.CutPrefix(rest, ","); more {
			rest = strings.TrimSpace(next)
		} else if rest != "]" {
			return nil, false
		}
	}
	return nil, false
}
