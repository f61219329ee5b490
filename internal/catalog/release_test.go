package catalog

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// releasing is a store with two revisions of hello for two architectures.
func releasing(t *testing.T) *house {
	h := newHouse(t)
	h.ownRoot(t)
	for _, version := range []string{"1", "2"} {
		h.pushBare(t, snapYAML("hello", version, "architectures: [amd64, arm64]\n"))
	}
	return h
}

func (h *house) release(t *testing.T, revision int, to ...Pointing) []store.Release {
	t.Helper()
	made, err := h.Release(t.Context(), operator, store.Snap, "hello", revision, to)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestReleasingPromotingAndClosing(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		for _, version := range []string{"1", "2"} {
			h.pushBare(t, snapYAML("hello", version, "architectures: [amd64, arm64]\n"))
		}
		gets := func(ch, arch string, want int) {
			t.Helper()
			if got := install(t, h.Catalog, Asker{}, "hello", ch, arch); got != want {
				t.Errorf("%s on %s is %d, want %d", ch, arch, got, want)
			}
		}
		gets("edge", "amd64", 0)
		if made := h.release(t, 1, Pointing{Channel: channel(t, "candidate")}, Pointing{Channel: channel(t, "2.0/beta")}); len(made) != 4 {
			t.Errorf("released %v", made)
		}
		gets("candidate", "arm64", 1)
		gets("edge", "amd64", 1) // falls back to the next safer
		gets("stable", "amd64", 0)
		gets("2.0/edge", "amd64", 1)
		if made := h.release(t, 1, Pointing{Channel: channel(t, "candidate")}); len(made) != 0 {
			t.Errorf("releasing the same again made %v", made)
		}
		h.release(t, 2, Pointing{Channel: channel(t, "candidate"), Architecture: "arm64"})
		gets("candidate", "arm64", 2)
		gets("candidate", "amd64", 1)
		made, err := h.Close(t.Context(), operator, store.Snap, "hello",
			channelsOf(t, "candidate", "latest/candidate"), "arm64")
		if err != nil || len(made) != 1 {
			t.Errorf("closed %v, %v", made, err)
		}
		gets("candidate", "arm64", 0)
		gets("candidate", "amd64", 1)
		d, err := h.Describe(t.Context(), operator, store.Snap, "hello")
		if err != nil || len(d.Package.Tracks) != 1 || d.Package.Tracks[0].Name != "2.0" {
			t.Errorf("tracks %+v, %v", d.Package.Tracks, err)
		}
	})
}

func TestAReleaseToAnArchitectureItWasNotBuiltForIsRefused(t *testing.T) {
	h := releasing(t)
	_, err := h.Release(t.Context(), operator, store.Snap, "hello", 1, []Pointing{{Channel: channel(t, "edge"), Architecture: "s390x"}})
	wantCode(t, err, "wrong-architecture")
}

func TestARevisionForAllCanBeReleasedToOneArchitecture(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	h.pushBare(t, snapYAML("hello", "1", ""))
	if made := h.release(t, 1, Pointing{Channel: channel(t, "stable"), Architecture: "arm64"}); len(made) != 1 {
		t.Errorf("released %v", made)
	}
	for arch, want := range map[string]int{"arm64": 1, "amd64": 0} {
		if got := install(t, h.Catalog, Asker{}, "hello", "stable", arch); got != want {
			t.Errorf("%s gets %d, want %d", arch, got, want)
		}
	}
}

func TestANewExpiryIsANewRelease(t *testing.T) {
	h := releasing(t)
	soon := h.now().Add(time.Hour).UTC().Truncate(time.Second)
	for i, expires := range []time.Time{soon, soon, soon.Add(time.Hour), {}} {
		made := h.release(t, 1, Pointing{Channel: channel(t, "edge"), Architecture: "amd64", Expires: expires})
		if (len(made) == 1) != (i != 1) {
			t.Errorf("release %d made %v", i, made)
		}
	}
}

func TestABranchClosesByItself(t *testing.T) {
	h := releasing(t)
	h.release(t, 2, Pointing{Channel: channel(t, "stable/fix")})
	if got := install(t, h.Catalog, Asker{}, "hello", "stable/fix", "amd64"); got != 2 {
		t.Errorf("the branch holds %d", got)
	}
	d, err := h.Describe(t.Context(), operator, store.Snap, "hello")
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(d.Channels, func(l ChannelLine) bool { return l.Channel.Branch == "fix" })
	if i < 0 || d.Channels[i].Version != "2" || d.Channels[i].Expires.Sub(h.Catalog.now()) < store.BranchLife-time.Hour {
		t.Errorf("the branch is described as %+v", d.Channels)
	}
	h.Catalog.now = func() time.Time { return time.Now().Add(store.BranchLife + time.Hour) }
	if got := install(t, h.Catalog, Asker{}, "hello", "stable/fix", "amd64"); got != 0 {
		t.Errorf("after its life the branch holds %d", got)
	}
}

func TestAProgressiveReleaseLiesOnThePlainOne(t *testing.T) {
	h := releasing(t)
	h.release(t, 1, Pointing{Channel: channel(t, "stable")})
	h.release(t, 2, Pointing{Channel: channel(t, "stable"), Percentage: 25})
	d, err := h.Describe(t.Context(), operator, store.Snap, "hello")
	if err != nil || len(d.Channels) != 2 {
		t.Fatalf("described %+v, %v", d.Channels, err)
	}
	if l := d.Channels[0]; l.Revision != 1 || l.OnTop != 2 || l.Percentage != 25 || l.Note() != ", 25% get 2" {
		t.Errorf("described %+v", l)
	}
	if made := h.release(t, 2, Pointing{Channel: channel(t, "stable"), Percentage: 25}); len(made) != 0 {
		t.Errorf("the same step again made %v", made)
	}
	if made := h.release(t, 2, Pointing{Channel: channel(t, "stable")}); len(made) != 2 {
		t.Errorf("the last step made %v", made)
	}
}

func TestTheDefaultTrackMustExist(t *testing.T) {
	h := releasing(t)
	track := "3.0"
	_, err := h.ChangePackage(t.Context(), operator, store.Snap, "hello", PackageChange{DefaultTrack: &track})
	wantCode(t, err, "track-not-found")
	h.release(t, 2, Pointing{Channel: channel(t, "3.0/stable")})
	h.release(t, 1, Pointing{Channel: channel(t, "stable")})
	if _, err := h.ChangePackage(t.Context(), operator, store.Snap, "hello", PackageChange{DefaultTrack: &track}); err != nil {
		t.Fatal(err)
	}
	d, err := h.Describe(t.Context(), operator, store.Snap, "hello")
	if err != nil || d.Package.DefaultTrack != "3.0" || d.Channels[0].Channel.Track != "3.0" {
		t.Errorf("described %+v, %v", d, err)
	}
}

func TestOverrides(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		for _, y := range []string{"architectures: [amd64, arm64]\n", "architectures: [amd64]\n", "architectures: [arm64]\n", ""} {
			h.pushBare(t, snapYAML("hello", "1", y))
		}
		h.release(t, 1, Pointing{Channel: channel(t, "stable")})
		override := func(revision int, reason string, expires time.Time) []OverrideLine {
			t.Helper()
			lines, err := h.Override(t.Context(), operator, store.Snap, "hello", []OverrideTo{{channel(t, "stable"), revision}}, reason, expires)
			if err != nil {
				t.Fatal(err)
			}
			return lines
		}
		gets := func(arch string, want int) {
			t.Helper()
			if got := install(t, h.Catalog, Asker{}, "hello", "stable", arch); got != want {
				t.Errorf("%s gets %d, want %d", arch, got, want)
			}
		}
		if lines := override(2, "a reason", time.Time{}); len(lines) != 1 || lines[0].Architecture != "amd64" ||
			lines[0].Revision != 2 || lines[0].Upstream != 1 || lines[0].Reason != "a reason" || lines[0].Channel.Name() != "stable" {
			t.Errorf("lines %+v", lines)
		}
		gets("amd64", 2)
		gets("arm64", 1)
		override(3, "", time.Time{})
		gets("amd64", 2)
		gets("arm64", 3)
		all, err := h.Overrides(t.Context(), operator, store.Snap, "")
		if err != nil || len(all) != 2 || all[0].Revision != 2 || all[1].Revision != 3 {
			t.Errorf("all overrides: %+v, %v", all, err)
		}
		override(4, "", time.Time{}) // built for all: takes the place of both
		gets("amd64", 4)
		gets("arm64", 4)
		gets("riscv64", 4)
		deleted, err := h.DeleteOverride(t.Context(), operator, store.Snap, "hello", nil)
		if err != nil || len(deleted) != 3 {
			t.Fatalf("deleted %+v, %v", deleted, err)
		}
		for _, l := range deleted {
			if want := map[string]int{"amd64": 1, "arm64": 1, "all": 0}[l.Architecture]; l.Revision != 0 || l.Upstream != want {
				t.Errorf("deleted %+v, want it to track %d", l, want)
			}
		}
		gets("amd64", 1)
		stable := channel(t, "stable")
		_, err = h.DeleteOverride(t.Context(), operator, store.Snap, "hello", &stable)
		wantCode(t, err, "override-not-found")

		override(2, "", h.now().Add(time.Hour))
		gets("amd64", 2)
		h.now = func() time.Time { return time.Now().Add(2 * time.Hour) }
		gets("amd64", 1)
		_, err = h.Override(t.Context(), operator, store.Snap, "hello", []OverrideTo{{stable, 2}}, "", time.Now().Add(-time.Second))
		wantCode(t, err, "invalid-expiry")
		_, err = h.Override(t.Context(), operator, store.Snap, "hello", []OverrideTo{{stable, 99}}, "", time.Time{})
		wantCode(t, err, "revision-not-found")
	})
}

func TestARevisionThatIsNoLongerCurrentCanBeInstalled(t *testing.T) {
	h := newHouse(t)
	h.fill(t, 1, nil)
	h.update(t, func(tx *db.Tx) error {
		id := fmt.Sprintf("%032d", 0)
		first, err := tx.Revision(id, 1)
		if err != nil {
			return err
		}
		for n := 2; n <= 400; n++ {
			first.Number = n
			if err := tx.InsertRevision(first); err != nil {
				return err
			}
			if _, err := tx.AppendReleases([]store.Release{{PackageID: id, At: tx.Now(), By: "tester",
				Channel: store.Channel{Track: store.LatestTrack}, Platform: first.Platforms[0], Revision: n}}); err != nil {
				return err
			}
		}
		tx.Record(store.Released, "package/"+id, nil)
		return nil
	})
	for revision, want := range map[int]int{1: 1, 200: 200, 400: 400, 401: 0} {
		answers, err := h.Resolve(t.Context(), Asker{}, store.Snap, []Wish{{
			Ref:   store.Ref{Name: "name-0"},
			Query: store.Query{Action: store.ActionInstall, Revision: revision, Architecture: "amd64"},
		}})
		if err != nil {
			t.Fatal(err)
		}
		got := 0
		if answers[0].Err == nil {
			got = answers[0].Choice.Revision.Number
		} else if store.CodeOf(answers[0].Err) != "revision-not-found" {
			t.Errorf("revision %d: error %v", revision, answers[0].Err)
		}
		if got != want {
			t.Errorf("revision %d gives %d", revision, got)
		}
		f, err := h.Download(t.Context(), Asker{}, store.Snap, fmt.Sprintf("%032d", 0), revision)
		if err == nil {
			f.Close()
			t.Error("a blob was served that is not there")
		}
		if code := map[bool]string{true: "blob-unavailable", false: "revision-not-found"}[want > 0]; store.CodeOf(err) != code {
			t.Errorf("downloading revision %d: %v", revision, err)
		}
	}
}
