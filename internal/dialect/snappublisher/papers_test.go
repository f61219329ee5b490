package snappublisher

import (
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

const (
	gatingPath = "/dev/api/snaps/snapidsnapidsnapidsnapidsnap0001"
	someDigest = "QlqR0uAWEAWF5Nwnzj5kqmmwFslYPu1IL16MKtLKhwhv0kpBv5wKZ_axf_nf_2cL"
)

// pen is an account that signs with a key of its own.
type pen struct {
	*assertiontest.Authority
	t testing.TB
}

func (w *world) pen(account, key string) pen {
	w.T.Helper()
	p := pen{&assertiontest.Authority{AccountID: account, Signer: assertiontest.Signer(key)}, w.T}
	w.Update(func(tx *db.Tx) error {
		_, _, err := w.Auth.SignAccountKey(tx, authority.KeyFacts{
			AccountID: account, Name: "mine", Key: p.Signer.PublicKey(), Since: w.Now.AddDate(-10, 0, 0),
		})
		return err
	})
	return p
}

func (p pen) validation(more ...any) *assertion.Assertion {
	return p.Sign(p.t, assertiontest.With(assertiontest.Headers{
		"type": "validation", "series": "16", "snap-id": assertiontest.SnapID(1), "approved-snap-id": assertiontest.SnapID(2),
		"approved-snap-revision": "3", "timestamp": assertiontest.Time, "revoked": "false",
	}, more...), nil)
}

func (p pen) build(more ...any) *assertion.Assertion {
	return p.Sign(p.t, assertiontest.With(assertiontest.Headers{
		"type": "snap-build", "snap-sha3-384": someDigest, "snap-id": assertiontest.SnapID(1), "grade": "stable",
		"snap-size": "4096", "timestamp": assertiontest.Time,
	}, more...), nil)
}

func (p pen) developer(ids ...string) *assertion.Assertion {
	list := []any{}
	for _, id := range ids {
		list = append(list, map[string]any{"developer-id": id, "since": assertiontest.Time})
	}
	return p.Sign(p.t, assertiontest.Headers{
		"type": "snap-developer", "snap-id": assertiontest.SnapID(1), "publisher-id": p.AccountID, "developers": list,
	}, nil)
}

func inField(name string, a *assertion.Assertion) map[string]string {
	return map[string]string{name: string(a.Encoded())}
}

// gating is a world where alice's snap gating gates two others of bob's.
func gating(t *testing.T) (*world, pen) {
	w := newWorld(t)
	pkg := w.listed(1, "gating", "alice")
	w.listed(2, "gated", "bob")
	w.listed(3, "waiting", "bob")
	w.listed(4, "free", "bob")
	w.Update(func(tx *db.Tx) error {
		_, _, err := w.Auth.SignSnapDeclaration(tx, authority.Declaration{
			SnapID: pkg.ID, Name: pkg.Name, PublisherID: pkg.PublisherID,
			RefreshControl: []string{assertiontest.SnapID(2), assertiontest.SnapID(3)},
		})
		return err
	})
	return w, w.pen("alice-id", assertiontest.StoreKey)
}

func TestGolden(t *testing.T) {
	t.Run("validations", func(t *testing.T) {
		w, alice := gating(t)
		w.golden(t, "snapcraft-validate", "assertion", inJSON(alice.validation().Encoded()))
		w.golden(t, "snapcraft-gated")
		w.golden(t, "snapcraft-validate-revoke",
			"assertion", inJSON(alice.validation("revoked", "true", "revision", "1").Encoded()))
		w.golden(t, "snapcraft-validate-list")
	})
	t.Run("builds", func(t *testing.T) {
		w, alice := gating(t)
		w.golden(t, "snapcraft-sign-build", "assertion", inJSON(alice.build().Encoded()))
		w.golden(t, "snapcraft-sign-build-unknown-key", "assertion", inJSON(
			(&assertiontest.Authority{AccountID: "alice-id", Signer: assertiontest.Signer(assertiontest.BrandKey)}).
				Sign(t, assertiontest.With(alice.build().Headers(), "sign-key-sha3-384", nil), nil).Encoded()))
	})
}

// seenValidation are the keys of a validation that newer clients take; they refuse
// any other.
var seenValidation = map[string]any{
	"type": "", "authority-id": "", "series": "", "snap-id": "", "approved-snap-id": "", "approved-snap-revision": "",
	"approved-snap-name": "", "timestamp": "", "revoked": "", "required": true, "sign-key-sha3-384": "", "revision": "",
}

func TestTrap6NoValidationHasAKeyThatClientsRefuse(t *testing.T) {
	w, alice := gating(t)
	w.Do("alice", "PUT", gatingPath+"/validations", inField("assertion", alice.validation())).Object(200)
	w.Do("alice", "PUT", gatingPath+"/validations", inField("assertion", alice.validation("approved-snap-id", assertiontest.SnapID(4)))).Object(200)
	var list []any
	w.Do("alice", "GET", gatingPath+"/validations", nil).Into(200, &list)
	sameShape(t, "validations", list, []any{seenValidation})
	var got []string
	for _, one := range list {
		v := one.(map[string]any)
		required := "optional"
		if v["required"] == true {
			required = "required"
		}
		got = append(got, v["approved-snap-name"].(string)+" "+v["approved-snap-revision"].(string)+" "+required)
	}
	if have := strings.Join(got, ", "); have != "gated 3 required, waiting - required, free 3 optional" {
		t.Errorf("validations are %s", have)
	}
}

func TestAValidationIsServedToDevicesAndRevoked(t *testing.T) {
	w, alice := gating(t)
	first := alice.validation() // a signature has its time in it, so another would be another text
	w.Do("alice", "PUT", gatingPath+"/validations", inField("assertion", first)).Object(200)
	// Sent again it changes nothing.
	w.Do("alice", "PUT", gatingPath+"/validations", inField("assertion", first)).Object(200)
	revoked := alice.validation("revoked", "true", "revision", "1")
	w.Do("alice", "PUT", gatingPath+"/validations", inField("assertion", revoked)).Object(200)
	ref := revoked.Ref()
	got, err := w.Catalog.Assertion(t.Context(), ref, 0)
	if err != nil || string(got.Encoded()) != string(revoked.Encoded()) {
		t.Fatalf("the stored validation is %v, %v", got, err)
	}
	var list []map[string]any
	w.Do("alice", "GET", gatingPath+"/validations", nil).Into(200, &list)
	for _, v := range list {
		if v["revoked"] != "false" || v["approved-snap-revision"] != "-" {
			t.Errorf("a revoked validation is listed: %v", v)
		}
	}
	w.Do("alice", "GET", gatingPath+"/validations?include_revoked=1", nil).Into(200, &list)
	if list[0]["revoked"] != "true" || list[0]["revision"] != "1" {
		t.Errorf("the revoked one is %v", list[0])
	}
	// What was said before does not come back.
	if code := w.Do("alice", "PUT", gatingPath+"/validations", inField("assertion", first)).ErrorCode(409); code != "conflict" {
		t.Errorf("an old revision: %s", code)
	}
	other := alice.validation("revoked", "true", "revision", "1", "timestamp", "2021-01-01T00:00:00Z")
	if code := w.Do("alice", "PUT", gatingPath+"/validations", inField("assertion", other)).ErrorCode(409); code != "assertion-conflict" {
		t.Errorf("another text of the same revision: %s", code)
	}
}

func TestStatementsThatAreRefused(t *testing.T) {
	w, alice := gating(t)
	bob := w.pen("bob-id", assertiontest.BrandKey)
	w.private(assertiontest.SnapID(4))
	w.Token("uploader", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package_push"})})
	w.Token("elsewhere", "alice", store.Limits{Packages: []store.PackageLimit{{Name: "free"}}})
	forged := alice.build().Encoded()
	forged = []byte(strings.Replace(string(forged), "snap-size: 4096", "snap-size: 4097", 1))
	put, post := "PUT", "POST"
	builds, validations, developers := gatingPath+"/builds", gatingPath+"/validations", gatingPath+"/developers"
	w.refuses(t, []refusal{
		{"nobody", "", post, builds, inField("assertion", alice.build()), 401, "macaroon-authorization-required"},
		{"a stranger", "bob", post, builds, inField("assertion", bob.build()), 403, "resource-forbidden"},
		{"a viewer", "vera", post, builds, inField("assertion", alice.build()), 403, "macaroon-permission-required"},
		{"a token for another snap", "elsewhere", post, builds, inField("assertion", alice.build()), 403, "resource-forbidden"},
		{"a token that only uploads", "uploader", put, validations, inField("assertion", alice.validation()), 403, "macaroon-permission-required"},
		{"a private snap of another", "alice", post, "/dev/api/snaps/" + assertiontest.SnapID(4) + "/builds", inField("assertion", alice.build()), 404, "resource-not-found"},
		{"an unknown snap", "alice", post, "/dev/api/snaps/nothing/builds", inField("assertion", alice.build()), 404, "resource-not-found"},
		{"nothing", "alice", post, builds, `{}`, 400, "missing-field"},
		{"a number", "alice", post, builds, `{"assertion":1}`, 400, "missing-field"},
		{"a list", "alice", post, builds, `[]`, 400, "api-error"},
		{"no JSON", "alice", post, builds, string(alice.build().Encoded()), 400, "api-error"},
		{"no assertion", "alice", post, builds, map[string]string{"assertion": "type: snap-build\n\nx"}, 400, "invalid-field"},
		{"too much", "alice", post, builds, map[string]string{"assertion": strings.Repeat("x", maxAssertionBody)}, 413, "request-too-large"},
		{"another type", "alice", post, builds, inField("assertion", alice.validation()), 400, "invalid-field"},
		{"about another snap", "alice", post, builds, inField("assertion", alice.build("snap-id", assertiontest.SnapID(2))), 400, "invalid-field"},
		{"signed by another account", "alice", post, builds, inField("assertion", bob.build()), 400, "invalid-field"},
		{"forged", "alice", post, builds, map[string]string{"assertion": string(forged)}, 400, "invalid-field"},
		{"signed with another's key", "alice", post, builds, inField("assertion", bob.build("authority-id", "alice-id")), 400, "invalid-field"},
		{"by whom the snap is not", "alice", put, validations, inField("assertion", alice.validation("snap-id", assertiontest.SnapID(2))), 400, "invalid-field"},
		{"a snap that is not here", "alice", put, validations, inField("assertion", alice.validation("approved-snap-id", assertiontest.SnapID(9))), 400, "invalid-field"},
		{"no developers yet", "alice", "GET", developers, nil, 404, "snap-developer-not-found"},
		{"a developer nobody knows", "alice", put, developers, inField("snap_developer", alice.developer("nobody")), 400, "invalid-field"},
		{"validations of another", "bob", "GET", validations, nil, 403, "resource-forbidden"},
	})
	var stored []store.Assertion
	w.Must(w.DB.View(t.Context(), func(tx *db.Tx) (err error) {
		for _, typ := range []string{"snap-build", "validation", "snap-developer"} {
			some, err := tx.Assertions(store.AssertionFilter{Type: typ})
			if err != nil {
				return err
			}
			stored = append(stored, some...)
		}
		return nil
	}))
	if len(stored) > 0 {
		t.Errorf("refused statements are stored: %+v", stored)
	}
}

func TestDevelopersAreNamedAndCannotBeDroppedWithUploads(t *testing.T) {
	w, alice := gating(t)
	path := gatingPath + "/developers"
	named := alice.developer("bob-id")
	w.Do("alice", "PUT", path, inField("snap_developer", named)).Object(200)
	got := w.Do("alice", "GET", path, nil).Object(200)
	sameShape(t, "developers", got, map[string]any{"snap_developer": map[string]any{
		"type": "", "authority-id": "", "publisher-id": "", "snap-id": "",
		"developers": []any{map[string]any{"developer-id": "", "since": ""}},
	}})
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.RevisionAdded, "package/"+assertiontest.SnapID(1), nil)
		blob := store.Blob{Size: 3, CreatedAt: w.Now}
		if _, err := tx.AddBlob(blob); err != nil {
			return err
		}
		return tx.InsertRevision(&store.Revision{
			PackageID: assertiontest.SnapID(1), Number: 7, Status: store.StatusApproved, CreatedAt: w.Now, CreatedBy: "bob-id",
			Blob: blob.Digest, Size: 3, Platforms: []store.Platform{{Architecture: "all"}}, Provenance: "global-upload",
		})
	})
	none := alice.Sign(t, assertiontest.With(alice.developer().Headers(), "revision", "1", "sign-key-sha3-384", nil), nil)
	if code := w.Do("alice", "PUT", path, inField("snap_developer", none)).ErrorCode(409); code != "revoked-uploads" {
		t.Errorf("dropping who has uploaded: %s", code)
	}
	w.Do("alice", "PUT", path+"?ignore_revoked_uploads", inField("snap_developer", none)).Object(200)
}
