package assertion_test

import (
	"bytes"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

func BenchmarkParse(b *testing.B) {
	for _, typ := range []string{"snap-revision", "snap-declaration", "account-key"} {
		b.Run(typ, func(b *testing.B) {
			doc := mustSign(b, typ, sound()[typ]).Encoded()
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := assertion.Parse(doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	w.declare(b, assertiontest.SnapID(1), "brand-one")
	a := w.root.Sign(b, assertiontest.RevisionHeaders(assertiontest.SnapID(1), digest("x"), 1, 1, "brand-one"), nil)
	for b.Loop() {
		if err := verify(w, a); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	a := mustSign(b, "snap-revision", sound()["snap-revision"])
	var out bytes.Buffer
	for b.Loop() {
		out.Reset()
		if err := assertion.NewEncoder(&out).Encode(a); err != nil {
			b.Fatal(err)
		}
	}
}
