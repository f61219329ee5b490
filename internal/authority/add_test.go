package authority

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/store"
)

// world is a root with everything that hangs on it.
type world struct {
	root, store, brand *assertiontest.Authority
	snapID             string
	developer          *assertion.Assertion
	declaration        *assertion.Assertion
	revision           *assertion.Assertion
	model, serial      *assertion.Assertion
}

var someDigest = store.Digest{1, 2, 3}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{root: assertiontest.NewRoot(t, "rooty", assertiontest.RootKey), snapID: assertiontest.SnapID(1)}
	w.store = w.root.Certify(t, "rooty", assertiontest.StoreKey)
	w.brand = w.store.Certify(t, "acme", assertiontest.BrandKey)
	w.developer = w.store.Sign(t, assertiontest.AccountHeaders("dev"), nil)
	w.declaration = w.store.Sign(t, assertiontest.DeclarationHeaders(w.snapID, "hello", "dev"), nil)
	w.revision = w.store.Sign(t, assertiontest.RevisionHeaders(w.snapID, someDigest.Base64URL(), 10, 1, "dev"), nil)
	w.model = w.brand.Sign(t, assertiontest.ModelHeaders("acme", "pi"), nil)
	w.serial = w.brand.Sign(t, assertiontest.SerialHeaders("acme", "pi", "1", assertiontest.DeviceKey), nil)
	return w
}

// all is everything below the root, in the worst order.
func (w *world) all() []*assertion.Assertion {
	return []*assertion.Assertion{w.serial, w.model, w.revision, w.declaration, w.developer, w.brand.Key, w.brand.Account, w.store.Key}
}

func TestBatchInAnyOrderIsAddedOnce(t *testing.T) {
	w := newWorld(t)
	onShelves(t, func(t *testing.T, b *bench) {
		b.trust(t, w.root)
		out := b.mustAdd(t, w.all()...)
		if len(out.New) != 8 || len(out.Updated)+len(out.Unchanged)+len(out.Notes) != 0 {
			t.Errorf("first: %+v", out)
		}
		for _, a := range w.all() {
			if got := b.find(t, a.Ref(), AnyFormat); got == nil || !bytes.Equal(got.Encoded(), a.Encoded()) {
				t.Errorf("%s is not held byte for byte", a.Ref())
			}
		}
		out = b.mustAdd(t, append(w.all(), w.root.Account, w.root.Key)...)
		if len(out.Unchanged) != 10 || len(out.New)+len(out.Updated) != 0 {
			t.Errorf("again: %+v", out)
		}
	})
}

func TestWhatDoesNotChainNamesItsLink(t *testing.T) {
	w := newWorld(t)
	stranger := assertiontest.NewRoot(t, "stranger", assertiontest.DeviceKey)
	forged := func(a *assertion.Assertion, from, to string) *assertion.Assertion {
		f, err := assertion.Parse(bytes.Replace(a.Encoded(), []byte(from), []byte(to), 1))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	expired := w.root.Sign(t, assertiontest.With(assertiontest.AccountKeyHeaders("rooty", assertiontest.StoreKey),
		"until", "2021-01-01T00:00:00Z"), w.store.Signer.PublicKey().Encode())
	constrained := w.root.Sign(t, assertiontest.With(assertiontest.AccountKeyHeaders("rooty", assertiontest.StoreKey),
		"constraints", []any{map[string]any{"headers": map[string]any{"type": "model"}}}), w.store.Signer.PublicKey().Encode())

	tests := []struct {
		name  string
		batch []*assertion.Assertion
		code  string
		says  []string // in message and next step
	}{
		{"signing key unknown", []*assertion.Assertion{w.developer}, codeMissing,
			[]string{"cannot add account dev", "its signing key", "account-key " + w.store.Signer.PublicKey().ID(), "larder trust add"}},
		{"declaration unknown", []*assertion.Assertion{w.store.Key, w.developer, w.revision}, codeMissing,
			[]string{"snap-revision", "its snap-declaration", "snap-declaration 16/" + w.snapID, "is not known"}},
		{"publisher unknown", []*assertion.Assertion{w.store.Key, w.declaration}, codeMissing,
			[]string{"its publisher account", "account dev"}},
		{"content forged", []*assertion.Assertion{w.store.Key, w.developer, forged(w.declaration, "hello", "evils")}, codeBadSignature,
			[]string{"cannot add snap-declaration", w.store.Signer.PublicKey().ID()}},
		{"account-key forged", []*assertion.Assertion{forged(w.store.Key, "name: store", "name: other"), w.developer}, codeBadSignature,
			[]string{"cannot add account-key"}},
		{"a root that is no anchor", []*assertion.Assertion{stranger.Key, stranger.Account}, codeMissing,
			[]string{"account-key " + stranger.Signer.PublicKey().ID(), "larder trust add"}},
		{"authority claimed", []*assertion.Assertion{w.store.Key, w.brand.Account, w.brand.Key,
			w.brand.Sign(t, assertiontest.With(assertiontest.AccountHeaders("victim"), "authority-id", "rooty"), nil)}, codeUntrusted,
			[]string{"cannot add account victim"}},
		{"brand signs an account", []*assertion.Assertion{w.store.Key, w.brand.Account, w.brand.Key,
			w.brand.Sign(t, assertiontest.AccountHeaders("victim"), nil)}, codeUntrusted,
			[]string{"account acme signed it and may not", "larder trust add"}},
		{"brand validates for another's snap", []*assertion.Assertion{w.store.Key, w.brand.Account, w.brand.Key, w.developer, w.declaration,
			w.brand.Sign(t, assertiontest.Headers{"type": "validation", "series": "16", "snap-id": w.snapID,
				"approved-snap-id": w.snapID, "approved-snap-revision": "1", "timestamp": assertiontest.Time}, nil)},
			codeUntrusted, []string{"validation 16/" + w.snapID}},
		{"serial by neither brand nor its delegate", []*assertion.Assertion{w.store.Key, w.brand.Account, w.brand.Key, w.model,
			w.store.Sign(t, assertiontest.SerialHeaders("acme", "pi", "2", assertiontest.DeviceKey), nil)}, codeUntrusted,
			[]string{"serial acme/pi/2"}},
		{"signing key expired", []*assertion.Assertion{expired, w.developer}, codeExpired,
			[]string{"is not valid at 2024-04-04"}},
		{"signing key constrained to models", []*assertion.Assertion{constrained, w.developer}, codeUntrusted, nil},
		{"a message", []*assertion.Assertion{serialRequest(t)}, codeInvalid, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := memoryBench()
			b.trust(t, w.root)
			_, err := b.add(tt.batch...)
			e := want(t, err, tt.code)
			for _, s := range tt.says {
				if !strings.Contains(e.Message+" "+e.Next, s) {
					t.Errorf("%q does not say %q", e.Message+" ("+e.Next+")", s)
				}
			}
			b.do(t, func(s Shelf) error {
				if list, _ := s.Assertions(store.AssertionFilter{}); len(list) != 0 {
					t.Errorf("%d assertions were kept of a batch that failed", len(list))
				}
				return nil
			})
		})
	}
}

func TestRefusalsWrapTheTypedErrors(t *testing.T) {
	w := newWorld(t)
	b := memoryBench()
	b.trust(t, w.root)
	_, err := b.add(w.developer)
	var missing *assertion.MissingError
	if !errors.As(err, &missing) || missing.Role != "signing key" || !errors.Is(err, assertion.ErrNotFound) {
		t.Errorf("got %v", err)
	}
}

func serialRequest(t *testing.T) *assertion.Assertion {
	t.Helper()
	a, err := assertion.Sign(map[string]any{
		"type": "serial-request", "brand-id": "acme", "model": "pi", "request-id": "r",
		"device-key": string(assertiontest.Signer(assertiontest.DeviceKey).PublicKey().Encode()),
	}, nil, assertiontest.Signer(assertiontest.DeviceKey))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestRevisionsAndFormats(t *testing.T) {
	w := newWorld(t)
	declare := func(more ...any) *assertion.Assertion {
		return w.store.Sign(t, assertiontest.With(assertiontest.DeclarationHeaders(w.snapID, "hello", "dev"), more...), nil)
	}
	plugs := map[string]any{"network": "true"}
	r0, r1 := declare(), declare("revision", "1", "snap-name", "renamed")
	r2f1 := declare("revision", "2", "plugs", plugs)
	r1f1 := declare("revision", "1", "plugs", plugs)
	r3 := declare("revision", "3")
	onShelves(t, func(t *testing.T, b *bench) {
		b.trust(t, w.root)
		b.mustAdd(t, w.store.Key, w.developer, r1)

		out := b.mustAdd(t, r0)
		if len(out.Unchanged) != 1 || len(out.Notes) != 1 || !strings.Contains(out.Notes[0], "revision 1 is held, which is newer than 0") {
			t.Errorf("older revision: %+v", out)
		}
		if out = b.mustAdd(t, r2f1); len(out.Updated) != 1 {
			t.Errorf("newer format: %+v", out)
		}
		for format, rev := range map[int]int{0: 1, 1: 2, 7: 2, AnyFormat: 2} {
			if got := b.find(t, r1.Ref(), format); got == nil || got.Revision() != rev {
				t.Errorf("max-format %d: got %v, want revision %d", format, got, rev)
			}
		}
		if out = b.mustAdd(t, r1f1); len(out.Unchanged) != 1 {
			t.Errorf("older revision in the newer format: %+v", out)
		}
		if out = b.mustAdd(t, r3); len(out.Updated) != 1 {
			t.Errorf("newest revision in the older format: %+v", out)
		}
		if got := b.find(t, r1.Ref(), AnyFormat); got.Revision() != 3 {
			t.Errorf("the newest is revision %d, want 3", got.Revision())
		}
		other := declare("revision", "3", "snap-name", "different")
		_, err := b.add(other)
		want(t, err, codeRevisionClash)
		_, err = b.add(declare("revision", "4"), declare("revision", "4", "snap-name", "different"))
		want(t, err, codeRevisionClash)
	})
}

func TestFormatNewerThanUnderstoodIsKeptWhenItsSignatureChains(t *testing.T) {
	w := newWorld(t)
	typ := assertion.TypeByName("snap-declaration")
	headers := assertiontest.With(assertiontest.DeclarationHeaders(w.snapID, "hello", "dev"), "format", "99", "revision", "5")
	understood := typ.MaxFormat
	typ.MaxFormat = 99
	future := w.store.Sign(t, headers, nil)
	strangers := assertiontest.NewRoot(t, "stranger", assertiontest.DeviceKey).Sign(t, headers, nil)
	typ.MaxFormat = understood

	b := memoryBench()
	b.trust(t, w.root)
	_, err := b.add(w.store.Key, w.developer, strangers)
	want(t, err, codeMissing)
	b.mustAdd(t, w.store.Key, w.developer, w.declaration, future)
	if got := b.find(t, future.Ref(), 7); got == nil || got.Format() != 0 {
		t.Errorf("a client of today gets %v", got)
	}
	if got := b.find(t, future.Ref(), 99); got == nil || !bytes.Equal(got.Encoded(), future.Encoded()) {
		t.Error("a client of the future does not get the bytes")
	}
	b.mustAdd(t, w.revision) // still finds a declaration it understands
}

func TestNobodyReplacesTrustedOrPredefinedDocuments(t *testing.T) {
	w := newWorld(t)
	onShelves(t, func(t *testing.T, b *bench) {
		b.trust(t, w.root)
		b.mustAdd(t, w.store.Key)
		for _, id := range []string{"rooty", "canonical", "generic"} {
			_, err := b.add(w.store.Sign(t, assertiontest.With(assertiontest.AccountHeaders(id), "revision", "7"), nil))
			want(t, err, codeClash)
		}
		out := b.mustAdd(t, slices.Concat(builtIn().anchor, builtIn().predefined)...)
		if len(out.Unchanged) != 5 || len(out.New) != 0 {
			t.Errorf("the very documents: %+v", out)
		}
	})
}

func TestSequencesHaveALatest(t *testing.T) {
	w := newWorld(t)
	set := func(n string) *assertion.Assertion {
		return w.brand.Sign(t, assertiontest.Headers{
			"type": "validation-set", "series": "16", "account-id": "acme", "name": "base", "sequence": n,
			"snaps":     []any{map[string]any{"name": "hello", "id": w.snapID, "presence": "required"}},
			"timestamp": assertiontest.Time,
		}, nil)
	}
	onShelves(t, func(t *testing.T, b *bench) {
		b.trust(t, w.root)
		b.mustAdd(t, w.store.Key, w.brand.Account, w.brand.Key, set("9"), set("10"), set("1"))
		key := []string{"16", "acme", "base"}
		typ := assertion.TypeByName("validation-set")
		for number, wantN := range map[int]int{0: 10, 9: 9, 1: 1} {
			b.do(t, func(s Shelf) error {
				got, err := testAuthority.FindSequence(s, typ, key, number, 0)
				if err == nil && got.Sequence() != wantN {
					t.Errorf("sequence %d: got %d, want %d", number, got.Sequence(), wantN)
				}
				return err
			})
		}
		b.do(t, func(s Shelf) error {
			_, err := testAuthority.FindSequence(s, typ, key, 2, 0)
			want(t, err, codeNotFound)
			_, err = testAuthority.FindSequence(s, typ, []string{"16", "acme", "none"}, 0, 0)
			want(t, err, codeNotFound)
			_, err = testAuthority.FindSequence(s, assertion.TypeByName("model"), key, 0, 0)
			want(t, err, codeInvalid)
			return nil
		})
	})
}

func TestParsingBoundsAStream(t *testing.T) {
	w := newWorld(t)
	text := Encode(w.all())
	if list, err := ParseStream(text, 8); err != nil || len(list) != 8 {
		t.Fatalf("%d, %v", len(list), err)
	}
	_, err := ParseStream(text, 7)
	want(t, err, codeTooLarge)
	_, err = ParseStream([]byte("not an assertion"), 1)
	want(t, err, codeInvalid)
	_, err = ParseStream([]byte(strings.Repeat("a: b\n", 1<<20)), 1)
	want(t, err, codeTooLarge)
}
