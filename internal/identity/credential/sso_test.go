package credential

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/store"
)

func TestSSOLocation(t *testing.T) {
	hosts := SSOHosts{Netloc: "login.example:8443", Aliases: []string{"dashboard.snapcraft.io"}}
	for _, c := range []struct{ agent, host, want string }{
		{"snapd/2.70 (series 16; classic)", "store.example", U1Location},
		{"snapcraft/9.0", "store.example:443", "login.example:8443"},
		{"my-snapd/1", "store.example", "login.example:8443"},
		{"", "", "login.example:8443"},
		{"snapcraft/9.0", "dashboard.snapcraft.io", U1Location},
		{"snapcraft/9.0", "Dashboard.Snapcraft.IO:443", U1Location},
		{"snapcraft/9.0", "dashboard.snapcraft.io.evil", "login.example:8443"},
	} {
		if got := hosts.Location(c.agent, c.host); got != c.want {
			t.Errorf("%q at %q gets %q, want %q", c.agent, c.host, got, c.want)
		}
	}
	hosts.Fixed = "here"
	if got := hosts.Location("snapd/2.70", "dashboard.snapcraft.io"); got != "here" {
		t.Errorf("the fixed location is %q", got)
	}
}

// No signature covers the location, so whatever the client looked for, the
// root verifies.
func TestTheLocationDecidesNothing(t *testing.T) {
	tok := token(t, U1Root)
	tok.Identity = tok.Identity.At(U1Location)
	root := mint(t, U1Root, tok)
	if got := root.raw().Caveats()[1].Location; got != U1Location {
		t.Errorf("the caveat is at %q", got)
	}
	if _, err := ring().Verify(now, Slice{root, bound(root, discharge(t, tok.Identity))}, U1Root); err != nil {
		t.Error(err)
	}
}

func TestSSOCaveatID(t *testing.T) {
	c := ssoCaveat(t)
	var j struct {
		Secret  string `json:"secret"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(c.ID(), &j); err != nil || j.Version != 1 || !strings.HasPrefix(string(c.ID()), `{"secret":`) {
		t.Fatalf("the id is %s (%v)", c.ID(), err)
	}
	sealed := must[[]byte](t)(base64.StdEncoding.DecodeString(j.Secret))
	plain, err := rsa.DecryptOAEP(sha1.New(), nil, rsaKey(), sealed, nil)
	if err != nil || len(plain) != 24 || string(plain) != c.rootKey.Reveal() {
		t.Errorf("the secret is %d bytes (%v)", len(plain), err)
	}
	// Python writes blanks.
	spaced := []byte(`{"secret": "` + j.Secret + `", "version": 1}`)
	opened := must[SSOCaveat](t)(ssoKeys().Open(spaced))
	if !opened.rootKey.Equal(c.rootKey) || opened.Hash() == c.Hash() {
		t.Error("the same caveat in other words is not that caveat under another id")
	}
}

// P15: one error for everything that is wrong with a caveat id.
func TestP15CaveatErrorsAreUniform(t *testing.T) {
	c := ssoCaveat(t)
	other := newRSAKey()
	foreign := must[ThirdParty](t)(NewSSOCaveat(&other.PublicKey, sso))
	var j ssoCaveatJSON
	if err := json.Unmarshal(c.ID(), &j); err != nil {
		t.Fatal(err)
	}
	sealed := must[[]byte](t)(base64.StdEncoding.DecodeString(j.Secret))
	id := func(sealed []byte, version int) []byte {
		return must[[]byte](t)(json.Marshal(ssoCaveatJSON{base64.StdEncoding.EncodeToString(sealed), version}))
	}
	flipped := append([]byte(nil), sealed...)
	flipped[20] ^= 1
	random := make([]byte, len(sealed))
	rand.Read(random)
	empty := must[[]byte](t)(rsa.EncryptOAEP(sha1.New(), rand.Reader, &rsaKey().PublicKey, nil, nil))
	for name, bad := range map[string][]byte{
		"nothing": nil, "text": []byte("hello"), "null": []byte("null"), "a list": []byte("[]"),
		"version 2": id(sealed, 2), "no version": id(sealed, 0),
		"flipped bit": id(flipped, 1), "random": id(random, 1), "short": id(sealed[:100], 1), "long": id(append(sealed, 0), 1), "empty": id(nil, 1),
		"empty key": id(empty, 1), "another's": foreign.ID(),
		"no base64": []byte(`{"secret":"#","version":1}`), "huge": []byte(strings.Repeat(" ", maxCaveatID) + string(c.ID())),
	} {
		_, err := ssoKeys().Open(bad)
		if err == nil || err.Error() != errCaveat.Error() || store.CodeOf(err) != CodeCaveat {
			t.Errorf("%s: %v", name, err)
		}
		var e *store.Error
		if !errors.As(err, &e) || e.Err != nil {
			t.Errorf("%s: the error tells more: %v", name, e)
		}
	}
}

func TestOldSSOKeysStillOpen(t *testing.T) {
	c := ssoCaveat(t)
	keys := NewSSOKeys(newRSAKey(), rsaKey())
	if _, err := keys.Open(c.ID()); err != nil {
		t.Error(err)
	}
	if public := must[*rsa.PublicKey](t)(keys.Public()); public.Equal(&rsaKey().PublicKey) {
		t.Error("the old key is still given out")
	}
	if _, err := (SSOKeys{}).Open(c.ID()); err == nil {
		t.Error("a caveat opens without any key")
	}
	if _, err := (SSOKeys{}).Public(); err == nil {
		t.Error("there is a public key without any key")
	}
}

func TestSSODischargeHasTheFourCaveatsInOrder(t *testing.T) {
	c := ssoCaveat(t)
	d := discharge(t, c)
	if d.Location() != sso || string(d.ID()) != string(c.ID()) || d.raw().Version() != macaroon.V1 {
		t.Errorf("the discharge is a %s macaroon of %q", d.raw().Version(), d.Location())
	}
	account := base64.StdEncoding.EncodeToString([]byte(
		`{"username":"alice","openid":"AbC1234","displayname":"Alice Ä","email":"alice@example.org","is_verified":true}`))
	want := []string{
		sso + "|account|" + account,
		sso + "|valid_since|2026-11-20T11:00:00.123456",
		sso + "|last_auth|2026-11-20T11:00:00.123456",
		sso + "|expires|2026-11-20T13:00:00.123456",
	}
	for i, c := range d.raw().Caveats() {
		if string(c.Id) != want[i] {
			t.Errorf("caveat %d is %s, want %s", i, c.Id, want[i])
		}
	}
	opened := must[SSOCaveat](t)(ssoKeys().Open(c.ID()))
	for name, location := range map[string]string{"a bar": "a|b", "none": "", "no UTF-8": "\xff"} {
		if _, err := NewSSODischarge(opened, location, aliceSays()); err == nil {
			t.Errorf("there is a discharge with %s in its location", name)
		}
	}
}

func TestVerifyDischargeForRefresh(t *testing.T) {
	c := ssoCaveat(t)
	d := discharge(t, c)
	for _, at := range []time.Time{now, aliceSays().Expires, now.AddDate(10, 0, 0)} { // the end does not matter
		r, err := ssoKeys().VerifyDischargeForRefresh(text(t, d), at)
		if err != nil {
			t.Fatal(err)
		}
		if r.Account != alice || !r.LastAuth.Equal(aliceSays().LastAuth) || r.Caveat.Hash() != c.Hash() {
			t.Errorf("it says %+v of caveat %s", r.SSOClaims, r.Caveat.Hash())
		}
	}
	// What it returns makes the next discharge, which discharges the same root.
	tok := token(t, U1Root)
	r := must[Refreshable](t)(ssoKeys().VerifyDischargeForRefresh(text(t, discharge(t, tok.Identity)), now))
	later := r.SSOClaims
	later.Since, later.Expires = now, now.Add(2*time.Hour)
	fresh := must[Macaroon](t)(NewSSODischarge(r.Caveat, sso, later))
	root := mint(t, U1Root, tok)
	v, err := ring().Verify(aliceSays().Expires.Add(time.Minute), Slice{root, bound(root, fresh)}, U1Root)
	if err != nil || !v.LastAuth.Equal(aliceSays().LastAuth) {
		t.Errorf("after refreshing: last login %v, %v", v.LastAuth, err)
	}
}

// P7: refreshing neither brings back what was narrowed nor takes what was
// tampered with; and what anybody can make himself is never a discharge that
// was made here, because its caveat is another.
func TestP7Refresh(t *testing.T) {
	c := ssoCaveat(t)
	d := discharge(t, c)
	root := mint(t, U1Root, token(t, U1Root))
	third := d.raw().Clone()
	if err := third.AddThirdPartyCaveat([]byte("k"), []byte("i"), sso); err != nil {
		t.Fatal(err)
	}
	later := aliceSays()
	later.Since = now.Add(time.Second)
	opened := must[SSOCaveat](t)(ssoKeys().Open(c.ID()))
	foreignKey := SSOCaveat{id: c.ID(), rootKey: NewSecret("a key of mine")}
	for name, bad := range map[string]string{
		"nothing":          "",
		"no macaroon":      "AAAA",
		"a root":           text(t, root),
		"bound":            text(t, bound(root, d)),
		"narrowed":         text(t, with(d, sso+"|expires|"+FormatTime(now))),
		"second account":   text(t, with(d, string(d.raw().Caveats()[0].Id))),
		"unknown caveat":   text(t, with(d, "hello")),
		"a third party":    text(t, wrap(third)),
		"caveat taken off": text(t, tampered(t, d)),
		"another key":      text(t, must[Macaroon](t)(NewSSODischarge(foreignKey, sso, aliceSays()))),
		"of the future":    text(t, must[Macaroon](t)(NewSSODischarge(opened, sso, later))),
		"huge":             strings.Repeat("A", maxHeader+1),
	} {
		_, err := ssoKeys().VerifyDischargeForRefresh(bad, now)
		if err == nil || fmt.Sprint(err) != errInvalid.Error() {
			t.Errorf("%s: %v", name, err)
			continue
		}
		wantCode(t, err, CodeInvalid)
	}

	// Anybody can encrypt a key of his own to our public key, and sign a
	// discharge that names a victim. It verifies; only the row tells.
	mine := must[ThirdParty](t)(NewSSOCaveat(must[*rsa.PublicKey](t)(ssoKeys().Public()), sso))
	victim := aliceSays()
	victim.Account.OpenID = "victim"
	forged := must[Macaroon](t)(NewSSODischarge(SSOCaveat{id: mine.id, rootKey: mine.rootKey}, sso, victim))
	r, err := ssoKeys().VerifyDischargeForRefresh(text(t, forged), now)
	if err != nil {
		t.Fatalf("the attack does not even verify: %v", err)
	}
	if r.Caveat.Hash() == c.Hash() {
		t.Error("the forged discharge has the hash of one that was made here")
	}
	// What he signs is still held to the grammar.
	for _, account := range []string{
		"#", "AAAA", b64("null"), b64("{}"), b64(`{"username":"x"}`), b64(`{"openid":"x","admin":true}`), b64(`{"openid":"x"}{}`), b64(`{"openid":1}`),
	} {
		m := must[*macaroon.Macaroon](t)(macaroon.New(mine.rootKey.bytes(), mine.id, sso, macaroon.V1))
		end := sso + "|expires|" + FormatTime(now.Add(time.Hour))
		self := with(wrap(m), sso+"|account|"+account, sso+"|valid_since|"+FormatTime(now), sso+"|last_auth|"+FormatTime(now), end)
		_, err := ssoKeys().VerifyDischargeForRefresh(text(t, self), now)
		wantCode(t, err, CodeInvalid)
	}
	// And no root of ours takes it.
	tok := token(t, U1Root)
	root = mint(t, U1Root, tok)
	_, err = ring().Verify(now, Slice{root, bound(root, forged)}, U1Root)
	wantCode(t, err, CodeInvalid)
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
