package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/transfer"
)

func TestNoListIsPrintedAsNull(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		value any
		want  string
	}{
		{map[string]any{"list": []string(nil), "none": nil}, `{"list":[],"none":null}`},
		{store.View{ID: "a", CreatedAt: at}, `{"id":"a","name":"","brand":"","private":false,"includes":[],"packages":[],"created-at":"2026-01-02T03:04:05Z"}`},
		{map[string]any{"units": []pushed{{Result: transfer.Result{Unit: "u", Outcome: catalog.Outcome{}}}}},
			`{"units":[{"unit":"u","pushed":[],"released":[],"assertions":0}]}`},
		{[]*store.View{{CreatedAt: at}}, `[{"id":"","name":"","brand":"","private":false,"includes":[],"packages":[],"created-at":"2026-01-02T03:04:05Z"}]`},
		{struct {
			Left []int `json:"left,omitempty"`
			Raw  json.RawMessage
			At   [][]int
		}{Raw: json.RawMessage(`{"a": null}`), At: [][]int{nil}}, `{"Raw":{"a":null},"At":[[]]}`},
	} {
		var b bytes.Buffer
		if err := (&terminal{out: &b, json: true}).print(tt.value, nil); err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		if err := json.Compact(&got, b.Bytes()); err != nil || strings.TrimSpace(got.String()) != tt.want {
			t.Errorf("printed %s, %v, want %s", got.String(), err, tt.want)
		}
	}
}
