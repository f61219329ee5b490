package credential

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/nacl/box"
	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/store"
)

// bakeryVectors were made once by the public bakery library: for each version
// a caveat, the macaroon it is on, and that macaroon discharged.
type bakeryVectors struct {
	ThirdPartyPrivate []byte `json:"third-party-private"`
	ThirdPartyPublic  string `json:"third-party-public"`
	IssuerRootKey     []byte `json:"issuer-root-key"`
	Vectors           []struct {
		Version   BakeryVersion
		Caveat    []byte
		RootKey   []byte `json:"root-key"`
		Condition string
		From      BoxPublic
		Macaroon  json.RawMessage
		Slice     json.RawMessage
		Binary    []byte
	}
}

func readVectors(t testing.TB) bakeryVectors {
	t.Helper()
	var v bakeryVectors
	if err := json.Unmarshal(must[[]byte](t)(os.ReadFile("testdata/bakery.json")), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestBakeryVectors(t *testing.T) {
	all := readVectors(t)
	key := boxKey(all.ThirdPartyPrivate)
	if key.Public().String() != all.ThirdPartyPublic {
		t.Errorf("the public key is %s, want %s", key.Public(), all.ThirdPartyPublic)
	}
	if len(all.Vectors) != int(LatestBakeryVersion) {
		t.Fatalf("there are %d vectors", len(all.Vectors))
	}
	for _, v := range all.Vectors {
		c, err := OpenBakeryCaveat(v.Caveat, NewBoxKey(), key)
		if err != nil {
			t.Errorf("version %d: %v", v.Version, err)
			continue
		}
		if c.Version != v.Version || c.From != v.From || c.Condition != v.Condition ||
			!c.rootKey.Equal(NewSecret(v.RootKey)) || c.namespace != stdNamespace {
			t.Errorf("version %d reads as %+v with the namespace %q", v.Version, c, c.namespace)
		}
		if _, err := decodeJSON(v.Macaroon); err != nil {
			t.Errorf("version %d: %v", v.Version, err)
		}
		s := must[Slice](t)(decodeSliceJSON(v.Slice))
		if _, err := s[0].raw().VerifySignature(all.IssuerRootKey, s.discharges()); err != nil {
			t.Errorf("version %d: the slice in JSON: %v", v.Version, err)
		}
		s = must[Slice](t)(decodeBinary(v.Binary))
		if _, err := s[0].raw().VerifySignature(all.IssuerRootKey, s.discharges()); err != nil {
			t.Errorf("version %d: the slice in binary: %v", v.Version, err)
		}
		// Our discharge of their macaroon.
		condition := must[Condition](t)(ParseCondition(c.Condition))
		d := must[Macaroon](t)(NewBakeryDischarge(c, condition, s[1].ID(), now, Declaration{DeclaredUsername, "alice"}))
		if _, err := s[0].raw().VerifySignature(all.IssuerRootKey, []*macaroon.Macaroon{bound(s[0], d).raw()}); err != nil {
			t.Errorf("version %d: our discharge: %v", v.Version, err)
		}
		if d.raw().Version() != s[1].raw().Version() || d.Location() != "" {
			t.Errorf("version %d: our discharge is %s, theirs %s", v.Version, d.raw().Version(), s[1].raw().Version())
		}
	}
}

// Sizes and first bytes are what clients and other services tell versions by.
func TestBakeryCaveatShapes(t *testing.T) {
	for _, c := range []struct {
		version, encoded BakeryVersion
		idStarts         byte
		inData           bool
	}{{0, 1, 'e', false}, {1, 1, 'e', false}, {2, 2, 2, false}, {3, 3, 3, true}, {9, 3, 3, true}} {
		made := must[ThirdParty](t)(NewBakeryCaveat(c.version, issuerBox, identityBox.Public(), "l", NeedUsername))
		if made.ID()[0] != c.idStarts || (made.data != nil) != c.inData || c.inData && len(made.ID()) > 20 {
			t.Errorf("for version %d the id has %d bytes and starts with %d", c.version, len(made.ID()), made.ID()[0])
		}
		opened, err := OpenBakeryCaveat(payload(made), identityBox)
		if err != nil || opened.Version != c.encoded || opened.Condition != NeedUsername || opened.From != issuerBox.Public() ||
			!opened.rootKey.Equal(made.rootKey) {
			t.Errorf("version %d opens as %+v (%v)", c.version, opened, err)
		}
	}
}

func TestBakeryCaveatErrorsAreUniform(t *testing.T) {
	var bad [][]byte
	bad = append(bad, nil, []byte{2}, []byte{3}, []byte{1}, []byte("e"), []byte("eyJ9"), []byte("hello"), make([]byte, maxCaveatID+1))
	for version := BakeryVersion(1); version <= 3; version++ {
		c := must[ThirdParty](t)(NewBakeryCaveat(version, issuerBox, identityBox.Public(), "l", NeedUsername))
		whole := payload(c)
		for _, at := range []int{1, 5, 40, len(whole) / 2, len(whole) - 3} {
			broken := slices.Clone(whole)
			broken[at] ^= 1
			bad = append(bad, broken, whole[:at])
		}
		bad = append(bad, payload(must[ThirdParty](t)(NewBakeryCaveat(version, issuerBox, agentBox.Public(), "l", NeedUsername))))
	}
	short := must[ThirdParty](t)(NewBakeryCaveat(3, issuerBox, identityBox.Public(), "l", NeedUsername))
	bad = append(bad, short.ID()) // what it stands for was left behind
	for _, b := range bad {
		_, err := OpenBakeryCaveat(b, identityBox)
		if err == nil || err.Error() != errCaveat.Error() || store.CodeOf(err) != CodeCaveat {
			t.Errorf("%.20x…: %v", b, err)
		}
	}
}

func TestParseCondition(t *testing.T) {
	for text, want := range map[string]Condition{
		"is-authenticated-user":       {Is: IsUser},
		"is-authenticated-user @acme": {Is: IsUser, Domain: "acme"},
		"is-authenticated-userid":     {Is: IsUserID},
		"is-member-of a":              {Is: IsMember, Groups: []string{"a"}},
		"is-member-of a b  c":         {Is: IsMember, Groups: []string{"a", "b", "c"}},
		"<is-authenticated-user":      {Legacy: true, Is: IsUser},
		NeedUsername:                  {Declare: []string{"username"}, Is: IsUser},
		"need-declared username,email is-authenticated-user @acme": {Declare: []string{"username", "email"}, Is: IsUser, Domain: "acme"},
		"<need-declared username is-member-of admins":              {Legacy: true, Declare: []string{"username"}, Is: IsMember, Groups: []string{"admins"}},
	} {
		got, err := ParseCondition(text)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q is %+v (%v), want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", " ", "<", "<<is-authenticated-user", "true", "is-authenticated-user acme", "is-authenticated-user @", "is-authenticated-user @a @b",
		"is-authenticated-userid x", "is-member-of", "is-member-of ", "need-declared", "need-declared username",
		"need-declared  is-authenticated-user", "need-declared a,,b is-authenticated-user", "need-declared a, is-authenticated-user",
		"need-declared a need-declared b is-authenticated-user", "has-agreed x", "is-member-of " + strings.Repeat("g ", maxGroups+1),
		"need-declared " + strings.Repeat("a,", maxDeclared) + "a is-authenticated-user", strings.Repeat("x", maxCondition+1),
	} {
		got, err := ParseCondition(text)
		if err == nil || store.KindOf(err) != store.KindInvalid {
			t.Errorf("%q is %+v (%v)", text, got, err)
		}
	}
}

func TestBakeryDischargeSaysWhatIsNeeded(t *testing.T) {
	key := NewSecret("root key")
	for _, c := range []struct {
		namespace string
		need      []string
		declare   []Declaration
		want      []string
	}{
		{"std:", []string{"username"}, []Declaration{{DeclaredUsername, "alice"}}, []string{"declared username alice"}},
		{"std:", nil, []Declaration{{DeclaredUserID, "Ab1"}}, []string{"declared userid Ab1"}},
		{"std:", []string{"email", "username"}, []Declaration{{DeclaredUsername, "alice"}}, []string{"declared username alice", "declared email "}},
		{"other:o std:s", []string{"username"}, []Declaration{{DeclaredUsername, "alice"}}, []string{"s:declared username alice"}},
	} {
		d, err := NewBakeryDischarge(BakeryCaveat{Version: 3, rootKey: key, namespace: c.namespace}, Condition{Declare: c.need}, []byte("id"), now, c.declare...)
		if err != nil {
			t.Fatal(err)
		}
		prefix, _, _ := strings.Cut(c.want[0], "declared")
		want := append(c.want, prefix+"time-before 2026-11-20T12:00:00.123456Z")
		var got []string
		for _, caveat := range d.raw().Caveats() {
			got = append(got, string(caveat.Id))
		}
		if !slices.Equal(got, want) {
			t.Errorf("in %q the discharge says %q, want %q", c.namespace, got, want)
		}
	}
	for namespace, d := range map[string]Declaration{
		"": {DeclaredUsername, "alice"}, "other:": {DeclaredUsername, "alice"}, "std:a|b": {DeclaredUsername, "alice"},
		"std:": {DeclaredUsername, "alice admin"}, "std: x:": {"user name", "alice"},
	} {
		if _, err := NewBakeryDischarge(BakeryCaveat{Version: 3, rootKey: key, namespace: namespace}, Condition{}, []byte("id"), now, d); err == nil {
			t.Errorf("in %q there is a discharge that declares %+v", namespace, d)
		}
	}
}

func TestDischargeTokens(t *testing.T) {
	plain := good(t, DischargeToken)[0]
	byAgent := func(key BoxKey) (root, d Macaroon) {
		tok := token(t, DischargeToken)
		tok.Subject = "robot@agents"
		tok.Identity = must[ThirdParty](t)(NewAgentCaveat(2, identityBox, key.Public()))
		root = mint(t, DischargeToken, tok)
		if key.Public() != agentBox.Public() {
			return root, Macaroon{}
		}
		return root, discharge(t, tok.Identity)
	}
	root, d := byAgent(agentBox)
	if got := root.raw().Caveats(); got[len(got)-1].Location != "local" {
		t.Errorf("the agent's caveat is at %q", got[len(got)-1].Location)
	}
	raw := func(ms ...Macaroon) []byte {
		var b []byte
		for _, m := range ms {
			b = append(b, must[[]byte](t)(m.binary())...)
		}
		return b
	}
	for _, c := range []struct {
		name, kind string
		token      []byte
		subject    string
	}{
		{"a login's", TokenKindMacaroon, raw(plain), "alice"},
		{"an agent's", TokenKindAgent, raw(root, bound(root, d)), "robot@agents"},
		{"an agent's with an end", TokenKindAgent, raw(root, bound(root, with(d, "time-before "+formatBakeryTime(now.Add(time.Second))))), "robot@agents"},
		{"an agent's as a login's", TokenKindMacaroon, raw(root, bound(root, d)), ""},
		{"a login's as an agent's", TokenKindAgent, raw(plain), ""},
		{"an agent's without discharge", TokenKindAgent, raw(root), ""},
		{"an agent's without discharge as a login's", TokenKindMacaroon, raw(root), ""},
		{"an agent's with an unbound discharge", TokenKindAgent, raw(root, d), ""},
		{"an agent's that declares", TokenKindAgent, raw(root, bound(root, with(d, "declared username admin"))), ""},
		{"an agent's over", TokenKindAgent, raw(root, bound(root, with(d, "time-before "+formatBakeryTime(now)))), ""},
		{"another kind", "form", raw(plain), ""},
		{"another macaroon", TokenKindMacaroon, raw(good(t, Exchanged)[0]), ""},
		{"no macaroon", TokenKindMacaroon, []byte("hello"), ""},
		{"nothing", TokenKindMacaroon, nil, ""},
	} {
		v, err := ring().VerifyDischargeToken(now, c.kind, c.token)
		switch {
		case c.subject != "" && (err != nil || v.Subject != c.subject):
			t.Errorf("%s is %q's (%v)", c.name, v.Subject, err)
		case c.subject == "" && (err == nil || store.KindOf(err) != store.KindUnauthorised):
			t.Errorf("%s: %v", c.name, err)
		}
	}
	// What is made for an agent is of no use to whoever has another key.
	stranger, _ := byAgent(NewBoxKey())
	_, err := ring().VerifyDischargeToken(now, TokenKindAgent, raw(stranger, bound(stranger, d)))
	wantCode(t, err, CodeInvalid)
}

func TestBoxKeys(t *testing.T) {
	k := DeriveBoxKey(NewSecret("x"))
	if k.Public() != DeriveBoxKey(NewSecret("x")).Public() || k.Public() == NewBoxKey().Public() {
		t.Error("a derived key is not the secret's")
	}
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		public := k.Public()
		if got, err := ParseBoxPublic(e.EncodeToString(public[:])); err != nil || got != public {
			t.Errorf("%s is not read: %v", e.EncodeToString(public[:]), err)
		}
	}
	for _, bad := range []string{"", "AAAA", "###", base64.StdEncoding.EncodeToString(make([]byte, 33))} {
		if _, err := ParseBoxPublic(bad); store.KindOf(err) != store.KindInvalid {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestDecodeBase64(t *testing.T) {
	for _, text := range []string{"_-8=", "_-8", "/+8=", "/+8"} {
		if raw, err := DecodeBase64(text); err != nil || string(raw) != "\xff\xef" {
			t.Errorf("%q is %x (%v)", text, raw, err)
		}
	}
	_, err := DecodeBase64("#")
	wantCode(t, err, CodeMalformed)
	_, err = DecodeBase64(strings.Repeat("A", maxHeader+1))
	wantCode(t, err, CodeTooLarge)
}

// sealPlain puts any text into a box of version 2 or 3.
func sealPlain(version byte, plain []byte, to BoxPublic) []byte {
	var nonce [nonceSize]byte
	b := append([]byte{version}, to[:keyPrefix]...)
	b = append(b, issuerBox.public[:]...)
	b = append(b, nonce[:]...)
	return box.Seal(b, plain, &nonce, (*[32]byte)(&to), issuerBox.privateBytes())
}
