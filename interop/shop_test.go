// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"context"
	"path/filepath"
	"sync"
	"testing"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/snap"
	"github.com/snapcore/snapd/store"

	"github.com/larder-store/larder/interop/harness"
)

// What lies on the shelf of every shop. The numbers are revisions.
const (
	connSnap     = "core"        // what snapd's connectivity check asks for
	tool         = "tidy-tool"   // stable 2, edge 3; 1 was stable before
	heavy        = "heavy-load"  // stable 1, a few megabytes
	foreign      = "arm-only"    // stable 1, for another architecture
	overridden   = "pinned-down" // stable 2, overridden with 1
	progressive  = "slow-roll"   // stable 1, and 2 for some devices
	experimental = "wild-idea"   // edge 1
	secret       = "acme-secret" // stable 1, in the brand store only

	brandStore  = "acmestore"
	setName     = "acme-set" // a validation set with sequence 1 and 2
	heavyBytes  = 3 << 20
	toolTitle   = "Tidy Tool"
	category    = "utilities"
	toolCommon  = "org.example.tidy"
	toolPlug    = "home"
	missingSnap = "no-such-snap"
)

// Two brands known to every shop; only the first has a store there.
var (
	acme  = sync.OnceValue(func() *harness.Brand { return harness.Root().NewBrand("acme", "acme") })
	rival = sync.OnceValue(func() *harness.Brand { return harness.Root().NewBrand("rival", "rival") })
)

// shop is a running larder with goods, and devices that visit it.
type shop struct {
	*harness.Larder
	brand, rival *harness.Brand

	// public has a serial and a model that names no store; insider's model
	// names the brand's store; stranger is of another brand.
	public, insider, stranger *harness.Device
}

func openShop(t *testing.T, place harness.Place) *shop {
	t.Helper()
	acme, rival := acme(), rival()
	s := &shop{
		Larder:   harness.Start(t, place, harness.Root()),
		brand:    acme,
		rival:    rival,
		public:   acme.NewDevice(acme.Model("desk", ""), "desk-1"),
		insider:  acme.NewDevice(acme.Model("vault", brandStore), "vault-1"),
		stranger: rival.NewDevice(rival.Model("desk", ""), "rival-1"),
	}

	s.Run("config", "proxy.device-auth.register-devices=True")
	s.Run("assertion", "add", harness.WriteAssertions(t, filepath.Join(t.TempDir(), "brands.assert"),
		acme.Account, acme.Key, s.public.Model, s.insider.Model,
		rival.Account, rival.Key, s.stranger.Model))

	s.push(t, harness.Snap{Name: connSnap, Type: "os", Version: "16-2.60"}, "stable")
	for _, v := range []struct{ version, channel string }{{"1.0", "stable"}, {"1.1", "stable"}, {"2.0", "edge"}} {
		s.push(t, harness.Snap{Name: tool, Version: v.version, Summary: "Tidies a workbench",
			Apps: []string{tool, "sweep"}, CommonID: toolCommon, Plugs: []string{toolPlug}}, v.channel)
	}
	s.Run("package", "set", tool, "--category", category, "--title", toolTitle)
	s.push(t, harness.Snap{Name: heavy, Ballast: heavyBytes}, "stable")
	s.push(t, harness.Snap{Name: foreign, Architecture: "arm64"}, "stable")
	s.push(t, harness.Snap{Name: overridden, Version: "1.0"}, "stable")
	s.push(t, harness.Snap{Name: overridden, Version: "1.1"}, "stable")
	s.Run("override", overridden, "stable=1")
	s.push(t, harness.Snap{Name: progressive, Version: "1.0"}, "stable")
	s.push(t, harness.Snap{Name: progressive, Version: "1.1"}, "edge")
	s.Run("release", progressive, "2", "stable", "--progressive", "40")
	s.push(t, harness.Snap{Name: experimental}, "edge")

	s.push(t, harness.Snap{Name: secret}, "stable")
	s.Run("store", "create", brandStore, "--name", "Acme devices", "--brand", acme.ID, "--private")
	s.Run("package", "set", secret, "--store", brandStore)

	member := map[string]any{"name": tool, "id": s.info(t, tool).SnapID, "presence": "required"}
	pinned := map[string]any{"name": tool, "id": s.info(t, tool).SnapID, "presence": "required", "revision": "1"}
	s.Run("assertion", "add", harness.WriteAssertions(t, filepath.Join(t.TempDir(), "sets.assert"),
		acme.ValidationSet(setName, 1, pinned), acme.ValidationSet(setName, 2, member)))
	return s
}

// push registers the snap unless it is, and releases it to the channel.
func (s *shop) push(t *testing.T, made harness.Snap, channel string) {
	t.Helper()
	s.Run("push-snap", made.Build(t), "--register", "--channel", channel)
}

// anonymous is the client of a device that has neither serial nor store.
func (s *shop) anonymous(t *testing.T) *store.Store {
	t.Helper()
	return harness.Anonymous("").Client(t, s.URL)
}

func (s *shop) info(t *testing.T, name string) *snap.Info {
	t.Helper()
	info, err := s.anonymous(t).SnapInfo(context.Background(), store.SnapSpec{Name: name}, nil)
	if err != nil {
		t.Fatalf("info of %s: %v", name, err)
	}
	return info
}

// act runs actions that the store must answer without an error.
func act(t *testing.T, client *store.Store, installed []*store.CurrentSnap, actions ...*store.SnapAction) []store.SnapActionResult {
	t.Helper()
	results, _, err := client.SnapAction(context.Background(), installed, actions, nil, nil, nil)
	if err != nil {
		t.Fatalf("snap action: %v", err)
	}
	if len(results) != len(actions) {
		t.Fatalf("got %d results for %d actions", len(results), len(actions))
	}
	return results
}

// actFails runs actions of which at least one must fail inside an answer that
// is otherwise good.
func actFails(t *testing.T, client *store.Store, installed []*store.CurrentSnap, actions ...*store.SnapAction) ([]store.SnapActionResult, *store.SnapActionError) {
	t.Helper()
	results, _, err := client.SnapAction(context.Background(), installed, actions, nil, nil, nil)
	failed, ok := err.(*store.SnapActionError)
	if !ok {
		t.Fatalf("got %v, want an error of an action", err)
	}
	return results, failed
}

func install(name, channel string) *store.SnapAction {
	return &store.SnapAction{Action: "install", InstanceName: name, Channel: channel}
}

func installRevision(name string, revision int) *store.SnapAction {
	return &store.SnapAction{Action: "install", InstanceName: name, Revision: snap.R(revision)}
}

// installed is the context entry of a snap at a revision that tracks a channel.
func (s *shop) installed(t *testing.T, name string, revision int, tracking string) *store.CurrentSnap {
	t.Helper()
	info := s.info(t, name)
	return &store.CurrentSnap{
		InstanceName:    name,
		SnapID:          info.SnapID,
		Revision:        snap.R(revision),
		TrackingChannel: tracking,
		Epoch:           info.Epoch,
	}
}

func refresh(installed *store.CurrentSnap) *store.SnapAction {
	return &store.SnapAction{Action: "refresh", InstanceName: installed.InstanceName, SnapID: installed.SnapID}
}

func wantRevision(t *testing.T, got *snap.Info, want int) {
	t.Helper()
	if got.Revision != snap.R(want) {
		t.Errorf("%s: got revision %s, want %d", got.RealName, got.Revision, want)
	}
}

// retrieve fetches assertions one by one, as snapd's fetcher wants them.
func retrieve(client *store.Store) func(*asserts.Ref) (asserts.Assertion, error) {
	return func(ref *asserts.Ref) (asserts.Assertion, error) {
		return client.Assertion(ref.Type, ref.PrimaryKey, nil)
	}
}
