package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// ConfdbSchemaRequest is a schema of a device's configuration as its author
// wrote it, which BuildConfdbSchema turns into the headers to sign. Decode it
// with unknown keys forbidden: clients refuse views that have others.
type ConfdbSchemaRequest struct {
	AccountID string                `json:"account-id"`
	Name      string                `json:"name"`
	Revision  int                   `json:"revision,omitempty"` // the least that the author wants
	Summary   string                `json:"summary,omitempty"`
	Views     map[string]ConfdbView `json:"views"`
	Body      string                `json:"body,omitempty"` // JSON, an object with "storage"
}

// ConfdbView is one view of the configuration.
type ConfdbView struct {
	Summary string       `json:"summary,omitempty"`
	Rules   []ConfdbRule `json:"rules"`
}

// ConfdbRule maps a path that is asked for to a path in storage.
type ConfdbRule struct {
	Request string       `json:"request,omitempty"` // empty means that of storage
	Storage string       `json:"storage"`
	Access  string       `json:"access,omitempty"` // read, write or read-write; empty means the last
	Content []ConfdbRule `json:"content,omitempty"`
}

// Limits of a confdb schema.
const (
	maxConfdbViews   = 200
	maxConfdbRules   = 1000 // of all views, nested ones included
	maxConfdbDepth   = 16
	maxConfdbPath    = 500       // bytes
	maxConfdbSummary = 128       // characters
	maxConfdbBody    = 256 << 10 // bytes
	maxConfdbNesting = 64        // of the body's objects and lists: indentation grows with it
)

// Check returns nil when r follows the rules of devices and of the service, or
// an error of kind invalid that names the field at fault.
func (r *ConfdbSchemaRequest) Check() error {
	switch {
	case r.AccountID == "" || len(r.AccountID) > maxSetText:
		return invalidSet("account-id: it is needed and has up to %d characters", maxSetText)
	case len(r.Name) > maxSetText || !setNameRule.MatchString(r.Name):
		return invalidSet("name: %.120q cannot name a confdb schema", r.Name).
			Try("use up to 100 lower-case letters, digits and single hyphens")
	case r.Revision < 0:
		return invalidSet("revision: it is a whole number from 0, not %d", r.Revision)
	case !confdbSummary(r.Summary):
		return invalidSet("summary: it is one line of up to %d characters", maxConfdbSummary)
	case len(r.Views) == 0:
		return invalidSet("views: a confdb schema has at least one view")
	case len(r.Views) > maxConfdbViews:
		return invalidSet("views: a confdb schema has at most %d views", maxConfdbViews)
	}
	rules := 0
	for _, name := range slices.Sorted(maps.Keys(r.Views)) {
		view := r.Views[name]
		switch {
		case len(name) > maxSetText || !setNameRule.MatchString(name):
			return invalidSet("views: %.120q cannot name a view", name)
		case !confdbSummary(view.Summary):
			return invalidSet("views.%s.summary: it is one line of up to %d characters", name, maxConfdbSummary)
		case len(view.Rules) == 0:
			return invalidSet("views.%s.rules: a view has at least one rule", name)
		}
		if err := checkConfdbRules("views."+name+".rules", view.Rules, 1, &rules); err != nil {
			return err
		}
	}
	_, err := confdbBody([]byte(r.Body))
	return err
}

func checkConfdbRules(where string, list []ConfdbRule, depth int, count *int) error {
	if depth > maxConfdbDepth {
		return invalidSet("%s: rules nest at most %d deep", where, maxConfdbDepth)
	}
	if *count += len(list); *count > maxConfdbRules {
		return invalidSet("views: a confdb schema has at most %d rules", maxConfdbRules)
	}
	for i := range list {
		rule, where := &list[i], fmt.Sprintf("%s[%d]", where, i)
		switch {
		case rule.Storage == "" || !confdbPath(rule.Storage):
			return invalidSet("%s.storage: %.120q is no path", where, rule.Storage)
		case !confdbPath(rule.Request):
			return invalidSet("%s.request: %.120q is no path", where, rule.Request)
		case !slices.Contains([]string{"", "read", "write", "read-write"}, rule.Access):
			return invalidSet("%s.access: %.40q is none of read, write, read-write", where, rule.Access)
		}
		if err := checkConfdbRules(where+".content", rule.Content, depth+1, count); err != nil {
			return err
		}
	}
	return nil
}

// confdbPath bounds a dotted path. What its parts may be is for the device: it
// grows with the versions of snapd.
func confdbPath(p string) bool {
	return len(p) <= maxConfdbPath && !strings.ContainsFunc(p, func(r rune) bool { return !unicode.IsPrint(r) || r == ' ' }) &&
		!strings.HasPrefix(p, ".") && !strings.HasSuffix(p, ".") && !strings.Contains(p, "..")
}

func confdbSummary(s string) bool {
	return utf8.RuneCountInString(s) <= maxConfdbSummary && !strings.ContainsFunc(s, unicode.IsControl)
}

// confdbBody returns the storage schema in the form that devices want: a JSON
// object, keys sorted, indented by two blanks.
func confdbBody(body []byte) (string, error) {
	bad := func(why string) (string, error) {
		return "", invalidSet("body: cannot read the storage schema: %s", why).Try(`write a JSON object with "storage"`)
	}
	if len(body) == 0 || len(body) > maxConfdbBody {
		return bad(fmt.Sprintf("it is needed and has up to %d bytes", maxConfdbBody))
	}
	var object map[string]json.RawMessage
	var whole any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if json.Unmarshal(body, &object) != nil || d.Decode(&whole) != nil {
		return bad("it is no JSON object")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return bad("something follows the object")
	}
	if _, there := object["storage"]; !there {
		return bad(`it has no "storage"`)
	}
	if nesting(body) > maxConfdbNesting {
		return bad(fmt.Sprintf("it nests more than %d deep", maxConfdbNesting))
	}
	text, err := json.MarshalIndent(whole, "", "  ")
	if err != nil {
		return bad("it cannot be written again")
	}
	return string(text), nil
}

// nesting is how deep the objects and lists of valid JSON go.
func nesting(text []byte) (deepest int) {
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// ConfdbSchemaFacts is what the store adds to an author's request.
type ConfdbSchemaFacts struct {
	Revision int // as NextAssertionRevision gives it
	At       time.Time
}

// BuildConfdbSchema returns the headers that the author signs, with the body
// among them as clients want it. Numbers are text, keys that the author left
// out stay out, and there is no other key than clients know.
func BuildConfdbSchema(r ConfdbSchemaRequest, facts ConfdbSchemaFacts) (map[string]any, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	body, err := confdbBody([]byte(r.Body))
	if err != nil {
		return nil, err
	}
	views := make(map[string]any, len(r.Views))
	for name, v := range r.Views {
		view := map[string]any{"rules": confdbRules(v.Rules)}
		if v.Summary != "" {
			view["summary"] = v.Summary
		}
		views[name] = view
	}
	h := map[string]any{
		"type":         "confdb-schema",
		"authority-id": r.AccountID,
		"account-id":   r.AccountID,
		"name":         r.Name,
		"revision":     strconv.Itoa(max(r.Revision, facts.Revision)),
		"timestamp":    assertionTime(facts.At),
		"views":        views,
		"body":         body,
	}
	if r.Summary != "" {
		h["summary"] = r.Summary
	}
	return h, nil
}

func confdbRules(list []ConfdbRule) []any {
	rules := make([]any, len(list))
	for i, r := range list {
		rule := map[string]any{"storage": r.Storage}
		if r.Request != "" {
			rule["request"] = r.Request
		}
		if r.Access != "" {
			rule["access"] = r.Access
		}
		if len(r.Content) > 0 {
			rule["content"] = confdbRules(r.Content)
		}
		rules[i] = rule
	}
	return rules
}

// CheckSignedConfdbSchema says whether the store takes a confdb schema with
// these headers and body, signature and form of which have been verified, from
// the account caller. stored is the highest revision that the store has of it,
// if it found one. Errors are as for CheckSignedValidationSet.
func CheckSignedConfdbSchema(headers map[string]any, body []byte, caller string, stored int, found bool) error {
	if err := checkOwnAssertion(headers, caller); err != nil {
		return err
	}
	if err := onlyHeaders("", headers, "name", "summary", "views"); err != nil {
		return err
	}
	r := ConfdbSchemaRequest{AccountID: caller, Body: string(body)}
	r.Name, _ = headers["name"].(string)
	r.Summary, _ = headers["summary"].(string)
	views, err := json.Marshal(headers["views"])
	if err == nil {
		d := json.NewDecoder(bytes.NewReader(views))
		d.DisallowUnknownFields()
		err = d.Decode(&r.Views)
	}
	if err != nil {
		return invalidSet("views: they have something that clients do not know: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	if err := r.Check(); err != nil {
		return err
	}
	return checkAssertionRevision(headers, stored, found)
}
