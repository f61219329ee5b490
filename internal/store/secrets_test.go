package store

import (
	"reflect"
	"testing"
)

func TestSplittingSecrets(t *testing.T) {
	const a, b = "0123456789abcdef", "fedcba9876543210-longer"
	for text, want := range map[string][]string{
		a:                          {a},
		b + "," + a:                {b, a},
		" " + a + " ,\n" + b + ",": {a, b},
		"":                         nil,
		" , ":                      nil,
		a + ",short":               nil,
		"0123456789abcde":          nil,
	} {
		got, err := SplitSecrets(text)
		if !reflect.DeepEqual(got, want) || (want == nil) != (CodeOf(err) == "invalid-secret") {
			t.Errorf("%q is %q, %v, want %q", text, got, err, want)
		}
	}
}
