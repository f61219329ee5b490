package authority

import (
	"fmt"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/store"
)

// BenchmarkAdd takes in a batch as an import does: one account, and snaps
// with a declaration and a revision each.
func BenchmarkAdd(b *testing.B) {
	root := assertiontest.NewRoot(b, "rooty", assertiontest.RootKey)
	batch := []*assertion.Assertion{root.Sign(b, assertiontest.AccountHeaders("dev"), nil)}
	const snaps = 100
	for i := range snaps {
		id := assertiontest.SnapID(i)
		batch = append(batch,
			root.Sign(b, assertiontest.DeclarationHeaders(id, fmt.Sprintf("snap-%d", i), "dev"), nil),
			root.Sign(b, assertiontest.RevisionHeaders(id, store.Digest{byte(i), byte(i >> 8)}.Base64URL(), 1, 1, "dev"), nil))
	}
	anchor := Encode([]*assertion.Assertion{root.Account, root.Key})
	for b.Loop() {
		shelf := &Memory{At: assertiontest.Now}
		if _, _, err := testAuthority.AddAnchor(shelf, anchor, "test", "tester"); err != nil {
			b.Fatal(err)
		}
		if _, err := testAuthority.Add(shelf, batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(batch)), "µs/assertion")
}

// BenchmarkFind reads one assertion, parsed.
func BenchmarkFind(b *testing.B) {
	root := assertiontest.NewRoot(b, "rooty", assertiontest.RootKey)
	shelf := &Memory{At: assertiontest.Now}
	if _, _, err := testAuthority.AddAnchor(shelf, Encode([]*assertion.Assertion{root.Account, root.Key}), "test", "tester"); err != nil {
		b.Fatal(err)
	}
	dev := root.Sign(b, assertiontest.AccountHeaders("dev"), nil)
	if _, err := testAuthority.Add(shelf, []*assertion.Assertion{dev}); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := testAuthority.Find(shelf, dev.Ref(), 0); err != nil {
			b.Fatal(err)
		}
	}
}
