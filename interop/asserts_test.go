// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"bytes"
	"testing"
	"time"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/asserts/sysdb"

	"github.com/larder-store/larder/assertion"
)

// snapdSigns signs a specimen with snapd.
func snapdSigns(t testing.TB, s specimen) asserts.Assertion {
	t.Helper()
	typ := asserts.Type(s.typ)
	headers := s.complete()
	delete(headers, "type")
	key := asserts.RSAPrivateKey(s.by.PrivateKey())
	if noAuthority[s.typ] {
		a, err := asserts.SignWithoutAuthority(typ, headers, []byte(s.body), key)
		if err != nil {
			t.Fatalf("snapd cannot sign %s: %v", s, err)
		}
		return a
	}
	db, err := asserts.OpenDatabase(&asserts.DatabaseConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.ImportKey(key); err != nil {
		t.Fatal(err)
	}
	a, err := db.Sign(typ, headers, []byte(s.body), key.PublicKey().ID())
	if err != nil {
		t.Fatalf("snapd cannot sign %s: %v", s, err)
	}
	return a
}

// snapdTrusts is what snapd says of an assertion, given what db knows. Two
// types are not for a database: their signature is checked with the device key.
func snapdTrusts(db *asserts.Database, a asserts.Assertion) error {
	switch a := a.(type) {
	case *asserts.DeviceSessionRequest:
		serial, err := db.Find(asserts.SerialType, map[string]string{
			"brand-id": a.BrandID(), "model": a.Model(), "serial": a.Serial(),
		})
		if err != nil {
			return err
		}
		return asserts.SignatureCheck(a, serial.(*asserts.Serial).DeviceKey())
	case *asserts.SerialRequest:
		return asserts.SignatureCheck(a, a.DeviceKey())
	}
	return db.Check(a)
}

// larderSigns signs a specimen with larder's library.
func larderSigns(t testing.TB, s specimen) *assertion.Assertion {
	t.Helper()
	signer, err := assertion.NewSigner(s.by.PrivateKey())
	if err != nil {
		t.Fatal(err)
	}
	a, err := assertion.Sign(s.complete(), []byte(s.body), signer)
	if err != nil {
		t.Fatalf("larder cannot sign %s: %v", s, err)
	}
	return a
}

func TestThereIsASpecimenOfEveryTypeThatSnapdKnows(t *testing.T) {
	of := map[string]bool{}
	for _, s := range specimens(theWorld()) {
		of[s.typ] = true
	}
	for _, name := range asserts.TypeNames() {
		if !of[name] {
			t.Errorf("there is no specimen of type %s", name)
		}
	}
}

func TestLarderSignsWhatSnapdTrusts(t *testing.T) {
	w := theWorld()
	for _, s := range specimens(w) {
		t.Run(s.String(), func(t *testing.T) {
			signed := larderSigns(t, s)
			a, err := asserts.Decode(signed.Encoded())
			if err != nil {
				t.Fatalf("snapd cannot decode: %v\n%s", err, signed.Encoded())
			}
			if err := snapdTrusts(w.database(t), a); err != nil {
				t.Errorf("snapd does not trust: %v\n%s", err, signed.Encoded())
			}
			if !bytes.Equal(asserts.Encode(a), signed.Encoded()) {
				t.Error("snapd encodes it differently")
			}
		})
	}
}

func TestSnapdSignsWhatLarderTrusts(t *testing.T) {
	w := theWorld()
	known := w.memory(t)
	db := w.database(t)
	for _, s := range specimens(w) {
		t.Run(s.String(), func(t *testing.T) {
			signed := snapdSigns(t, s)
			if err := snapdTrusts(db, signed); err != nil {
				t.Fatalf("snapd does not trust its own: %v", err)
			}
			encoded := asserts.Encode(signed)
			a, err := assertion.Parse(encoded)
			if err != nil {
				t.Fatalf("larder cannot parse: %v\n%s", err, encoded)
			}
			if !a.Supported() {
				t.Error("larder does not know the format")
			}
			if !bytes.Equal(a.Encoded(), encoded) {
				t.Error("larder encodes it differently")
			}
			if err := larderTrusts(known, a); err != nil {
				t.Errorf("larder does not trust: %v\n%s", err, encoded)
			}
		})
	}
}

// What is signed is a function of the headers, so both must write the same.
func TestBothWriteTheSameContent(t *testing.T) {
	for _, s := range specimens(theWorld()) {
		t.Run(s.String(), func(t *testing.T) {
			want, _ := snapdSigns(t, s).Signature()
			if got := larderSigns(t, s).Content(); !bytes.Equal(got, want) {
				t.Errorf("larder writes\n%s\nsnapd writes\n%s", got, want)
			}
		})
	}
}

// memory is larder's counterpart of the world's database.
func (w *world) memory(t testing.TB) *assertion.Memory {
	t.Helper()
	known := &assertion.Memory{}
	for _, a := range sysdb.Trusted() {
		known.Trust(parsed(t, a))
	}
	for _, a := range sysdb.Generic() {
		known.Predefine(parsed(t, a))
	}
	for _, a := range w.known {
		if err := known.Add(parsed(t, a), time.Now()); err != nil {
			t.Fatalf("larder does not trust what snapd does: %v", err)
		}
	}
	return known
}

func parsed(t testing.TB, a asserts.Assertion) *assertion.Assertion {
	t.Helper()
	p, err := assertion.Parse(asserts.Encode(a))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// larderTrusts is what larder says of an assertion, given what it knows.
func larderTrusts(known *assertion.Memory, a *assertion.Assertion) error {
	return assertion.Verify(a, known, time.Now())
}
