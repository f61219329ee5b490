package snappublisher

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// What the public store answers, by the name of the exchange: keys and types
// alone. A list has the shape of its elements, or none when it was empty.
var recordings = map[string]any{
	"dashboard.get_account": map[string]any{
		"id": "", "display-name": "", "username": "", "email": "", "validation": "", "short_namespace": "",
		"account-keys": []any{map[string]any{"name": "", "public-key-sha3-384": "", "since": ""}},
		"snaps":        map[string]any{"16": map[string]any{}},
	},
	"dashboard.get_account.snap": map[string]any{
		"icon_url": nil, "latest_comments": []any{}, "price": nil, "private": false, "since": "", "snap-id": "",
		"status": "", "store": "", "unlisted": false,
		"publisher": map[string]any{"id": "", "display-name": "", "username": "", "validation": ""},
		"latest_revisions": []any{map[string]any{
			"architectures": []any{""}, "channels": []any{""}, "revision": 0.0, "since": "", "status": "", "version": "",
		}},
	},
	"dashboard.get_agreement": map[string]any{
		"latest_tos_accepted": true, "latest_tos_date": "", "tos_url": "", "accepted_tos_date": "",
	},
	"dashboard.post_register_name_dispute": map[string]any{"snap_name": "", "status_url": ""},
}

func recorded(t *testing.T, name string) any {
	t.Helper()
	r, ok := recordings[name]
	if !ok {
		t.Fatalf("nothing is recorded as %s", name)
	}
	return r
}

// wantShape fails the test unless an answer has every key that was recorded, and
// each with its type. More keys are fine.
func wantShape(t *testing.T, want, got any) {
	t.Helper()
	compareShape(t, "", want, got)
}

func compareShape(t *testing.T, path string, want, got any) {
	t.Helper()
	if want == nil {
		return // null, or anything
	}
	if fmt.Sprintf("%T", want) != fmt.Sprintf("%T", got) {
		t.Errorf("%s is a %T, and was recorded as a %T", path, got, want)
		return
	}
	switch want := want.(type) {
	case map[string]any:
		got := got.(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(want)) {
			value, there := got[key]
			if !there {
				t.Errorf("%s.%s is missing", path, key)
				continue
			}
			compareShape(t, path+"."+key, want[key], value)
		}
	case []any:
		if len(want) == 0 {
			return
		}
		for i, element := range got.([]any) {
			compareShape(t, fmt.Sprintf("%s[%d]", path, i), want[0], element)
		}
	}
}
