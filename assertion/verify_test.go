package assertion_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

// world is a root, a brand below it and a memory that trusts the root.
type world struct {
	*assertion.Memory
	root, brand *assertiontest.Authority
}

func newWorld(t testing.TB) *world {
	t.Helper()
	root := assertiontest.NewRoot(t, "root-one", assertiontest.RootKey)
	w := &world{Memory: root.Memory(), root: root, brand: root.Certify(t, "brand-one", assertiontest.BrandKey)}
	w.mustAdd(t, w.brand.Account, w.brand.Key)
	return w
}

func (w *world) mustAdd(t testing.TB, as ...*assertion.Assertion) {
	t.Helper()
	for _, a := range as {
		if err := w.Add(a, assertiontest.Now); err != nil {
			t.Fatal(err)
		}
	}
}

// declare adds a snap-declaration, with more headers if given.
func (w *world) declare(t testing.TB, snapID, publisher string, more ...any) *assertion.Assertion {
	t.Helper()
	a := w.root.Sign(t, with(assertiontest.DeclarationHeaders(snapID, "tool", publisher), more...), nil)
	w.mustAdd(t, a)
	return a
}

func verify(w *world, a *assertion.Assertion) error {
	return assertion.Verify(a, w, assertiontest.Now)
}

func wantError[E error](t *testing.T, err error, says string) E {
	t.Helper()
	var e E
	if !errors.As(err, &e) {
		t.Fatalf("error %T %v, want %T", err, err, e)
	}
	if !strings.Contains(err.Error(), says) {
		t.Errorf("error %q does not say %q", err, says)
	}
	return e
}

func TestOnlyTrustAnchorsSignWhatTheStoreSays(t *testing.T) {
	w := newWorld(t)
	w.declare(t, assertiontest.SnapID(1), "brand-one")
	for typ, h := range map[string]headers{
		"account":          assertiontest.AccountHeaders("other"),
		"snap-declaration": assertiontest.DeclarationHeaders(assertiontest.SnapID(2), "tool", "brand-one"),
		"snap-revision":    assertiontest.RevisionHeaders(assertiontest.SnapID(1), digest("snap"), 1, 1, "brand-one"),
		"store":            with(sound()["store"].headers, "operator-id", "brand-one"),
		"base-declaration": sound()["base-declaration"].headers,
	} {
		t.Run(typ, func(t *testing.T) {
			if err := verify(w, w.root.Sign(t, h, nil)); err != nil {
				t.Errorf("the anchor may not sign: %v", err)
			}
			wantError[*assertion.AuthorityError](t, verify(w, w.brand.Sign(t, h, nil)), "trust anchor")
		})
	}
	key := w.brand.Sign(t, assertiontest.AccountKeyHeaders("brand-one", assertiontest.DeviceKey), assertiontest.Signer(assertiontest.DeviceKey).PublicKey().Encode())
	wantError[*assertion.AuthorityError](t, verify(w, key), "trust anchor")
}

func TestOwnSayersSignForThemselvesOnly(t *testing.T) {
	w := newWorld(t)
	for typ, header := range map[string]string{"model": "brand-id", "validation-set": "account-id", "repair": "brand-id", "hardware-identity": "issuer-id", "confdb-schema": "account-id"} {
		s := sound()[typ]
		own := with(s.headers, header, "brand-one")
		if err := verify(w, w.brand.Sign(t, own, []byte(s.body))); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		_, err := w.root.TrySign(own, []byte(s.body))
		wantError[*assertion.AuthorityError](t, err, "brand-one")
	}
	system := with(sound()["confdb-schema"].headers, "account-id", "system")
	_, err := w.root.TrySign(system, []byte(sound()["confdb-schema"].body))
	wantError[*assertion.AuthorityError](t, err, `"canonical"`)
}

func TestMissingLinksAreNamed(t *testing.T) {
	w := newWorld(t)
	stranger := w.root.Certify(t, "stranger", assertiontest.StoreKey)
	for name, tc := range map[string]struct {
		a       *assertion.Assertion
		missing string
		role    string
	}{
		"signing key": {stranger.Sign(t, assertiontest.ModelHeaders("stranger", "m"), nil),
			"account-key/" + stranger.Signer.PublicKey().ID(), "signing key"},
		"account of a key": {stranger.Key, "account/stranger", "account"},
		"publisher": {w.root.Sign(t, assertiontest.DeclarationHeaders(assertiontest.SnapID(7), "x-tool", "stranger"), nil),
			"account/stranger", "publisher account"},
		"declaration": {w.root.Sign(t, assertiontest.RevisionHeaders(assertiontest.SnapID(7), digest("x"), 1, 1, "brand-one"), nil),
			"snap-declaration/16/" + assertiontest.SnapID(7), "snap-declaration"},
		"operator": {w.root.Sign(t, with(sound()["store"].headers, "operator-id", "stranger"), nil), "account/stranger", "operator account"},
		"gating": {w.brand.Sign(t, sound()["validation"].headers, nil),
			"snap-declaration/16/" + assertiontest.SnapID(2), "approved"},
		"model": {w.root.Sign(t, assertiontest.SerialHeaders("brand-one", "m1", "s1", assertiontest.DeviceKey), nil),
			"model/16/brand-one/m1", "model"},
		"serial": {mustSign(t, "device-session-request", sound()["device-session-request"]),
			"serial/brand-one/m1/s1", "serial"},
		"device": {mustSign(t, "response-message", sound()["response-message"]),
			"serial/brand-one/m1/s1", "serial"},
	} {
		t.Run(name, func(t *testing.T) {
			err := verify(w, tc.a)
			e := wantError[*assertion.MissingError](t, err, tc.role)
			if e.Ref.String() != tc.missing {
				t.Errorf("missing %s, want %s", e.Ref, tc.missing)
			}
			if !errors.Is(err, assertion.ErrNotFound) {
				t.Error("it is no ErrNotFound")
			}
		})
	}
}

func TestRevisionAuthorityIsDelegatedByProvenance(t *testing.T) {
	w := newWorld(t)
	id := assertiontest.SnapID(1)
	w.declare(t, id, "root-one", "revision-authority", list(headers{
		"account-id": "brand-one", "provenance": list("ours"), "min-revision": "5", "max-revision": "9"}))
	revision := func(n int, provenance any) headers {
		return with(assertiontest.RevisionHeaders(id, digest("x"), 1, n, "brand-one"), "provenance", provenance)
	}
	pair := func(n string) headers {
		return with(sound()["snap-resource-pair"].headers, "developer-id", "brand-one", "snap-revision", n, "provenance", "ours")
	}
	resource := with(sound()["snap-resource-revision"].headers, "developer-id", "brand-one", "provenance", "ours")
	for name, tc := range map[string]struct {
		by *assertiontest.Authority
		h  headers
		ok bool
	}{
		"within bounds":               {w.brand, revision(5, "ours"), true},
		"upper bound":                 {w.brand, revision(9, "ours"), true},
		"below":                       {w.brand, revision(4, "ours"), false},
		"above":                       {w.brand, revision(10, "ours"), false},
		"another provenance":          {w.brand, revision(5, "theirs"), false},
		"default provenance":          {w.brand, revision(5, nil), false},
		"anchor, default":             {w.root, revision(1, nil), true},
		"anchor, not listed":          {w.root, revision(5, "ours"), false},
		"pair within bounds":          {w.brand, pair("5"), true},
		"pair below":                  {w.brand, pair("4"), false},
		"component has own revisions": {w.brand, resource, true},
		"component, other provenance": {w.brand, with(resource, "provenance", "theirs"), false},
		"component, default":          {w.brand, with(resource, "provenance", nil), false},
	} {
		t.Run(name, func(t *testing.T) {
			err := verify(w, tc.by.Sign(t, tc.h, nil))
			if tc.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError[*assertion.AuthorityError](t, err, "")
		})
	}
}

func TestSerialAuthorityComesFromTheModel(t *testing.T) {
	w := newWorld(t)
	maker := w.root.Certify(t, "maker", assertiontest.StoreKey)
	w.mustAdd(t, maker.Account, maker.Key)
	serial := assertiontest.SerialHeaders("brand-one", "m1", "s1", assertiontest.DeviceKey)
	if err := verify(w, w.brand.Sign(t, serial, nil)); err != nil {
		t.Errorf("the brand may not sign: %v", err)
	}
	w.mustAdd(t, w.brand.Sign(t, assertiontest.ModelHeaders("brand-one", "m1"), nil))
	wantError[*assertion.AuthorityError](t, verify(w, maker.Sign(t, serial, nil)), "serial-authority")
	w.mustAdd(t, w.brand.Sign(t, with(assertiontest.ModelHeaders("brand-one", "m1"), "revision", "1", "serial-authority", list("maker")), nil))
	if err := verify(w, maker.Sign(t, serial, nil)); err != nil {
		t.Errorf("a listed account may not sign: %v", err)
	}
}

func TestDevicesSignWithTheKeyOfTheirSerial(t *testing.T) {
	w := newWorld(t)
	w.mustAdd(t, w.brand.Sign(t, assertiontest.SerialHeaders("brand-one", "m1", "s1", assertiontest.DeviceKey), nil))
	for _, typ := range []string{"device-session-request", "confdb-control", "response-message"} {
		s := sound()[typ]
		if err := verify(w, mustSign(t, typ, s)); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		s.key = assertiontest.StoreKey
		wantError[*assertion.SignatureError](t, verify(w, mustSign(t, typ, s)), "key")
	}
}

func TestRequestsAreSignedWithTheKeyTheyCarry(t *testing.T) {
	w := newWorld(t)
	request := sound()["account-key-request"]
	request.headers = with(request.headers, "account-id", "brand-one")
	for typ, s := range map[string]sample{"serial-request": sound()["serial-request"], "account-key-request": request} {
		if err := verify(w, mustSign(t, typ, s)); err != nil {
			t.Errorf("%s: %v", typ, err)
		}
		s.key = assertiontest.StoreKey
		if _, err := signSample(typ, s.headers, s.body, s.key); err == nil {
			t.Errorf("%s: signed with another key", typ)
		}
	}
}

func TestValidationIsSignedByTheGatingPublisher(t *testing.T) {
	w := newWorld(t)
	w.declare(t, assertiontest.SnapID(1), "brand-one")
	w.declare(t, assertiontest.SnapID(2), "root-one")
	h := sound()["validation"].headers
	if err := verify(w, w.brand.Sign(t, h, nil)); err != nil {
		t.Error(err)
	}
	wantError[*assertion.AuthorityError](t, verify(w, w.root.Sign(t, h, nil)), "gating")
}

func TestSnapDeveloperIsSignedByPublisherOrAnchor(t *testing.T) {
	w := newWorld(t)
	w.declare(t, assertiontest.SnapID(1), "brand-one")
	other := w.root.Certify(t, "other", assertiontest.StoreKey)
	h := with(sound()["snap-developer"].headers, "publisher-id", "brand-one")
	wantError[*assertion.MissingError](t, verify(w, w.brand.Sign(t, h, nil)), "account/other")
	w.mustAdd(t, other.Account, other.Key)
	for _, by := range []*assertiontest.Authority{w.brand, w.root} {
		if err := verify(w, by.Sign(t, h, nil)); err != nil {
			t.Error(err)
		}
	}
	wantError[*assertion.AuthorityError](t, verify(w, other.Sign(t, h, nil)), "publisher")
}

func TestKeysSignOnlyWithinTheirTime(t *testing.T) {
	w := newWorld(t)
	account := w.root.Sign(t, assertiontest.AccountHeaders("short"), nil)
	key := w.root.Sign(t, with(assertiontest.AccountKeyHeaders("short", assertiontest.StoreKey),
		"since", "2022-01-01T00:00:00Z", "until", "2023-01-01T00:00:00Z"), assertiontest.Signer(assertiontest.StoreKey).PublicKey().Encode())
	w.mustAdd(t, account, key)
	short := &assertiontest.Authority{AccountID: "short", Signer: assertiontest.Signer(assertiontest.StoreKey)}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for name, tc := range map[string]struct{ timestamp, now, says string }{
		"within":                 {"2022-06-01T00:00:00Z", "2022-07-01T00:00:00Z", ""},
		"first moment":           {"2022-01-01T00:00:00Z", "2022-01-01T00:00:00Z", ""},
		"end is outside":         {"2022-06-01T00:00:00Z", "2023-01-01T00:00:00Z", "now"},
		"before":                 {"2022-06-01T00:00:00Z", "2021-12-31T23:59:59Z", "now"},
		"timestamp before":       {"2021-06-01T00:00:00Z", "2022-07-01T00:00:00Z", "its timestamp"},
		"timestamp after":        {"2024-06-01T00:00:00Z", "2022-07-01T00:00:00Z", "its timestamp"},
		"timestamp in one place": {"2021-12-31T23:30:00-01:00", "2022-07-01T00:00:00Z", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := short.Sign(t, with(assertiontest.ModelHeaders("short", "m"), "timestamp", tc.timestamp), nil)
			err := assertion.Verify(a, w, at(tc.now))
			if tc.says == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError[*assertion.ExpiredError](t, err, tc.says)
		})
	}
}

func TestConstraintsLimitWhatAKeySigns(t *testing.T) {
	w := newWorld(t)
	key := w.root.Sign(t, with(assertiontest.AccountKeyHeaders("brand-one", assertiontest.StoreKey), "constraints", list(
		headers{"headers": headers{"type": "model", "model": "a-.*"}},
		headers{"headers": headers{"type": "validation-set", "snaps": headers{"presence": list("required", "optional")}}},
	)), assertiontest.Signer(assertiontest.StoreKey).PublicKey().Encode())
	w.mustAdd(t, key)
	if key.Format() != 1 {
		t.Fatalf("format %d, want 1", key.Format())
	}
	limited := &assertiontest.Authority{AccountID: "brand-one", Signer: assertiontest.Signer(assertiontest.StoreKey)}
	set := func(presence string) headers {
		return with(sound()["validation-set"].headers, "account-id", "brand-one", "snaps", list(headers{"name": "tool", "id": assertiontest.SnapID(1), "presence": presence}))
	}
	for name, tc := range map[string]struct {
		h  headers
		ok bool
	}{
		"allowed model":    {assertiontest.ModelHeaders("brand-one", "a-1"), true},
		"other model":      {assertiontest.ModelHeaders("brand-one", "b-1"), false},
		"partial match":    {assertiontest.ModelHeaders("brand-one", "xa-1"), false},
		"required set":     {set("required"), true},
		"alternative":      {set("optional"), true},
		"no alternative":   {set("invalid"), false},
		"header not there": {with(sound()["validation-set"].headers, "account-id", "brand-one", "snaps", list(headers{"name": "tool", "id": assertiontest.SnapID(1)})), false},
		"other type":       {assertiontest.SerialHeaders("brand-one", "a-1", "s", assertiontest.DeviceKey), false},
	} {
		t.Run(name, func(t *testing.T) {
			err := verify(w, limited.Sign(t, tc.h, nil))
			if tc.ok {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantError[*assertion.AuthorityError](t, err, "constraints")
		})
	}
}

func TestForgeriesAreRefused(t *testing.T) {
	w := newWorld(t)
	a := w.brand.Sign(t, assertiontest.ModelHeaders("brand-one", "m1"), nil)
	reparse := func(s string) *assertion.Assertion {
		t.Helper()
		b, err := assertion.Parse([]byte(s))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	text := string(a.Encoded())
	t.Run("content", func(t *testing.T) {
		forged := reparse(strings.Replace(text, "architecture: amd64", "architecture: arm64", 1))
		wantError[*assertion.SignatureError](t, verify(w, forged), "")
	})
	t.Run("key id", func(t *testing.T) {
		forged := reparse(strings.Replace(text, w.brand.Signer.PublicKey().ID(), w.root.Signer.PublicKey().ID(), 1))
		wantError[*assertion.AuthorityError](t, verify(w, forged), `belongs to account "root-one"`)
	})
	t.Run("authority", func(t *testing.T) {
		impostor := assertiontest.Authority{AccountID: "root-one", Signer: w.brand.Signer}
		forged := impostor.Sign(t, assertiontest.AccountHeaders("evil"), nil)
		wantError[*assertion.AuthorityError](t, verify(w, forged), `belongs to account "brand-one"`)
	})
	t.Run("signature", func(t *testing.T) {
		other := w.brand.Sign(t, assertiontest.ModelHeaders("brand-one", "m2"), nil)
		forged := reparse(string(a.Content()) + "\n\n" + string(other.Signature()))
		wantError[*assertion.SignatureError](t, verify(w, forged), "not what was signed")
	})
	t.Run("own root", func(t *testing.T) {
		root := assertiontest.NewRoot(t, "root-two", assertiontest.StoreKey)
		wantError[*assertion.MissingError](t, verify(w, root.Account), "signing key")
		wantError[*assertion.MissingError](t, verify(w, root.Key), "signing key")
	})
}

func TestNewerFormatsAreVerifiedAndNotVouchedFor(t *testing.T) {
	w := newWorld(t)
	// What this package would not sign, it must still be able to pass on.
	newer := signRaw(t, w.root, "type: snap-declaration\nformat: 99\nauthority-id: root-one\nseries: 16\nsnap-id: "+assertiontest.SnapID(1)+
		"\nplugs:\n  iface:\n    rule-of-the-future: yes\npublisher-id: brand-one\nsnap-name: tool\ntimestamp: "+when)
	if newer.Supported() {
		t.Error("format 99 is said to be supported")
	}
	if err := verify(w, newer); err != nil {
		t.Errorf("cannot verify: %v", err)
	}
	_, err := assertion.As[assertion.SnapDeclaration](newer)
	wantError[*assertion.FormatError](t, err, "format 99")

	key := assertiontest.Signer(assertiontest.StoreKey).PublicKey()
	newKey := signRaw(t, w.root, "type: account-key\nformat: 9\nauthority-id: root-one\npublic-key-sha3-384: "+key.ID()+
		"\naccount-id: brand-one\nname: new\nsince: "+when, string(key.Encode()))
	w.mustAdd(t, newKey)
	by := assertiontest.Authority{AccountID: "brand-one", Signer: assertiontest.Signer(assertiontest.StoreKey)}
	wantError[*assertion.FormatError](t, verify(w, by.Sign(t, assertiontest.ModelHeaders("brand-one", "m1"), nil)), "format 9")
}

func TestMemoryKeepsTheNewestRevisionOfEveryFormat(t *testing.T) {
	w := newWorld(t)
	h := assertiontest.DeclarationHeaders(assertiontest.SnapID(1), "tool", "brand-one")
	sign := func(revision string, format int) *assertion.Assertion {
		more := []any{"revision", revision}
		if format > 0 {
			more = append(more, "plugs", headers{"iface": "true"})
		}
		return w.root.Sign(t, with(h, more...), nil)
	}
	old, plain, rules := sign("1", 0), sign("2", 0), sign("3", 1)
	w.mustAdd(t, old, rules, plain)
	for _, tc := range []struct{ max, want int }{{-1, 3}, {7, 3}, {1, 3}, {0, 2}} {
		a, err := w.FindMaxFormat(old.Ref(), tc.max)
		if err != nil || a.Revision() != tc.want {
			t.Errorf("max-format %d: %v, %v, want revision %d", tc.max, a, err, tc.want)
		}
	}
	e := wantError[*assertion.StaleError](t, w.Add(old, assertiontest.Now), "revision 2 is already held")
	if e.Same {
		t.Error("an older revision is said to be the same")
	}
	if e := wantError[*assertion.StaleError](t, w.Add(plain, assertiontest.Now), "already held"); !e.Same {
		t.Error("the same revision is said to be another")
	}
	if err := w.Add(sign("4", 0), assertiontest.Now); err != nil {
		t.Fatal(err)
	}
	if a, err := w.FindMaxFormat(old.Ref(), 7); err != nil || a.Revision() != 4 {
		t.Errorf("a newer revision in a lower format does not serve all: %v", err)
	}
}

func TestTrustedAndPredefinedDocumentsCannotBeReplaced(t *testing.T) {
	w := newWorld(t)
	again := w.root.Sign(t, with(assertiontest.AccountHeaders("root-one"), "revision", "7"), nil)
	wantError[*assertion.AuthorityError](t, w.Add(again, assertiontest.Now), "trusted or predefined")
	wantError[*assertion.StaleError](t, w.Add(w.root.Account, assertiontest.Now), "")
}

func TestSequencesAreFoundByNumberAndLatest(t *testing.T) {
	w := newWorld(t)
	set := func(n, revision string) *assertion.Assertion {
		return w.root.Sign(t, with(sound()["validation-set"].headers, "sequence", n, "revision", revision), nil)
	}
	w.mustAdd(t, set("1", "5"), set("10", "0"), set("9", "3"))
	key := []string{"16", "root-one", "good"}
	row := assertion.TypeByName("validation-set")
	a, err := w.FindLatest(row, key, 0)
	if err != nil || a.Sequence() != 10 {
		t.Errorf("latest is %v, %v, want 10", a, err)
	}
	ref, err := assertion.NewRef("validation-set", append(key, "9")...)
	if err != nil {
		t.Fatal(err)
	}
	if a, err = w.Find(ref); err != nil || a.Revision() != 3 {
		t.Errorf("number 9: %v, %v", a, err)
	}
	if _, err := w.FindLatest(row, []string{"16", "root-one", "none"}, 0); !errors.Is(err, assertion.ErrNotFound) {
		t.Errorf("no such sequence: %v", err)
	}
}

func TestSortedPutsPrerequisitesFirst(t *testing.T) {
	w := newWorld(t)
	maker := w.root.Certify(t, "maker", assertiontest.StoreKey)
	model := w.brand.Sign(t, with(assertiontest.ModelHeaders("brand-one", "m1"), "serial-authority", list("maker")), nil)
	serial := maker.Sign(t, assertiontest.SerialHeaders("brand-one", "m1", "s1", assertiontest.DeviceKey), nil)
	declaration := w.root.Sign(t, assertiontest.DeclarationHeaders(assertiontest.SnapID(1), "tool", "maker"), nil)
	revision := w.root.Sign(t, assertiontest.RevisionHeaders(assertiontest.SnapID(1), digest("x"), 1, 1, "maker"), nil)
	as := []*assertion.Assertion{revision, serial, declaration, w.root.Key, model, maker.Key, w.brand.Key, w.root.Account, maker.Account, w.brand.Account}
	sorted := assertion.Sorted(as)
	if len(sorted) != len(as) {
		t.Fatalf("%d came back, want %d", len(sorted), len(as))
	}
	before := func(a, b *assertion.Assertion) {
		t.Helper()
		if slices.Index(sorted, a) > slices.Index(sorted, b) {
			t.Errorf("%s comes after %s", a.Ref(), b.Ref())
		}
	}
	before(declaration, revision)
	before(maker.Account, declaration)
	before(maker.Account, maker.Key)
	before(maker.Key, serial)
	before(model, serial)
	before(w.brand.Key, model)
	m := w.root.Memory()
	if err := m.AddAll(as, assertiontest.Now); err != nil {
		t.Errorf("cannot add all: %v", err)
	}
}

func TestMemoryServesManyAtOnce(t *testing.T) {
	w := newWorld(t)
	models := make([]*assertion.Assertion, 8)
	for i := range models {
		models[i] = w.brand.Sign(t, with(assertiontest.ModelHeaders("brand-one", "m1"), "revision", strconv.Itoa(i)), nil)
	}
	var all sync.WaitGroup
	for _, a := range models {
		all.Go(func() {
			var stale *assertion.StaleError
			if err := w.Add(a, assertiontest.Now); err != nil && !errors.As(err, &stale) {
				t.Error(err)
			}
			if _, err := w.Find(a.Ref()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if a, err := w.Find(models[0].Ref()); err != nil || a.Revision() != len(models)-1 {
		t.Errorf("the newest is not kept: %v, %v", a, err)
	}
}

func TestSortingManyEditionsOfOneKeyIsQuick(t *testing.T) {
	const n = 50_000
	w := newWorld(t)
	as := make([]*assertion.Assertion, 0, n)
	for range n {
		key := *w.root.Key
		as = append(as, &key)
	}
	start := time.Now()
	if got := len(assertion.Sorted(as)); got != n {
		t.Errorf("%d came back, want %d", got, n)
	}
	// Quadratic work would take minutes.
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("sorting took %s", took)
	}
}

func TestClosureIsAllThatANewcomerNeeds(t *testing.T) {
	w := newWorld(t)
	maker := w.root.Certify(t, "maker", assertiontest.StoreKey)
	w.mustAdd(t, maker.Account, maker.Key)
	w.declare(t, assertiontest.SnapID(1), "maker", "revision-authority", list(headers{"account-id": "brand-one", "provenance": list("ours")}))
	revision := w.brand.Sign(t, with(assertiontest.RevisionHeaders(assertiontest.SnapID(1), digest("x"), 1, 1, "maker"), "provenance", "ours"), nil)
	w.mustAdd(t, w.brand.Sign(t, with(assertiontest.ModelHeaders("brand-one", "m1"), "serial-authority", list("maker")), nil))
	serial := maker.Sign(t, assertiontest.SerialHeaders("brand-one", "m1", "s1", assertiontest.DeviceKey), nil)

	for name, tc := range map[string]struct {
		a    *assertion.Assertion
		want int
	}{
		// Each with the root's account and key.
		"delegated revision": {revision, 2 + 5}, // it, declaration, maker's account, brand's account and key
		"delegated serial":   {serial, 2 + 6},   // it, model, maker's and brand's account and key
	} {
		t.Run(name, func(t *testing.T) {
			all, err := assertion.Closure(w, tc.a)
			if err != nil {
				t.Fatal(err)
			}
			if len(all) != tc.want || all[len(all)-1] != tc.a {
				t.Errorf("got %d, want %d", len(all), tc.want)
				for _, a := range all {
					t.Log(a.Ref())
				}
			}
			newcomer := w.root.Memory()
			if err := newcomer.AddAll(all, assertiontest.Now); err != nil {
				t.Error(err)
			}
		})
	}
	_, err := assertion.Closure(w, w.root.Sign(t, assertiontest.DeclarationHeaders(assertiontest.SnapID(2), "other-tool", "nobody"), nil))
	wantError[*assertion.MissingError](t, err, "account/nobody")
}
