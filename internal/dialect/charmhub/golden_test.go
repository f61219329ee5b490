package charmhub

import (
	"testing"

	"github.com/larder-store/larder/internal/dialect/reply/replytest"
)

// golden holds an answer to its file in testdata.
func (w *world) golden(t *testing.T, name string, fill ...string) {
	t.Helper()
	replytest.Golden{
		API: w.API, Headers: []string{"Content-Type", "Location", "Www-Authenticate"}, RandomIDs: true,
	}.Check(t, name, fill...)
}
