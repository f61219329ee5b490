package catalog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect/snaptest"
	"github.com/larder-store/larder/internal/store"
)

// person makes an account that publishes, and returns it as it asks.
func (h *house) person(t testing.TB, name string, role store.Role) store.Principal {
	t.Helper()
	id := name + "-id"
	h.update(t, func(tx *db.Tx) error {
		tx.Record(store.UserPut, "account/"+id, nil)
		return tx.PutUser(store.User{
			Account: store.Account{ID: id, Username: name, DisplayName: name, Validation: "unproven", CreatedAt: tx.Now()},
			Email:   name + "@example.com", OpenID: name, Role: role, State: store.UserActive, CreatedAt: tx.Now(),
		})
	})
	return store.Principal{Role: role, Name: id, Account: id}
}

// set gives the store a setting.
func (h *house) set(settings map[string]string) {
	h.setting = func(_ context.Context, name string) (string, error) { return settings[name], nil }
}

func (h *house) registered(t testing.TB, who store.Principal, name string) *store.Package {
	t.Helper()
	pkg, err := h.Register(t.Context(), who, Registration{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return pkg
}

// sent uploads a snap and returns the upload's id.
func (h *house) sent(t testing.TB, yaml string) string {
	t.Helper()
	f, err := os.Open(snaptest.Snap(t, yaml))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	id, err := h.Receive(t.Context(), Sent{Filename: "a.snap", Address: "192.0.2.1"}, f)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func (h *house) claimed(t testing.TB, who store.Principal, name, yaml string, channels ...string) store.Upload {
	t.Helper()
	u, err := h.Claim(t.Context(), who, store.Snap, Claim{Name: name, UploadID: h.sent(t, yaml), Channels: channels})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// processed works off what waits, and returns how an upload stands.
func (h *house) processed(t testing.TB, u store.Upload) UploadState {
	t.Helper()
	if _, err := h.ProcessUploads(t.Context()); err != nil {
		t.Fatal(err)
	}
	return h.state(t, u)
}

func (h *house) state(t testing.TB, u store.Upload) UploadState {
	t.Helper()
	s, err := h.UploadStatus(t.Context(), u.PackageID, u.ID)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// kinds lists the kinds of the changes since one.
func (h *house) kinds(t testing.TB, since int64) (list []string) {
	t.Helper()
	changes, err := h.db.Changes(t.Context(), since, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		list = append(list, c.Kind)
	}
	return list
}

func (h *house) seq(t testing.TB) int64 {
	t.Helper()
	seq, err := h.db.Fresh(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return seq
}

// signedFor reports whether a snap-revision vouches for a revision.
func (h *house) signedFor(t testing.TB, rev *store.Revision) bool {
	t.Helper()
	ref, err := assertion.NewRef("snap-revision", rev.Blob.Base64URL(), rev.Provenance)
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.Assertion(t.Context(), ref, -1)
	if err != nil && store.KindOf(err) != store.KindNotFound {
		t.Fatal(err)
	}
	return err == nil
}

func (h *house) revisionAt(t testing.TB, packageID string, number int) (rev *store.Revision) {
	t.Helper()
	h.update(t, func(tx *db.Tx) (err error) {
		rev, err = tx.Revision(packageID, number)
		return err
	})
	return rev
}

func TestAnUploadBecomesASignedRevisionInItsChannels(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		alice := h.person(t, "alice", store.RolePublisher)
		before := h.seq(t)
		pkg := h.registered(t, alice, "hello")
		u := h.claimed(t, alice, "hello", snapYAML("hello", "1", ""), "edge", "latest/beta")
		s := h.processed(t, u)
		if s.Status != store.UploadApproved || s.Revision != 1 || len(s.Problems) > 0 {
			t.Fatalf("it is %+v", s)
		}
		rev := h.revisionAt(t, pkg.ID, 1)
		if rev.Status != store.StatusApproved || rev.CreatedBy != alice.Account || !h.signedFor(t, rev) {
			t.Errorf("the revision is %+v", rev)
		}
		for ch, want := range map[string]int{"edge": 1, "beta": 1, "stable": 0} {
			if got := install(t, h.Catalog, Asker{}, "hello", ch, "amd64"); got != want {
				t.Errorf("%s has %d", ch, got)
			}
		}
		kinds := h.kinds(t, before)
		for _, kind := range []string{
			store.PackageRegistered, store.BlobAdded, store.UploadClaimed, store.RevisionAdded, store.RevisionReviewed,
			store.AssertionAdded, store.Released, store.UploadProcessed,
		} {
			if !slices.Contains(kinds, kind) {
				t.Errorf("the change log lacks %s: %v", kind, kinds)
			}
		}
		log, err := h.db.Changes(t.Context(), before, 1000)
		if err != nil || strings.Contains(fmt.Sprint(log), u.ID) {
			t.Errorf("the change log tells the upload's id, %v", err)
		}
	})
}

func TestAHeldRevisionIsServedToNobodyElse(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		h.set(map[string]string{settingReviewPolicy: "hold confinement=classic\nreject package=b*\naccept"})
		alice, bob := h.person(t, "alice", store.RolePublisher), h.person(t, "bob", store.RolePublisher)
		rita, vera := h.person(t, "rita", store.RoleReviewer), h.person(t, "vera", store.RoleViewer)
		pkg := h.registered(t, alice, "hello")
		for n := 1; n <= 2; n++ {
			u := h.claimed(t, alice, "hello", snapYAML("hello", fmt.Sprint(n), "confinement: classic\n"), "stable")
			if s := h.processed(t, u); s.Status != store.UploadHeld || s.Revision != n || len(s.Problems) > 0 {
				t.Fatalf("it is %+v", s)
			}
		}
		if h.signedFor(t, h.revisionAt(t, pkg.ID, 1)) {
			t.Error("what is held is signed for")
		}
		read := func(who store.Principal, number int) bool {
			f, err := h.Download(t.Context(), Asker{Who: who}, store.Snap, pkg.ID, number)
			if err != nil {
				if store.KindOf(err) != store.KindNotFound {
					t.Errorf("downloading fails with %v", err)
				}
				return false
			}
			f.Close()
			return true
		}
		for name, who := range map[string]store.Principal{"anybody": {}, "bob": bob} {
			if read(who, 1) {
				t.Errorf("%s reads what is held", name)
			}
		}
		for name, who := range map[string]store.Principal{"its publisher": alice, "a reviewer": rita, "a viewer": vera} {
			if !read(who, 1) {
				t.Errorf("%s cannot read what is held", name)
			}
		}
		if got := install(t, h.Catalog, Asker{Who: alice}, "hello", "stable", "amd64"); got != 0 {
			t.Errorf("stable has %d", got)
		}

		for _, who := range []store.Principal{alice, bob, vera, {}} {
			if _, err := h.Approve(t.Context(), who, store.Snap, "hello", 1, ""); store.KindOf(err) != store.KindForbidden {
				t.Errorf("%s approves: %v", who.Name, err)
			}
			if list, err := h.Reviews(t.Context(), who); len(list) > 0 {
				t.Errorf("%s lists %d, %v", who.Name, len(list), err)
			}
		}
		if list, err := h.Reviews(t.Context(), rita); err != nil || len(list) != 2 || list[0].Revision.Number != 1 {
			t.Errorf("rita lists %v, %v", list, err)
		}
		held, err := h.Approve(t.Context(), rita, store.Snap, "hello", 1, "fine")
		if err != nil || held.Revision.Status != store.StatusApproved || len(held.Reviews) != 2 {
			t.Fatalf("approving gives %+v, %v", held, err)
		}
		if !h.signedFor(t, held.Revision) {
			t.Error("what is approved is not signed for")
		}
		if got := install(t, h.Catalog, Asker{}, "hello", "stable", "amd64"); got != 1 {
			t.Errorf("stable has %d", got)
		}
		if _, err := h.Reject(t.Context(), rita, store.Snap, "hello", 2, "no"); err != nil {
			t.Fatal(err)
		}
		for name, who := range map[string]store.Principal{"anybody": {}, "its publisher": alice, "a reviewer": rita} {
			if read(who, 2) {
				t.Errorf("%s reads what was rejected", name)
			}
		}
		for _, number := range []int{1, 2} {
			_, err := h.Approve(t.Context(), rita, store.Snap, "hello", number, "")
			wantCode(t, err, "revision-decided")
		}

		h.registered(t, bob, "bye")
		s := h.processed(t, h.claimed(t, bob, "bye", snapYAML("bye", "1", ""), "stable"))
		if s.Status != store.UploadRejected || s.Revision != 1 || len(s.Problems) != 1 || s.Problems[0].Code != CodeRejected {
			t.Errorf("what the policy rejects is %+v", s)
		}
	})
}

func TestARevokedTokenReleasesNothingThatWasHeld(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	rita := h.person(t, "rita", store.RoleReviewer)
	h.set(map[string]string{settingReviewPolicy: "hold"})
	for _, tt := range []struct {
		name string
		end  func(tx *db.Tx, s *store.Session)
		want int // revision in stable
	}{
		{"kept", func(*db.Tx, *store.Session) {}, 1},
		{"expired", func(tx *db.Tx, s *store.Session) { s.ValidUntil = tx.Now() }, 1},
		{"revoked", func(tx *db.Tx, s *store.Session) { s.RevokedAt, s.RevokedBy = tx.Now(), s.AccountID }, 0},
	} {
		who := h.person(t, "publisher-"+tt.name, store.RolePublisher)
		who.Session = "token-" + tt.name
		var s store.Session
		put := func(end func(*db.Tx, *store.Session)) {
			h.update(t, func(tx *db.Tx) error {
				if s.ID == "" {
					s = store.Session{ID: who.Session, Kind: "api-token", AccountID: who.Account, ValidUntil: tx.Now().Add(time.Hour)}
				}
				end(tx, &s)
				tx.Record(store.TokenIssued, "token/"+s.ID, nil)
				return tx.PutSession(s)
			})
		}
		put(func(*db.Tx, *store.Session) {})
		h.registered(t, who, tt.name)
		u := h.claimed(t, who, tt.name, snapYAML(tt.name, "1", ""), "stable")
		if got := h.processed(t, u); got.Status != store.UploadHeld {
			t.Fatalf("it is %+v", got)
		}
		put(tt.end)
		if _, err := h.Approve(t.Context(), rita, store.Snap, tt.name, 1, ""); err != nil {
			t.Fatal(err)
		}
		got := 0
		if tt.want > 0 {
			got = install(t, h.Catalog, Asker{}, tt.name, "stable", "amd64")
		} else if said := h.state(t, u); len(said.Problems) != 1 || said.Problems[0].Code != store.CodePermission {
			t.Errorf("%s: whoever uploaded it reads %+v", tt.name, said.Problems)
		}
		if got != tt.want {
			t.Errorf("%s: stable has %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestMembersReviewWhatIsAtHomeInTheirStore(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	alice, mary := h.person(t, "alice", store.RolePublisher), h.person(t, "mary", store.RolePublisher)
	if _, _, err := h.MakeView(t.Context(), operator, store.View{ID: "brand", Name: "Brand"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.SetReviewPolicy(t.Context(), operator, "brand", "hold"); err != nil {
		t.Fatal(err)
	}
	h.update(t, func(tx *db.Tx) error {
		tx.Record(store.StoreMemberPut, "store/brand", nil)
		if err := tx.PutStoreMember("brand", alice.Account, []string{store.StoreRoleAccess}); err != nil {
			return err
		}
		return tx.PutStoreMember("brand", mary.Account, []string{store.StoreRoleReview})
	})
	if _, err := h.Register(t.Context(), alice, Registration{Name: "hello", StoreID: "brand"}); err != nil {
		t.Fatal(err)
	}
	h.registered(t, alice, "world")
	h.set(map[string]string{settingReviewPolicy: "hold package=world\naccept"})
	for _, name := range []string{"hello", "world"} {
		if s := h.processed(t, h.claimed(t, alice, name, snapYAML(name, "1", ""))); s.Status != store.UploadHeld {
			t.Fatalf("%s is %+v", name, s)
		}
	}
	list, err := h.Reviews(t.Context(), mary)
	if err != nil || len(list) != 1 || list[0].Package.Name != "hello" {
		t.Errorf("mary lists %v, %v", list, err)
	}
	narrow := mary
	narrow.Limits = []store.Limits{{Permissions: store.WirePermissions([]string{"package_access"})}}
	for _, tt := range []struct {
		who  store.Principal
		name string
		kind store.Kind
	}{{mary, "world", store.KindForbidden}, {narrow, "hello", store.KindForbidden}, {alice, "hello", store.KindForbidden}} {
		if _, err := h.Approve(t.Context(), tt.who, store.Snap, tt.name, 1, ""); store.KindOf(err) != tt.kind {
			t.Errorf("%s approves %s: %v", tt.who.Name, tt.name, err)
		}
	}
	if _, err := h.Approve(t.Context(), mary, store.Snap, "hello", 1, ""); err != nil {
		t.Error(err)
	}
}

func TestAPolicyThatCannotBeReadHoldsEverythingBack(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	alice := h.person(t, "alice", store.RolePublisher)
	h.registered(t, alice, "hello")
	h.set(map[string]string{settingReviewPolicy: "gibberish"})
	if s := h.processed(t, h.claimed(t, alice, "hello", snapYAML("hello", "1", ""))); s.Status != store.UploadHeld {
		t.Errorf("it is %+v", s)
	}
}

// abandon ends a lease at once, as time does when the node that has it is dead.
func (h *house) abandon(t testing.TB, j *job) {
	t.Helper()
	h.update(t, func(tx *db.Tx) error {
		held, err := tx.ExtendLease(j.upload.ID, j.until, tx.Now().Add(-time.Second))
		if !held {
			t.Error("the lease is not held")
		}
		return err
	})
}

func TestWhatADeadNodeLeftIsFinishedByAnother(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		alice := h.person(t, "alice", store.RolePublisher)
		pkg := h.registered(t, alice, "hello")
		died := []func(j *job){
			func(*job) {}, // before it has looked
			func(j *job) { // after the revision is made, before it is released
				s, problems, err := h.lookInto(t.Context(), j.upload)
				if err != nil || len(problems) > 0 {
					t.Fatal(err, problems)
				}
				if done, err := h.enterUpload(t.Context(), j, s); done || err != nil {
					t.Fatal(done, err)
				}
			},
			func(j *job) { // after it is released, before that is noted
				s, _, err := h.lookInto(t.Context(), j.upload)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := h.enterUpload(t.Context(), j, s); err != nil {
					t.Fatal(err)
				}
				if err := h.releaseTo(t.Context(), alice, pkg, j.upload.Revision, "stable"); err != nil {
					t.Fatal(err)
				}
			},
		}
		for i, die := range died {
			u := h.claimed(t, alice, "hello", snapYAML("hello", fmt.Sprint(i), ""), "stable")
			j, err := h.lease(t.Context())
			if err != nil || j == nil {
				t.Fatal(j, err)
			}
			die(j)
			if n, err := h.neighbour(t).ProcessUploads(t.Context()); n != 0 || err != nil {
				t.Errorf("another works on what is leased: %d, %v", n, err)
			}
			h.abandon(t, j)
			if n, err := h.neighbour(t).ProcessUploads(t.Context()); n != 1 || err != nil {
				t.Errorf("another finds %d, %v", n, err)
			}
			if s := h.state(t, u); s.Status != store.UploadApproved || s.Revision != i+1 {
				t.Errorf("it is %+v", s)
			}
			if got := install(t, h.Catalog, Asker{}, "hello", "stable", "amd64"); got != i+1 {
				t.Errorf("stable has %d", got)
			}
			err = j.fail(t.Context(), nil)
			if !errors.Is(err, errLeaseLost) {
				t.Errorf("the dead node comes back and writes: %v", err)
			}
		}
		h.update(t, func(tx *db.Tx) error {
			releases, err := tx.Releases(pkg.ID)
			if len(releases) != len(died) {
				t.Errorf("%d releases were made", len(releases))
			}
			return err
		})
	})
}

// noBytes is a blob store whose disk is away.
type noBytes struct{ blob.Store }

func (noBytes) Open(context.Context, blob.Digest, int64) (blob.Reader, error) {
	return nil, errors.New("the disk is away")
}

func TestAnUploadThatCannotBeReadIsTriedForAnHourFromTheFirstFailure(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	alice := h.person(t, "alice", store.RolePublisher)
	h.registered(t, alice, "hello")
	u := h.claimed(t, alice, "hello", snapYAML("hello", "1", ""), "edge")
	h.blobs = noBytes{h.blobs}
	now := time.Now().Add(10 * processingLimit) // it has waited long, such as for a server that was down
	h.now = func() time.Time { return now }
	j, err := h.lease(t.Context())
	if err != nil || j == nil {
		t.Fatal(j, err)
	}
	for range 2 {
		if err := h.process(t.Context(), j); err == nil {
			t.Error("nobody hears of a disk that is away")
		}
		if s := h.state(t, u); s.Status != store.UploadProcessing {
			t.Fatalf("it is %+v", s)
		}
		now = now.Add(processingLimit)
	}
	now = now.Add(time.Second)
	if err := h.process(t.Context(), j); err == nil {
		t.Error("nobody hears of a disk that is away")
	}
	if s := h.state(t, u); s.Status != store.UploadFailed {
		t.Errorf("it is %+v", s)
	}
}

func TestManyNodesMakeOneRevisionOfEachUpload(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		alice := h.person(t, "alice", store.RolePublisher)
		h.registered(t, alice, "hello")
		const uploads = 6
		for n := range uploads {
			h.claimed(t, alice, "hello", snapYAML("hello", fmt.Sprint(n), ""), "edge")
		}
		var wg sync.WaitGroup
		for _, c := range []*Catalog{h.Catalog, h.neighbour(t), h.neighbour(t)} {
			wg.Go(func() {
				if _, err := c.ProcessUploads(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		list, err := h.RevisionList(t.Context(), alice, store.Snap, "hello", RevisionQuery{})
		if err != nil || len(list) != uploads {
			t.Fatalf("%d revisions, %v", len(list), err)
		}
		for i, rev := range list {
			if rev.Number != uploads-i || !rev.Released || rev.Status != store.StatusApproved {
				t.Errorf("revision %d at %d: %s, released %t", rev.Number, i, rev.Status, rev.Released)
			}
		}
	})
}

func TestWorkersTakeUpAClaimByThemselves(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	alice := h.person(t, "alice", store.RolePublisher)
	h.registered(t, alice, "hello")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- h.RunUploads(ctx) }()
	u := h.claimed(t, alice, "hello", snapYAML("hello", "1", ""))
	for deadline := time.Now().Add(time.Minute); !h.state(t, u).Status.Processed(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("it is %+v", h.state(t, u))
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestANameGoesToOneOfThoseWhoWantIt(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		var wg sync.WaitGroup
		won := make(chan string, 4)
		for _, name := range []string{"alice", "bob", "carol", "dave"} {
			who := h.person(t, name, store.RolePublisher)
			wg.Go(func() {
				_, err := h.Register(t.Context(), who, Registration{Name: "hello"})
				switch {
				case err == nil:
					won <- name
				case store.CodeOf(err) != CodeAlreadyRegistered && store.CodeOf(err) != "name-taken":
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Errorf("%d have it", len(won))
		}
	})
}

func TestUnreleasedRevisionsAreTheirPublishersOwnAffair(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		alice, bob, carol := h.person(t, "alice", store.RolePublisher), h.person(t, "bob", store.RolePublisher), h.person(t, "carol", store.RolePublisher)
		pkg := h.registered(t, alice, "hello")
		h.update(t, func(tx *db.Tx) error {
			tx.Record(store.CollaboratorPut, "package/"+pkg.ID, nil)
			return tx.PutCollaborator(store.Collaborator{PackageID: pkg.ID, Account: store.Account{ID: carol.Account}, CreatedAt: tx.Now(), UpdatedAt: tx.Now()})
		})
		h.processed(t, h.claimed(t, alice, "hello", snapYAML("hello", "1", ""), "stable"))
		h.processed(t, h.claimed(t, alice, "hello", snapYAML("hello", "2", "")))
		asks := func(who store.Principal, number int) bool {
			answers, err := h.Resolve(t.Context(), Asker{Who: who}, store.Snap, []Wish{{
				Ref: store.Ref{ID: pkg.ID}, Query: store.Query{Action: store.ActionDownload, Revision: number, Architecture: "amd64"},
			}})
			if err != nil {
				t.Fatal(err)
			}
			f, err := h.Download(t.Context(), Asker{Who: who}, store.Snap, pkg.ID, number)
			if err == nil {
				defer f.Close()
				if _, err := io.Copy(io.Discard, f); err != nil {
					t.Error(err)
				}
			}
			if (err == nil) != (answers[0].Err == nil) {
				t.Errorf("%s is offered revision %d: %v, and given it: %v", who.Name, number, answers[0].Err, err)
			}
			return err == nil
		}
		narrow := alice
		narrow.Limits = []store.Limits{{Packages: []store.PackageLimit{{Name: "other"}}}}
		for _, tt := range []struct {
			who    store.Principal
			number int
			want   bool
		}{
			{store.Principal{}, 1, true}, {bob, 1, true}, {alice, 1, true},
			{store.Principal{}, 2, false}, {bob, 2, false}, {alice, 2, true}, {carol, 2, true}, {narrow, 2, false},
		} {
			if got := asks(tt.who, tt.number); got != tt.want {
				t.Errorf("%q has revision %d: %t", tt.who.Name, tt.number, got)
			}
		}
		if _, err := h.Override(t.Context(), operator, store.Snap, "hello", []OverrideTo{{Channel: channel(t, "edge"), Revision: 2}}, "", time.Time{}); err != nil {
			t.Fatal(err)
		}
		if !asks(store.Principal{}, 2) {
			t.Error("what an override names is served to nobody")
		}
	})
}

func TestAPackageMayFollowItsReleases(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	alice := h.person(t, "alice", store.RolePublisher)
	pkg := h.registered(t, alice, "hello")
	h.update(t, func(tx *db.Tx) error {
		p, err := tx.Package(pkg.ID)
		if err != nil {
			return err
		}
		p.Listing.Summary, p.Listing.FollowsReleases = "of old", true
		tx.Record(store.PackageUpdated, "package/"+pkg.ID, nil)
		return tx.UpdatePackage(p)
	})
	summary := func() (s string) {
		h.update(t, func(tx *db.Tx) error {
			p, err := tx.Package(pkg.ID)
			s = p.Listing.Summary
			return err
		})
		return s
	}
	h.processed(t, h.claimed(t, alice, "hello", snapYAML("hello", "1", ""), "edge"))
	if got := summary(); got != "of old" {
		t.Errorf("a release to edge makes it %q", got)
	}
	h.processed(t, h.claimed(t, alice, "hello", snapYAML("hello", "2", ""), "stable"))
	if got := summary(); got != "a snap called hello" {
		t.Errorf("a release to stable makes it %q", got)
	}
}

func TestADelegatedProvenanceIsSignedByTheDelegate(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		h.ownRoot(t)
		root := h.foreign(t)
		alice := h.person(t, "alice", store.RolePublisher)
		id := assertiontest.SnapID(7)
		headers := assertiontest.With(assertiontest.DeclarationHeaders(id, "hello", alice.Account), "revision-authority", []any{
			map[string]any{"account-id": "own", "provenance": []any{"prod"}},
		}, "format", "5")
		_, err := h.AddAssertions(t.Context(), operator, []*assertion.Assertion{
			root.Sign(t, assertiontest.AccountHeaders(alice.Account), nil), root.Sign(t, headers, nil),
		})
		if err != nil {
			t.Fatal(err)
		}
		s := h.processed(t, h.claimed(t, alice, "hello", snapYAML("hello", "1", "provenance: prod\n"), "stable"))
		if s.Status != store.UploadApproved {
			t.Fatalf("it is %+v", s)
		}
		if !h.signedFor(t, h.revisionAt(t, id, 1)) {
			t.Error("it is not signed for")
		}
		for yaml, code := range map[string]string{
			snapYAML("hello", "2", ""):                    "foreign-package",
			snapYAML("hello", "3", "provenance: other\n"): "revision-not-delegated",
		} {
			s := h.processed(t, h.claimed(t, alice, "hello", yaml))
			if s.Status != store.UploadFailed || len(s.Problems) != 1 || s.Problems[0].Code != code {
				t.Errorf("want %s: %+v", code, s)
			}
		}
	})
}

func TestAClaimerWhoIsLockedOutReleasesNothing(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	alice := h.person(t, "alice", store.RolePublisher)
	h.registered(t, alice, "hello")
	u := h.claimed(t, alice, "hello", snapYAML("hello", "1", ""), "stable")
	h.update(t, func(tx *db.Tx) error {
		user, err := tx.User(alice.Account)
		if err != nil {
			return err
		}
		user.State = store.UserDisabled
		tx.Record(store.UserPut, "account/"+alice.Account, nil)
		return tx.PutUser(user)
	})
	if s := h.processed(t, u); s.Revision != 1 || len(s.Problems) != 1 {
		t.Errorf("it is %+v", s)
	}
	if got := install(t, h.Catalog, Asker{}, "hello", "stable", "amd64"); got != 0 {
		t.Errorf("stable has %d", got)
	}
}
