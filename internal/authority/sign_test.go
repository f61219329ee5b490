package authority

import (
	"bytes"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/store"
)

// statement is one thing to sign.
type statement func(Shelf) (*assertion.Assertion, bool, error)

func (b *bench) sign(t *testing.T, s statement) (*assertion.Assertion, bool) {
	t.Helper()
	var a *assertion.Assertion
	var fresh bool
	b.do(t, func(shelf Shelf) (err error) {
		a, fresh, err = s(shelf)
		return err
	})
	return a, fresh
}

// publish signs an account and a declaration for the snap.
func (b *bench) publish(t *testing.T, snapID string) {
	t.Helper()
	b.sign(t, func(s Shelf) (*assertion.Assertion, bool, error) {
		return testAuthority.SignAccount(s, store.Account{ID: "dev", Username: "dev"})
	})
	b.sign(t, func(s Shelf) (*assertion.Assertion, bool, error) {
		return testAuthority.SignSnapDeclaration(s, Declaration{SnapID: snapID, Name: "hello", PublisherID: "dev"})
	})
}

func TestFactsAreSignedOnceAndAgainWhenTheyChange(t *testing.T) {
	snapID := assertiontest.SnapID(1)
	a := testAuthority
	device := assertiontest.Signer(assertiontest.DeviceKey).PublicKey()
	tests := []struct {
		name          string
		first, second statement
	}{
		{"account",
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignAccount(s, store.Account{ID: "newdev", Username: "newdev"})
			},
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignAccount(s, store.Account{ID: "newdev", Username: "newdev", Validation: "verified"})
			}},
		{"account-key",
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignAccountKey(s, KeyFacts{AccountID: "dev", Name: "default", Key: device})
			},
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignAccountKey(s, KeyFacts{AccountID: "dev", Name: "default", Key: device,
					Until: assertiontest.Now.Add(24 * time.Hour)})
			}},
		{"snap-declaration",
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignSnapDeclaration(s, Declaration{SnapID: assertiontest.SnapID(2), Name: "two", PublisherID: "dev",
					Aliases: []store.Alias{{Name: "t", Target: "two"}}, RefreshControl: []string{snapID},
					Plugs: map[string]any{"home": map[string]any{"allow-auto-connection": "true"}},
					RevisionAuthority: []assertion.RevisionAuthority{{AccountID: "dev", Provenance: []string{"site"},
						MinRevision: 1, OnBrand: []string{"acme"}}}})
			},
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignSnapDeclaration(s, Declaration{SnapID: assertiontest.SnapID(2), PublisherID: "dev"})
			}},
		{"snap-revision",
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignSnapRevision(s, Upload{SnapID: snapID, Revision: 1, Blob: someDigest, Size: 10, DeveloperID: "dev"})
			},
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignSnapRevision(s, Upload{SnapID: snapID, Revision: 1, Blob: someDigest, Size: 10, DeveloperID: "rooty"})
			}},
		{"snap-resource-revision",
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignSnapResourceRevision(s, ResourceUpload{SnapID: snapID, Name: "comp", Revision: 1, Blob: someDigest, Size: 5, DeveloperID: "dev"})
			},
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignSnapResourceRevision(s, ResourceUpload{SnapID: snapID, Name: "comp", Revision: 1, Blob: someDigest, Size: 5, DeveloperID: "rooty"})
			}},
		{"snap-resource-pair",
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignSnapResourcePair(s, Pair{SnapID: snapID, Name: "comp", ResourceRevision: 1, SnapRevision: 1, DeveloperID: "dev"})
			},
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignSnapResourcePair(s, Pair{SnapID: snapID, Name: "comp", ResourceRevision: 1, SnapRevision: 1, DeveloperID: "rooty"})
			}},
		{"store",
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignStore(s, StoreFacts{ID: "MyStore", URL: "http://store.example:8000"})
			},
			func(s Shelf) (*assertion.Assertion, bool, error) {
				return a.SignStore(s, StoreFacts{ID: "MyStore", URL: "https://store.example", Friendly: []string{"other"}})
			}},
	}
	onShelves(t, func(t *testing.T, b *bench) {
		b.install(t, "rooty", true)
		b.publish(t, snapID)
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				one, fresh := b.sign(t, tt.first)
				if !fresh || one.Revision() != 0 || one.AuthorityID() != "rooty" || one.Type().Name != tt.name {
					t.Errorf("first: fresh %t, %s", fresh, one.Encoded())
				}
				if one.SignKeyID() != assertiontest.Signer(assertiontest.StoreKey).PublicKey().ID() {
					t.Error("signed with the root's own key although it has another")
				}
				b.now = b.now.Add(time.Minute)
				again, fresh := b.sign(t, tt.first)
				if fresh || !bytes.Equal(again.Encoded(), one.Encoded()) {
					t.Errorf("said again: fresh %t, %s", fresh, again.Encoded())
				}
				two, fresh := b.sign(t, tt.second)
				if !fresh || two.Revision() != 1 {
					t.Errorf("changed: fresh %t, revision %d", fresh, two.Revision())
				}
				if got := b.find(t, one.Ref(), AnyFormat); got.Revision() != 1 {
					t.Errorf("revision %d is held, want 1", got.Revision())
				}
			})
		}
	})
}

func TestDeclarationTakesTheLowestFormatThatSaysIt(t *testing.T) {
	b := memoryBench()
	b.install(t, "rooty", false)
	b.publish(t, assertiontest.SnapID(1))
	for _, tt := range []struct {
		plugs  map[string]any
		format int
	}{
		{nil, 0},
		{map[string]any{"home": "true"}, 1},
		{map[string]any{"home": map[string]any{"allow-connection": map[string]any{"on-store": []string{"mystore"}}}}, 3},
	} {
		a, _ := b.sign(t, func(s Shelf) (*assertion.Assertion, bool, error) {
			return testAuthority.SignSnapDeclaration(s, Declaration{SnapID: assertiontest.SnapID(1), Name: "hello", PublisherID: "dev", Plugs: tt.plugs})
		})
		if a.Format() != tt.format {
			t.Errorf("%v: format %d, want %d", tt.plugs, a.Format(), tt.format)
		}
	}
	if got := b.find(t, refOf(t, "snap-declaration/16/"+assertiontest.SnapID(1)), 1); got.Format() != 1 || got.Revision() != 1 {
		t.Errorf("an older client gets format %d, revision %d", got.Format(), got.Revision())
	}
}

func TestSameBytesCannotBeAnotherRevision(t *testing.T) {
	b := memoryBench()
	b.install(t, "rooty", false)
	b.publish(t, assertiontest.SnapID(1))
	b.publish(t, assertiontest.SnapID(2))
	u := Upload{SnapID: assertiontest.SnapID(1), Revision: 3, Blob: someDigest, Size: 10, DeveloperID: "dev"}
	if _, _, err := testAuthority.SignSnapRevision(mem(b), u); err != nil {
		t.Fatal(err)
	}
	u.Revision = 4
	_, _, err := testAuthority.SignSnapRevision(mem(b), u)
	want(t, err, codeRevisionClash)
	u.Revision, u.SnapID = 3, assertiontest.SnapID(2)
	_, _, err = testAuthority.SignSnapRevision(mem(b), u)
	want(t, err, codeRevisionClash)
}

// mem is the shelf of a bench in memory.
func mem(b *bench) (shelf Shelf) {
	b.update(func(s Shelf) error {
		shelf = s
		return nil
	})
	return shelf
}

func TestBrandSignsWithItsOwnKey(t *testing.T) {
	w := newWorld(t)
	onShelves(t, func(t *testing.T, b *bench) {
		b.trust(t, w.root)
		b.mustAdd(t, w.store.Key)
		brand := privateKey(t, assertiontest.BrandKey)
		model := func(s Shelf) (*assertion.Assertion, bool, error) {
			return testAuthority.Sign(s, assertiontest.ModelHeaders("acme", "pi"), nil)
		}
		fails := func(code string) {
			t.Helper()
			want(t, b.update(func(s Shelf) error {
				_, _, err := model(s)
				return err
			}), code)
		}
		fails(codeNoKey)
		b.do(t, func(s Shelf) error {
			_, err := testAuthority.AddKey(s, brand, "acme", "models")
			return err
		})
		fails(codeMissing) // nothing certifies the key yet
		b.mustAdd(t, w.brand.Account, w.brand.Key)
		m, fresh := b.sign(t, model)
		if !fresh || m.AuthorityID() != "acme" || m.SignKeyID() != w.brand.Signer.PublicKey().ID() {
			t.Errorf("%s", m.Encoded())
		}
		// A brand's key says nothing that only a root may say.
		err := b.update(func(s Shelf) error {
			_, _, err := testAuthority.Sign(s, assertiontest.With(assertiontest.AccountHeaders("x1"), "authority-id", "acme"), nil)
			return err
		})
		want(t, err, codeUntrusted)
	})
}

func TestDelegatedRevisionsNeedTheDeclaration(t *testing.T) {
	w := newWorld(t)
	onShelves(t, func(t *testing.T, b *bench) {
		b.trust(t, w.root)
		b.mustAdd(t, w.all()...)
		b.do(t, func(s Shelf) error {
			_, err := testAuthority.AddKey(s, privateKey(t, assertiontest.BrandKey), "acme", "site")
			return err
		})
		upload := func(revision int, provenance string) (a *assertion.Assertion, err error) {
			err = b.update(func(s Shelf) error {
				a, _, err = testAuthority.SignSnapRevision(s, Upload{SnapID: w.snapID, Revision: revision, Blob: store.Digest{byte(revision)},
					Size: 1, DeveloperID: "acme", Provenance: provenance})
				return err
			})
			return a, err
		}
		_, err := upload(5, "site")
		want(t, err, codeUndelegated)
		b.mustAdd(t, w.store.Sign(t, assertiontest.With(assertiontest.DeclarationHeaders(w.snapID, "hello", "dev"), "revision", "1",
			"revision-authority", []any{map[string]any{"account-id": "acme", "provenance": []string{"site"}, "max-revision": "9"}}), nil))
		a, err := upload(5, "site")
		if err != nil {
			t.Fatal(err)
		}
		if a.AuthorityID() != "acme" || a.HeaderString("provenance") != "site" {
			t.Errorf("%s", a.Encoded())
		}
		_, err = upload(10, "site")
		want(t, err, codeUndelegated)
		_, err = upload(5, "other")
		want(t, err, codeUndelegated)
		_, err = upload(5, "") // the default provenance cannot be delegated
		want(t, err, codeNoAuthority)
	})
}

func TestOwnRootDoesNotSpeakOverAnother(t *testing.T) {
	w := newWorld(t)
	b := memoryBench()
	opts := RootOptions{AccountID: "mine", Now: b.now}
	root, err := rootOf(opts, privateKey(t, assertiontest.DeviceKey), nil)
	if err != nil {
		t.Fatal(err)
	}
	b.trust(t, w.root)
	b.do(t, func(s Shelf) error {
		_, err := testAuthority.InstallRoot(s, root, "tester")
		return err
	})
	b.mustAdd(t, w.all()...)
	for name, f := range map[string]statement{
		"declaration": func(s Shelf) (*assertion.Assertion, bool, error) {
			return testAuthority.SignSnapDeclaration(s, Declaration{SnapID: w.snapID, Name: "mine-now", PublisherID: "mine"})
		},
		"account": func(s Shelf) (*assertion.Assertion, bool, error) {
			return testAuthority.SignAccount(s, store.Account{ID: "dev", Username: "dev"})
		},
	} {
		_, _, err := f(mem(b))
		want(t, err, codeRevisionClash)
		_ = name
	}
	_, _, err = testAuthority.SignAccount(mem(b), store.Account{ID: "canonical", Username: "canonical"})
	want(t, err, codeClash)
}

func TestSigningWithoutARootSaysHowToGetOne(t *testing.T) {
	_, _, err := testAuthority.SignStore(new(Memory), StoreFacts{ID: "S"})
	if e := want(t, err, codeNoAuthority); !strings.Contains(e.Next, "larder init") {
		t.Errorf("next step: %q", e.Next)
	}
}

func TestKeysAreUnreadableUnderAnotherSecretAndRemovable(t *testing.T) {
	onShelves(t, func(t *testing.T, b *bench) {
		b.install(t, "rooty", false)
		elsewhere := New(NewSecret())
		sign := func(a *Authority) error {
			return b.update(func(s Shelf) error {
				_, _, err := a.SignStore(s, StoreFacts{ID: "S"})
				return err
			})
		}
		if e := want(t, sign(elsewhere), "wrong-secret"); !strings.Contains(e.Next, SecretEnv) {
			t.Errorf("next step: %q", e.Next)
		}
		id := assertiontest.Signer(assertiontest.RootKey).PublicKey().ID()
		b.do(t, func(s Shelf) error {
			rows, err := s.SigningKeys()
			if err == nil && (len(rows) != 1 || rows[0].KeyID != id || bytes.Contains(rows[0].Sealed, []byte("rsa"))) {
				t.Errorf("rows: %+v", rows)
			}
			return err
		})
		b.do(t, func(s Shelf) error { return testAuthority.RemoveKey(s, id) })
		want(t, sign(testAuthority), codeNoKey)
		want(t, b.update(func(s Shelf) error { return testAuthority.RemoveKey(s, id) }), codeNotFound)
	})
}

func TestSealedTextMustHoldTheKeyItIsFiledUnder(t *testing.T) {
	b := memoryBench()
	b.install(t, "rooty", false)
	a := New(testAuthority.keys.secret) // has not opened the key yet
	s := mem(b)
	rows, err := s.SigningKeys()
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(privateKey(t, assertiontest.DeviceKey))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"another key": der, "no key": []byte("hello"), "nothing": nil} {
		rows[0].Sealed = a.keys.secret.Seal(sealLabel(rows[0].KeyID), text)
		if err := s.PutSigningKey(rows[0]); err != nil {
			t.Fatal(err)
		}
		_, _, err := a.SignStore(s, StoreFacts{ID: "S"})
		if err == nil || !strings.Contains(err.Error(), rows[0].KeyID) || strings.Contains(err.Error(), "hello") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatCannotBeSigned(t *testing.T) {
	b := memoryBench()
	b.install(t, "rooty", false)
	for name, tt := range map[string]struct {
		headers map[string]any
		code    string
	}{
		"no type":           {map[string]any{}, codeInvalid},
		"unknown type":      {map[string]any{"type": "wish"}, codeInvalid},
		"a device's":        {map[string]any{"type": "serial-request"}, codeInvalid},
		"key incomplete":    {map[string]any{"type": "store"}, codeInvalid},
		"a rule broken":     {map[string]any{"type": "store", "store": "S", "operator-id": "rooty", "url": "ftp://x"}, codeInvalid},
		"operator unknown":  {map[string]any{"type": "store", "store": "S", "operator-id": "nobody"}, codeMissing},
		"another authority": {map[string]any{"type": "store", "store": "S", "operator-id": "rooty", "authority-id": "x"}, codeNoKey},
	} {
		_, _, err := testAuthority.Sign(mem(b), tt.headers, nil)
		if store.CodeOf(err) != tt.code {
			t.Errorf("%s: %v, want %s", name, err, tt.code)
		}
	}
}
