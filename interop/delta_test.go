// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/snapcore/snapd/dirs"
	"github.com/snapcore/snapd/snap"
	"github.com/snapcore/snapd/store"

	"github.com/larder-store/larder/interop/harness"
)

// A delta comes some time after the release that called for it. Applied to the
// installed snap by snapd, it makes the snap that the assertions vouch for; the
// whole snap cannot be had, so that snapd cannot fall back on it.
func downloadDelta(t *testing.T, s *shop) {
	at, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	name := "patched-" + at.Port() // snapd's directory of installed snaps is shared by all places
	made := harness.Snap{Name: name, Summary: "Before", Ballast: 300_000}
	s.push(t, made, "stable")
	client := s.anonymous(t)
	before := act(t, client, nil, install(name, "stable"))[0].Info
	if err := os.MkdirAll(dirs.SnapBlobDir, 0o755); err != nil {
		t.Fatal(err)
	}
	installed := filepath.Join(dirs.SnapBlobDir, name+"_1.snap")
	if err := os.Rename(download(t, client, before, nil), installed); err != nil {
		t.Fatal(err)
	}
	made.Summary = "After"
	s.push(t, made, "stable")

	info := refreshPatched(t, client, s.installed(t, name, 1, "latest/stable"))
	if d := info.Deltas[0]; d.FromRevision != 1 || d.ToRevision != 2 || d.Format != "xdelta3" || d.Size > info.Size/10 {
		t.Errorf("offered: %+v of %d bytes", d, info.Size)
	}
	info.DownloadURL = "http://127.0.0.1:1/nowhere"
	verify(t, client, harness.OpenDatabase(t), download(t, client, info, nil), info)
}

// refreshPatched is a refresh that is repeated until it offers a delta.
func refreshPatched(t *testing.T, client *store.Store, current *store.CurrentSnap) *snap.Info {
	t.Helper()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(time.Minute)
	for {
		results, _, err := client.SnapAction(context.Background(), []*store.CurrentSnap{current},
			[]*store.SnapAction{refresh(current)}, nil, nil, nil)
		if err == nil && len(results) == 1 && len(results[0].Deltas) == 1 {
			return results[0].Info
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: no delta in sight: %v", current.InstanceName, err)
		}
	}
}
