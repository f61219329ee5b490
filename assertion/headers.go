package assertion

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// Headers hold three kinds of values: string, []any and map[string]any, where the
// latter two nest. The grammar, with indentation that starts at zero:
//
//	name: text to the end of the line
//	name:
//	    text of several lines,
//	    each four deeper than the name
//	name:
//	  - first
//	  - second
//	name:
//	  key: value
//
// A list element's own indentation is that of its dash, a map entry's that of its
// key.
var headerName = regexp.MustCompile(`^[a-z](?:-?[a-z0-9])*$`)

const (
	listMark   = "  -"
	mapIndent  = "  "
	textIndent = "    "
)

// headerLines walks the lines of a header block.
type headerLines struct {
	lines []string
	next  int
}

// parseHeaders reads a header block, without its closing blank line.
func parseHeaders(head []byte) (map[string]any, error) {
	if !utf8.Valid(head) {
		return nil, fmt.Errorf("headers are not UTF-8")
	}
	h := &headerLines{lines: strings.Split(string(head), "\n")}
	headers := make(map[string]any)
	for h.next < len(h.lines) {
		if err := h.entry(headers, ""); err != nil {
			return nil, err
		}
	}
	return headers, nil
}

// entry reads "name: value" into m, where the line starts with indent.
func (h *headerLines) entry(m map[string]any, indent string) error {
	line := h.lines[h.next][len(indent):]
	name, _, ok := strings.Cut(line, ":")
	if !ok {
		return fmt.Errorf("line %d: no colon after a name: %s", h.next+1, quote(line))
	}
	if !headerName.MatchString(name) {
		return fmt.Errorf("line %d: invalid name %s", h.next+1, quote(name))
	}
	if _, ok := m[name]; ok {
		return fmt.Errorf("line %d: repeated name %s", h.next+1, quote(name))
	}
	value, err := h.value(line[len(name)+1:], indent)
	if err != nil {
		return err
	}
	m[name] = value
	return nil
}

// value reads what follows an introduction ("name:" or "  -"): the rest of its
// line, or the deeper lines after it.
func (h *headerLines) value(rest, indent string) (any, error) {
	intro := h.next + 1
	h.next++
	if rest != "" {
		if rest[0] != ' ' {
			return nil, fmt.Errorf("line %d: no space before the value: %s", intro, quote(rest))
		}
		return rest[1:], nil
	}
	switch {
	case h.at(indent + listMark):
		return h.list(indent)
	case h.at(indent + textIndent):
		return h.text(indent + textIndent), nil
	case h.at(indent + mapIndent):
		return h.mapping(indent + mapIndent)
	}
	return nil, fmt.Errorf("line %d: neither a value nor an indented block follows", intro)
}

func (h *headerLines) at(prefix string) bool {
	return h.next < len(h.lines) && strings.HasPrefix(h.lines[h.next], prefix)
}

func (h *headerLines) list(indent string) (any, error) {
	var list []any
	for mark := indent + listMark; h.at(mark); {
		// An element's deeper lines are measured from its dash.
		elem, err := h.value(h.lines[h.next][len(mark):], indent+mapIndent)
		if err != nil {
			return nil, err
		}
		list = append(list, elem)
	}
	return list, nil
}

func (h *headerLines) mapping(indent string) (any, error) {
	m := make(map[string]any)
	for h.at(indent) {
		if err := h.entry(m, indent); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (h *headerLines) text(indent string) string {
	var text strings.Builder
	for first := true; h.at(indent); first = false {
		if !first {
			text.WriteByte('\n')
		}
		text.WriteString(h.lines[h.next][len(indent):])
		h.next++
	}
	return text.String()
}

// quote shows hostile input in an error without repeating much of it.
func quote(s string) string {
	const most = 80
	if len(s) > most {
		return fmt.Sprintf("%q…", s[:most])
	}
	return fmt.Sprintf("%q", s)
}
