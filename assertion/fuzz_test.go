package assertion_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

// corpus returns the documents that every implementation must agree on.
func corpus(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/corpus/*.assert")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	docs := make(map[string][]byte, len(files))
	for _, file := range files {
		doc, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		docs[filepath.Base(file)] = doc
	}
	return docs
}

func TestCorpusIsAcceptedAndRefusedAsItsNamesSay(t *testing.T) {
	for name, doc := range corpus(t) {
		a, err := assertion.Parse(doc)
		switch {
		case strings.HasPrefix(name, "sound-") && err != nil:
			t.Errorf("%s: %v", name, err)
		case strings.HasPrefix(name, "sound-") && !bytes.Equal(a.Encoded(), doc):
			t.Errorf("%s: the bytes changed", name)
		case strings.HasPrefix(name, "broken-") && err == nil:
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, doc := range corpus(f) {
		f.Add(doc)
	}
	anyKey := assertiontest.Signer(assertiontest.RootKey).PublicKey()
	f.Fuzz(func(t *testing.T, doc []byte) {
		a, err := assertion.Parse(doc)
		if err != nil {
			return
		}
		if want := append(bytes.TrimSuffix(bytes.Clone(doc), []byte("\n")), '\n'); !bytes.Equal(a.Encoded(), want) {
			t.Fatalf("read %q as %q", want, a.Encoded())
		}
		again, err := assertion.Parse(a.Encoded())
		if err != nil {
			t.Fatalf("cannot read back: %v", err)
		}
		if !reflect.DeepEqual(again.Headers(), a.Headers()) || again.Ref().String() != a.Ref().String() {
			t.Fatal("it reads back as something else")
		}
		if len(a.Type().Key) > 0 {
			if r, err := assertion.ParseRef(a.Ref().String()); err != nil || !r.Equal(a.Ref()) {
				t.Fatalf("ref %q is no ref: %v", a.Ref(), err)
			}
		}
		a.Prerequisites()
		a.Timestamp()
		_ = a.VerifySignature(anyKey)
		_ = anyKey.VerifySignature(a.Content(), a.Signature())
		_ = assertion.Verify(a, new(assertion.Memory), assertiontest.Now)
		assertion.Sorted([]*assertion.Assertion{a, again})
	})
}

func FuzzDecoder(f *testing.F) {
	var all []byte
	for name, doc := range corpus(f) {
		f.Add(doc)
		if strings.HasPrefix(name, "sound-") && len(all) < 8<<10 {
			all = append(append(all, doc...), '\n')
		}
	}
	f.Add(all)
	f.Fuzz(func(t *testing.T, stream []byte) {
		var out bytes.Buffer
		e := assertion.NewEncoder(&out)
		d := assertion.NewDecoder(bytes.NewReader(stream), assertion.Limits{})
		for {
			a, err := d.Decode()
			if err == io.EOF {
				break
			}
			if err != nil {
				return
			}
			if _, err := assertion.Parse(a.Encoded()); err != nil {
				t.Fatalf("in a stream it is read, alone not: %v", err)
			}
			if err := e.Encode(a); err != nil {
				t.Fatal(err)
			}
		}
		trim := func(b []byte) string { return strings.TrimRight(string(b), "\n") }
		if trim(out.Bytes()) != trim(stream) {
			t.Fatalf("read %q, wrote %q", stream, out.Bytes())
		}
	})
}

func FuzzSignRoundTrip(f *testing.F) {
	f.Add("x", "text", "more\nlines\n", []byte("body\n\n"))
	f.Add("a-1", "", " ", []byte(nil))
	f.Add("type", "- a", "k: v", []byte("\n\n\n"))
	signer := assertiontest.Signer(assertiontest.BrandKey)
	f.Fuzz(func(t *testing.T, name, one, two string, body []byte) {
		h := with(sound()["repair"].headers, "authority-id", "brand-one",
			"nested", list(one, list(two), headers{"k": one, "l": list(headers{"m": two})}))
		if _, taken := h[name]; !taken {
			h[name] = one
		}
		a, err := assertion.Sign(h, body, signer)
		if err != nil {
			return
		}
		b, err := assertion.Parse(a.Encoded())
		if err != nil {
			t.Fatalf("signed and not readable: %v\n%q", err, a.Encoded())
		}
		for n, want := range h {
			if n == "revision" || n == "format" {
				continue
			}
			if got := b.Header(n); !reflect.DeepEqual(got, any(want)) {
				t.Fatalf("header %q is %#v, want %#v", n, got, want)
			}
		}
		if !bytes.Equal(b.Body(), body) {
			t.Fatalf("body is %q, want %q", b.Body(), body)
		}
		if err := b.VerifySignature(signer.PublicKey()); err != nil {
			t.Fatal(err)
		}
	})
}
