// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"context"
	"errors"
	"testing"

	"github.com/snapcore/snapd/store"

	"github.com/larder-store/larder/interop/harness"
)

func brandStoreAccess(t *testing.T, s *shop) {
	client := s.insider.Client(t, s.URL)
	info, err := client.SnapInfo(context.Background(), store.SnapSpec{Name: secret}, nil)
	if err != nil {
		t.Fatal(err)
	}
	wantRevision(t, info, 1)
	got := act(t, client, nil, install(secret, "stable"))[0]
	verify(t, client, harness.OpenDatabase(t), download(t, client, got.Info, nil), got.Info)

	found, err := client.Find(context.Background(), &store.Search{Query: secret}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(found) != 1 || found[0].SnapName() != secret {
		t.Errorf("found %d snaps", len(found))
	}
	if s.insider.Session() == "" {
		t.Error("the store gave access without a session")
	}
}

// A device of the same brand whose model names no store sees nothing of it,
// and neither does one of another brand, even when it claims the store's id.
func brandStoreNoAccess(t *testing.T, s *shop) {
	impostor := s.brand.NewDevice(s.public.Model, "impostor-1")
	impostor.Store = brandStore

	for name, device := range map[string]*harness.Device{
		"of the global store":                    s.public,
		"of another brand":                       s.stranger,
		"that claims the store beside its model": impostor,
	} {
		s.wantHidden(t, name, device.Client(t, s.URL))
	}
}

// A model of another brand that names the store buys no access: the store may
// refuse the session, or give one that opens nothing.
func brandStoreForeignModel(t *testing.T, s *shop) {
	claimant := s.rival.NewDevice(s.rival.Model("vault", brandStore), "rival-2")
	client := claimant.Client(t, s.URL)
	if err := client.EnsureDeviceSession(); err != nil {
		t.Logf("the session was refused: %v", err)
		s.wantHidden(t, "without the session", harness.Anonymous(brandStore).Client(t, s.URL))
		return
	}
	s.wantHidden(t, "with the session", client)
}

func brandStoreNameOnly(t *testing.T, s *shop) {
	s.wantHidden(t, "without a session", harness.Anonymous(brandStore).Client(t, s.URL))
}

// wantHidden checks that the brand's snap is, for a client, as if it did not
// exist, and that knowing where its bytes lie does not help.
func (s *shop) wantHidden(t *testing.T, who string, client *store.Store) {
	t.Helper()
	ctx := context.Background()
	if _, err := client.SnapInfo(ctx, store.SnapSpec{Name: secret}, nil); !errors.Is(err, store.ErrSnapNotFound) {
		t.Errorf("%s: info: got %v", who, err)
	}
	if _, failed := actFails(t, client, nil, install(secret, "stable")); !errors.Is(failed.Install[secret], store.ErrSnapNotFound) {
		t.Errorf("%s: install: got %v", who, failed)
	}
	if found, err := client.Find(ctx, &store.Search{Query: secret}, nil); err == nil && len(found) != 0 {
		t.Errorf("%s: found %d snaps", who, len(found))
	}
	insider := s.insider.Client(t, s.URL)
	wantNoDownload(t, client, act(t, insider, nil, install(secret, "stable"))[0].Info)
}
