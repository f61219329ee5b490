package snapdevice

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// maxDepth is how deeply a request may nest. The deepest that snapd sends is
// six: an action's assertion's primary key.
const maxDepth = 32

// jsonReader reads one JSON document of a known shape. Counts are bounded
// while they are read, so a hostile body costs no more memory than a good one,
// and what does not fit is named by its JSON pointer, as the public store
// does. Strings without escapes share the memory of the document.
//
// The first error sticks: later calls do nothing and return zero values.
type jsonReader struct {
	text  string
	at    int
	depth int
	path  [maxDepth]step // where at is, outermost first
	err   error
}

// step is one token of a JSON pointer: a member's name, or an element's index
// when name is "".
type step struct {
	name  string
	index int
}

func (d *jsonReader) pointer() string {
	if d.depth == 0 {
		return "/"
	}
	var b strings.Builder
	for _, s := range d.path[:d.depth] {
		b.WriteByte('/')
		if s.name == "" {
			b.WriteString(strconv.Itoa(s.index))
			continue
		}
		b.WriteString(strings.NewReplacer("~", "~0", "/", "~1").Replace(s.name[:min(len(s.name), 64)]))
	}
	return b.String()
}

// fail refuses the value at hand.
func (d *jsonReader) fail(format string, args ...any) {
	if d.err == nil {
		d.err = store.Invalidf(reply.CodeBadJSON, "cannot use %s: %s", d.pointer(), fmt.Sprintf(format, args...))
	}
}

func (d *jsonReader) malformed() {
	if d.err == nil {
		d.err = store.Invalidf(reply.CodeBadJSON, "the request body is not JSON: byte %d is not what should stand there", d.at)
	}
}

// peek returns the byte that the next value or token begins with, 0 at the
// end.
func (d *jsonReader) peek() byte {
	for d.at < len(d.text) {
		switch c := d.text[d.at]; c {
		case ' ', '\t', '\r', '\n':
			d.at++
		default:
			return c
		}
	}
	return 0
}

func (d *jsonReader) take(c byte) bool {
	if d.err != nil || d.peek() != c {
		return false
	}
	d.at++
	return true
}

func (d *jsonReader) word(w string) bool {
	if d.err != nil || d.peek() != w[0] || !strings.HasPrefix(d.text[d.at:], w) {
		return false
	}
	d.at += len(w)
	return true
}

// null takes a null.
func (d *jsonReader) null() bool { return d.word("null") }

// end refuses anything after the document.
func (d *jsonReader) end() {
	if d.err == nil && d.peek() != 0 || d.err == nil && d.at < len(d.text) {
		d.malformed()
	}
}

func (d *jsonReader) enter() bool {
	if d.depth == maxDepth {
		d.fail("it nests deeper than %d levels", maxDepth)
		return false
	}
	d.depth++
	return true
}

// object calls member for each member, which must read its value. A null is
// an object without members.
func (d *jsonReader) object(member func(name string)) {
	if d.null() {
		return
	}
	if !d.take('{') {
		d.wrong("an object")
		return
	}
	if d.take('}') || !d.enter() {
		return
	}
	for d.err == nil {
		d.path[d.depth-1] = step{}
		if d.peek() != '"' {
			d.malformed()
			return
		}
		name := d.rawText()
		if !d.take(':') {
			d.malformed()
			return
		}
		d.path[d.depth-1] = step{name: name}
		member(name)
		if d.take('}') {
			break
		}
		if !d.take(',') {
			d.malformed()
		}
	}
	d.depth--
}

// array calls element for each element, which must read it. A null is an
// array without elements.
func (d *jsonReader) array(limit int, element func(i int)) {
	if d.null() {
		return
	}
	if !d.take('[') {
		d.wrong("an array")
		return
	}
	if d.take(']') || !d.enter() {
		return
	}
	for i := 0; d.err == nil; i++ {
		if i == limit {
			d.depth--
			d.fail("it has more than %d elements", limit)
			return
		}
		d.path[d.depth-1] = step{index: i}
		element(i)
		if d.take(']') {
			break
		}
		if !d.take(',') {
			d.malformed()
		}
	}
	d.depth--
}

// wrong says what should have stood here, or that this is not JSON at all.
func (d *jsonReader) wrong(want string) {
	if d.err != nil {
		return
	}
	have := ""
	switch c := d.peek(); {
	case c == '{':
		have = "an object"
	case c == '[':
		have = "an array"
	case c == '"':
		have = "a string"
	case d.word("true"), d.word("false"):
		have = "a boolean"
	case c == '-' || '0' <= c && c <= '9':
		have = "a number"
	default:
		d.malformed()
		return
	}
	d.fail("it is %s, not %s", have, want)
}

// string reads a string; null is "".
func (d *jsonReader) string() string {
	if d.null() {
		return ""
	}
	if d.err != nil || d.peek() != '"' {
		d.wrong("a string")
		return ""
	}
	return d.rawText()
}

// rawText reads the string that begins at the cursor.
func (d *jsonReader) rawText() string {
	start := d.at
	plain := true
	for i := start + 1; i < len(d.text); i++ {
		switch c := d.text[i]; {
		case c == '"':
			d.at = i + 1
			if plain {
				return d.text[start+1 : i]
			}
			return d.unescape(start, i+1)
		case c == '\\':
			plain = false
			i++
		case c < ' ':
			d.at = i
			d.malformed()
			return ""
		case c >= utf8.RuneSelf:
			// Only valid UTF-8 is shared; the slow way mends the rest.
			plain = false
		}
	}
	d.at = len(d.text)
	d.malformed()
	return ""
}

func (d *jsonReader) unescape(start, end int) string {
	var s string
	if err := json.Unmarshal([]byte(d.text[start:end]), &s); err != nil {
		d.at = start
		d.malformed()
	}
	return s
}

// integer reads a whole number from min to max; null is 0.
func (d *jsonReader) integer(min, max int64) int {
	if d.null() {
		return 0
	}
	if c := d.peek(); d.err != nil || c != '-' && (c < '0' || c > '9') {
		d.wrong("a whole number")
		return 0
	}
	text := d.number()
	if d.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < min || n > max {
		d.fail("it is not a whole number from %d to %d", min, max)
		return 0
	}
	return int(n)
}

// number reads a number as JSON spells it.
func (d *jsonReader) number() string {
	start := d.at
	digits := func() bool {
		from := d.at
		for d.at < len(d.text) && '0' <= d.text[d.at] && d.text[d.at] <= '9' {
			d.at++
		}
		return d.at > from
	}
	is := func(set string) bool {
		if d.at < len(d.text) && strings.IndexByte(set, d.text[d.at]) >= 0 {
			d.at++
			return true
		}
		return false
	}
	is("-")
	good := is("0") || digits()
	if good && is(".") {
		good = digits()
	}
	if good && is("eE") {
		is("+-")
		good = digits()
	}
	if !good {
		d.malformed()
	}
	return d.text[start:d.at]
}

// boolean reads true or false; null is false.
func (d *jsonReader) boolean() bool {
	switch {
	case d.null(), d.word("false"):
		return false
	case d.word("true"):
		return true
	}
	d.wrong("a boolean")
	return false
}

// skip reads a value that means nothing here.
func (d *jsonReader) skip() {
	switch c := d.peek(); {
	case d.err != nil:
	case c == '{':
		d.object(func(string) { d.skip() })
	case c == '[':
		d.array(len(d.text), func(int) { d.skip() })
	case c == '"':
		d.rawText()
	case c == '-' || '0' <= c && c <= '9':
		d.number()
	case c == 't' || c == 'f':
		d.boolean()
	default:
		if !d.null() {
			d.malformed()
		}
	}
}

// strings reads an array of strings.
func (d *jsonReader) strings(limit int) []string {
	var list []string
	d.array(limit, func(int) { list = append(list, d.string()) })
	return list
}
