package snappublisher

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/dialect/publishertest"
)

// world is a publishers' store with this dialect before it.
type world struct {
	*publishertest.World
	terms Terms
}

type answer = publishertest.Answer

func TestMain(m *testing.M) { publishertest.Main(m) }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: publishertest.New(t)}
	w.API = New(Options{
		Catalog: w.Catalog, Identity: w.People, Now: func() time.Time { return w.Now },
		Terms:   func(context.Context) (Terms, error) { return w.terms, nil },
		BaseURL: func(*http.Request) string { return publishertest.BaseURL },
	})
	return w
}
