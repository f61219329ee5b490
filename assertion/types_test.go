package assertion_test

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

func TestEveryTypeSurvivesSigningAndParsing(t *testing.T) {
	for _, row := range assertion.Types() {
		t.Run(row.Name, func(t *testing.T) {
			s, ok := sound()[row.Name]
			if !ok {
				t.Fatal("no sample")
			}
			signed := mustSign(t, row.Name, s)
			parsed, err := assertion.Parse(signed.Encoded())
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(parsed.Encoded(), signed.Encoded()) {
				t.Error("bytes changed")
			}
			if !reflect.DeepEqual(parsed.Headers(), signed.Headers()) {
				t.Error("headers changed")
			}
			for name, want := range s.headers {
				if got := parsed.Header(name); !reflect.DeepEqual(got, any(want)) {
					t.Errorf("header %q is %v, want %v", name, got, want)
				}
			}
			if err := parsed.VerifySignature(assertiontest.Signer(s.key).PublicKey()); err != nil {
				t.Error(err)
			}
			back, err := assertion.ParseRef(parsed.Ref().String())
			if len(row.Key) > 0 && (err != nil || !back.Equal(parsed.Ref())) {
				t.Errorf("ref %s read back as %s, %v", parsed.Ref(), back, err)
			}
		})
	}
}

func TestNoTypeIsWithoutItsMandatoryHeaders(t *testing.T) {
	for typ, s := range sound() {
		for _, name := range s.mandatory {
			t.Run(typ+"/"+name, func(t *testing.T) {
				_, err := signSample(typ, with(s.headers, name, nil), s.body, s.key)
				if err == nil {
					t.Fatal("signed without it")
				}
				if !strings.Contains(err.Error(), fmt.Sprintf("%q", name)) {
					t.Errorf("the error does not name the header: %v", err)
				}
			})
		}
	}
}

// Each row spoils one sample.
func TestHeadersOutOfLineAreRefused(t *testing.T) {
	snapID := assertiontest.SnapID(1)
	snaps := func(h ...any) []any { return list(headers{"name": "tool", "id": snapID}, with(headers{}, h...)) }
	for i, tc := range []struct {
		typ  string
		with []any
		want string
	}{
		{"account", []any{"timestamp", "yesterday"}, "RFC 3339"},
		{"account", []any{"account-id", "a/b"}, "slash"},
		{"account", []any{"revision", "-1"}, "negative"},
		{"account", []any{"revision", "01"}, "leading zeros"},
		{"account", []any{"revision", "x"}, "integer"},
		{"validation-set", []any{"sequence", "+2"}, "plus"},
		{"validation", []any{"approved-snap-revision", "+3"}, "plus"},
		{"account", []any{"username", list("a")}, "string"},
		{"account-key", []any{"name", "Bad Name"}, "invalid"},
		{"account-key", []any{"until", "2019-01-01T00:00:00Z"}, "before since"},
		{"account-key", []any{"public-key-sha3-384", digest("other")}, "body holds the key"},
		{"account-key", []any{"constraints", list(headers{"headers": headers{"model": "x"}})}, `"type"`},
		{"account-key", []any{"constraints", list(headers{"headers": headers{"type": "mod.*"}})}, "not a pattern"},
		{"account-key", []any{"constraints", list(headers{"headers": headers{"type": "model", "model": "("}})}, "no pattern"},
		{"account-key", []any{"constraints", list(headers{"headers": headers{"type": "model", "model": "a)|(b"}})}, "no pattern"},
		{"account-key", []any{"constraints", list(headers{"headers": headers{"type": "model", "model": "$MISSING"}})}, "must not use $"},
		{"account-key", []any{"constraints", "all"}, "list of maps"},
		{"account-key", []any{"constraints", list(headers{"headers": headers{"type": "model", "model": strings.Repeat("a", 5000)}})}, "too large"},
		{"account-key", []any{"constraints", list(headers{"headers": headers{"type": "model", "model": strings.Repeat("a{1000}", 300)}})}, "too large"},
		{"account-key", []any{"constraints", list(headers{"headers": headers{"type": "model", "model": strings.Repeat("[\\pL\\pN]", 400)}})}, "too large"},
		{"snap-declaration", []any{"plugs", headers{"x": headers{"allow-connection": headers{"plug-attributes": headers{"a": strings.Repeat("a", 5000)}}}}}, "too large"},
		{"account-key-request", []any{"authority-id", "acme"}, "must not be set"},
		{"confdb-schema", []any{"views", "x"}, "map"},
		{"model", []any{"model", "Upper"}, "upper case"},
		{"model", []any{"classic", "yes"}, "true"},
		{"model", []any{"grade", "signed"}, "must not be set"},
		{"model", []any{"gadget", "pc=latest/stable"}, "track"},
		{"model", []any{"kernel", "-bad-"}, "snap name"},
		{"model", []any{"required-snaps", list("x y")}, "snap name"},
		{"model", []any{"serial-authority", list("a b")}, "element"},
		{"model", []any{"snaps", list()}, ""},
		{"serial", []any{"device-key-sha3-384", digest("other")}, "id of device-key"},
		{"serial", []any{"device-key", "AAAA"}, "public key"},
		{"repair", []any{"summary", "two\nlines"}, "one line"},
		{"repair", []any{"repair-id", "0"}, "at least 1"},
		{"repair", []any{"modes", list("install")}, "run or recover"},
		{"repair", []any{"bases", list("core18")}, "recovery modes"},
		{"snap-revision", []any{"snap-sha3-384", "short"}, "SHA3-384"},
		{"snap-revision", []any{"snap-revision", "0"}, "at least 1"},
		{"snap-revision", []any{"snap-size", "-1"}, "unsigned"},
		{"snap-revision", []any{"provenance", "a b"}, "invalid"},
		{"snap-revision", []any{"provenance", "-"}, "invalid"},
		{"snap-revision", []any{"integrity", "x"}, "list of maps"},
		{"snap-resource-pair", []any{"snap-revision", "first"}, "integer"},
		{"snap-declaration", []any{"revision-authority", list(headers{"account-id": "acme"})}, "provenance"},
		{"snap-declaration", []any{"revision-authority", list(headers{"account-id": "acme", "provenance": list("p"), "min-revision": "5", "max-revision": "4"})}, "less than"},
		{"snap-declaration", []any{"plugs", headers{"x": "maybe"}}, "must be a map"},
		{"snap-declaration", []any{"plugs", headers{"x": headers{"unknown": "true"}}}, "at least one"},
		{"snap-declaration", []any{"slots", headers{"x": headers{"deny-connection": headers{"slots-per-plug": "*"}}}}, "only for"},
		{"snap-declaration", []any{"aliases", list(headers{"name": "a", "target": "b"}, headers{"name": "a", "target": "c"})}, "twice"},
		{"snap-developer", []any{"developers", list(headers{"developer-id": "o", "since": when})}, "invalid"},
		{"snap-developer", []any{"developers", list(
			headers{"developer-id": "other", "since": when, "until": when}, headers{"developer-id": "other", "since": when})}, "revoked"},
		{"store", []any{"url", "ftp://x"}, "http"},
		{"store", []any{"url", "https://x?y"}, "query"},
		{"store", []any{"url", "https://x#y"}, "fragment"},
		{"store", []any{"url", "https:///y"}, "host"},
		{"system-user", []any{"models", nil}, "within a year"},
		{"system-user", []any{"email", "nobody"}, "RFC 5322"},
		{"system-user", []any{"password", "$1$salt$hash"}, "SHA-512"},
		{"system-user", []any{"password", "plain"}, "crypt"},
		{"system-user", []any{"serials", list("s1"), "models", list("m1", "m2")}, "exactly one model"},
		{"system-user", []any{"force-password-change", "true", "password", nil}, "password"},
		{"validation-set", []any{"sequence", "0"}, "at least 1"},
		{"validation-set", []any{"snaps", snaps("name", "tool", "id", assertiontest.SnapID(9))}, "twice"},
		{"validation-set", []any{"snaps", snaps("name", "other", "id", snapID)}, "twice"},
		{"validation-set", []any{"snaps", snaps("name", "other", "id", assertiontest.SnapID(9), "presence", "maybe")}, "one of"},
		{"validation-set", []any{"snaps", snaps("name", "other", "id", assertiontest.SnapID(9), "presence", "invalid", "revision", "1")}, "invalid"},
		{"validation-set", []any{"snaps", snaps("name", "other", "id", assertiontest.SnapID(9), "components", headers{"c": headers{"presence": "required", "revision": "1"}})}, "exactly if"},
		{"preseed", []any{"snaps", list(headers{"name": "tool", "id": snapID})}, "together"},
		{"request-message", []any{"devices", list("nodots")}, "serial.model.brand"},
		{"hardware-identity", []any{"hardware-id-key-sha3-384", digest("x")}, "digest"},
		{"cluster", []any{"devices", list(headers{"id": "1"}, headers{"id": "1"})}, "twice"},
	} {
		if tc.want == "" {
			continue
		}
		t.Run(fmt.Sprintf("%d-%s-%v", i, tc.typ, tc.with[0]), func(t *testing.T) {
			s := sound()[tc.typ]
			_, err := signSample(tc.typ, with(s.headers, tc.with...), s.body, s.key)
			if err == nil {
				t.Fatal("accepted")
			}
			if !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %q does not say %q", err, tc.want)
			}
		})
	}
}

func TestModelWithSnaps(t *testing.T) {
	id := assertiontest.SnapID
	gadget := headers{"name": "pc", "id": id(1), "type": "gadget", "default-channel": "20/stable"}
	kernel := headers{"name": "pc-kernel", "id": id(2), "type": "kernel", "default-channel": "20"}
	app := headers{"name": "app", "id": id(3), "presence": "optional", "modes": list("run", "ephemeral")}
	base := with(assertiontest.ModelHeaders("brand-one", "m1"), "gadget", nil, "kernel", nil, "base", "core20", "grade", "signed")
	for name, tc := range map[string]struct {
		headers headers
		want    string // "" is sound
	}{
		"core":            {with(base, "snaps", list(gadget, kernel, app)), ""},
		"dangerous":       {with(base, "grade", "dangerous", "snaps", list(with(gadget, "id", nil), kernel)), ""},
		"classic":         {with(base, "classic", "true", "distribution", "ubuntu", "snaps", list(with(app, "classic", "true", "modes", nil))), ""},
		"no gadget":       {with(base, "snaps", list(kernel)), "gadget"},
		"no kernel":       {with(base, "snaps", list(gadget)), "kernel"},
		"two kernels":     {with(base, "snaps", list(gadget, kernel, with(kernel, "name", "k2", "id", id(4)))), "twice"},
		"no id":           {with(base, "snaps", list(with(gadget, "id", nil), kernel)), "mandatory"},
		"essential modes": {with(base, "snaps", list(with(gadget, "modes", list("run")), kernel)), "essential"},
		"no track":        {with(base, "snaps", list(with(gadget, "default-channel", "stable"), kernel)), "track"},
		"classic app":     {with(base, "snaps", list(gadget, kernel, with(app, "classic", "true"))), "classic"},
		"loose storage":   {with(base, "grade", "secured", "storage-safety", "prefer-encrypted", "snaps", list(gadget, kernel)), "encrypted"},
		"two styles":      {with(base, "kernel", "pc-kernel", "snaps", list(gadget, kernel)), "must not be set"},
		"no base":         {with(base, "base", nil, "snaps", list(gadget, kernel)), `"base"`},
		"no distribution": {with(base, "classic", "true", "snaps", list(app)), "distribution"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := signSample("model", tc.headers, "", assertiontest.BrandKey)
			switch {
			case tc.want == "" && err != nil:
				t.Error(err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("error %v does not say %q", err, tc.want)
			}
		})
	}
}

func TestSignChoosesTheLowestFormatThatCovers(t *testing.T) {
	rule := func(h ...any) headers {
		return headers{"iface": headers{"allow-connection": with(headers{}, h...)}}
	}
	attrs := func(v any) headers { return rule("plug-attributes", headers{"a": v}) }
	for i, tc := range []struct {
		typ  string
		with []any
		want int
	}{
		{"snap-declaration", nil, 0},
		{"snap-declaration", []any{"plugs", headers{"iface": "true"}}, 1},
		{"snap-declaration", []any{"slots", headers{"iface": headers{"allow-installation": "false"}}}, 1},
		{"snap-declaration", []any{"plugs", attrs("v.*")}, 1},
		{"snap-declaration", []any{"plugs", attrs("$SLOT(b)")}, 2},
		{"snap-declaration", []any{"slots", attrs("$MISSING")}, 2},
		{"snap-declaration", []any{"plugs", rule("on-store", list("shop"))}, 3},
		{"snap-declaration", []any{"plugs", rule("on-model", list("brand/m1"))}, 3},
		{"snap-declaration", []any{"plugs", rule("plug-names", list("$INTERFACE", "p.*"))}, 4},
		{"snap-declaration", []any{"plugs", attrs(list("a", "b"))}, 5},
		{"snap-declaration", []any{"plugs", attrs("$SLOT_PUBLISHER_ID")}, 6},
		{"snap-declaration", []any{"plugs", rule("on-classic", list("ubuntu"))}, 1},
		{"snap-declaration", []any{"plugs", rule("on-classic", list("ubuntu/desktop"))}, 7},
		{"system-user", nil, 0},
		{"system-user", []any{"serials", list("s1")}, 1},
		{"system-user", []any{"user-presence", "until-expiration"}, 2},
		{"account-key", nil, 0},
		{"account-key", []any{"constraints", list(headers{"headers": headers{"type": "model"}})}, 1},
	} {
		t.Run(fmt.Sprintf("%d-%s-%d", i, tc.typ, tc.want), func(t *testing.T) {
			s := sound()[tc.typ]
			s.headers = with(s.headers, tc.with...)
			a := mustSign(t, tc.typ, s)
			if a.Format() != tc.want {
				t.Errorf("format %d, want %d", a.Format(), tc.want)
			}
			if hasLine := bytes.Contains(a.Content(), []byte("\nformat: ")); hasLine != (tc.want > 0) {
				t.Errorf("format written: %v", hasLine)
			}
			if tc.want > 0 {
				if _, err := signSample(tc.typ, with(s.headers, "format", fmt.Sprint(tc.want-1)), s.body, s.key); err == nil {
					t.Error("signed with too low a format")
				}
			}
			top := assertion.TypeByName(tc.typ).MaxFormat
			if _, err := signSample(tc.typ, with(s.headers, "format", fmt.Sprint(top+1)), s.body, s.key); err == nil {
				t.Error("signed with an unknown format")
			}
		})
	}
}

func TestRefsLeaveOutTrailingDefaults(t *testing.T) {
	a := mustSign(t, "snap-revision", sound()["snap-revision"])
	want := "snap-revision/" + digest("snap") + "/global-upload"
	if got := a.Ref().String(); got != want {
		t.Errorf("ref %s, want %s", got, want)
	}
	if got := a.Ref().ShortKey(); !slices.Equal(got, []string{digest("snap")}) {
		t.Errorf("short key %v", got)
	}
	short, err := assertion.NewRef("snap-revision", digest("snap"))
	if err != nil || !short.Equal(a.Ref()) {
		t.Errorf("ref by short key is %s, %v", short, err)
	}
	if bytes.Contains(a.Content(), []byte("provenance")) {
		t.Error("the default provenance is written")
	}
	for _, bad := range [][]string{{"nothing", "x"}, {"account"}, {"account", ""}, {"account", "a/b"}, {"account", "a", "b"}} {
		if r, err := assertion.NewRef(bad[0], bad[1:]...); err == nil {
			t.Errorf("%v makes %s", bad, r)
		}
	}
}

func TestCanonicalFormIsWrittenInOrder(t *testing.T) {
	a := mustSign(t, "snap-resource-pair", sample{headers: headers{
		"type": "snap-resource-pair", "revision": "4", "snap-revision": "3", "zeta": "last", "alpha": "text\nof lines\n",
		"snap-id": assertiontest.SnapID(1), "resource-name": "comp", "resource-revision": "2", "provenance": "mine",
		"developer-id": "acme", "timestamp": when, "nothing": list(), "nested": list("a", list("b"), headers{"k": list("c", "d\ne")}),
	}, body: "", key: assertiontest.RootKey})
	want := strings.Join([]string{
		"type: snap-resource-pair",
		"authority-id: root-one",
		"revision: 4",
		"snap-id: " + assertiontest.SnapID(1),
		"resource-name: comp",
		"resource-revision: 2",
		"snap-revision: 3",
		"provenance: mine",
		"alpha:",
		"    text",
		"    of lines",
		"    ",
		"developer-id: acme",
		"nested:",
		"  - a",
		"  -",
		"    - b",
		"  -",
		"    k:",
		"      - c",
		"      -",
		"          d",
		"          e",
		"timestamp: " + when,
		"zeta: last",
		"sign-key-sha3-384: " + assertiontest.Signer(assertiontest.RootKey).PublicKey().ID(),
	}, "\n")
	if got := string(a.Content()); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
