package authority

import (
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/roots"
)

// The id that the public store's documents name their root key by.
const canonicalKeyID = "-CvQKAwRQ5h3Ffn10FILJoEZUXOv6km9FwA80-Rcj-f-6jadQ89VRswHNiEB9Lxk"

func TestPublicStoresRootVerifies(t *testing.T) {
	p := builtInPair() // checks both signatures
	if p.accountID() != "canonical" || p.keyID() != canonicalKeyID {
		t.Errorf("the built-in anchor is %s, %s", p.accountID(), p.keyID())
	}
	key, err := assertion.As[assertion.AccountKey](p.key)
	if err != nil || key.Key.ID() != canonicalKeyID {
		t.Errorf("the key itself has the id %s, %v", key.Key.ID(), err)
	}
	k, err := newKnown(new(Memory))
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range builtIn().predefined {
		if err := assertion.Verify(a, k, k.shelf.Now()); err != nil {
			t.Errorf("%s: %v", a.Ref(), err)
		}
	}
	// What clients predefine is served all the same, as upstream does.
	b := memoryBench()
	for _, ref := range []string{"account/canonical", "account-key/" + canonicalKeyID, "model/16/generic/generic-classic"} {
		if b.find(t, refOf(t, ref), 0) == nil {
			t.Errorf("%s is not found", ref)
		}
	}
}

func TestBuiltInAnchorCanBeSwitchedOffAndOn(t *testing.T) {
	onShelves(t, func(t *testing.T, b *bench) {
		state := func() (off bool) {
			b.do(t, func(s Shelf) error {
				list, err := testAuthority.Anchors(s)
				if err == nil && (len(list) != 1 || list[0].Origin != OriginBuiltIn || list[0].DisplayName != "Canonical") {
					t.Errorf("anchors: %+v", list)
				}
				off = list[0].Off
				return err
			})
			return off
		}
		if state() {
			t.Fatal("off from the start")
		}
		b.do(t, func(s Shelf) error { return testAuthority.RemoveAnchor(s, "canonical", "tester", false) })
		if !state() {
			t.Error("still on")
		}
		if b.find(t, refOf(t, "account/canonical"), 0) != nil {
			t.Error("its documents are still served")
		}
		err := b.update(func(s Shelf) error { return testAuthority.RemoveAnchor(s, "canonical", "tester", false) })
		want(t, err, codeNotFound)
		b.do(t, func(s Shelf) error {
			_, _, err := testAuthority.AddAnchor(s, roots.Canonical(), "file", "tester")
			return err
		})
		if state() {
			t.Error("still off")
		}
	})
}

func TestAnchorIsAddedOnceAndRemovedWhenNothingHangsOnIt(t *testing.T) {
	w := newWorld(t)
	file := Encode([]*assertion.Assertion{w.developer, w.store.Key, w.root.Key, w.root.Account})
	onShelves(t, func(t *testing.T, b *bench) {
		for range 2 {
			b.do(t, func(s Shelf) error {
				anchors, _, err := testAuthority.AddAnchor(s, file, "root.assert", "tester")
				if err == nil && (len(anchors) != 1 || anchors[0].AccountID != "rooty") {
					t.Errorf("anchors %+v", anchors)
				}
				return err
			})
		}
		if b.find(t, w.developer.Ref(), 0) == nil {
			t.Error("what came with the anchor was not added")
		}
		remove := func(id string, force bool) error {
			return b.update(func(s Shelf) error { return testAuthority.RemoveAnchor(s, id, "tester", force) })
		}
		e := want(t, remove("rooty", false), codeAnchorInUse)
		if !strings.Contains(e.Message, "account-key "+w.store.Signer.PublicKey().ID()) {
			t.Errorf("%q does not say what hangs on it", e.Message)
		}
		if err := remove(w.root.Signer.PublicKey().ID(), true); err != nil {
			t.Fatal(err)
		}
		// The chain is broken where the anchor was, not only at its end.
		_, err := b.add(w.declaration)
		want(t, err, codeMissing)
		_, err = b.add(w.brand.Account)
		want(t, err, codeMissing)
	})
}

func TestWhatIsNoAnchorIsRefused(t *testing.T) {
	w := newWorld(t)
	fake := assertiontest.NewRoot(t, "canonical", assertiontest.DeviceKey)
	tampered := strings.Replace(string(w.root.Account.Encoded()), "Test rooty", "Test r00ty", 1)
	old := w.root.Sign(t, assertiontest.With(assertiontest.AccountKeyHeaders("rooty", assertiontest.RootKey), "until", "2021-01-01T00:00:00Z"),
		w.root.Signer.PublicKey().Encode())
	tamperedKey := strings.Replace(string(w.root.Key.Encoded()), "name: root", "name: evil", 1)
	tests := []struct{ name, text, code string }{
		{"nothing", "", codeNoAnchor},
		{"no self-signed key", string(w.store.Key.Encoded()), codeNoAnchor},
		{"no account", string(w.root.Key.Encoded()), codeNoAnchor},
		{"account of another key", string(Encode([]*assertion.Assertion{w.root.Key, w.developer})), codeNoAnchor},
		{"account tampered with", string(w.root.Key.Encoded()) + "\n" + tampered, codeBadSignature},
		{"key tampered with", tamperedKey + "\n" + string(w.root.Account.Encoded()), codeBadSignature},
		{"key expired", string(Encode([]*assertion.Assertion{old, w.root.Account})), codeExpired},
		{"another key for the built-in account", string(Encode([]*assertion.Assertion{fake.Key, fake.Account})), codeClash},
		{"something loose beside it", string(Encode([]*assertion.Assertion{w.root.Key, w.root.Account, w.declaration})), codeMissing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := memoryBench()
			err := b.update(func(s Shelf) error {
				_, _, err := testAuthority.AddAnchor(s, []byte(tt.text), "file", "tester")
				return err
			})
			want(t, err, tt.code)
		})
	}
}
