package assertion

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"time"
)

// ConfdbSchema defines views on a device's configuration. Its body is the storage
// schema, as JSON.
type ConfdbSchema struct {
	AccountID string
	Name      string
	Summary   string
	Timestamp time.Time
}

var confdbNamePattern = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])*$`)

func readConfdbSchema(a *Assertion, h *fields) (any, error) {
	v := &ConfdbSchema{
		AccountID: a.key[0],
		Name:      h.matching("name", confdbNamePattern),
		Summary:   h.textOr("summary", ""),
		Timestamp: h.date("timestamp"),
	}
	h.mandatory("views")
	h.mapping("views")
	if h.err != nil {
		return nil, h.err
	}
	canonical, err := canonicalJSON(a.Body(), true)
	if err != nil {
		h.reject("body must be a JSON object with storage: %w", err)
		return nil, h.err
	}
	if plain, _ := canonicalJSON(a.Body(), false); !bytes.Equal(a.Body(), canonical) && !bytes.Equal(a.Body(), plain) {
		h.reject("body must be JSON indented by two spaces with sorted keys")
	}
	return v, h.err
}

// maxIndentation bounds the blanks that the canonical form of a body may have: a
// few hundred thousand brackets would otherwise become gigabytes.
const maxIndentation = 2 << 20

// indentation counts the line breaks and blanks that two blanks of indentation put
// into JSON, without looking whether it is any.
func indentation(text []byte) int {
	total, depth, quoted := 0, 0, false
	for i := 0; i < len(text) && total <= maxIndentation; i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			total += 1 + 2*depth
		case c == '}' || c == ']':
			depth--
			total += 1 + 2*max(depth, 0)
		case c == ',':
			total += 1 + 2*max(depth, 0)
		}
	}
	return total
}

// canonicalJSON writes a schema's JSON the way devices want it: keys sorted, two
// spaces of indentation. Characters special to HTML occur escaped and plain.
func canonicalJSON(body []byte, escaped bool) ([]byte, error) {
	if indentation(body) > maxIndentation {
		return nil, errors.New("too large once indented")
	}
	var object map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	if d.More() {
		return nil, errors.New("something follows the object")
	}
	if _, ok := object["storage"]; !ok {
		return nil, errors.New(`no "storage"`)
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(escaped)
	e.SetIndent("", "  ")
	if err := e.Encode(object); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}

// ConfdbControl is what a device lets operators do with its configuration.
type ConfdbControl struct {
	BrandID string
	Model   string
	Serial  string
}

func readConfdbControl(a *Assertion, h *fields) (any, error) {
	v := &ConfdbControl{
		BrandID: h.matching("brand-id", accountIDPattern),
		Model:   h.modelName(),
		Serial:  h.matching("serial", serialPattern),
	}
	h.each("groups", func(f *fields) {
		f.texts("operators")
		f.texts("authentications")
		f.texts("views")
	})
	return v, h.err
}
