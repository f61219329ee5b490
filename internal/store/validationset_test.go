package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

const (
	toolID  = "toolIDtoolIDtoolIDtoolIDtoolID00"
	otherID = "otherIDotherIDotherIDotherIDoth0"
)

// readSet decodes a request as a dialect does.
func readSet(text string) (ValidationSetRequest, error) {
	var r ValidationSetRequest
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&r)
	return r, err
}

// setOf writes a request with these snaps.
func setOf(snaps string) string {
	return `{"account-id": "acme", "name": "bundle-1", "sequence": 3, "snaps": [` + snaps + `]}`
}

func TestValidationSetRequestIsHeldToTheRules(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		// Fine.
		{setOf(`{"name": "tool"}`), ""},
		{setOf(`{"name": "tool", "id": "` + toolID + `", "presence": "optional", "revision": 7}`), ""},
		{setOf(`{"name": "tool", "presence": "invalid"}, {"name": "other", "revision": 0}`), ""},
		{setOf(`{"name": "tool", "components": {"a-1": "required", "b": {"presence": "optional"}}}`), ""},
		{setOf(`{"name": "tool", "revision": 1, "components": {"a": {"presence": "required", "revision": 2}, "b": "invalid"}}`), ""},
		{setOf(`{"name": "tool", "revision": null, "presence": null, "components": null}`), ""},
		// No other keys, on any level.
		{`{"account-id": "acme", "name": "x", "sequence": 1, "revision": "2", "snaps": [{"name": "tool"}]}`, `"revision"`},
		{setOf(`{"name": "tool", "colour": "red"}`), `"colour"`},
		{setOf(`{"name": "tool", "components": {"a": {"presence": "required", "colour": "red"}}}`), `"colour"`},
		// The set itself.
		{`{"name": "x", "sequence": 1, "snaps": [{"name": "tool"}]}`, "account-id: it is needed"},
		{`{"account-id": "` + strings.Repeat("a", 101) + `", "name": "x", "sequence": 1, "snaps": [{"name": "tool"}]}`, "account-id"},
		{`{"account-id": "acme", "name": "X", "sequence": 1, "snaps": [{"name": "tool"}]}`, `name: "X" cannot name`},
		{`{"account-id": "acme", "name": "a--b", "sequence": 1, "snaps": [{"name": "tool"}]}`, `name: "a--b"`},
		{`{"account-id": "acme", "name": "` + strings.Repeat("a", 101) + `", "sequence": 1, "snaps": [{"name": "tool"}]}`, "name: "},
		{`{"account-id": "acme", "name": "x", "sequence": 0, "snaps": [{"name": "tool"}]}`, "sequence: it is a whole number from 1, not 0"},
		{`{"account-id": "acme", "name": "x", "sequence": 1.5, "snaps": [{"name": "tool"}]}`, "sequence"},
		{`{"account-id": "acme", "name": "x", "sequence": "1", "snaps": [{"name": "tool"}]}`, "sequence"},
		{`{"account-id": "acme", "name": "x", "sequence": 1}`, "snaps: a validation set has at least one snap"},
		{setOf(strings.TrimSuffix(strings.Repeat(`{"name": "tool"},`, 1001), ",")), "at most 1000 snaps"},
		// Its snaps.
		{setOf(`{"id": "` + toolID + `"}`), `snaps[0].name: ""`},
		{setOf(`{"name": "tool"}, {"name": "Bad"}`), `snaps[1].name: "Bad"`},
		{setOf(`{"name": "tool", "id": "short"}`), `snaps[0].id: "short" is no id`},
		{setOf(`{"name": "tool", "presence": "maybe"}`), `snaps[0].presence: "maybe"`},
		{setOf(`{"name": "tool", "revision": -1}`), "snaps[0].revision: it is a whole number"},
		{setOf(`{"name": "tool", "presence": "invalid", "revision": 1}`), "snaps[0].revision: a snap that must be absent has no revision"},
		{setOf(`{"name": "tool"}, {"name": "tool"}`), "snaps[1].name: tool is listed twice"},
		{setOf(`{"name": "tool", "id": "` + toolID + `"}, {"name": "tool2", "id": "` + toolID + `"}`), "snaps[1].id: " + toolID + " is listed twice"},
		// Their components.
		{setOf(`{"name": "tool", "components": {"A": "required"}}`), `snaps[0].components: "A" cannot name`},
		{setOf(`{"name": "tool", "components": {"a": "maybe"}}`), `snaps[0].components.a: "maybe"`},
		{setOf(`{"name": "tool", "components": {"a": ""}}`), "cannot read a component"},
		{setOf(`{"name": "tool", "components": {"a": null}}`), "cannot read a component"},
		{setOf(`{"name": "tool", "components": {"a": 3}}`), "cannot read a component"},
		{setOf(`{"name": "tool", "components": {"a": {"revision": 1}}}`), "the presence is missing"},
		{setOf(`{"name": "tool", "revision": 1, "components": {"a": {"presence": "required", "revision": 0}}}`), "the revision is below 1"},
		{setOf(`{"name": "tool", "revision": 1, "components": {"a": "required"}}`), "snaps[0].components.a.revision: a component has a revision exactly if its snap has one"},
		{setOf(`{"name": "tool", "components": {"a": {"presence": "optional", "revision": 1}}}`), "exactly if its snap has one"},
		{setOf(`{"name": "tool", "revision": 1, "components": {"a": {"presence": "invalid", "revision": 1}}}`), "a component that must be absent has no revision"},
	} {
		r, err := readSet(c.text)
		if err == nil {
			if err = r.Check(); err != nil && CodeOf(err) != "invalid-request" {
				t.Errorf("%.200s: code %q", c.text, CodeOf(err))
			}
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.200s: got %v, want %q", c.text, err, c.want)
		}
	}
}

func TestBuildValidationSetFillsIn(t *testing.T) {
	r, err := readSet(setOf(`{"name": "tool"},
		{"name": "other", "id": "` + otherID + `", "presence": "optional", "revision": 12,
		 "components": {"a": {"presence": "required", "revision": 3}, "b": "invalid"}},
		{"name": "third", "presence": "invalid", "components": {"c": {"presence": "optional"}}}`))
	if err != nil {
		t.Fatal(err)
	}
	got, err := BuildValidationSet(r, ValidationSetFacts{
		SnapIDs:  map[string]string{"tool": toolID, "third": strings.Repeat("3", 32)},
		Revision: 4, At: time.Date(2026, 3, 4, 6, 6, 7, 890, time.FixedZone("", 3600)),
	})
	want := map[string]any{
		"type": "validation-set", "authority-id": "acme", "series": "16", "account-id": "acme", "name": "bundle-1",
		"sequence": "3", "revision": "4", "timestamp": "2026-03-04T05:06:07Z",
		"snaps": []any{
			map[string]any{"name": "tool", "id": toolID},
			map[string]any{"name": "other", "id": otherID, "presence": "optional", "revision": "12",
				"components": map[string]any{"a": map[string]any{"presence": "required", "revision": "3"}, "b": "invalid"}},
			map[string]any{"name": "third", "id": strings.Repeat("3", 32), "presence": "invalid",
				"components": map[string]any{"c": "optional"}},
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v\nwant %v", got, err, want)
	}
	if r.Snaps[0].ID != "" {
		t.Error("the request was changed")
	}
}

func TestBuildValidationSetNeedsSnapsThatExist(t *testing.T) {
	for _, c := range []struct{ snaps, want string }{
		{`{"name": "unheard"}`, "snaps[0].name: cannot find the snap unheard"},
		{`{"name": "tool", "id": "` + otherID + `"}`, "snaps[0].id: " + otherID + " is not the id of the snap tool"},
		{`{"name": "hidden", "id": "` + toolID + `"}, {"name": "tool"}`, "snaps[1].id: " + toolID + " is listed twice"},
		{`{"name": "Bad"}`, "snaps[0].name"},
	} {
		r, err := readSet(setOf(c.snaps))
		if err != nil {
			t.Fatal(err)
		}
		_, err = BuildValidationSet(r, ValidationSetFacts{SnapIDs: map[string]string{"tool": toolID}})
		if CodeOf(err) != "invalid-request" || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %s", c.snaps, err, c.want)
		}
	}
}

func TestNextAssertionRevision(t *testing.T) {
	for _, c := range []struct {
		stored int
		found  bool
		want   int
	}{{0, false, 0}, {9, false, 0}, {0, true, 1}, {4, true, 5}} {
		if got := NextAssertionRevision(c.stored, c.found); got != c.want {
			t.Errorf("%+v: got %d", c, got)
		}
	}
}

// signedSet is what comes back from a client that signed what was built.
func signedSet(t *testing.T) map[string]any {
	t.Helper()
	r, err := readSet(setOf(`{"name": "tool", "revision": 2, "components": {"a": {"presence": "required", "revision": 3}}}, {"name": "other"}`))
	if err != nil {
		t.Fatal(err)
	}
	h, err := BuildValidationSet(r, ValidationSetFacts{SnapIDs: map[string]string{"tool": toolID, "other": otherID}, Revision: 2})
	if err != nil {
		t.Fatal(err)
	}
	h["sign-key-sha3-384"] = "key"
	return h
}

func TestSignedValidationSet(t *testing.T) {
	snap := func(h map[string]any) map[string]any { return h["snaps"].([]any)[0].(map[string]any) }
	for _, c := range []struct {
		name   string
		change func(h map[string]any)
		stored int // -1 is none
		want   string
	}{
		{"the first", func(h map[string]any) {}, -1, ""},
		{"revision 0 left out", func(h map[string]any) { delete(h, "revision") }, -1, ""},
		{"the next revision", func(h map[string]any) {}, 1, ""},
		{"a later revision", func(h map[string]any) { h["revision"] = "9" }, 1, ""},
		{"the same revision", func(h map[string]any) {}, 2, "conflict: revision 2 of this assertion exists already"},
		{"revision 0 again", func(h map[string]any) { delete(h, "revision") }, 0, "conflict: revision 0 of"},
		{"an older revision", func(h map[string]any) {}, 3, "conflict: revision 2 of this assertion is older than the stored revision 3"},
		{"somebody else's", func(h map[string]any) { h["account-id"] = "else" }, -1, "invalid-request: account-id and authority-id"},
		{"by another authority", func(h map[string]any) { h["authority-id"] = "else" }, -1, "invalid-request: account-id and authority-id"},
		{"another series", func(h map[string]any) { h["series"] = "18" }, -1, "invalid-request: series"},
		{"sequence 0", func(h map[string]any) { h["sequence"] = "0" }, -1, "invalid-request: sequence"},
		{"no sequence", func(h map[string]any) { delete(h, "sequence") }, -1, "invalid-request: sequence"},
		{"sequence +1", func(h map[string]any) { h["sequence"] = "+1" }, -1, "invalid-request: sequence"},
		{"a number for text", func(h map[string]any) { h["sequence"] = 1 }, -1, "invalid-request: sequence"},
		{"revision -1", func(h map[string]any) { h["revision"] = "-1" }, -1, "invalid-request: revision"},
		{"a bad name", func(h map[string]any) { h["name"] = "A" }, -1, "invalid-request: name"},
		{"no snaps", func(h map[string]any) { delete(h, "snaps") }, -1, "invalid-request: snaps"},
		{"snaps that are none", func(h map[string]any) { h["snaps"] = []any{"tool"} }, -1, "invalid-request: snaps"},
		{"no id", func(h map[string]any) { delete(snap(h), "id") }, -1, "invalid-request: snaps[0].id: it is needed"},
		{"an id twice", func(h map[string]any) { snap(h)["id"] = otherID }, -1, "invalid-request: snaps[1].id"},
		{"a revision of none", func(h map[string]any) { snap(h)["revision"] = "0" }, -1, "invalid-request: revision"},
		{"components that are none", func(h map[string]any) { snap(h)["components"] = "a" }, -1, "invalid-request: components"},
		{"a component without revision", func(h map[string]any) { snap(h)["components"] = map[string]any{"a": "required"} }, -1, "invalid-request: snaps[0].components.a"},
		{"a component that is a list", func(h map[string]any) { snap(h)["components"] = map[string]any{"a": []any{}} }, -1, "invalid-request: snaps[0].components.a"},
		{"revision of a component", func(h map[string]any) {
			snap(h)["components"] = map[string]any{"a": map[string]any{"presence": "required", "revision": "x"}}
		}, -1, "invalid-request: revision"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := signedSet(t)
			c.change(h)
			err := CheckSignedValidationSet(h, "acme", max(c.stored, 0), c.stored >= 0)
			if got := fmt.Sprintf("%s: %v", CodeOf(err), err); (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(got, c.want) {
				t.Errorf("got %v, want %q", got, c.want)
			}
			if err != nil && (KindOf(err) == KindConflict) != (CodeOf(err) == "conflict") {
				t.Errorf("kind %v", KindOf(err))
			}
		})
	}
	if err := CheckSignedValidationSet(map[string]any{}, "", 0, false); CodeOf(err) != "invalid-request" {
		t.Errorf("nothing from nobody: %v", err)
	}
}

func TestParseSequenceQuery(t *testing.T) {
	for _, c := range []struct {
		text string
		want SequenceQuery
		ok   bool
	}{
		{"", SequenceQuery{}, true}, {"latest", SequenceQuery{}, true}, {"all", SequenceQuery{All: true}, true},
		{"7", SequenceQuery{Number: 7}, true},
		{"0", SequenceQuery{}, false}, {"-1", SequenceQuery{}, false}, {"+1", SequenceQuery{}, false}, {"01", SequenceQuery{}, false},
		{"ALL", SequenceQuery{}, false}, {"1.0", SequenceQuery{}, false}, {strings.Repeat("9", 400), SequenceQuery{}, false},
	} {
		got, err := ParseSequenceQuery(c.text)
		if got != c.want || (err == nil) != c.ok || err != nil && CodeOf(err) != "invalid-request" {
			t.Errorf("%.20q: got %+v, %v", c.text, got, err)
		}
	}
}
