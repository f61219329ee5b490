package authority

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

func TestOwnRootIsInstalledOnce(t *testing.T) {
	onShelves(t, func(t *testing.T, b *bench) {
		root := b.install(t, "rooty", true)
		b.do(t, func(s Shelf) error {
			added, err := testAuthority.InstallRoot(s, root, "tester")
			if len(added.New)+len(added.Updated) != 0 {
				t.Errorf("installing it again adds %+v", added)
			}
			return err
		})
		b.do(t, func(s Shelf) error {
			own, err := testAuthority.Own(s)
			if own != "rooty" {
				t.Errorf("own is %q", own)
			}
			anchors, _ := testAuthority.Anchors(s)
			if len(anchors) != 2 || anchors[1].Origin != OriginOwn || anchors[1].DisplayName != "Test root" {
				t.Errorf("anchors: %+v", anchors)
			}
			return err
		})
		other, err := rootOf(RootOptions{AccountID: "other", Now: b.now}, privateKey(t, assertiontest.DeviceKey), nil)
		if err != nil {
			t.Fatal(err)
		}
		err = b.update(func(s Shelf) error {
			_, err := testAuthority.InstallRoot(s, other, "tester")
			return err
		})
		want(t, err, codeHasAuthority)
	})
}

func TestGeneratedRootSigns(t *testing.T) {
	root, err := NewRoot(t.Context(), RootOptions{Searches: 2, Now: assertiontest.Now})
	if err != nil {
		t.Fatal(err)
	}
	if len(root.AccountID) != 32 || root.Keys[0].N.BitLen() != 4096 {
		t.Errorf("account %q, key of %d bits", root.AccountID, root.Keys[0].N.BitLen())
	}
	b := memoryBench()
	b.do(t, func(s Shelf) error {
		if _, err := testAuthority.InstallRoot(s, root, "tester"); err != nil {
			return err
		}
		_, _, err := testAuthority.SignStore(s, StoreFacts{ID: "S", URL: "http://localhost:8000"})
		return err
	})
}

func TestKeySizesAndCancelling(t *testing.T) {
	for _, bits := range []int{0, 1024, 2048, 3072, 16384} {
		_, err := GenerateKey(t.Context(), bits, 1)
		want(t, err, codeWeakKey)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := GenerateKey(ctx, 8192, 1); err != context.Canceled {
		t.Errorf("got %v", err)
	}
}

func TestRootIsReadFromFiles(t *testing.T) {
	w := newWorld(t)
	both := Encode([]*assertion.Assertion{w.root.Account, w.root.Key, w.store.Key})
	text := func(list ...*assertion.Assertion) []byte { return Encode(list) }
	rootPEM, storePEM, brandPEM := keyFile(t, assertiontest.RootKey), keyFile(t, assertiontest.StoreKey), keyFile(t, assertiontest.BrandKey)
	tests := []struct {
		name  string
		files RootFiles
		code  string // "" is success
		key   string // that signs afterwards
	}{
		{"root's own key", RootFiles{AccountID: "rooty", Account: text(w.root.Account), AccountKey: text(w.root.Key), SigningKey: rootPEM}, "", assertiontest.RootKey},
		{"a key it certifies", RootFiles{AccountID: "rooty", Account: text(w.root.Account), AccountKey: text(w.store.Key, w.root.Key), SigningKey: storePEM}, "", assertiontest.StoreKey},
		{"everything in both files", RootFiles{AccountID: "rooty", Account: both, AccountKey: both, SigningKey: storePEM}, "", assertiontest.StoreKey},
		{"both keys", RootFiles{AccountID: "rooty", Account: both, SigningKey: slices.Concat(rootPEM, storePEM)}, "", assertiontest.StoreKey},
		{"signing key not certified", RootFiles{AccountID: "rooty", Account: text(w.root.Account), AccountKey: text(w.root.Key), SigningKey: storePEM}, codeKeyNotInFiles, ""},
		{"signing key of another account", RootFiles{AccountID: "rooty", Account: both, AccountKey: text(w.brand.Key, w.brand.Account), SigningKey: brandPEM}, codeKeyNotInFiles, ""},
		{"another authority", RootFiles{AccountID: "acme", Account: text(w.brand.Account), AccountKey: text(w.brand.Key), SigningKey: brandPEM}, codeNoAnchor, ""},
		{"account missing", RootFiles{AccountID: "rooty", AccountKey: text(w.root.Key), SigningKey: rootPEM}, codeNoAnchor, ""},
		{"no key", RootFiles{AccountID: "rooty", Account: both, SigningKey: []byte("hello")}, codeInvalidKey, ""},
		{"key too large", RootFiles{AccountID: "rooty", Account: both, SigningKey: make([]byte, 2<<20)}, codeTooLarge, ""},
		{"no assertions", RootFiles{AccountID: "rooty", Account: []byte("x"), SigningKey: rootPEM}, codeInvalid, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := memoryBench()
			root, err := ReadRoot(tt.files)
			if err == nil {
				err = b.update(func(s Shelf) error {
					_, err := testAuthority.InstallRoot(s, root, "tester")
					return err
				})
			}
			if tt.code != "" {
				want(t, err, tt.code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			a, _ := b.sign(t, func(s Shelf) (*assertion.Assertion, bool, error) {
				return testAuthority.SignStore(s, StoreFacts{ID: "S"})
			})
			if a.SignKeyID() != assertiontest.Signer(tt.key).PublicKey().ID() {
				t.Errorf("signed with %s, want the %s key", a.SignKeyID(), tt.key)
			}
		})
	}
}

func TestStoreAssertionsAreAllADeviceLacks(t *testing.T) {
	onShelves(t, func(t *testing.T, b *bench) {
		b.install(t, "rooty", true)
		b.sign(t, func(s Shelf) (*assertion.Assertion, bool, error) {
			return testAuthority.SignStore(s, StoreFacts{ID: "MyStore", URL: "http://localhost:8000"})
		})
		var list []*assertion.Assertion
		b.do(t, func(s Shelf) (err error) {
			list, err = testAuthority.StoreAssertions(s, "MyStore")
			return err
		})
		if got := names(list); got != "account-key store" {
			t.Errorf("got %q, want the signing key's account-key and the store", got)
		}
		// A device that is built with the root accepts the stream in its order.
		device := new(assertion.Memory)
		b.do(t, func(s Shelf) error {
			all, err := testAuthority.Closure(s, []assertion.Ref{list[1].Ref()}, ClosureOptions{Anchors: true})
			if got := names(all); got != "account account-key account-key store" && got != "account-key account account-key store" {
				t.Errorf("with anchors: %q", got)
			}
			device.Trust(all[0], all[1])
			return err
		})
		for _, a := range list {
			if err := device.Add(a, b.now); err != nil {
				t.Error(err)
			}
		}
		err := b.update(func(s Shelf) error {
			_, err := testAuthority.StoreAssertions(s, "Other")
			return err
		})
		want(t, err, codeNotFound)
	})
}

func names(list []*assertion.Assertion) string {
	var types []string
	for _, a := range list {
		types = append(types, a.Type().Name)
	}
	return strings.Join(types, " ")
}

func TestClosurePutsEachAfterWhatItNeeds(t *testing.T) {
	w := newWorld(t)
	onShelves(t, func(t *testing.T, b *bench) {
		b.trust(t, w.root)
		b.mustAdd(t, w.all()...)
		b.do(t, func(s Shelf) error {
			list, err := testAuthority.Closure(s, []assertion.Ref{w.serial.Ref(), w.revision.Ref()}, ClosureOptions{})
			if err != nil {
				return err
			}
			device := w.root.Memory()
			for _, a := range list {
				if err := device.Add(a, b.now); err != nil {
					t.Errorf("out of order: %v", err)
				}
			}
			if len(list) != 7 { // all but the model, which a serial of the brand's own does not need
				t.Errorf("%d assertions: %s", len(list), names(list))
			}
			return nil
		})
	})
}
