package assertion_test

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
)

const (
	canonicalKeyID = "-CvQKAwRQ5h3Ffn10FILJoEZUXOv6km9FwA80-Rcj-f-6jadQ89VRswHNiEB9Lxk"
	genericKeyID   = "d-JcZF9nD9eBw7bwMnH61x-bklnQOhQud1Is6o_cn2wTj8EYDi9musrIT9z2MdAa"
)

func readAll(t testing.TB, file string) []*assertion.Assertion {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := assertion.NewDecoder(bytes.NewReader(data), assertion.Limits{})
	var as []*assertion.Assertion
	for {
		a, err := d.Decode()
		if err != nil {
			if err.Error() == "EOF" {
				return as
			}
			t.Fatal(err)
		}
		as = append(as, a)
	}
}

// publicRoots is a Memory that trusts the public store.
func publicRoots(t testing.TB) *assertion.Memory {
	t.Helper()
	m := new(assertion.Memory)
	m.Trust(readAll(t, "../roots/canonical.assert")...)
	m.Predefine(readAll(t, "../roots/generic.assert")...)
	return m
}

func TestPublicRootsVerifyDownToTheirOwnKey(t *testing.T) {
	m := publicRoots(t)
	as := append(readAll(t, "../roots/canonical.assert"), readAll(t, "../roots/generic.assert")...)
	if len(as) != 5 {
		t.Fatalf("got %d documents, want 5", len(as))
	}
	for _, a := range as {
		if err := assertion.Verify(a, m, time.Now()); err != nil {
			t.Errorf("%s: %v", a.Ref(), err)
		}
	}
}

func TestPublicKeysHaveTheirPublishedIDs(t *testing.T) {
	for file, want := range map[string]string{"../roots/canonical.assert": canonicalKeyID, "../roots/generic.assert": genericKeyID} {
		key, err := assertion.As[assertion.AccountKey](readAll(t, file)[1])
		if err != nil {
			t.Fatal(err)
		}
		if got := key.Key.ID(); got != want {
			t.Errorf("%s: key id %s, want %s", file, got, want)
		}
	}
}

func TestPublicRootsKeepTheirBytes(t *testing.T) {
	for _, file := range []string{"../roots/canonical.assert", "../roots/generic.assert"} {
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var got bytes.Buffer
		e := assertion.NewEncoder(&got)
		for _, a := range readAll(t, file) {
			if err := e.Encode(a); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(got.Bytes(), want) {
			t.Errorf("%s changed on its way through", file)
		}
	}
}
