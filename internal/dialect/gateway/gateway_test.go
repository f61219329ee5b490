package gateway

import (
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// The two dialects test what the rows do; here is only that both have them all.
func TestSnapsAndCharmsHaveTheSameRoutes(t *testing.T) {
	patterns := func(ns store.Namespace) []string {
		return reply.Patterns((&Gateway{Namespace: ns}).Routes())
	}
	snaps, charms := patterns(store.Snap), patterns(store.Charm)
	for i := range snaps {
		snaps[i] = strings.Replace(snaps[i], " /v1/snap", " /v1/charm", 1)
	}
	if !slices.Equal(snaps, charms) {
		t.Errorf("snaps have %q, charms %q", snaps, charms)
	}
	if i := slices.IndexFunc(charms, func(p string) bool { return !strings.Contains(p, " /v1/charm") }); i >= 0 {
		t.Errorf("%s is outside of /v1/charm", charms[i])
	}
}

func TestEveryTypeCanBeRegistered(t *testing.T) {
	for ns, c := range customs {
		for word, typ := range c.types {
			if err := store.ValidType(ns, typ); err != nil {
				t.Errorf("%s %q: %v", ns, word, err)
			}
		}
		if c.path == "" || c.only == "" || c.answered == 0 {
			t.Errorf("%s is not described: %+v", ns, c)
		}
	}
}
