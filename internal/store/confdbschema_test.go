package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// schemaOf writes a request with these views and a plain body.
func schemaOf(views string) string {
	return `{"account-id": "acme", "name": "network", "views": {` + views + `}, "body": "{\"storage\": {\"schema\": {}}}"}`
}

func readSchema(text string) (ConfdbSchemaRequest, error) {
	var r ConfdbSchemaRequest
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	err := d.Decode(&r)
	return r, err
}

func TestConfdbSchemaRequestIsHeldToTheRules(t *testing.T) {
	deep := strings.Repeat(`{"storage": "a", "content": [`, 16) + `{"storage": "a"}` + strings.Repeat(`]}`, 16)
	many := strings.TrimSuffix(strings.Repeat(`{"storage": "a"},`, 1001), ",")
	body := func(text string) string {
		b, _ := json.Marshal(text)
		return `{"account-id": "acme", "name": "network", "views": {"w": {"rules": [{"storage": "a"}]}}, "body": ` + string(b) + `}`
	}
	for _, c := range []struct{ text, want string }{
		{schemaOf(`"wifi": {"rules": [{"storage": "wifi"}]}`), ""},
		{schemaOf(`"wifi-1": {"summary": "the radio", "rules": [{"request": "ssids.{n}", "storage": "wifi.ssids[{n}]", "access": "read-write", "content": [{"storage": "name", "access": "read"}]}]}`), ""},
		{schemaOf(`"wifi": {"summary": null, "rules": [{"request": null, "storage": "a", "access": null, "content": null}]}`), ""},
		{schemaOf(`"wifi": {"rules": [{"storage": "wifi"}], "parameters": {}}`), `"parameters"`},
		{schemaOf(`"wifi": {"rules": [{"storage": "wifi", "colour": "red"}]}`), `"colour"`},
		{schemaOf(``), "views: a confdb schema has at least one view"},
		{schemaOf(`"Wifi": {"rules": [{"storage": "a"}]}`), `views: "Wifi" cannot name a view`},
		{schemaOf(`"wifi": {"rules": []}`), "views.wifi.rules: a view has at least one rule"},
		{schemaOf(`"wifi": {"rules": [{"request": "a"}]}`), `views.wifi.rules[0].storage: "" is no path`},
		{schemaOf(`"wifi": {"rules": [{"storage": "a..b"}]}`), `views.wifi.rules[0].storage: "a..b" is no path`},
		{schemaOf(`"wifi": {"rules": [{"storage": "a b"}]}`), "storage"},
		{schemaOf(`"wifi": {"rules": [{"storage": "a", "request": ".a"}]}`), `views.wifi.rules[0].request: ".a" is no path`},
		{schemaOf(`"wifi": {"rules": [{"storage": "a", "access": "all"}]}`), `views.wifi.rules[0].access: "all"`},
		{schemaOf(`"wifi": {"rules": [{"storage": "a", "content": [{"storage": ""}]}]}`), "views.wifi.rules[0].content[0].storage"},
		{schemaOf(`"wifi": {"summary": "a\nb", "rules": [{"storage": "a"}]}`), "views.wifi.summary"},
		{schemaOf(`"wifi": {"rules": [` + deep + `]}`), "nest at most 16 deep"},
		{schemaOf(`"wifi": {"rules": [` + many + `]}`), "at most 1000 rules"},
		{`{"name": "network"}`, "account-id"},
		{`{"account-id": "acme", "name": "-"}`, `name: "-"`},
		{`{"account-id": "acme", "name": "x", "revision": -1}`, "revision"},
		{`{"account-id": "acme", "name": "x", "summary": "` + strings.Repeat("a", 129) + `"}`, "summary"},
		{body(`{"storage": {}}`), ""},
		{body(``), "body: cannot read the storage schema: it is needed"},
		{body(`{`), "it is no JSON object"},
		{body(`[]`), "it is no JSON object"},
		{body(`null`), `it has no "storage"`},
		{body(`{"schema": {}}`), `it has no "storage"`},
		{body(`{"storage": {"a": "` + strings.Repeat(`\"[`, 65) + `", "b": ` + strings.Repeat("[", 62) + strings.Repeat("]", 62) + `}}`), ""},
		{body(`{"storage": ` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`), "it nests more than 64 deep"},
		{body(`{"storage": "` + strings.Repeat("a", 256<<10) + `"}`), "up to 262144 bytes"},
		{body(`{"storage": {}} {}`), "it is no JSON object"},
	} {
		r, err := readSchema(c.text)
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

func TestBuildConfdbSchemaFillsIn(t *testing.T) {
	r, err := readSchema(`{"account-id": "acme", "name": "network", "summary": "all of it", "revision": 2, "views": {
		"wifi": {"summary": "the radio", "rules": [{"request": "ssids", "storage": "wifi.ssids", "access": "read", "content": [{"storage": "name"}]}]},
		"all": {"rules": [{"storage": "a"}]}},
		"body": "{\"storage\":{\"schema\":{\"b\":1.0,\"a\":\"<any>\"}},\"aliases\":{}}"}`)
	if err != nil {
		t.Fatal(err)
	}
	facts := ConfdbSchemaFacts{Revision: 5, At: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}
	got, err := BuildConfdbSchema(r, facts)
	want := map[string]any{
		"type": "confdb-schema", "authority-id": "acme", "account-id": "acme", "name": "network", "summary": "all of it",
		"revision": "5", "timestamp": "2026-03-04T05:06:07Z",
		"views": map[string]any{
			"wifi": map[string]any{"summary": "the radio", "rules": []any{map[string]any{
				"request": "ssids", "storage": "wifi.ssids", "access": "read", "content": []any{map[string]any{"storage": "name"}},
			}}},
			"all": map[string]any{"rules": []any{map[string]any{"storage": "a"}}},
		},
		"body": `{
  "aliases": {},
  "storage": {
    "schema": {
      "a": "\u003cany\u003e",
      "b": 1.0
    }
  }
}`,
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v\nwant %v", got, err, want)
	}
	r.Revision = 9
	if got, err := BuildConfdbSchema(r, facts); err != nil || got["revision"] != "9" {
		t.Errorf("revision %v, %v", got["revision"], err)
	}
	r.Views = nil
	if _, err := BuildConfdbSchema(r, facts); CodeOf(err) != "invalid-request" {
		t.Errorf("no views: %v", err)
	}
}

func TestSignedConfdbSchema(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(h map[string]any)
		stored int // -1 is none
		want   string
	}{
		{"the first", func(h map[string]any) {}, -1, ""},
		{"the next", func(h map[string]any) {}, 2, ""},
		{"the same", func(h map[string]any) {}, 3, "conflict: "},
		{"an older one", func(h map[string]any) {}, 4, "conflict: "},
		{"somebody else's", func(h map[string]any) { h["authority-id"] = "else" }, -1, "invalid-request: account-id"},
		{"a key that clients do not know", func(h map[string]any) { h["views"].(map[string]any)["w"].(map[string]any)["parameters"] = "x" }, -1, `invalid-request: views: they have something that clients do not know: unknown field "parameters"`},
		{"views that are none", func(h map[string]any) { h["views"] = "w" }, -1, "invalid-request: views"},
		{"no views", func(h map[string]any) { delete(h, "views") }, -1, "invalid-request: views"},
		{"a bad name", func(h map[string]any) { h["name"] = "A" }, -1, "invalid-request: name"},
		{"a bad revision", func(h map[string]any) { h["revision"] = "x" }, -1, "invalid-request: revision"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := readSchema(schemaOf(`"w": {"rules": [{"storage": "a"}]}`))
			if err != nil {
				t.Fatal(err)
			}
			h, err := BuildConfdbSchema(r, ConfdbSchemaFacts{Revision: 3})
			if err != nil {
				t.Fatal(err)
			}
			body := h["body"].(string)
			delete(h, "body")
			c.change(h)
			err = CheckSignedConfdbSchema(h, []byte(body), "acme", max(c.stored, 0), c.stored >= 0)
			if got := fmt.Sprintf("%s: %v", CodeOf(err), err); (err == nil) != (c.want == "") || err != nil && !strings.HasPrefix(got, c.want) {
				t.Errorf("got %v, want %q", got, c.want)
			}
		})
	}
}
