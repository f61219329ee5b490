// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"errors"
	"testing"

	"github.com/snapcore/snapd/store"

	"github.com/larder-store/larder/internal/testservice"
	"github.com/larder-store/larder/interop/harness"
)

// A device outlives the server it talks to: what it was given before goes on
// after, and what was pushed meanwhile is there.
func TestRefreshAfterARestart(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		end  func(*harness.Larder)
	}{
		{"clean", (*harness.Larder).Stop},
		{"crash", (*harness.Larder).Kill},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &shop{Larder: harness.Start(t, harness.Place{}, harness.Root())}
			device := acme().NewDevice(acme().Model("desk", ""), "lasting-1")
			s.Run("push-account-keys", harness.WriteAssertions(t, t.TempDir()+"/acme.assert", acme().Account, acme().Key))
			s.push(t, harness.Snap{Name: tool, Version: "1.0"}, "stable")
			before := device.Client(t, s.URL)
			first := act(t, before, nil, install(tool, "stable"))[0].Info
			wantRevision(t, first, 1)
			verify(t, before, harness.OpenDatabase(t), download(t, before, first, nil), first)
			current := s.installed(t, tool, 1, "latest/stable")
			session := device.Session()

			test.end(s.Larder)
			s.push(t, harness.Snap{Name: tool, Version: "1.1"}, "stable")
			s.Serve()

			after := device.Client(t, s.URL)
			second := act(t, after, []*store.CurrentSnap{current}, refresh(current))[0].Info
			wantRevision(t, second, 2)
			verify(t, after, harness.OpenDatabase(t), download(t, after, second, nil), second)
			if session == "" || device.Session() != session {
				t.Error("the session did not outlive the server")
			}
		})
	}
}

// Two servers over one database and one blob store are one store: whichever a
// device asks, it sees what was pushed through the other.
func TestNodesSeeEachOthersPushes(t *testing.T) {
	t.Parallel()
	first := &shop{Larder: harness.Start(t, harness.Place{DB: testservice.PostgreSQL(t), Blobs: testservice.S3(t)}, harness.Root())}
	second := &shop{Larder: first.Node()}
	second.Serve()

	device := acme().NewDevice(acme().Model("desk", ""), "roaming-1")
	first.Run("push-account-keys", harness.WriteAssertions(t, t.TempDir()+"/acme.assert", acme().Account, acme().Key))
	for i, here := range []*shop{first, second} {
		there := []*shop{second, first}[i]
		name := []string{"from-first", "from-second"}[i]
		here.push(t, harness.Snap{Name: name, Version: "1.0"}, "stable")
		current := here.installed(t, name, 1, "latest/stable")
		client := device.Client(t, there.URL)
		// Both nodes have looked at the snap before it changes.
		_, failed := actFails(t, client, []*store.CurrentSnap{current}, refresh(current))
		if !errors.Is(failed.Refresh[name], store.ErrNoUpdateAvailable) {
			t.Fatalf("before the push: got %v", failed)
		}
		here.push(t, harness.Snap{Name: name, Version: "1.1", Ballast: 64 << 10}, "stable")
		info := refreshSoon(t, client, current).Info
		wantRevision(t, info, 2)
		verify(t, client, harness.OpenDatabase(t), download(t, client, info, nil), info)
	}

	// A session that one node opened is good at the other.
	session := device.Session()
	act(t, device.Client(t, first.URL), nil, install("from-second", "stable"))
	if session == "" || device.Session() != session {
		t.Error("the other node refused the session")
	}
}
