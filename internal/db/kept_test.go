package db

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// expect fails the test unless err has this code; "" stands for no error.
func expect(t *testing.T, what string, err error, code string) {
	t.Helper()
	if code == "" && err != nil || store.CodeOf(err) != code {
		t.Errorf("%s: got %v, want code %q", what, err, code)
	}
}

// same fails the test unless got is want.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

// try runs f in a transaction and returns what came of it.
func try(t *testing.T, db *DB, f func(*Tx) error) error {
	t.Helper()
	_, err := db.Update(t.Context(), "tester", f)
	return err
}

func TestAccountsAndViewsAreReadAsWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		a, twin := testAccount(1), testAccount(2)
		twin.Username = a.Username
		v := store.View{ID: "acme", Name: "Acme", Brand: a.ID, Private: true, CreatedAt: day, Includes: []string{"b", "c"}, Packages: []string{"p"}}
		update(t, db, func(tx *Tx) error {
			tx.Record(store.AccountPut, "account/"+a.ID, a)
			if err := tx.PutAccount(a); err != nil {
				return err
			}
			got, err := tx.AccountByUsername(a.Username)
			same(t, "account by username", got, a)
			if err != nil {
				return err
			}
			if err := tx.PutAccount(twin); err != nil {
				return err
			}
			return tx.PutView(store.View{ID: "acme", Includes: []string{"old"}, Packages: []string{"old"}})
		})
		update(t, db, func(tx *Tx) error {
			tx.Record(store.StorePut, "store/acme", nil)
			return tx.PutView(v)
		})
		view(t, db, func(tx *Tx) error {
			_, err := tx.AccountByUsername(a.Username)
			expect(t, "shared username", err, "ambiguous-username")
			_, err = tx.AccountByUsername("nobody")
			expect(t, "username", err, "account-not-found")
			_, err = tx.Account("nobody")
			expect(t, "account", err, "account-not-found")
			list, err := tx.Accounts(a.ID, 0)
			expect(t, "accounts", err, "")
			same(t, "accounts after the first", list, []store.Account{twin})
			got, err := tx.View("acme")
			expect(t, "store", err, "")
			same(t, "store", got, v)
			views, err := tx.Views()
			expect(t, "stores", err, "")
			same(t, "stores", views, []store.View{v})
			_, err = tx.View("nowhere")
			expect(t, "store", err, "store-not-found")
			return nil
		})
	})
}

func TestNamesIDsAndNumbersAreTakenOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p := testPackage(1)
		update(t, db, func(tx *Tx) error { return addPackage(tx, p, 2) })
		for what, c := range map[string]struct {
			write func(*Tx) error
			code  string
		}{
			"a taken name": {func(tx *Tx) error {
				q := testPackage(2)
				q.Name = p.Name
				return tx.InsertPackage(q)
			}, "name-taken"},
			"a taken id": {func(tx *Tx) error {
				q := testPackage(2)
				q.ID = p.ID
				return tx.InsertPackage(q)
			}, "id-taken"},
			"an unknown publisher": {func(tx *Tx) error {
				q := testPackage(2)
				q.PublisherID = "nobody"
				return tx.InsertPackage(q)
			}, "missing-reference"},
			"an update of nothing":     {func(tx *Tx) error { return tx.UpdatePackage(testPackage(9)) }, "package-not-found"},
			"a taken revision":         {func(tx *Tx) error { return tx.InsertRevision(testRevision(p, 2)) }, "revision-exists"},
			"a revision of no package": {func(tx *Tx) error { v := testRevision(p, 0); v.PackageID = "x"; return tx.InsertRevision(v) }, "missing-reference"},
			"a revision without blob": {func(tx *Tx) error {
				v := testRevision(p, 0)
				v.Blob = testBlob("missing").Digest
				return tx.InsertRevision(v)
			}, "missing-reference"},
			"a release of no revision": {func(tx *Tx) error {
				_, err := tx.AppendReleases([]store.Release{testRelease(p, "beta", 7)})
				return err
			}, "missing-reference"},
			"a pin of no resource": {func(tx *Tx) error {
				r := testRelease(p, "beta", 1)
				r.Resources = []store.ResourcePin{{Name: "x", Revision: 1}}
				_, err := tx.AppendReleases([]store.Release{r})
				return err
			}, "missing-reference"},
			"an unknown category": {func(tx *Tx) error {
				return tx.SetCategories(p.ID, []store.Category{{Name: "none"}})
			}, "missing-reference"},
			"status of no revision": {func(tx *Tx) error { return tx.SetRevisionStatus(p.ID, 9, store.StatusRejected) }, "revision-not-found"},
			"a blob of another size": {func(tx *Tx) error {
				b := testBlob("revision of " + p.ID)
				b.Size++
				_, err := tx.AddBlob(b)
				return err
			}, "blob-differs"},
			"a setting that is no JSON": {func(tx *Tx) error { return tx.PutSetting("x", json.RawMessage(`{`), "tester") }, "invalid-setting"},
		} {
			expect(t, what, try(t, db, c.write), c.code)
		}
		update(t, db, func(tx *Tx) error {
			tx.Record(store.RevisionAdded, "package/"+p.ID, nil)
			if err := tx.InsertRevision(testRevision(p, 10)); err != nil {
				return err
			}
			v := testRevision(p, 0)
			err := tx.InsertRevision(v)
			same(t, "the number after 10", v.Number, 11)
			if err != nil {
				return err
			}
			if err := tx.SetRevisionStatus(p.ID, 11, store.StatusRejected); err != nil {
				return err
			}
			got, err := tx.Revisions(p.ID, 11, 2)
			if err != nil {
				return err
			}
			same(t, "below 11", []int{got[0].Number, got[1].Number}, []int{10, 2})
			got, err = tx.Revisions(p.ID, 0, 0)
			same(t, "all", len(got), 4)
			same(t, "status", got[0].Status, store.StatusRejected)
			return err
		})
		view(t, db, func(tx *Tx) error {
			got, err := tx.Revision(p.ID, 1)
			same(t, "revision", got, testRevision(p, 1))
			_, missing := tx.Revision(p.ID, 5)
			expect(t, "revision", missing, "revision-not-found")
			of, err2 := tx.RevisionsOfBlob(got.Blob)
			same(t, "revisions of the blob", len(of), 4)
			return errors.Join(err, err2)
		})
	})
}

func TestPackagesAreListedInPages(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		names := []string{"B", "a", "a-b", "a.b", "ab", "b", "é"}
		update(t, db, func(tx *Tx) error {
			for i, name := range names {
				p := testPackage(i)
				p.Name = name
				if i%2 == 1 {
					p.StoreID = "acme"
				}
				if err := addPackage(tx, p, 0); err != nil {
					return err
				}
			}
			c := testPackage(100)
			c.Namespace, c.Name = store.Charm, "zz"
			return addPackage(tx, c, 0)
		})
		list := func(f store.PackageFilter) (got []string) {
			view(t, db, func(tx *Tx) error {
				got = nil
				for {
					page, err := tx.Packages(f)
					if err != nil {
						return err
					}
					for _, p := range page {
						got = append(got, p.Name)
						f.AfterNamespace, f.AfterName = p.Namespace, p.Name
					}
					if len(page) == 0 {
						return nil
					}
				}
			})
			return got
		}
		same(t, "everything, in pages of 3", list(store.PackageFilter{Limit: 3}), append([]string{"zz"}, names...))
		same(t, "a namespace", list(store.PackageFilter{Namespace: store.Charm}), []string{"zz"})
		same(t, "a prefix", list(store.PackageFilter{NamePrefix: "a", Limit: 1}), []string{"a", "a-b", "a.b", "ab"})
		same(t, "a store", list(store.PackageFilter{StoreID: "acme", Limit: 2}), []string{"a", "a.b", "b"})
		same(t, "a publisher", list(store.PackageFilter{PublisherID: "nobody"}), []string(nil))
	})
}

func TestBlobsLiveWhileSomethingPointsAtThem(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		fillAll(t, db)
		loose := testBlob("loose")
		update(t, db, func(tx *Tx) error {
			tx.Record(store.BlobAdded, "blob/"+loose.Digest.Hex(), nil)
			for _, want := range []bool{true, false} {
				if added, err := tx.AddBlob(loose); err != nil || added != want {
					t.Errorf("added: %t, %v", added, err)
				}
			}
			return nil
		})
		var list []store.Blob
		view(t, db, func(tx *Tx) error {
			list = nil
			var after store.Digest
			for {
				page, err := tx.Blobs(after, 1)
				if err != nil || len(page) == 0 {
					return err
				}
				list, after = append(list, page[0]), page[0].Digest
			}
		})
		same(t, "blobs", len(list), 5) // one of revisions, a file, an image with its layer, and the loose one
		update(t, db, func(tx *Tx) error {
			for _, b := range list {
				live, err := tx.BlobLive(b.Digest)
				same(t, "live", live, b.Digest != loose.Digest)
				gone, err2 := tx.RemoveBlob(b.Digest)
				same(t, "gone", gone, b.Digest == loose.Digest)
				if err := errors.Join(err, err2); err != nil {
					return err
				}
			}
			tx.Record(store.BlobRemoved, "blob/"+loose.Digest.Hex(), nil)
			_, err := tx.Blob(loose.Digest)
			expect(t, "blob", err, "blob-not-found")
			expect(t, "quarantine", tx.SetQuarantine(loose.Digest, true), "blob-not-found")
			d := testBlob("a file").Digest
			if err := tx.SetQuarantine(d, true); err != nil {
				return err
			}
			b, err := tx.Blob(d)
			same(t, "quarantined at", b.QuarantinedAt, tx.Now())
			return errors.Join(err, tx.SetQuarantine(d, false))
		})
	})
}

func TestAssertionsAreKeptByFormatAndRevision(t *testing.T) {
	edition := func(format, revision int, text string) store.Assertion {
		return store.Assertion{Type: "snap-declaration", PrimaryKey: "16/abc", Format: format, Revision: revision,
			AuthorityID: "canonical", SignKey: "key", Encoded: []byte(text)}
	}
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		put := func(a store.Assertion, added bool, code string) {
			t.Helper()
			err := try(t, db, func(tx *Tx) error {
				tx.Record(store.AssertionAdded, "assertion/"+a.Type+"/"+a.PrimaryKey, nil)
				got, err := tx.PutAssertion(a)
				same(t, "added", got, added)
				return err
			})
			expect(t, string(a.Encoded), err, code)
		}
		put(edition(0, 1, "f0 r1"), true, "")
		put(edition(0, 3, "f0 r3"), true, "")
		put(edition(0, 3, "f0 r3"), false, "")
		put(edition(0, 3, "f0 r3 another"), false, "assertion-differs")
		put(edition(0, 2, "f0 r2"), false, "stale-assertion")
		put(edition(4, 2, "f4 r2"), true, "")
		put(edition(5, 7, "f5 r7"), true, "")
		view(t, db, func(tx *Tx) error {
			for max, want := range map[int]string{0: "f0 r3", 3: "f0 r3", 4: "f0 r3", 5: "f5 r7", 9: "f5 r7", -1: "f5 r7"} {
				got, err := tx.Assertion("snap-declaration", "16/abc", max)
				expect(t, want, err, "")
				same(t, fmt.Sprint("format up to ", max), string(got.Encoded), want)
				single, err := db.Assertion(t.Context(), "snap-declaration", "16/abc", max)
				expect(t, want, err, "")
				same(t, "single query", single, got)
			}
			_, err := tx.Assertion("snap-declaration", "16/ab", -1)
			expect(t, "assertion", err, "assertion-not-found")
			return nil
		})
	})
}

func TestSequencesAndListsOfAssertions(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		update(t, db, func(tx *Tx) error {
			tx.Record(store.AssertionAdded, "assertion/validation-set/x", nil)
			for _, n := range []struct{ sequence, format, revision int }{{1, 0, 0}, {3, 0, 5}, {3, 1, 4}, {10, 2, 0}} {
				_, err := tx.PutAssertion(store.Assertion{
					Type: "validation-set", PrimaryKey: fmt.Sprintf("16/acme/set/%d", n.sequence), SequenceKey: "16/acme/set",
					Sequence: n.sequence, Format: n.format, Revision: n.revision, AuthorityID: "acme", SignKey: "k1",
					Encoded: fmt.Appendf(nil, "s%d f%d", n.sequence, n.format),
				})
				if err != nil {
					return err
				}
			}
			_, err := tx.PutAssertion(store.Assertion{Type: "model", PrimaryKey: "16/acme/pc", AuthorityID: "acme", SignKey: "k2", Encoded: []byte("m")})
			return err
		})
		view(t, db, func(tx *Tx) error {
			for _, c := range []struct {
				sequence, maxFormat int
				want, code          string
			}{
				{1, -1, "s1 f0", ""}, {3, -1, "s3 f0", ""}, {0, -1, "s10 f2", ""}, {0, 1, "s3 f0", ""},
				{2, -1, "", "assertion-not-found"}, {10, 1, "", "assertion-not-found"},
			} {
				got, err := tx.SequenceMember("validation-set", "16/acme/set", c.sequence, c.maxFormat)
				expect(t, fmt.Sprint(c), err, c.code)
				same(t, fmt.Sprint(c), string(got.Encoded), c.want)
			}
			_, err := tx.SequenceMember("model", "", 0, -1)
			expect(t, "a type without sequences", err, "assertion-not-found")

			texts := func(list []store.Assertion, err error) (got []string) {
				t.Helper()
				expect(t, "list", err, "")
				for _, a := range list {
					got = append(got, string(a.Encoded))
				}
				return got
			}
			same(t, "from 2", texts(tx.SequenceFrom("validation-set", "16/acme/set", 2, -1, 0)), []string{"s3 f0", "s10 f2"})
			same(t, "first from 2", texts(tx.SequenceFrom("validation-set", "16/acme/set", 2, -1, 1)), []string{"s3 f0"})
			everything := []string{"m", "s1 f0", "s10 f2", "s3 f0", "s3 f1"}
			same(t, "everything", texts(tx.Assertions(store.AssertionFilter{})), everything)
			same(t, "a type", texts(tx.Assertions(store.AssertionFilter{Type: "model"})), []string{"m"})
			same(t, "a prefix", texts(tx.Assertions(store.AssertionFilter{KeyPrefix: "16/acme/set/1"})), []string{"s1 f0", "s10 f2"})
			same(t, "a key", texts(tx.Assertions(store.AssertionFilter{SignKey: "k2"})), []string{"m"})
			same(t, "an authority", texts(tx.Assertions(store.AssertionFilter{AuthorityID: "canonical"})), []string(nil))
			var paged []string
			for f := (store.AssertionFilter{Limit: 2}); ; {
				page, err := tx.Assertions(f)
				if len(page) == 0 {
					same(t, "in pages", paged, everything)
					return err
				}
				paged, f.After = append(paged, texts(page, err)...), page[len(page)-1]
			}
		})
	})
}

func TestKeysSettingsAndDevicesAreReadAsWritten(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		key := store.SigningKey{KeyID: "k", AccountID: "acme", Name: "default", Uses: []string{"model", "serial"}, Sealed: []byte{0, 255}, CreatedAt: day}
		anchor := store.TrustAnchor{AccountID: "acme", KeyID: "k", Origin: "file", Documents: []byte("docs"), AddedAt: day, AddedBy: "tester"}
		id := store.DeviceID{Brand: "acme", Model: "pc", Serial: "1"}
		update(t, db, func(tx *Tx) error {
			tx.Record(store.SigningKeyAdded, "key/k", nil)
			return errors.Join(tx.PutSigningKey(store.SigningKey{KeyID: "k", Sealed: []byte("old")}), tx.PutSigningKey(key), tx.AddTrustAnchor(anchor),
				tx.PutSetting("b", json.RawMessage(`1`), "x"), tx.PutSetting("b", json.RawMessage(`{"c": "ü"}`), "tester"))
		})
		seq := update(t, db, func(tx *Tx) error {
			return errors.Join(tx.TouchDevice(id, "old", nil), tx.TouchDevice(id, "acme", map[string]string{"agent": "snapd"}))
		})
		same(t, "seq of a touch", seq, int64(0))
		view(t, db, func(tx *Tx) error {
			gotKey, err := tx.SigningKey("k")
			expect(t, "key", err, "")
			same(t, "key", gotKey, key)
			keys, err := tx.SigningKeys()
			expect(t, "keys", err, "")
			same(t, "keys", keys, []store.SigningKey{key})
			_, err = tx.SigningKey("none")
			expect(t, "key", err, "signing-key-not-found")
			anchors, err := tx.TrustAnchors()
			expect(t, "anchors", err, "")
			same(t, "anchors", anchors, []store.TrustAnchor{anchor})
			s, err := tx.Setting("b")
			expect(t, "setting", err, "")
			same(t, "setting", string(s.Value)+s.UpdatedBy, `{"c": "ü"}tester`)
			_, err = tx.Setting("a")
			expect(t, "setting", err, "setting-not-found")
			devices, err := tx.Devices(store.DeviceID{}, 0)
			expect(t, "devices", err, "")
			if len(devices) != 1 || devices[0].ID != id || devices[0].StoreID != "acme" || devices[0].Session["agent"] != "snapd" {
				t.Errorf("devices %+v", devices)
			}
			rest, err := tx.Devices(id, 0)
			expect(t, "devices", err, "")
			same(t, "devices after it", len(rest), 0)
			for since, want := range map[time.Time]int{tx.Now().Add(-time.Hour): 1, tx.Now().Add(time.Hour): 0} {
				n, err := tx.CountDevices(since)
				expect(t, "count", err, "")
				same(t, "count", n, want)
			}
			return nil
		})
		update(t, db, func(tx *Tx) error {
			tx.Record(store.SettingDeleted, "setting/b", nil)
			for _, want := range []bool{true, false} {
				a, err1 := tx.DeleteSetting("b")
				b, err2 := tx.RemoveSigningKey("k")
				c, err3 := tx.RemoveTrustAnchor("acme", "k")
				if err := errors.Join(err1, err2, err3); err != nil {
					return err
				}
				same(t, "existed", []bool{a, b, c}, []bool{want, want, want})
			}
			return nil
		})
	})
}

func TestOverridesStandBesideUnknownPackages(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		set := func(pkg, channel, arch string, revision int) store.Override {
			c, err := store.ParseChannel(channel)
			if err != nil {
				t.Fatal(err)
			}
			return store.Override{PackageID: pkg, Channel: c.Normal(), Architecture: arch, Revision: revision, At: day, By: "tester"}
		}
		a, b, c := set("one", "stable", "amd64", 1), set("one", "edge", "amd64", 2), set("two", "1.0/beta/x", "all", 3)
		update(t, db, func(tx *Tx) error {
			tx.Record(store.OverrideSet, "package/one", nil)
			return errors.Join(tx.PutOverride(set("one", "stable", "amd64", 9)), tx.PutOverride(b), tx.PutOverride(c), tx.PutOverride(a))
		})
		view(t, db, func(tx *Tx) error {
			everyone, err := tx.Overrides("")
			same(t, "everyone's", everyone, []store.Override{a, b, c})
			one, err2 := tx.Overrides("one")
			same(t, "of one", one, []store.Override{a, b})
			return errors.Join(err, err2)
		})
		found, err := db.Overrides(t.Context(), []string{"two", "three"})
		expect(t, "overrides", err, "")
		same(t, "of two and three", found, map[string][]store.Override{"two": {c}})
		update(t, db, func(tx *Tx) error {
			tx.Record(store.OverrideDeleted, "package/two", nil)
			for _, want := range []bool{true, false} {
				existed, err := tx.DeleteOverride("two", c.Channel, "all")
				same(t, "existed", existed, want)
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func TestADeadlineEndsAQuery(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := db.Facts(ctx, store.Snap, []store.Ref{{ID: "x"}}, FactsOptions{}); err == nil {
			t.Error("it went on")
		}
	})
}

func TestTooMuchAtOnceIsRefused(t *testing.T) {
	db := open(t, databases["sqlite"](t))
	refs := slices.Repeat([]store.Ref{{ID: "x"}}, maxRefs+1)
	if _, err := db.Facts(t.Context(), store.Snap, refs, FactsOptions{}); store.KindOf(err) != store.KindTooLarge {
		t.Errorf("facts: %v", err)
	}
	if _, err := db.Revisions(t.Context(), make([]RevisionRef, maxRefs+1)); store.KindOf(err) != store.KindTooLarge {
		t.Errorf("revisions: %v", err)
	}
	if got, err := db.Revisions(t.Context(), make([]RevisionRef, maxRefs)); err != nil || len(got) != 0 {
		t.Errorf("256 revisions: %v, %v", got, err)
	}
}
