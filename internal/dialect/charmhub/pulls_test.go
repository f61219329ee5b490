package charmhub

import (
	"context"
	"net/http"
	"testing"

	"github.com/larder-store/larder/internal/dialect/publishertest"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// countingRegistry counts how often it is asked for what pulls images.
type countingRegistry struct {
	registry
	asked int
}

func (r *countingRegistry) PullCredentials(ctx context.Context, repo store.ImageRepo) (username string, password identity.Secret, err error) {
	r.asked++
	return r.registry.PullCredentials(ctx, repo)
}

// A controller asks about many charms, and asks again all the time.
func TestARefreshOfImagesAsksForTheirCredentialsOnce(t *testing.T) {
	s := newShop(t)
	counting := &countingRegistry{}
	s.API = New(Options{
		Catalog: s.Catalog, Identity: s.People, Registry: counting,
		BaseURL: func(*http.Request) string { return publishertest.BaseURL },
	})
	pkg, rev := s.declaring("imaged")
	s.attachImage("imaged", "server", s.image(pkg, "server", "amd64"))
	s.release(pkg, rev, "latest/stable", "server=1")
	ask := func() {
		t.Helper()
		if r := s.one("", install("imaged", "stable", noble)); len(r.Charm.Resources) != 1 {
			t.Fatalf("%+v", r)
		}
	}
	ask()
	before := counting.asked
	ask()
	if counting.asked != before {
		t.Errorf("asked %d times again", counting.asked-before)
	}
	s.Must(s.Catalog.RevokeImagePulls(t.Context(), publishertest.Operator, "imaged"))
	if ask(); counting.asked == before {
		t.Error("what was revoked is still told")
	}
}
