package db

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/store"
)

func testUser(n int) store.User {
	return store.User{
		Account: testAccount(n), Email: fmt.Sprintf("user-%d@example.com", n), EmailVerified: true, OpenID: fmt.Sprintf("openid-%d", n),
		Role: store.RolePublisher, State: store.UserActive, Password: "$argon2id$", PasswordChangedAt: day,
		SessionsValidAfter: day.Add(time.Second), TOTP: []byte{0, 1, 0xff}, TOTPStep: 7, Recovery: []string{"a", "b"},
		AgreedAt: day, CreatedAt: day,
	}
}

func testSession(n int, accountID string) store.Session {
	return store.Session{
		ID: fmt.Sprintf("session-%d", n), Kind: "exchanged", AccountID: accountID, Client: "craft/1", Description: "a test",
		Limits: store.SessionLimits{
			Permissions: []string{"package_push"}, Packages: []store.PackageLimit{{Namespace: store.Snap, Name: "x"}}, Channels: []string{"edge"},
		},
		Method: "password", LastAuth: day, ValidSince: day, ValidUntil: day.AddDate(30, 0, 0),
	}
}

// fillPeople puts at least one row into every table about publishers.
func fillPeople(tx *Tx, p *store.Package) error {
	u := testUser(1)
	file := testBlob("a file")
	tx.Record(store.UserPut, "account/"+u.Account.ID, nil)
	return errors.Join(
		tx.PutUser(u),
		tx.AddUserKey(store.UserKey{AccountID: u.Account.ID, Kind: store.UserKeySSH, Key: "ssh-ed25519 AAAA", Name: "laptop", CreatedAt: day}),
		tx.PutTokenKey(store.TokenKey{ID: "key", Purpose: "exchanged", Sealed: []byte{0, 0xff}, CreatedAt: day}),
		tx.PutSession(testSession(1, u.Account.ID)),
		tx.PutAttempts("account:x", store.Attempts{Failures: 3, LastAt: day, BlockedUntil: day.Add(time.Minute)}),
		tx.PutVisit(store.Visit{ID: "visit", Details: map[string]string{"client": "craft"}, CreatedAt: day, ExpiresAt: day.Add(time.Minute)}),
		tx.PutCollaborator(store.Collaborator{PackageID: p.ID, Account: u.Account, CreatedAt: day, CreatedBy: "tester", UpdatedAt: day}),
		tx.PutInvite(store.Invite{Token: "hash", PackageID: p.ID, Email: "bob@example.com", CreatedAt: day, CreatedBy: "tester", ExpiresAt: day}),
		second(tx.AddGuardrail(p.ID, store.Guardrail{Pattern: `\d+`, CreatedAt: day})),
		tx.AddLibrary(store.Library{ID: "lib", PackageID: p.ID, Name: "db", CreatedAt: day, CreatedBy: u.Account.ID}),
		tx.AddLibraryRevision(store.LibraryRevision{LibraryID: "lib", API: 1, Patch: 2, Hash: "h", Content: "# \u00fcn\"\u2028\r\n", CreatedAt: day, CreatedBy: u.Account.ID}),
		tx.PutStoreMember("acme", u.Account.ID, []string{store.StoreRoleAdmin}),
		tx.PutStoreInvite(store.StoreInvite{StoreID: "acme", Email: "bob@example.com", Roles: []string{store.StoreRoleView},
			Status: "pending", CreatedAt: day, ExpiresAt: day}),
		tx.PutDispute(store.Dispute{ID: "dispute", Namespace: store.Snap, Name: "taken", AccountID: u.Account.ID, Comment: "mine", CreatedAt: day}),
		tx.AddUpload(store.Upload{ID: "upload", Blob: file.Digest, Size: file.Size, Filename: "x.snap", Address: "192.0.2.1",
			CreatedAt: day, ExpiresAt: day.Add(time.Hour), Status: store.UploadUnclaimed}),
		tx.AddReview(store.Review{PackageID: p.ID, Revision: 1, At: day, By: "tester", Decision: "accept", Reason: "fine"}),
	)
}

// another is another process's handle.
func another(t *testing.T, url string) *DB { return open(t, url) }

// second drops what a method says beside its error.
func second[T any](_ T, err error) error { return err }

func TestUsersAreReadAsWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		u, v := testUser(1), testUser(2)
		update(t, db, func(tx *Tx) error {
			tx.Record(store.UserPut, "account/"+u.Account.ID, nil)
			return errors.Join(tx.PutUser(u), tx.PutUser(v))
		})
		view(t, db, func(tx *Tx) error {
			for name, read := range map[string]func() (store.User, error){
				"id":       func() (store.User, error) { return tx.User(u.Account.ID) },
				"email":    func() (store.User, error) { return tx.UserByEmail("USER-1@Example.com") },
				"username": func() (store.User, error) { return tx.UserByUsername(u.Account.Username) },
				"openid":   func() (store.User, error) { return tx.UserByOpenID(u.OpenID) },
			} {
				got, err := read()
				expect(t, name, err, "")
				same(t, "by "+name, got, u)
			}
			_, err := tx.User("nobody")
			expect(t, "nobody", err, "user-not-found")
			first, err := tx.Users("", 1)
			expect(t, "the first page", err, "")
			rest, err := tx.Users(u.Email, 10)
			expect(t, "the next page", err, "")
			same(t, "both pages", append(first, rest...), []store.User{u, v})
			n, err := tx.CountUsers(store.RolePublisher, store.UserActive)
			expect(t, "count", err, "")
			same(t, "count", n, 2)
			return nil
		})
		// What is taken is refused, and says what.
		for code, change := range map[string]func(*store.User){
			"email-taken":    func(w *store.User) { w.Email = "User-1@example.com" },
			"username-taken": func(w *store.User) { w.Account.Username = u.Account.Username },
		} {
			w := v
			change(&w)
			expect(t, code, try(t, db, func(tx *Tx) error { return tx.PutUser(w) }), code)
		}
		// Clearing a second factor, with nil as with nothing.
		u.TOTP, u.Recovery, u.State = nil, nil, store.UserDisabled
		update(t, db, func(tx *Tx) error {
			tx.Record(store.UserPut, "account/"+u.Account.ID, nil)
			return tx.PutUser(u)
		})
		view(t, db, func(tx *Tx) error {
			got, err := tx.User(u.Account.ID)
			if got.SecondFactor() || got.State != store.UserDisabled || len(got.Recovery) != 0 {
				t.Errorf("got %+v", got)
			}
			return err
		})
	})
}

func TestAStepOfCodesIsUsedOnceAndInOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, url string) {
		u := testUser(1)
		update(t, db, func(tx *Tx) error {
			tx.Record(store.UserPut, "account/"+u.Account.ID, nil)
			return tx.PutUser(u)
		})
		use := func(db *DB, step int64) (fresh bool) {
			_, err := db.Update(t.Context(), "tester", func(tx *Tx) (err error) {
				fresh, err = tx.UseTOTPStep(u.Account.ID, step)
				return err
			})
			if err != nil {
				t.Error(err)
			}
			return fresh
		}
		for _, step := range []struct {
			step  int64
			fresh bool
		}{{7, false}, {6, false}, {9, true}, {9, false}, {8, false}, {10, true}} {
			if got := use(db, step.step); got != step.fresh {
				t.Errorf("step %d: %v", step.step, got)
			}
		}
		handles := []*DB{db, open(t, url)}
		var n sync.WaitGroup
		wins := make(chan bool, 16)
		for k := range 16 {
			n.Go(func() { wins <- use(handles[k%2], 11) })
		}
		n.Wait()
		close(wins)
		count := 0
		for w := range wins {
			if w {
				count++
			}
		}
		if count != 1 {
			t.Errorf("%d of 16 uses were the first", count)
		}
	})
}

func TestUserKeysBelongToOneAccount(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		u, v := testUser(1), testUser(2)
		k := store.UserKey{AccountID: u.Account.ID, Kind: store.UserKeyAgent, Key: "public", Name: "robot", CreatedAt: day}
		update(t, db, func(tx *Tx) error {
			tx.Record(store.UserKeyAdded, "account/"+u.Account.ID, nil)
			return errors.Join(tx.PutUser(u), tx.PutUser(v), tx.AddUserKey(k), tx.AddUserKey(k))
		})
		theirs := k
		theirs.AccountID = v.Account.ID
		expect(t, "another's key", try(t, db, func(tx *Tx) error { return tx.AddUserKey(theirs) }), "user-key-taken")
		view(t, db, func(tx *Tx) error {
			got, err := tx.UserKey(k.Kind, k.Key)
			expect(t, "find", err, "")
			same(t, "find", got, k)
			list, err := tx.UserKeys(u.Account.ID)
			expect(t, "list", err, "")
			same(t, "list", list, []store.UserKey{k})
			_, err = tx.UserKey(store.UserKeySSH, k.Key)
			expect(t, "of another kind", err, "user-key-not-found")
			return nil
		})
		update(t, db, func(tx *Tx) error {
			tx.Record(store.UserKeyRemoved, "account/"+u.Account.ID, nil)
			for _, r := range []struct {
				account string
				existed bool
			}{{v.Account.ID, false}, {u.Account.ID, true}, {u.Account.ID, false}} {
				existed, err := tx.RemoveUserKey(r.account, k.Kind, k.Key)
				if err != nil || existed != r.existed {
					t.Errorf("remove from %s: %v, %v", r.account, existed, err)
				}
			}
			return nil
		})
	})
}

func TestSessionsAreReadAsWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		u, v := testUser(1), testUser(2)
		one, two, over, theirs := testSession(1, u.Account.ID), testSession(2, u.Account.ID), testSession(3, u.Account.ID), testSession(4, v.Account.ID)
		two.Caveat = "hash"
		over.ValidUntil = day.Add(time.Minute)
		update(t, db, func(tx *Tx) error {
			tx.Record(store.TokenIssued, "token/"+one.ID, nil)
			return errors.Join(tx.PutUser(u), tx.PutUser(v), tx.PutSession(one), tx.PutSession(two), tx.PutSession(over), tx.PutSession(theirs))
		})
		again := testSession(5, u.Account.ID)
		again.Caveat = two.Caveat
		if err := try(t, db, func(tx *Tx) error { return tx.PutSession(again) }); err == nil {
			t.Error("two sessions have one caveat")
		}
		ids := func(f store.SessionFilter) (ids []string) {
			view(t, db, func(tx *Tx) error {
				list, err := tx.Sessions(f)
				for _, s := range list {
					ids = append(ids, s.ID)
				}
				return err
			})
			return ids
		}
		view(t, db, func(tx *Tx) error {
			got, err := tx.Session(one.ID)
			expect(t, "session", err, "")
			same(t, "session", got, one)
			got, err = tx.SessionOfCaveat("hash")
			expect(t, "by caveat", err, "")
			same(t, "by caveat", got, two)
			for _, hash := range []string{"", "other"} {
				_, err = tx.SessionOfCaveat(hash)
				expect(t, "no such caveat", err, "session-not-found")
			}
			_, err = tx.Session("nothing")
			expect(t, "nothing", err, "session-not-found")
			return nil
		})
		two.RevokedAt, two.RevokedBy = day.Add(time.Hour), "tester"
		update(t, db, func(tx *Tx) error {
			tx.Record(store.TokenRevoked, "token/"+two.ID, nil)
			return tx.PutSession(two)
		})
		same(t, "active of one", ids(store.SessionFilter{AccountID: u.Account.ID}), []string{one.ID})
		same(t, "all of one", ids(store.SessionFilter{AccountID: u.Account.ID, Inactive: true}), []string{one.ID, two.ID, over.ID})
		same(t, "active of all", ids(store.SessionFilter{}), []string{one.ID, theirs.ID})
		same(t, "a page", ids(store.SessionFilter{Inactive: true, After: one.ID, Limit: 2}), []string{two.ID, over.ID})
		update(t, db, func(tx *Tx) error {
			if err := tx.TouchSession(one.ID); err != nil {
				return err
			}
			got, err := tx.Session(one.ID)
			if !got.LastUsed.Equal(tx.Now()) {
				t.Errorf("used at %v", got.LastUsed)
			}
			return err
		})
		update(t, db, func(tx *Tx) error {
			n, err := tx.DropSessions(day.Add(30 * time.Minute))
			if n != 1 {
				t.Errorf("dropped %d", n)
			}
			return err
		})
		same(t, "what is left", ids(store.SessionFilter{Inactive: true}), []string{one.ID, two.ID, theirs.ID})
	})
}

func TestTokenKeysAreListedNewestFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		older := store.TokenKey{ID: "b", Purpose: "p", Sealed: []byte{0}, CreatedAt: day}
		newer := store.TokenKey{ID: "a", Purpose: "p", Sealed: []byte{1, 0xff}, CreatedAt: day.Add(time.Second)}
		other := store.TokenKey{ID: "c", Purpose: "o", Sealed: []byte{2}, CreatedAt: day}
		update(t, db, func(tx *Tx) error {
			tx.Record(store.TokenKeyAdded, "token-key/a", nil)
			return errors.Join(tx.PutTokenKey(older), tx.PutTokenKey(newer), tx.PutTokenKey(other))
		})
		older.RetiredAt = day.Add(time.Hour)
		update(t, db, func(tx *Tx) error {
			tx.Record(store.TokenKeyRetired, "token-key/b", nil)
			changed := older
			changed.Sealed, changed.Purpose = []byte("another"), "another"
			return tx.PutTokenKey(changed) // only when it is retired can change
		})
		view(t, db, func(tx *Tx) error {
			got, err := tx.TokenKeys()
			same(t, "keys", got, []store.TokenKey{other, newer, older})
			return err
		})
	})
}

func TestAttemptsAreForgottenButForOnePrefix(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		old := store.Attempts{Failures: 2, LastAt: day, BlockedUntil: day.Add(time.Minute)}
		blocked := store.Attempts{Failures: 9, LastAt: day, BlockedUntil: time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)}
		seq := update(t, db, func(tx *Tx) error {
			return errors.Join(tx.PutAttempts("known:a", old), tx.PutAttempts("account:a", old), tx.PutAttempts("account:b", blocked))
		})
		if seq != 0 {
			t.Error("attempts are in the change log")
		}
		read := func(key string) (a store.Attempts) {
			view(t, db, func(tx *Tx) (err error) { a, err = tx.Attempts(key); return err })
			return a
		}
		same(t, "attempts", read("account:a"), old)
		same(t, "none", read("other"), store.Attempts{})
		drop := func(except string) (n int64) {
			update(t, db, func(tx *Tx) (err error) { n, err = tx.DropAttempts(day.Add(time.Second), except); return err })
			return n
		}
		same(t, "dropped", drop("known:"), int64(1))
		same(t, "kept", read("known:a"), old)
		same(t, "dropped without exception", drop(""), int64(1))
		same(t, "blocked", read("account:b"), blocked)
	})
}

func TestAVisitIsTakenOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, url string) {
		soon := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
		v := store.Visit{ID: "one", Details: map[string]string{"a": "b"}, CreatedAt: day, ExpiresAt: soon}
		take := func(db *DB) (first bool) {
			_, err := db.Update(t.Context(), "tester", func(tx *Tx) (err error) { first, err = tx.TakeVisit(v.ID); return err })
			if err != nil {
				t.Error(err)
			}
			return first
		}
		update(t, db, func(tx *Tx) error { return tx.PutVisit(v) })
		if take(db) {
			t.Error("taken before it was approved")
		}
		v.AccountID, v.Method, v.ApprovedAt = "alice", "password", day
		update(t, db, func(tx *Tx) error { return tx.PutVisit(v) })
		view(t, db, func(tx *Tx) error {
			got, err := tx.Visit(v.ID)
			same(t, "visit", got, v)
			n, ofAddress, countErr := tx.CountVisits("192.0.2.1")
			same(t, "count", n, 1)
			same(t, "of another address", ofAddress, 0)
			_, missing := tx.Visit("other")
			expect(t, "missing", missing, "visit-not-found")
			return errors.Join(err, countErr)
		})
		handles := []*DB{db, open(t, url)}
		var all sync.WaitGroup
		wins := make(chan bool, 16)
		for k := range 16 {
			all.Go(func() { wins <- take(handles[k%2]) })
		}
		all.Wait()
		close(wins)
		count := 0
		for w := range wins {
			if w {
				count++
			}
		}
		if count != 1 {
			t.Errorf("taken %d times", count)
		}
		expired := store.Visit{ID: "two", CreatedAt: day, ExpiresAt: day.Add(time.Minute), ApprovedAt: day}
		update(t, db, func(tx *Tx) error {
			if err := tx.PutVisit(expired); err != nil {
				return err
			}
			if first, err := tx.TakeVisit(expired.ID); first || err != nil {
				t.Errorf("an expired one: %v, %v", first, err)
			}
			n, err := tx.DropVisits()
			same(t, "dropped", n, int64(1))
			return err
		})
	})
}

func TestCollaboratorsInvitesAndGuardrails(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p := testPackage(1)
		bob := testAccount(2)
		c := store.Collaborator{PackageID: p.ID, Account: bob, CreatedAt: day, CreatedBy: "x", UpdatedAt: day}
		open := store.Invite{Token: "h1", PackageID: p.ID, Email: "bob@example.com", CreatedAt: day, CreatedBy: "x", ExpiresAt: day.Add(time.Hour)}
		g := store.Guardrail{Pattern: `v\d+`, CreatedAt: day}
		update(t, db, func(tx *Tx) error {
			if err := errors.Join(addPackage(tx, p, 0), tx.PutAccount(bob)); err != nil {
				return err
			}
			shouting := open
			shouting.Email = "Bob@Example.com"
			return errors.Join(tx.PutCollaborator(c), tx.PutInvite(shouting), second(tx.AddGuardrail(p.ID, g)))
		})
		later := c
		later.UpdatedAt, later.CreatedAt = day.Add(time.Hour), day.Add(time.Hour)
		answered := open
		answered.AcceptedAt, answered.AcceptedBy = day.Add(time.Minute), bob.ID
		update(t, db, func(tx *Tx) error {
			tx.Record(store.CollaboratorPut, "package/"+p.ID, nil)
			added, err := tx.AddGuardrail(p.ID, g)
			if added {
				t.Error("a guardrail was added twice")
			}
			return errors.Join(err, tx.PutCollaborator(later), tx.PutInvite(answered))
		})
		c.UpdatedAt = later.UpdatedAt
		view(t, db, func(tx *Tx) error {
			list, err := tx.Collaborators(p.ID)
			same(t, "collaborators", list, []store.Collaborator{c})
			ids, err2 := tx.Collaborations(bob.ID)
			same(t, "collaborations", ids, []string{p.ID})
			invites, err3 := tx.Invites(p.ID)
			same(t, "invites", invites, []store.Invite{answered})
			one, err4 := tx.Invite("h1")
			same(t, "invite", one, answered)
			_, missing := tx.Invite("h2")
			expect(t, "missing", missing, "invite-not-found")
			rails, err5 := tx.guardrails(p.ID)
			same(t, "guardrails", rails, []store.Guardrail{g})
			return errors.Join(err, err2, err3, err4, err5)
		})
		update(t, db, func(tx *Tx) error {
			tx.Record(store.CollaboratorGone, "package/"+p.ID, nil)
			for _, want := range []bool{true, false} {
				gone, err := tx.RemoveCollaborator(p.ID, bob.ID)
				rail, err2 := tx.RemoveGuardrail(p.ID, g.Pattern)
				if gone != want || rail != want || err != nil || err2 != nil {
					t.Errorf("removed %v, %v, %v, %v; want %v", gone, rail, err, err2, want)
				}
			}
			return nil
		})
	})
}

func TestStoreMembersInvitesAndDisputes(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		u, bob := testUser(1), testAccount(2)
		soon := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
		i := store.StoreInvite{StoreID: "acme", Email: "bob@example.com", Roles: []string{"view"}, Status: "pending", CreatedAt: day, ExpiresAt: soon}
		d := store.Dispute{ID: "d", Namespace: store.Snap, Name: "taken", AccountID: bob.ID, Comment: "mine", CreatedAt: day}
		update(t, db, func(tx *Tx) error {
			tx.Record(store.StorePut, "store/acme", nil)
			if err := errors.Join(tx.PutUser(u), tx.PutAccount(bob), tx.PutView(store.View{ID: "acme", CreatedAt: day}),
				tx.PutView(store.View{ID: "other", CreatedAt: day})); err != nil {
				return err
			}
			return errors.Join(tx.PutStoreMember("acme", u.Account.ID, []string{"view"}), tx.PutStoreMember("acme", u.Account.ID, []string{"admin", "review"}),
				tx.PutStoreMember("acme", bob.ID, []string{"view"}), tx.PutStoreMember("other", bob.ID, []string{"view"}),
				tx.PutStoreMember("other", bob.ID, nil), tx.PutStoreInvite(i), tx.PutDispute(d))
		})
		expect(t, "the same dispute again", try(t, db, func(tx *Tx) error {
			again := d
			again.ID = "d2"
			return tx.PutDispute(again)
		}), "dispute-already-exists")
		alice := store.StoreMember{StoreID: "acme", Account: u.Account, Email: u.Email, Roles: []string{"admin", "review"}}
		robert := store.StoreMember{StoreID: "acme", Account: bob, Roles: []string{"view"}}
		view(t, db, func(tx *Tx) error {
			members, err := tx.StoreMembers("acme")
			same(t, "members", members, []store.StoreMember{alice, robert})
			mine, err2 := tx.Memberships(bob.ID)
			same(t, "memberships", mine, []store.StoreMember{robert})
			invites, err3 := tx.StoreInvites("acme")
			same(t, "invites", invites, []store.StoreInvite{i})
			open, err4 := tx.StoreInvitesOf("BOB@example.com")
			same(t, "open invites", open, []store.StoreInvite{i})
			disputes, err5 := tx.Disputes(true)
			same(t, "disputes", disputes, []store.Dispute{d})
			return errors.Join(err, err2, err3, err4, err5)
		})
		i.Status, d.DecidedAt, d.Decision = "revoked", day.Add(time.Hour), "refused"
		update(t, db, func(tx *Tx) error {
			tx.Record(store.StoreInvitePut, "store/acme", nil)
			return errors.Join(tx.PutStoreInvite(i), tx.PutDispute(d))
		})
		view(t, db, func(tx *Tx) error {
			open, err := tx.StoreInvitesOf("bob@example.com")
			same(t, "open invites", len(open), 0)
			undecided, err2 := tx.Disputes(true)
			same(t, "undecided", len(undecided), 0)
			got, err3 := tx.Dispute("d")
			same(t, "dispute", got, d)
			_, missing := tx.Dispute("e")
			expect(t, "missing", missing, "dispute-not-found")
			return errors.Join(err, err2, err3)
		})
	})
}

func TestUploadsAndReviews(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, url string) {
		p, file := testPackage(1), testBlob("a file")
		soon := time.Now().Add(time.Hour).UTC().Truncate(time.Microsecond)
		upload := func(id string) store.Upload {
			return store.Upload{ID: id, Blob: file.Digest, Size: file.Size, Filename: "x.snap", Address: "192.0.2.1", CreatedAt: day,
				ExpiresAt: soon, Status: store.UploadUnclaimed}
		}
		one, two, old := upload("one"), upload("two"), upload("old")
		two.Address, old.ExpiresAt = "192.0.2.2", day.Add(time.Hour)
		update(t, db, func(tx *Tx) error {
			if err := addPackage(tx, p, 2); err != nil {
				return err
			}
			if _, err := tx.AddBlob(file); err != nil {
				return err
			}
			return errors.Join(tx.AddUpload(one), tx.AddUpload(two), tx.AddUpload(old))
		})
		view(t, db, func(tx *Tx) error {
			got, err := tx.Upload("one")
			same(t, "upload", got, one)
			_, missing := tx.Upload("three")
			expect(t, "missing", missing, "upload-not-found")
			n, bytes, err2 := tx.UnclaimedBytes("192.0.2.1")
			all, allBytes, err3 := tx.UnclaimedBytes("")
			same(t, "unclaimed", []int64{int64(n), bytes, int64(all), allBytes}, []int64{2, 2 * file.Size, 3, 3 * file.Size})
			return errors.Join(err, err2, err3)
		})
		claim := func(u *store.Upload, at time.Time) {
			u.PackageID, u.AccountID, u.ClaimedAt, u.Status = p.ID, p.PublisherID, at, store.UploadProcessing
			u.Wish = store.UploadWish{Channels: []string{"edge"}, Limits: []store.Limits{{Channels: []string{"edge"}}}}
		}
		claim(&one, day.Add(2*time.Hour))
		claim(&two, day.Add(time.Hour))
		update(t, db, func(tx *Tx) error {
			tx.Record(store.UploadClaimed, "package/"+p.ID, nil)
			expect(t, "none", tx.UpdateUpload(upload("none")), "upload-not-found")
			return errors.Join(tx.UpdateUpload(one), tx.UpdateUpload(two))
		})
		// The oldest first, and each to one worker.
		handles := []*DB{db, another(t, url)}
		var leased []string
		for k := range 4 {
			update(t, handles[k%2], func(tx *Tx) error {
				u, found, err := tx.LeaseUpload(soon)
				if found {
					leased = append(leased, u.ID)
				}
				return err
			})
		}
		same(t, "leased", leased, []string{"two", "one"})
		one.LeasedUntil = soon
		update(t, db, func(tx *Tx) error {
			got, err := tx.Upload("one")
			same(t, "leased upload", got, one)
			held, err2 := tx.ExtendLease("one", soon, soon.Add(time.Hour))
			lost, err3 := tx.ExtendLease("one", soon, soon.Add(2*time.Hour))
			same(t, "held, lost", []bool{held, lost}, []bool{true, false})
			return errors.Join(err, err2, err3)
		})
		one.Status, one.Revision, one.Problems = store.UploadRejected, 2, []store.UploadProblem{{Code: "c", Message: "m"}}
		review := store.Review{PackageID: p.ID, Revision: 2, At: day, By: "rita", Decision: "reject", Rule: "r", Reason: "why"}
		update(t, db, func(tx *Tx) error {
			tx.Record(store.UploadProcessed, "package/"+p.ID, nil)
			return errors.Join(tx.UpdateUpload(one), tx.AddReview(review), tx.AddReview(store.Review{PackageID: p.ID, Revision: 1, At: day, By: "rita", Decision: "accept"}))
		})
		view(t, db, func(tx *Tx) error {
			ups, err := tx.UploadsOfRevision(p.ID, 2)
			same(t, "of the revision", ups, []store.Upload{one})
			reviews, err2 := tx.Reviews(p.ID, 2)
			if len(reviews) != 1 || reviews[0].Seq == 0 {
				t.Fatalf("reviews: %+v", reviews)
			}
			review.Seq = reviews[0].Seq
			same(t, "reviews", reviews, []store.Review{review})
			approved, err3 := tx.RevisionsInStatus(store.StatusApproved, 1)
			same(t, "in status", len(approved), 1)
			return errors.Join(err, err2, err3)
		})
		update(t, db, func(tx *Tx) error {
			n, err := tx.DropUploads(day.Add(3 * time.Hour))
			same(t, "dropped", n, int64(2)) // the expired one and the finished one
			return err
		})
		expect(t, "a published name", try(t, db, func(tx *Tx) error { return tx.RemovePackage(p.ID) }), "package-published")
	})
}

func TestAnUnpublishedNameLeavesNothingBehind(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p := testPackage(1)
		update(t, db, func(tx *Tx) error {
			if err := addPackage(tx, p, 0); err != nil {
				return err
			}
			return errors.Join(second(tx.AddTrack(p.ID, store.Track{Name: "1.0", CreatedAt: day})),
				tx.PutInvite(store.Invite{Token: "h", PackageID: p.ID, Email: "x@example.com", CreatedAt: day, ExpiresAt: day}))
		})
		update(t, db, func(tx *Tx) error {
			tx.Record(store.PackageRemoved, "package/"+p.ID, nil)
			return tx.RemovePackage(p.ID)
		})
		problems, err := db.Fsck(t.Context())
		if err != nil || len(problems) != 0 {
			t.Errorf("fsck: %v, %v", problems, err)
		}
		if found, err := db.Search(t.Context(), store.SearchQuery{Text: p.Name}); err != nil || slices.Contains(found, p.ID) {
			t.Errorf("found %v, %v", found, err)
		}
		update(t, db, func(tx *Tx) error { return addPackage(tx, p, 1) })
	})
}
