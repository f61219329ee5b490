package assertion

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Sign writes an assertion in canonical form and signs it now. The headers name
// the type; they may hold strings, []string, []any and map[string]any, and
// anything empty but a string is left out. These headers are Sign's own:
//
//   - format may be left out, and then is the lowest that covers what the headers
//     use. It may be set higher, but not lower.
//   - revision may be left out, and is, if it is 0.
//   - body-length and sign-key-sha3-384 are computed and must not be set.
//
// The body of a confdb-schema is re-indented the way devices want it. Sign checks
// what [Parse] checks, and not whether the signer has the authority.
func Sign(headers map[string]any, body []byte, signer Signer) (*Assertion, error) {
	return signAt(headers, body, signer, time.Now())
}

func signAt(headers map[string]any, body []byte, signer Signer, now time.Time) (*Assertion, error) {
	name, _ := headers["type"].(string)
	t := TypeByName(name)
	if t == nil {
		return nil, fmt.Errorf("cannot sign %s: %w", quote(name), ErrUnknownType)
	}
	for _, computed := range []string{"body-length", "sign-key-sha3-384"} {
		if _, ok := headers[computed]; ok {
			return nil, fmt.Errorf("cannot sign %s: header %q is computed and must not be set", t.Name, computed)
		}
	}
	headers = maps.Clone(headers)
	if err := settleFormat(t, headers); err != nil {
		return nil, fmt.Errorf("cannot sign %s: %w", t.Name, err)
	}
	if t.Name == "confdb-schema" {
		canonical, err := canonicalJSON(body, true)
		if err != nil {
			return nil, fmt.Errorf("cannot sign %s: body must be a JSON object: %w", t.Name, err)
		}
		body = canonical
	}
	if len(body) > 0 {
		headers["body-length"] = strconv.Itoa(len(body))
	}
	headers["sign-key-sha3-384"] = signer.PublicKey().ID()
	content, err := emitContent(t, headers, body)
	if err != nil {
		return nil, fmt.Errorf("cannot sign %s: %w", t.Name, err)
	}
	text, err := signContent(content, signer, now)
	if err != nil {
		return nil, fmt.Errorf("cannot sign %s: %w", t.Name, err)
	}
	encoded := slices.Concat(content, blankLine, []byte(text), []byte("\n"))
	a, err := parseSigned(encoded, len(body))
	if err != nil {
		return nil, fmt.Errorf("cannot sign %s: %w", t.Name, err)
	}
	return a, nil
}

// parseSigned reads back what was written, so that nothing is signed that would
// not be read.
func parseSigned(encoded []byte, body int) (*Assertion, error) {
	d := NewDecoder(strings.NewReader(string(encoded)), Limits{Body: max(body, 1)})
	return d.Decode()
}

// settleFormat sets format and revision as they are written: not at all if zero.
func settleFormat(t *Type, headers map[string]any) error {
	h := &fields{values: headers}
	least := 0
	if t.format != nil {
		least = t.format(headers)
	}
	format := h.countOr("format", least)
	revision := h.countOr("revision", 0)
	switch {
	case h.err != nil:
		return h.err
	case format < least:
		return fmt.Errorf("format %d is too low for what the headers use, which needs %d", format, least)
	case format > t.MaxFormat:
		return fmt.Errorf("format %d is newer than %d, the newest known here", format, t.MaxFormat)
	}
	for name, n := range map[string]int{"format": format, "revision": revision} {
		delete(headers, name)
		if n > 0 {
			headers[name] = strconv.Itoa(n)
		}
	}
	return nil
}

// emitContent writes headers in canonical order, and the body.
func emitContent(t *Type, headers map[string]any, body []byte) ([]byte, error) {
	first := []string{"type", "format", "authority-id", "revision"}
	last := []string{"body-length", "sign-key-sha3-384"}
	for _, member := range t.Key {
		first = append(first, member.Name)
		if member.Default != "" && headers[member.Name] == member.Default {
			delete(headers, member.Name)
		}
	}
	rest := slices.Sorted(maps.Keys(headers))
	rest = slices.DeleteFunc(rest, func(name string) bool {
		return slices.Contains(first, name) || slices.Contains(last, name)
	})
	var out strings.Builder
	for _, name := range slices.Concat(first, rest, last) {
		value, ok := headers[name]
		if !ok {
			continue
		}
		if err := emitHeader(&out, name, value); err != nil {
			return nil, err
		}
	}
	content := []byte(strings.TrimSuffix(out.String(), "\n"))
	if len(body) > 0 {
		content = append(content, blankLine...)
		content = append(content, body...)
	}
	return content, nil
}
