// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"strings"
	"testing"

	"github.com/larder-store/larder/interop/harness"
)

// partner is the root of another store, and a developer there.
func partner() (*harness.Authority, *harness.Brand) {
	root := harness.NewAuthorityWith("partner", harness.Key("forger"))
	return root, root.NewBrand("partner-dev", "rival")
}

const partnerSnapID = "PartnerSnapPartnerSnapPartnerSn1"

// What another store signed is served as it is, to devices that know that
// store's root and need not know this one's.
func TestForeignSnapsAreServedWithTheirOwnChain(t *testing.T) {
	t.Parallel()
	root, dev := partner()
	const name = "imported-tool"
	pkg := root.Register(name, partnerSnapID, dev)
	old := pkg.Upload(t, harness.Snap{Version: "1.0"}, 7, "stable")
	edge := pkg.Upload(t, harness.Snap{Version: "2.0"}, 9, "edge")
	pair := pkg.Upload(t, harness.Snap{Version: "1.5"}, 8, "").Pair(t)

	s := &shop{Larder: harness.Start(t, harness.Place{}, harness.Root())}
	if _, stderr, err := s.Try("push-snap", pair, "--channel", "candidate"); err == nil {
		t.Error("a snap was taken in that no trusted root vouches for")
	} else if !strings.Contains(stderr, "trust add") && !strings.Contains(stderr, root.Key.PublicKeyID()) {
		t.Errorf("the refusal names neither the missing key nor what to do: %s", stderr)
	}
	s.Run("trust", "add", root.WriteRoot(t))
	s.Run("push-snap", harness.Archive(t, old, edge))
	s.Run("push-snap", pair, "--channel", "candidate")

	client := s.anonymous(t)
	for channel, revision := range map[string]int{"stable": 7, "candidate": 8, "beta": 8, "edge": 9} {
		info := act(t, client, nil, install(name, channel))[0].Info
		wantRevision(t, info, revision)
		if info.SnapID != partnerSnapID || info.Publisher.ID != dev.ID {
			t.Errorf("%s: got id %s of %s", channel, info.SnapID, info.Publisher.ID)
		}
		verify(t, client, root.OpenDatabase(t), download(t, client, info, nil), info)
	}

	if out := s.Run("push-snap", pair, "--channel", "candidate"); !strings.Contains(out, "nothing changed") {
		t.Errorf("pushing again said %q", out)
	}
}

// A store that only trusts has no authority of its own: it serves what others
// signed, and cannot take a snap that nobody signed.
func TestStoreWithoutAnAuthorityServesWhatItTrusts(t *testing.T) {
	t.Parallel()
	root, dev := partner()
	const name = "trusted-tool"
	pair := root.Register(name, partnerSnapID, dev).Upload(t, harness.Snap{}, 3, "").Pair(t)

	s := &shop{Larder: harness.New(t, harness.Place{}, "--trust", root.WriteRoot(t))}
	s.Serve()
	s.Run("push-snap", pair, "--channel", "stable")
	client := s.anonymous(t)
	info := act(t, client, nil, install(name, "stable"))[0].Info
	wantRevision(t, info, 3)
	verify(t, client, root.OpenDatabase(t), download(t, client, info, nil), info)

	if list := s.Run("trust", "list"); !strings.Contains(list, root.Key.PublicKeyID()) {
		t.Errorf("the anchor is not listed:\n%s", list)
	}
	bare := harness.Snap{Name: "home-made"}.Build(t)
	if _, stderr, err := s.Try("push-snap", bare, "--register", "--channel", "stable"); err == nil {
		t.Error("a store without a key signed a snap")
	} else if !strings.Contains(stderr, "larder init") {
		t.Errorf("the refusal does not say what to do: %s", stderr)
	}
	if list := s.Run("trust", "list"); strings.Count(list, "\n") < 3 {
		t.Errorf("the public store's anchor is missing:\n%s", list)
	}
}
