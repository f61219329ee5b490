// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/snapcore/snapd/snap"
	"github.com/snapcore/snapd/store"

	"github.com/larder-store/larder/interop/harness"
)

func installByChannel(t *testing.T, s *shop) {
	for _, test := range []struct {
		channel   string
		revision  int
		effective string
	}{
		{"", 2, "stable"},
		{"stable", 2, "stable"},
		{"latest/stable", 2, "stable"},
		{"candidate", 2, "stable"},
		{"beta", 2, "stable"},
		{"edge", 3, "edge"},
		{"edge/no-such-branch", 3, "edge"},
	} {
		got := act(t, s.anonymous(t), nil, install(tool, test.channel))[0]
		wantRevision(t, got.Info, test.revision)
		if got.Channel != test.effective {
			t.Errorf("%q: got effective channel %q, want %q", test.channel, got.Channel, test.effective)
		}
		if got.RedirectChannel != "" {
			t.Errorf("%q: got redirected to %q", test.channel, got.RedirectChannel)
		}
		// Only the snap's own yaml says what it plugs into.
		if got.Plugs[toolPlug] == nil {
			t.Errorf("%q: got plugs %v", test.channel, got.Plugs)
		}
	}
}

func installByRevision(t *testing.T, s *shop) {
	for revision, version := range map[int]string{1: "1.0", 2: "1.1", 3: "2.0"} {
		got := act(t, s.anonymous(t), nil, installRevision(tool, revision))[0]
		wantRevision(t, got.Info, revision)
		if got.Version != version {
			t.Errorf("revision %d: got version %q, want %q", revision, got.Version, version)
		}
	}
}

func installMissing(t *testing.T, s *shop) {
	_, failed := actFails(t, s.anonymous(t), nil, install(missingSnap, "stable"))
	if got := failed.Install[missingSnap]; !errors.Is(got, store.ErrSnapNotFound) {
		t.Errorf("got %v", failed)
	}
}

func installMissingRevision(t *testing.T, s *shop) {
	_, failed := actFails(t, s.anonymous(t), nil, installRevision(tool, 99))
	if _, ok := failed.Install[tool].(*store.RevisionNotAvailableError); !ok {
		t.Errorf("got %v", failed)
	}
}

func installBadChannel(t *testing.T, s *shop) {
	_, failed := actFails(t, s.anonymous(t), nil, install(tool, "nine/stable"))
	got, ok := failed.Install[tool].(*store.RevisionNotAvailableError)
	if !ok {
		t.Fatalf("got %v", failed)
	}
	wantReleases(t, got, harness.Architecture+" latest/stable", harness.Architecture+" latest/edge")
}

func installWrongArchitecture(t *testing.T, s *shop) {
	_, failed := actFails(t, s.anonymous(t), nil, install(foreign, "stable"))
	got, ok := failed.Install[foreign].(*store.RevisionNotAvailableError)
	if !ok {
		t.Fatalf("got %v", failed)
	}
	wantReleases(t, got, "arm64 latest/stable")
}

func wantReleases(t *testing.T, got *store.RevisionNotAvailableError, want ...string) {
	t.Helper()
	there := map[string]bool{}
	for _, release := range got.Releases {
		there[release.Architecture+" "+release.Full()] = true
	}
	for _, w := range want {
		if !there[w] {
			t.Errorf("the error does not offer %s: %+v", w, got.Releases)
		}
	}
	if len(there) != len(want) {
		t.Errorf("got releases %v, want %q", there, want)
	}
}

func installSeveral(t *testing.T, s *shop) {
	got, failed := actFails(t, s.anonymous(t), nil, install(tool, "stable"), install(missingSnap, "stable"), install(heavy, "stable"))
	if len(got) != 2 || got[0].RealName != tool || got[1].RealName != heavy {
		t.Errorf("got %d results", len(got))
	}
	if len(failed.Install) != 1 || !errors.Is(failed.Install[missingSnap], store.ErrSnapNotFound) || len(failed.Other) != 0 {
		t.Errorf("got %v", failed)
	}
}

func installOverridden(t *testing.T, s *shop) {
	wantRevision(t, act(t, s.anonymous(t), nil, install(overridden, "stable"))[0].Info, 1)
	wantRevision(t, act(t, s.anonymous(t), nil, installRevision(overridden, 2))[0].Info, 2)
}

func installProgressive(t *testing.T, s *shop) {
	wantRevision(t, act(t, s.anonymous(t), nil, install(progressive, "stable"))[0].Info, 1)
	wantRevision(t, act(t, s.public.Client(t, s.URL), nil, install(progressive, "stable"))[0].Info, 1)
}

// A cohort keeps its view of the channel map while the map moves on.
func installCohort(t *testing.T, s *shop) {
	const name = "frozen-view"
	s.push(t, harness.Snap{Name: name, Version: "1.0"}, "stable")
	client := s.anonymous(t)
	keys, err := client.CreateCohorts(context.Background(), []string{name})
	if err != nil {
		t.Fatal(err)
	}
	key := keys[name]
	if key == "" {
		t.Fatalf("got keys %v", keys)
	}
	s.push(t, harness.Snap{Name: name, Version: "1.1"}, "stable")

	within := install(name, "stable")
	within.CohortKey = key
	wantRevision(t, act(t, client, nil, within)[0].Info, 1)
	wantRevision(t, act(t, client, nil, install(name, "stable"))[0].Info, 2)

	held := s.installed(t, name, 1, "stable")
	held.CohortKey = key
	_, failed := actFails(t, client, []*store.CurrentSnap{held}, refresh(held))
	if !errors.Is(failed.Refresh[name], store.ErrNoUpdateAvailable) {
		t.Errorf("refresh within the cohort: got %v", failed)
	}

	if _, err := client.CreateCohorts(context.Background(), []string{missingSnap}); !errors.Is(err, store.ErrSnapNotFound) {
		t.Errorf("cohort of a missing snap: got %v", err)
	}
}

func installBadCohort(t *testing.T, s *shop) {
	within := install(tool, "stable")
	within.CohortKey = "bm90IGEgY29ob3J0"
	_, failed := actFails(t, s.anonymous(t), nil, within)
	if failed.Install[tool] == nil {
		t.Errorf("got %v", failed)
	}
}

func refreshNothing(t *testing.T, s *shop) {
	current := s.installed(t, tool, 2, "latest/stable")
	_, failed := actFails(t, s.anonymous(t), []*store.CurrentSnap{current}, refresh(current))
	if !errors.Is(failed.Refresh[tool], store.ErrNoUpdateAvailable) || len(failed.Other) != 0 {
		t.Errorf("got %v", failed)
	}
}

func refreshNew(t *testing.T, s *shop) {
	current := s.installed(t, tool, 1, "latest/stable")
	got := act(t, s.anonymous(t), []*store.CurrentSnap{current}, refresh(current))[0]
	wantRevision(t, got.Info, 2)
	if got.SnapID != current.SnapID || got.DownloadURL == "" || got.Sha3_384 == "" || got.Size == 0 {
		t.Errorf("got %+v, %+v", got.SideInfo, got.DownloadInfo)
	}
}

func refreshSwitch(t *testing.T, s *shop) {
	current := s.installed(t, tool, 2, "latest/stable")
	action := refresh(current)
	action.Channel = "latest/edge"
	wantRevision(t, act(t, s.anonymous(t), []*store.CurrentSnap{current}, action)[0].Info, 3)
}

// The command that pushes and the server that answers are two processes.
func refreshLive(t *testing.T, s *shop) {
	const name = "live-wire"
	s.push(t, harness.Snap{Name: name, Version: "1.0"}, "stable")
	client := s.anonymous(t)
	current := s.installed(t, name, 1, "latest/stable")
	_, failed := actFails(t, client, []*store.CurrentSnap{current}, refresh(current))
	if !errors.Is(failed.Refresh[name], store.ErrNoUpdateAvailable) {
		t.Fatalf("before the push: got %v", failed)
	}
	s.push(t, harness.Snap{Name: name, Version: "1.1"}, "stable")
	wantRevision(t, refreshSoon(t, client, current).Info, 2)
}

// refreshSoon is a refresh to what another process has just released. A node
// notices within a second or so; half a minute is for a busy machine.
func refreshSoon(t *testing.T, client *store.Store, current *store.CurrentSnap) store.SnapActionResult {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		results, _, err := client.SnapAction(context.Background(), []*store.CurrentSnap{current},
			[]*store.SnapAction{refresh(current)}, nil, nil, nil)
		if failed, ok := err.(*store.SnapActionError); err != nil && (!ok || !errors.Is(failed.Refresh[current.InstanceName], store.ErrNoUpdateAvailable)) {
			t.Fatal(err)
		}
		if len(results) == 1 {
			return results[0]
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("%s: no update in sight", current.InstanceName)
		}
	}
}

func refreshUnknown(t *testing.T, s *shop) {
	gone := &store.CurrentSnap{
		InstanceName: "long-gone", SnapID: "GoneGoneGoneGoneGoneGoneGoneGone",
		Revision: snap.R(7), TrackingChannel: "latest/stable",
	}
	current := s.installed(t, tool, 1, "latest/stable")
	got, failed := actFails(t, s.anonymous(t), []*store.CurrentSnap{gone, current}, refresh(gone), refresh(current))
	if !errors.Is(failed.Refresh["long-gone"], store.ErrSnapNotFound) {
		t.Errorf("got %v", failed)
	}
	if len(got) != 1 {
		t.Fatalf("got %d results for the snap that is known", len(got))
	}
	wantRevision(t, got[0].Info, 2)
}

func refreshScheduled(t *testing.T, s *shop) {
	current := s.installed(t, tool, 1, "latest/stable")
	twin := s.installed(t, tool, 2, "latest/edge")
	twin.InstanceName = tool + "_twin"
	got, _, err := s.public.Client(t, s.URL).SnapAction(context.Background(),
		[]*store.CurrentSnap{current, twin}, []*store.SnapAction{refresh(current), refresh(twin)}, nil, nil,
		&store.RefreshOptions{IsAutoRefresh: true, PrivacyKey: "salt of this device"})
	if err != nil {
		t.Fatal(err)
	}
	revisions := map[string]snap.Revision{}
	for _, result := range got {
		revisions[result.InstanceName()] = result.Revision
	}
	if revisions[tool] != snap.R(2) || revisions[tool+"_twin"] != snap.R(3) {
		t.Errorf("got %v", revisions)
	}
}

// A snap may name the track of those who name none. snapd says that it
// understands being sent there, and follows that track from then on.
func installDefaultTrack(t *testing.T, s *shop) {
	const name = "two-tracks"
	s.push(t, harness.Snap{Name: name, Version: "1.0"}, "latest/stable")
	s.push(t, harness.Snap{Name: name, Version: "2.0"}, "2.0/stable")
	s.Run("package", "set", name, "--default-track", "2.0")
	for _, test := range []struct {
		channel  string
		revision int
		redirect string
	}{
		{"", 2, "2.0/stable"},
		{"stable", 2, "2.0/stable"},
		{"edge", 2, "2.0/edge"},
		{"latest/stable", 1, ""},
		{"latest/edge", 1, ""},
		{"2.0/stable", 2, ""},
		{"2.0", 2, ""},
	} {
		got := act(t, s.anonymous(t), nil, install(name, test.channel))[0]
		wantRevision(t, got.Info, test.revision)
		if got.RedirectChannel != test.redirect {
			t.Errorf("%q: got redirected to %q, want %q", test.channel, got.RedirectChannel, test.redirect)
		}
	}
	// A device that is there already stays on its track.
	current := s.installed(t, name, 1, "latest/stable")
	_, failed := actFails(t, s.anonymous(t), []*store.CurrentSnap{current}, refresh(current))
	if !errors.Is(failed.Refresh[name], store.ErrNoUpdateAvailable) {
		t.Errorf("refresh on the other track: got %v", failed)
	}
}

// A device cannot read the data of every epoch: it is led from one to the next.
func refreshEpochs(t *testing.T, s *shop) {
	const name = "stepping-stones"
	for _, made := range []struct{ version, epoch string }{{"1.0", "0"}, {"1.1", "1*"}, {"2.0", "2*"}, {"3.0", "4*"}} {
		s.push(t, harness.Snap{Name: name, Version: made.version, Epoch: made.epoch}, "stable")
	}
	for _, test := range []struct {
		revision int
		epoch    string
		want     int // 0: nothing for this device
	}{
		{1, "0", 2},
		{2, "1*", 3},
		{3, "2*", 0}, // epoch 4* reads 3 and 4
		{4, "4*", 0},
	} {
		current := s.installed(t, name, test.revision, "latest/stable")
		current.Epoch = snap.E(test.epoch)
		if test.want == 0 {
			_, failed := actFails(t, s.anonymous(t), []*store.CurrentSnap{current}, refresh(current))
			if !errors.Is(failed.Refresh[name], store.ErrNoUpdateAvailable) {
				t.Errorf("from epoch %s: got %v", test.epoch, failed)
			}
			continue
		}
		wantRevision(t, act(t, s.anonymous(t), []*store.CurrentSnap{current}, refresh(current))[0].Info, test.want)
	}
	wantRevision(t, act(t, s.anonymous(t), nil, install(name, "stable"))[0].Info, 4)
}
