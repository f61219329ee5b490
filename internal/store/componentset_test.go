package store

import (
	"strings"
	"testing"
)

func TestComponentsHaveToBeThoseOfTheSnap(t *testing.T) {
	many := strings.Split(strings.Repeat("x"+strings.Repeat("y", 100)+",", 100), ",")[:100]
	for i := range many {
		many[i] = string(rune('a'+i%26)) + string(rune('a'+i/26)) + many[i]
	}
	for _, c := range []struct {
		declared, uploaded []string
		want               string
	}{
		{nil, nil, ""},
		{[]string{"data", "more"}, []string{"more", "data"}, ""},
		{[]string{"data", "more", "last"}, []string{"more"}, "data, last are missing"},
		{nil, []string{"data"}, "data are not in its snap.yaml"},
		{[]string{"data"}, []string{"data", "data"}, "data came twice"},
		{[]string{"a", "b"}, []string{"b", "c", "c"}, "a are missing; c are not in its snap.yaml; c came twice"},
		{nil, many, "…, …"},
	} {
		declared := map[string]string{}
		for _, name := range c.declared {
			declared[name] = "standard"
		}
		err := CheckComponentSet(declared, c.uploaded)
		if (err == nil) != (c.want == "") || err != nil && (CodeOf(err) != "component-mismatch" || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%q against %q: got %v", c.uploaded, c.declared, err)
		}
		if err != nil && len(err.Error()) > 1000 {
			t.Errorf("the error has %d bytes", len(err.Error()))
		}
	}
}
