package catalog

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// publisher is somebody who publishes and has logged in.
func publisher(name string, limits ...store.Limits) store.Principal {
	return store.Principal{Role: store.RolePublisher, Name: name, Account: name, Limits: limits}
}

// published is hello with revisions for two architectures; alice publishes it,
// and bob collaborates.
func (h *house) published(t testing.TB, revisions int) *store.Package {
	t.Helper()
	h.ownRoot(t)
	for n := 1; n <= revisions; n++ {
		h.pushBare(t, snapYAML("hello", fmt.Sprintf("1.%d", n), "architectures: [amd64, arm64]\n"))
	}
	var pkg *store.Package
	h.update(t, func(tx *db.Tx) (err error) {
		for _, name := range []string{"alice", "bob"} {
			a := store.Account{ID: name, Username: name, DisplayName: name, Validation: "unproven", CreatedAt: tx.Now()}
			tx.Record(store.AccountPut, "account/"+name, nil)
			if err := tx.PutAccount(a); err != nil {
				return err
			}
		}
		if pkg, err = tx.PackageByName(store.Snap, "hello"); err != nil {
			return err
		}
		pkg.PublisherID = "alice"
		tx.Record(store.CollaboratorPut, "package/"+pkg.ID, nil)
		if err := tx.PutCollaborator(store.Collaborator{PackageID: pkg.ID, Account: store.Account{ID: "bob"}, CreatedAt: tx.Now(), UpdatedAt: tx.Now()}); err != nil {
			return err
		}
		return tx.UpdatePackage(pkg)
	})
	return pkg
}

var hello = store.Ref{Name: "hello"}

// to is moves of one revision to channels.
func to(t testing.TB, revision int, channels ...string) []Move {
	var moves []Move
	for _, c := range channelsOf(t, channels...) {
		moves = append(moves, Move{Pointing: Pointing{Channel: c}, Revision: revision})
	}
	return moves
}

func (h *house) history(t testing.TB, packageID string) (all []store.Release) {
	t.Helper()
	if err := h.db.View(t.Context(), func(tx *db.Tx) (err error) {
		all, err = tx.Releases(packageID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

func TestTwoPublishersReleaseToTheSameChannelsAtOnce(t *testing.T) {
	const each = 500 // releases, two for each request
	inHouses(t, func(t *testing.T, h *house) {
		pkg := h.published(t, 4)
		catalogs := map[string]*Catalog{"alice": h.Catalog, "bob": h.neighbour(t)}
		made := map[string][]store.Release{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for name, c := range catalogs {
			wg.Go(func() {
				var mine []store.Release
				for n := 0; len(mine) < each; n++ {
					moves := to(t, 1+n%4, []string{"stable", "edge"}[n/4%2])
					if n%5 == 0 {
						moves[0].Architecture = []string{"amd64", "arm64"}[n%2]
					}
					if n%7 == 0 {
						moves[0].Revision = 0
					}
					moved, err := c.Move(t.Context(), publisher(name), store.Snap, hello, moves)
					if err != nil {
						t.Errorf("%s: %v", name, err)
						return
					}
					mine = append(mine, moved.Made...)
				}
				mu.Lock()
				made[name] = mine
				mu.Unlock()
			})
		}
		wg.Wait()

		all := h.history(t, pkg.ID)
		if len(all) != len(made["alice"])+len(made["bob"]) || len(all) < 2*each {
			t.Fatalf("%d releases are in the history, %d were acknowledged to alice and %d to bob", len(all), len(made["alice"]), len(made["bob"]))
		}
		// Each publisher's releases stand there as they were acknowledged, in that order.
		for name, mine := range made {
			theirs := slices.DeleteFunc(slices.Clone(all), func(r store.Release) bool { return r.By != name })
			for i := range mine {
				if theirs[i].Seq != mine[i].Seq || !theirs[i].Says(&mine[i]) || theirs[i].Channel != mine[i].Channel || theirs[i].Platform != mine[i].Platform {
					t.Fatalf("release %d of %s is %+v, was acknowledged as %+v", i, name, theirs[i], mine[i])
				}
			}
		}
		// A release that says what the one before it says would not have been written:
		// nobody has released without seeing all that came before.
		last := map[store.Slot]store.Release{}
		for i, r := range all {
			if i > 0 && r.Seq <= all[i-1].Seq {
				t.Fatalf("release %d comes after %d", r.Seq, all[i-1].Seq)
			}
			slot := store.Slot{Channel: r.Channel, Platform: r.Platform}
			if before, there := last[slot]; r.Revision == before.Revision && (there || r.Revision == 0) {
				t.Fatalf("release %d says what release %d of %s says", r.Seq, before.Seq, before.By)
			}
			last[slot] = r
		}
		want := store.Fold(all, time.Now().Add(time.Hour)).Slots()
		for name, c := range catalogs {
			got, err := c.Channels(t.Context(), publisher(name), store.Snap, hello)
			if err != nil || len(got.Map.Slots()) != len(want) {
				t.Fatalf("%s sees %+v, %v", name, got.Map.Slots(), err)
			}
			for i, s := range got.Map.Slots() {
				if s.Slot != want[i].Slot || s.Release.Seq != want[i].Release.Seq {
					t.Errorf("%s sees %+v at %v, the history has %+v", name, s.Release, s.Slot, want[i].Release)
				}
			}
		}
	})
}

func TestMovesAreAllOrNothing(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		pkg := h.published(t, 2)
		h.update(t, func(tx *db.Tx) error {
			tx.Record(store.RevisionReviewed, "package/"+pkg.ID, nil)
			return tx.SetRevisionStatus(pkg.ID, 2, store.StatusPending)
		})
		for why, tt := range map[string]struct {
			who   store.Principal
			moves []Move
			code  string
		}{
			"a revision that is not there": {publisher("alice"), slices.Concat(to(t, 1, "stable"), to(t, 9, "edge")), "revision-not-found"},
			"one that waits for review":    {publisher("alice"), slices.Concat(to(t, 1, "stable"), to(t, 2, "edge")), "revision-not-approved"},
			"an unknown track":             {publisher("alice"), to(t, 1, "stable", "9.9/stable"), "invalid-field"},
			"closing an unknown track":     {publisher("alice"), slices.Concat(to(t, 1, "stable"), to(t, 0, "9.9/stable")), "invalid-field"},
			"a channel beyond the token":   {publisher("alice", store.Limits{Channels: []string{"edge"}}), to(t, 1, "edge", "stable"), store.CodePermission},
			"a token for another package":  {publisher("alice", store.Limits{Packages: []store.PackageLimit{{Name: "other"}}}), to(t, 1, "stable"), store.CodeForeignPackage},
			"a token that may only read":   {publisher("alice", store.Limits{Permissions: []store.Permission{store.PermSeeReleases}}), to(t, 1, "stable"), store.CodePermission},
			"another's package":            {publisher("eve"), to(t, 1, "stable"), store.CodeForeignPackage},
			"a device":                     {store.Principal{}, to(t, 1, "stable"), store.CodePermission},
			"an architecture too many": {publisher("alice"), append(to(t, 1, "stable"), Move{
				Pointing: Pointing{Channel: channel(t, "edge"), Architecture: "s390x"}, Revision: 1}), "wrong-architecture"},
			"a foreign component": {publisher("alice"), append(to(t, 1, "stable"), Move{
				Pointing: Pointing{Channel: channel(t, "edge"), Resources: []store.ResourcePin{{Name: "data"}}}, Revision: 1}), "foreign-component"},
			"too many": {publisher("alice"), to(t, 1, slices.Repeat([]string{"edge"}, maxMoves+1)...), "too-many-channels"},
		} {
			if moved, err := h.Move(t.Context(), tt.who, store.Snap, hello, tt.moves); store.CodeOf(err) != tt.code || moved.Made != nil {
				t.Errorf("%s: moved %v, %v; want %s", why, moved.Made, err, tt.code)
			}
		}
		if all := h.history(t, pkg.ID); len(all) != 0 {
			t.Errorf("refused requests have released %+v", all)
		}
		if moved, err := h.Move(t.Context(), publisher("bob"), store.Snap, hello, to(t, 1, "stable", "edge/fix")); err != nil || len(moved.Made) != 4 || len(moved.Opened) != 2 {
			t.Errorf("a collaborator has moved %+v, %v", moved, err)
		}
	})
}

func TestOnlyTheHostOpensTracksByReleasing(t *testing.T) {
	h := newHouse(t)
	h.published(t, 1)
	admin := store.Principal{Role: store.RoleAdmin, Name: "adam", Account: "adam"}
	for _, who := range []store.Principal{publisher("alice"), admin} {
		if _, err := h.Move(t.Context(), who, store.Snap, hello, to(t, 1, "3.0/stable")); store.CodeOf(err) != "invalid-field" {
			t.Errorf("%s: %v", who.Name, err)
		}
	}
	moved, err := h.Move(t.Context(), operator, store.Snap, hello, to(t, 1, "3.0/stable"))
	if err != nil || len(moved.Package.Tracks) != 1 || len(moved.Made) != 2 {
		t.Errorf("the host has moved %+v, %v", moved, err)
	}
}

func TestAReleasePinsTheComponentsNamedOrTheNewest(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		yaml := snapYAML("hello", "1", "components: {data: {type: standard}}\n")
		component := func(version string) IncomingComponent {
			return h.component(t, "component: hello+data\ntype: standard\nversion: "+version+"\n")
		}
		h.push(t, Incoming{Snaps: []IncomingSnap{h.snap(t, yaml)}, Components: []IncomingComponent{component("1")}, Register: true})
		h.push(t, Incoming{Components: []IncomingComponent{component("2")}})
		for _, tt := range []struct {
			named []store.ResourcePin
			want  int // 0 is a refusal
		}{
			{nil, 2}, {[]store.ResourcePin{{Name: "data", Revision: 1}}, 1}, {[]store.ResourcePin{{Name: "data"}}, 2},
			{[]store.ResourcePin{{Name: "data", Revision: 3}}, 0}, {[]store.ResourcePin{{Name: "other"}}, 0},
		} {
			made, err := h.Release(t.Context(), operator, store.Snap, "hello", 1, []Pointing{{Channel: channel(t, "edge"), Resources: tt.named}})
			switch {
			case tt.want == 0:
				wantCode(t, err, "foreign-component")
			case err != nil || len(made) != 1 || !slices.Equal(made[0].Resources, []store.ResourcePin{{Name: "data", Revision: tt.want}}):
				t.Errorf("with %v: released %+v, %v", tt.named, made, err)
			}
		}
	})
}

func TestTracksAndGuardrails(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.published(t, 1)
		alice := publisher("alice")
		add := func(who store.Principal, names ...string) error {
			var tracks []store.Track
			for _, n := range names {
				tracks = append(tracks, store.Track{Name: n})
			}
			_, err := h.AddTracks(t.Context(), who, store.Snap, "hello", tracks)
			return err
		}
		wantCode(t, add(alice, "1.0"), "track-guardrail-missing")
		_, err := h.ChangeGuardrails(t.Context(), alice, store.Snap, "hello", []string{".*"}, nil)
		wantCode(t, err, store.CodePermission)
		_, err = h.ChangeGuardrails(t.Context(), operator, store.Snap, "hello", []string{"("}, nil)
		wantCode(t, err, "invalid-pattern")
		_, err = h.ChangeGuardrails(t.Context(), operator, store.Snap, "hello", nil, []string{"none"})
		wantCode(t, err, "guardrail-not-found")
		have, err := h.ChangeGuardrails(t.Context(), operator, store.Snap, "hello", []string{`[0-9]+\.[0-9]+`, `v[0-9]`, `v[0-9]`}, nil)
		if err != nil || len(have) != 2 {
			t.Fatalf("guardrails %v, %v", have, err)
		}
		if have, err = h.ChangeGuardrails(t.Context(), operator, store.Snap, "hello", nil, []string{`v[0-9]`}); err != nil || len(have) != 1 {
			t.Fatalf("guardrails %v, %v", have, err)
		}
		wantCode(t, add(alice, "1.0", "v1"), "invalid-tracks")
		wantCode(t, add(alice), "invalid-tracks")
		wantCode(t, add(publisher("eve"), "1.0"), store.CodeForeignPackage)
		if err := add(alice, "1.0", "2.0"); err != nil {
			t.Fatal(err)
		}
		wantCode(t, add(alice, "3.0", "2.0"), "conflicting-tracks")
		if err := add(operator, "anything"); err != nil {
			t.Fatal(err)
		}
		pattern, phasing, bad := `2\..*`, 25.0, "("
		_, err = h.ChangeTrack(t.Context(), alice, store.Snap, "hello", "9.9", TrackChange{})
		wantCode(t, err, "track-not-found")
		_, err = h.ChangeTrack(t.Context(), alice, store.Snap, "hello", "2.0", TrackChange{VersionPattern: &bad})
		wantCode(t, err, "invalid-pattern")
		if _, err = h.ChangeTrack(t.Context(), alice, store.Snap, "hello", "2.0", TrackChange{VersionPattern: &pattern, Phasing: &phasing}); err != nil {
			t.Fatal(err)
		}
		pkg, err := h.Tracks(t.Context(), publisher("bob"), store.Snap, "hello")
		if err != nil || len(pkg.Tracks) != 3 || pkg.Tracks[1].VersionPattern != pattern || pkg.Tracks[1].Phasing != phasing || len(pkg.Guardrails) != 1 {
			t.Errorf("tracks %+v, guardrails %+v, %v", pkg.Tracks, pkg.Guardrails, err)
		}
		_, err = h.Move(t.Context(), alice, store.Snap, hello, to(t, 1, "2.0/stable"))
		wantCode(t, err, "version-not-allowed")
	})
}
