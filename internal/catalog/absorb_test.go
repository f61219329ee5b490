package catalog

import (
	"slices"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

func TestTheDocumentsOfAnchorsAreListedWithTheStoredOnes(t *testing.T) {
	h := newHouse(t)
	h.ownRoot(t)
	root := h.foreign(t)
	added := []*assertion.Assertion{
		root.Sign(t, assertiontest.AccountHeaders("dev"), nil), root.Sign(t, assertiontest.AccountHeaders("a-dev"), nil),
	}
	if _, err := h.AddAssertions(t.Context(), operator, added); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		key  []string
		want []string
	}{
		{nil, []string{"a-dev", "canonical", "dev", "foreign", "own"}},
		{[]string{"own"}, []string{"own"}},
		{[]string{"dev"}, []string{"dev"}},
		{[]string{"o"}, nil},
	} {
		found, err := h.Assertions(t.Context(), operator, "account", tt.key)
		var ids []string
		for _, a := range found {
			ids = append(ids, a.Ref().Key[0])
		}
		if err != nil || !slices.Equal(ids, tt.want) {
			t.Errorf("accounts %v are %v, %v, want %v", tt.key, ids, err, tt.want)
		}
	}
}
