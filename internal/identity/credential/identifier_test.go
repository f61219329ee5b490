package credential

import (
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/store"
)

func TestIdentifiersReadBack(t *testing.T) {
	for _, id := range []Identifier{
		{Purpose: U1Root, Key: KeyID{1, 2}, Session: "s", Identity: HashCaveat([]byte("x"))},
		{Purpose: Exchanged, Session: NewSessionID()},
		{Purpose: DischargeToken, Session: "s", Subject: "alice@agents", Identity: CaveatHash{1}},
	} {
		got, ok := ReadIdentifier([]byte(id.text()))
		if !ok || got != id {
			t.Errorf("%s reads as %+v, %v", id.text(), got, ok)
		}
	}
}

func TestOnlyExactIdentifiersAreRead(t *testing.T) {
	good := Identifier{Purpose: U1Root, Session: "s", Subject: "u", Identity: CaveatHash{7}}.text()
	if _, ok := ReadIdentifier([]byte(good)); !ok {
		t.Fatalf("%s is not read", good)
	}
	for _, id := range []string{
		"", "larder-token", "larder-session 0102030405060708 00", "MyApps",
		good + " ", good + " x=y", good + "\n", " " + good, strings.ToUpper(good),
		strings.Replace(good, " ", "  ", 1),
		strings.Replace(good, "u1-root", "u2-root", 1),
		strings.Replace(good, "u1-root", "", 1),
		strings.Replace(good, "key=00", "key=0", 1),
		strings.Replace(good, "key=00", "key=zz", 1),
		strings.Replace(good, "session=s", "session=", 1),
		strings.Replace(good, "session=s", "session=a|b", 1),
		strings.Replace(good, "session=s ", "", 1),
		strings.Replace(good, "subject=u", "subject=", 1),
		strings.Replace(good, "identity=07", "identity=", 1),
		strings.Replace(good, "identity=07", "identity=0A", 1),
		strings.Replace(good, "session=s", "session="+strings.Repeat("s", maxWord+1), 1),
		strings.Replace(good, "session=s subject=u", "subject=u session=s", 1),
	} {
		if got, ok := ReadIdentifier([]byte(id)); ok {
			t.Errorf("%q is read as %+v", id, got)
		}
	}
}

func TestMintRefusesWhatCannotHold(t *testing.T) {
	for name, change := range map[string]func(*Token){
		"no session":             func(t *Token) { t.Session = "" },
		"a session of two words": func(t *Token) { t.Session = "a b" },
		"a subject of two words": func(t *Token) { t.Subject = "a identity=00" },
		"no location":            func(t *Token) { t.Location = "" },
		"a location with a bar":  func(t *Token) { t.Location = "a|b" },
		"a location no UTF-8":    func(t *Token) { t.Location = "\xff" },
		"no end":                 func(t *Token) { t.Expires = time.Time{} },
		"no beginning":           func(t *Token) { t.Since = time.Time{} },
		"an end first":           func(t *Token) { t.Expires = t.Since },
		"no identity":            func(t *Token) { t.Identity = ThirdParty{} },
		"an empty limit":         func(t *Token) { t.Limits = []Limits{{Permissions: []string{}}} },
		"an empty channel":       func(t *Token) { t.Limits = []Limits{{Channels: []string{""}}} },
		"a nameless package":     func(t *Token) { t.Limits = []Limits{{Packages: []store.PackageLimit{{}}}} },
		"the wrong identity": func(t *Token) {
			t.Identity, _ = NewBakeryCaveat(2, issuerBox, identityBox.Public(), "x", NeedUsername)
		},
		"far too much": func(t *Token) {
			for range 1000 {
				t.Limits = append(t.Limits, Limits{Channels: []string{"latest/stable"}})
			}
		},
	} {
		tok := token(t, U1Root)
		change(&tok)
		key := must[Key](t)(ring().Newest(U1Root))
		if _, err := Mint(key, tok); err == nil {
			t.Errorf("%s: it is minted", name)
		}
	}
	if _, err := Mint(Key{}, token(t, U1Root)); err == nil {
		t.Error("a key without purpose mints")
	}
}

func TestKeysDifferByPurpose(t *testing.T) {
	secret := NewSecret("one secret for all")
	ids := make(map[KeyID]bool)
	for i, p := range Purposes() {
		k := NewKey(p, secret)
		ids[k.ID()] = true
		for _, other := range Purposes()[:i] {
			if NewKey(other, secret).secret.Equal(k.secret) {
				t.Errorf("%s and %s have the same key", p, other)
			}
		}
		if again := NewKey(p, secret); again.ID() != k.ID() || !again.secret.Equal(k.secret) {
			t.Errorf("%s has another key each time", p)
		}
	}
	if len(ids) != len(Purposes()) {
		t.Error("two purposes share a key id")
	}
}

func TestSessionIDsAreWordsAndDiffer(t *testing.T) {
	a, b := NewSessionID(), NewSessionID()
	if a == b || len(a) != 36 || !isWord(a) {
		t.Errorf("two sessions are %q and %q", a, b)
	}
}
