package snappublisher

import (
	"encoding/json"
	"testing"

	"github.com/larder-store/larder/internal/dialect/reply/replytest"
)

// golden holds an answer to its file in testdata.
func (w *world) golden(t *testing.T, name string, fill ...string) {
	t.Helper()
	replytest.Golden{API: w.API, Headers: []string{"Content-Type", "Location", "Www-Authenticate"}}.Check(t, name, fill...)
}

// inJSON is a text as it stands within a JSON string.
func inJSON(text []byte) string {
	quoted, _ := json.Marshal(string(text))
	return string(quoted[1 : len(quoted)-1])
}
