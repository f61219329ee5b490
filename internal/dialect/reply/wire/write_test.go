package wire

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzJSONString holds the writer of strings to encoding/json.
func FuzzJSONString(f *testing.F) {
	f.Add("plain")
	f.Add("\"\\\n\t\x00\x7f\u2028é\xff\xc3")
	f.Fuzz(func(t *testing.T, s string) {
		b := AppendString(nil, s)
		var got, want string
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%q: %v", b, err)
		}
		ref, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(ref, &want); err != nil || got != want {
			t.Fatalf("%q, want %q (%v)", got, want, err)
		}
		if bytes.IndexByte(b, baseMark) >= 0 {
			t.Fatalf("%q holds the mark of the base URL", b)
		}
	})
}
