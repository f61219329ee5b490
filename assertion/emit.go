package assertion

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// emitHeader appends one header in canonical form, including its newline. A nil
// value, an empty list and an empty map have no written form and are left out.
func emitHeader(out *strings.Builder, name string, value any) error {
	if !headerName.MatchString(name) {
		return fmt.Errorf("invalid header name %s", quote(name))
	}
	if err := emitValue(out, name+":", value, ""); err != nil {
		return fmt.Errorf("header %q: %w", name, err)
	}
	return nil
}

// emitValue appends an introduction ("name:" or "  -", without indentation) and
// the value after it.
func emitValue(out *strings.Builder, intro string, value any, indent string) error {
	switch v := value.(type) {
	case nil:
		return nil
	case string:
		return emitText(out, intro, v, indent)
	case []any:
		return emitList(out, intro, v, indent)
	case map[string]any:
		return emitMap(out, intro, v, indent)
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return emitList(out, intro, list, indent)
	}
	return fmt.Errorf("a %T is no header value: only strings, lists and maps are", value)
}

func emitText(out *strings.Builder, intro, text, indent string) error {
	if !utf8.ValidString(text) {
		return fmt.Errorf("value is not UTF-8")
	}
	out.WriteString(indent + intro)
	if !strings.Contains(text, "\n") {
		out.WriteString(" " + text + "\n")
		return nil
	}
	out.WriteByte('\n')
	for line := range strings.SplitSeq(text, "\n") {
		out.WriteString(indent + textIndent + line + "\n")
	}
	return nil
}

func emitList(out *strings.Builder, intro string, list []any, indent string) error {
	if len(list) == 0 {
		return nil
	}
	out.WriteString(indent + intro + "\n")
	for _, elem := range list {
		if empty(elem) {
			return fmt.Errorf("an empty element of a list cannot be written")
		}
		// The mark carries its own two spaces, what nests in it is indented by them.
		if err := emitElement(out, elem, indent); err != nil {
			return err
		}
	}
	return nil
}

func emitElement(out *strings.Builder, elem any, indent string) error {
	return emitValue(out, strings.TrimPrefix(listMark, mapIndent), elem, indent+mapIndent)
}

func emitMap(out *strings.Builder, intro string, m map[string]any, indent string) error {
	if empty(m) {
		return nil
	}
	out.WriteString(indent + intro + "\n")
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if !headerName.MatchString(key) {
			return fmt.Errorf("invalid key %s", quote(key))
		}
		if err := emitValue(out, key+":", m[key], indent+mapIndent); err != nil {
			return err
		}
	}
	return nil
}

// empty says whether a value has no written form.
func empty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case []any:
		return len(v) == 0
	case []string:
		return len(v) == 0
	case map[string]any:
		for _, entry := range v {
			if !empty(entry) {
				return false
			}
		}
		return true
	}
	return false
}
