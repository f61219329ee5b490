package authority_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/store"
)

// What store builds for publishers to sign is what assertion, and so a device,
// takes; and store takes it back.
func TestBuiltHeadersCanBeSigned(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	set, err := store.BuildValidationSet(store.ValidationSetRequest{
		AccountID: "acme", Name: "fleet-1", Sequence: 3,
		Snaps: []store.ValidationSetSnap{
			{Name: "tool"},
			{Name: "other", Presence: "optional", Revision: 2, Components: map[string]store.ValidationSetComponent{
				"data": {Presence: "required", Revision: 4}, "more": {Presence: "invalid"},
			}},
		},
	}, store.ValidationSetFacts{
		SnapIDs: map[string]string{"tool": assertiontest.SnapID(1), "other": assertiontest.SnapID(2)}, Revision: 1, At: at,
	})
	if err != nil {
		t.Fatal(err)
	}
	schema, err := store.BuildConfdbSchema(store.ConfdbSchemaRequest{
		AccountID: "acme", Name: "network", Summary: "all of it", Body: `{"storage":{"schema":{"b":"any","a":"<x>"}}}`,
		Views: map[string]store.ConfdbView{"wifi": {Rules: []store.ConfdbRule{{Storage: "wifi", Content: []store.ConfdbRule{{Storage: "ssid", Access: "read"}}}}}},
	}, store.ConfdbSchemaFacts{At: at})
	if err != nil {
		t.Fatal(err)
	}
	for _, headers := range []map[string]any{set, schema} {
		headers = maps.Clone(headers)
		body, _ := headers["body"].(string)
		delete(headers, "body")
		signed, err := assertion.Sign(headers, []byte(body), assertiontest.Signer("brand"))
		if err != nil {
			t.Errorf("%s: %v", headers["type"], err)
			continue
		}
		if body == "" {
			err = store.CheckSignedValidationSet(signed.Headers(), "acme", 0, true)
		} else {
			err = store.CheckSignedConfdbSchema(signed.Headers(), signed.Body(), "acme", 0, false)
		}
		if err != nil {
			t.Errorf("%s: %v", headers["type"], err)
		}
	}
	if !strings.Contains(schema["body"].(string), "\n  ") {
		t.Error("the body was not written the way devices want it")
	}
}
