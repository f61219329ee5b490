package credential

import (
	"encoding/base64"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// unauthorised fails the test for an error that is no 401.
func unauthorised(t *testing.T, input any, err error) {
	t.Helper()
	if store.KindOf(err) != store.KindUnauthorised {
		t.Errorf("%q: %v", input, err)
	}
}

// Whatever a header holds, what is read out of it is within the limits and
// comes back when it is sent again.
func FuzzParseAuthorization(f *testing.F) {
	pair := good(f, U1Root)
	root, d := text(f, pair[0]), text(f, pair[1])
	fresh := keyringOf(NewSessionID())
	for _, seed := range []string{
		`Macaroon root="` + root + `", discharge="` + d + `"`, "macaroon root=" + root + ",discharge=" + d, "Macaroon " + root,
		"Bearer " + base64.StdEncoding.EncodeToString(readVectors(f).Vectors[1].Slice), "Bearer abc", "Basic YTpi", "Basic Yg", "Macaroon root=", "Macaroon ,",
		"Macaroon root=" + small(f),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		p, err := ParseAuthorization(header)
		if err != nil {
			unauthorised(t, header, err)
			return
		}
		for _, s := range p.Slices {
			if s.check() != nil || len(s) == 0 {
				t.Errorf("%q is past the limits", header)
			}
			if _, err := fresh.Verify(now, s, Purposes()...); err == nil {
				t.Errorf("%q verifies with keys that have minted nothing", header)
			} else {
				unauthorised(t, header, err)
			}
		}
		if p.Kind == KindPair {
			again := "Macaroon root=" + text(t, p.Slices[0][0])
			for _, m := range p.Slices[0][1:] {
				again += ", discharge=" + text(t, m)
			}
			q, err := ParseAuthorization(again)
			if err != nil || len(q.Slices[0]) != len(p.Slices[0]) || !sameMacaroon(q.Slices[0][0], p.Slices[0][0]) {
				t.Errorf("%q does not come back: %v", header, err)
			}
		}
	})
}

func FuzzParseMacaroons(f *testing.F) {
	s := good(f, BakeryRoot)
	for _, v := range readVectors(f).Vectors {
		f.Add([]byte(v.Slice))
		f.Add([]byte(v.Macaroon))
	}
	f.Add([]byte(must[Secret](f)(s[0].BakeryJSON(3)).Reveal()))
	f.Add([]byte(`[{"identifier64":"AA","signature":"` + strings.Repeat("00", 32) + `","caveats":[{"cid":"a","vid":"AA"}]}]`))
	f.Add([]byte(`["` + small(f) + `"]`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		slices, err := ParseMacaroons([]string{base64.URLEncoding.EncodeToString(raw)})
		if err != nil {
			unauthorised(t, raw, err)
			return
		}
		for _, s := range slices {
			if s.check() != nil || len(s) == 0 {
				t.Errorf("%q is past the limits", raw)
			}
			again, err := s.EncodeHeader()
			if err != nil {
				t.Errorf("%q cannot be sent: %v", raw, err)
				continue
			}
			if len(again.Reveal()) > maxHeader {
				continue
			}
			back, err := ParseMacaroons([]string{again.Reveal()})
			if err != nil || len(back) != 1 || len(back[0]) != len(s) || !sameMacaroon(back[0][0], s[0]) {
				t.Errorf("%q does not come back: %v", raw, err)
			}
		}
	})
}

// Limits that are read are never empty, and read the same when written again.
func FuzzCaveatGrammar(f *testing.F) {
	tok := token(f, U1Root)
	tok.Limits = []Limits{{Permissions: []string{"a"}, Packages: []store.PackageLimit{{Name: "a", Namespace: store.Snap}}, Stores: []string{"s"}}}
	for _, p := range []Purpose{U1Root, BakeryRoot} {
		before, after, err := tok.caveats(purposes[p].words)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.Join(append(before, after...), "\n"))
	}
	for _, seed := range []string{
		here + "|acl|null", here + "|channel|[\"\xff\"]", "extra {\"acl\":[]}", "extra null", "time-before x", `a|package|[{"id":"x","name":"y"}]`,
	} {
		f.Add(seed)
	}
	since, until := "|valid_since|"+FormatTime(now), "|expires|"+FormatTime(now)
	f.Fuzz(func(t *testing.T, text string) {
		caveats := strings.Split(text, "\n")
		location, _, _ := strings.Cut(caveats[0], "|")
		for _, w := range []words{pipeWords, bakeryWords} {
			s, err := w.read(caveats)
			if err != nil {
				continue
			}
			var again []string
			if w == pipeWords {
				again, err = pipeLimits(location, s.limits)
				again = append(again, location+since, location+until)
			} else {
				again, err = extraLimits(s.limits)
				again = append(again, wordBefore+" "+formatBakeryTime(now))
			}
			if err != nil {
				t.Fatal(err)
			}
			if s.since.IsZero() && w == pipeWords || s.until.IsZero() {
				t.Errorf("%q holds for ever", text)
			}
			for _, l := range s.limits {
				if l.Permissions != nil && !validList(l.Permissions) || l.Packages != nil && !validPackages(l.Packages) ||
					l.Channels != nil && !validList(l.Channels) || l.Stores != nil && !validList(l.Stores) {
					t.Errorf("%q has an empty limit", text)
				}
			}
			back, err := w.read(again)
			if err != nil || !reflect.DeepEqual(back.limits, s.limits) {
				t.Errorf("%q reads as %+v, and again as %+v (%v)", text, s.limits, back.limits, err)
			}
		}
	})
}

// edit is good with a piece of it overwritten, or all of it replaced. Each
// process of a fuzzer has keys of its own, so a seed cannot hold what is good.
func edit(good []byte, at uint16, by []byte) []byte {
	if int(at) >= len(good) {
		return by
	}
	edited := slices.Clone(good)
	copy(edited[at:], by)
	return edited
}

func FuzzSSOCaveat(f *testing.F) {
	made := ssoCaveat(f)
	f.Add(uint16(0), []byte(nil))
	f.Add(uint16(20), []byte("AAAA"))
	f.Add(uint16(9999), []byte(`{"secret":"","version":1}`))
	f.Add(uint16(9999), []byte(`{"secret": "AAAA", "version": 2}`))
	f.Fuzz(func(t *testing.T, at uint16, by []byte) {
		id := edit(made.id, at, by)
		c, err := ssoKeys().Open(id)
		switch {
		case err != nil && err.Error() != errCaveat.Error():
			t.Errorf("%q: %v", id, err)
		case err == nil && (!c.rootKey.Equal(made.rootKey) || c.Hash() != HashCaveat(id)):
			t.Errorf("%q opens to another key", id)
		}
	})
}

// Nobody but the maker of a box fills it, so what opens seals again to the
// same.
func FuzzBakeryCaveat(f *testing.F) {
	all := readVectors(f)
	key := boxKey(all.ThirdPartyPrivate)
	for _, v := range all.Vectors {
		f.Add(v.Caveat, []byte(nil))
	}
	f.Add([]byte{2}, []byte("\x02\x01kcondition"))
	f.Add([]byte{3}, []byte("\x03\x01k\x04std:condition"))
	f.Add([]byte{3}, []byte("\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, encoded, plain []byte) {
		tries := [][]byte{encoded}
		if len(encoded) > 0 && (encoded[0] == 2 || encoded[0] == 3) {
			tries = append(tries, sealPlain(encoded[0], plain, key.Public())) // hostile text in a good box
		}
		for _, try := range tries {
			c, err := OpenBakeryCaveat(try, key)
			if err != nil {
				if err.Error() != errCaveat.Error() {
					t.Errorf("%x: %v", try, err)
				}
				continue
			}
			sealed := must[[]byte](t)(c.seal(issuerBox, key.Public()))
			back, err := OpenBakeryCaveat(sealed, key)
			if len(sealed) <= maxCaveatID && (err != nil || back.Condition != jsonText(c) || !back.rootKey.Equal(c.rootKey)) {
				t.Errorf("%x opens as %+v, and again as %+v (%v)", try, c, back, err)
			}
			ParseCondition(c.Condition)
			NewBakeryDischarge(c, Condition{}, []byte("id"), now)
		}
	})
}

// jsonText is a condition as JSON keeps it, which version 1 is.
func jsonText(c BakeryCaveat) string {
	if c.Version == 1 {
		return strings.ToValidUTF8(c.Condition, "\ufffd")
	}
	return c.Condition
}

func FuzzCondition(f *testing.F) {
	for _, seed := range []string{NeedUsername, "<is-authenticated-user @acme", "is-member-of a b", "need-declared a,b is-authenticated-userid"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := ParseCondition(text)
		if err != nil {
			if store.KindOf(err) != store.KindInvalid {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if c.Is != IsUser && c.Is != IsUserID && c.Is != IsMember {
			t.Errorf("%q is %+v", text, c)
		}
	})
}

// Whatever is changed in a discharge or appended to it, it speaks for nobody
// but the user it was made for.
func FuzzDischarge(f *testing.F) {
	tok := token(f, U1Root)
	root, d := mint(f, U1Root, tok), discharge(f, tok.Identity)
	raw := must[[]byte](f)(d.binary())
	f.Add(uint16(0), []byte(nil), "")
	f.Add(uint16(0), []byte(nil), "x")
	f.Add(uint16(0), []byte(nil), string(d.raw().Caveats()[0].Id))
	f.Add(uint16(0), []byte(nil), sso+"|expires|"+FormatTime(now.AddDate(1, 0, 0)))
	f.Add(uint16(0), []byte(nil), sso+"|expires|"+FormatTime(now.Add(time.Minute)))
	f.Add(uint16(len(raw)-10), []byte("x"), "")
	f.Add(uint16(9999), []byte("0014location a\n0014identifier"), "")
	f.Fuzz(func(t *testing.T, at uint16, by []byte, caveat string) {
		s, err := decodeBinary(edit(raw, at, by))
		if err != nil {
			return
		}
		m := s[0]
		if caveat != "" {
			m = with(m, caveat)
		}
		v, err := ring().Verify(now, Slice{root, bound(root, m)}, U1Root)
		switch {
		case err != nil:
			unauthorised(t, caveat, err)
		case v.Account != alice || v.Expires.After(aliceSays().Expires):
			t.Errorf("it speaks for %+v until %v", v.Account, v.Expires)
		}
		again, err := m.Text()
		if err != nil {
			return
		}
		r, err := ssoKeys().VerifyDischargeForRefresh(again.Reveal(), now)
		switch {
		case err != nil:
			unauthorised(t, caveat, err)
		case r.SSOClaims != aliceSays() || r.Caveat.Hash() != tok.Identity.Hash():
			t.Errorf("it says %+v", r.SSOClaims)
		}
	})
}

func FuzzIdentifier(f *testing.F) {
	f.Add(Identifier{Purpose: U1Root, Session: "s", Subject: "u", Identity: CaveatHash{7}}.text())
	f.Fuzz(func(t *testing.T, text string) {
		if id, ok := ReadIdentifier([]byte(text)); ok && id.text() != text {
			t.Errorf("%q reads as %q", text, id.text())
		}
	})
}
