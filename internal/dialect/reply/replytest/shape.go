package replytest

import (
	"fmt"
	"maps"
	"slices"
	"testing"
)

// SameShape fails the test unless got has the keys and types that the public
// service was seen to answer, and no other keys. A null there allows anything, an
// example of a list says what its elements are like.
func SameShape(t testing.TB, where string, got, want any) {
	t.Helper()
	switch want := want.(type) {
	case nil:
	case map[string]any:
		got, ok := got.(map[string]any)
		if !ok {
			t.Errorf("%s is %T, want an object", where, got)
			return
		}
		if have, wanted := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want)); !slices.Equal(have, wanted) {
			t.Errorf("%s has the keys\n %v, want\n %v", where, have, wanted)
		}
		for key := range want {
			if got[key] != nil {
				SameShape(t, where+"/"+key, got[key], want[key])
			}
		}
	case []any:
		got, ok := got.([]any)
		if !ok {
			t.Errorf("%s is %T, want a list", where, got)
			return
		}
		for i := range got {
			if len(want) > 0 {
				SameShape(t, fmt.Sprintf("%s/%d", where, i), got[i], want[0])
			}
		}
	default:
		if fmt.Sprintf("%T", got) != fmt.Sprintf("%T", want) {
			t.Errorf("%s is %T, want %T", where, got, want)
		}
	}
}
