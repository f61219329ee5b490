package snapdevice

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/dialect/reply/replytest"
)

// TestGolden holds every answer in testdata to its file.
func TestGolden(t *testing.T) {
	requests, err := filepath.Glob("testdata/*.request.http")
	if err != nil || len(requests) == 0 {
		t.Fatal("no golden requests", err)
	}
	answers := replytest.Golden{API: newWorld(t).api, Headers: []string{
		"Allow", "Cache-Control", "Content-Type", "Etag", "Snap-Store-Version", "Vary", "Www-Authenticate",
	}}
	for _, file := range requests {
		name := strings.TrimSuffix(filepath.Base(file), ".request.http")
		t.Run(name, func(t *testing.T) { answers.Check(t, name) })
	}
}
