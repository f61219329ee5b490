package wire

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

// Reader reads one JSON document of a known shape. Counts are bounded
// while they are read, so a hostile body costs no more memory than a good one,
// and what does not fit is named by its JSON pointer, as the public store
// does. Strings without escapes share the memory of the document.
//
// The first error sticks: later calls do nothing and return zero values.
type Reader struct {
	text  string
	at    int
	depth int
	path  [maxDepth]step // where at is, outermost first
	err   error
}

// NewReader reads text.
func NewReader(text string) Reader { return Reader{text: text} }

// Err is the first thing that was wrong, of kind invalid; nil so far is none.
func (d *Reader) Err() error { return d.err }

// step is one token of a JSON pointer: a member's name, or an element's index
// when name is "".
type step struct {
	name  string
	index int
}

func (d *Reader) pointer() string {
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

// Fail refuses the value at hand.
func (d *Reader) Fail(format string, args ...any) {
	if d.err == nil {
		d.err = store.Invalidf(reply.CodeBadJSON, "cannot use %s: %s", d.pointer(), fmt.Sprintf(format, args...))
	}
}

func (d *Reader) malformed() {
	if d.err == nil {
		d.err = store.Invalidf(reply.CodeBadJSON, "the request body is not JSON: byte %d is not what should stand there", d.at)
	}
}

// Peek returns the byte that the next value or token begins with, 0 at the
// end.
func (d *Reader) Peek() byte {
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

func (d *Reader) take(c byte) bool {
	if d.err != nil || d.Peek() != c {
		return false
	}
	d.at++
	return true
}

func (d *Reader) word(w string) bool {
	if d.err != nil || d.Peek() != w[0] || !strings.HasPrefix(d.text[d.at:], w) {
		return false
	}
	d.at += len(w)
	return true
}

// Null takes a null.
func (d *Reader) Null() bool { return d.word("null") }

// End refuses anything after the document.
func (d *Reader) End() {
	if d.err == nil && d.Peek() != 0 || d.err == nil && d.at < len(d.text) {
		d.malformed()
	}
}

func (d *Reader) enter() bool {
	if d.depth == maxDepth {
		d.Fail("it nests deeper than %d levels", maxDepth)
		return false
	}
	d.depth++
	return true
}

// Object calls member for each member, which must read its value. A null is
// an object without members.
func (d *Reader) Object(member func(name string)) {
	if d.Null() {
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
		if d.Peek() != '"' {
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

// Array calls element for each element, which must read it. A null is an
// array without elements.
func (d *Reader) Array(limit int, element func(i int)) {
	if d.Null() {
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
			d.Fail("it has more than %d elements", limit)
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
func (d *Reader) wrong(want string) {
	if d.err != nil {
		return
	}
	have := ""
	switch c := d.Peek(); {
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
	d.Fail("it is %s, not %s", have, want)
}

// Text reads a string; null is "".
func (d *Reader) Text() string {
	if d.Null() {
		return ""
	}
	if d.err != nil || d.Peek() != '"' {
		d.wrong("a string")
		return ""
	}
	return d.rawText()
}

// rawText reads the string that begins at the cursor.
func (d *Reader) rawText() string {
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

func (d *Reader) unescape(start, end int) string {
	var s string
	if err := json.Unmarshal([]byte(d.text[start:end]), &s); err != nil {
		d.at = start
		d.malformed()
	}
	return s
}

// Integer reads a whole number from min to max; null is 0.
func (d *Reader) Integer(min, max int64) int {
	if d.Null() {
		return 0
	}
	if c := d.Peek(); d.err != nil || c != '-' && (c < '0' || c > '9') {
		d.wrong("a whole number")
		return 0
	}
	text := d.number()
	if d.err != nil {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < min || n > max {
		d.Fail("it is not a whole number from %d to %d", min, max)
		return 0
	}
	return int(n)
}

// number reads a number as JSON spells it.
func (d *Reader) number() string {
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

// Boolean reads true or false; null is false.
func (d *Reader) Boolean() bool {
	switch {
	case d.Null(), d.word("false"):
		return false
	case d.word("true"):
		return true
	}
	d.wrong("a boolean")
	return false
}

// Skip reads a value that means nothing here.
func (d *Reader) Skip() {
	switch c := d.Peek(); {
	case d.err != nil:
	case c == '{':
		d.Object(func(string) { d.Skip() })
	case c == '[':
		d.Array(len(d.text), func(int) { d.Skip() })
	case c == '"':
		d.rawText()
	case c == '-' || '0' <= c && c <= '9':
		d.number()
	case c == 't' || c == 'f':
		d.Boolean()
	default:
		if !d.Null() {
			d.malformed()
		}
	}
}

// Texts reads an array of strings.
func (d *Reader) Texts(limit int) []string {
	var list []string
	d.Array(limit, func(int) { list = append(list, d.Text()) })
	return list
}
