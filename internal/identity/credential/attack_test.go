package credential

import (
	"fmt"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/store"
)

// P2a: whoever holds a root cannot say in it who he is.
func TestP2aIdentityInTheRootIsRefused(t *testing.T) {
	forged := with(discharge(t, ssoCaveat(t))).raw().Caveats()[0].Id
	for p, caveat := range map[Purpose]string{
		U1Root:         string(forged),
		AdminRoot:      here + string(forged)[len(sso):],
		BakeryRoot:     "declared username admin",
		DischargeToken: "declared userid admin",
		Exchanged:      here + string(forged)[len(sso):],
	} {
		s := good(t, p)
		root := with(s[0], caveat)
		attack := Slice{root}
		if len(s) > 1 {
			tok := token(t, p)
			root = with(mint(t, p, tok), caveat)
			attack = Slice{root, bound(root, discharge(t, tok.Identity))}
		}
		key, _ := ring().Newest(p)
		if _, err := root.raw().VerifySignature(key.secret.bytes(), attack.discharges()); err != nil {
			t.Fatalf("%s: the attack does not even verify: %v", p, err)
		}
		_, err := ring().Verify(now, attack, p)
		wantCode(t, err, CodeInvalid)
	}
}

// P2b: whoever holds a root can append a third-party caveat of his own to it,
// with our location, and discharge it himself as somebody else.
func TestP2bSelfMadeDischargeIsRefused(t *testing.T) {
	victim := aliceSays()
	victim.Account.Username, victim.Account.OpenID = "admin", "victim"
	for _, p := range []Purpose{U1Root, AdminRoot, BakeryRoot} {
		for _, alone := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s alone=%v", p, alone), func(t *testing.T) {
				tok := token(t, p)
				m := mint(t, p, tok).raw().Clone()
				id, key := []byte("a caveat of mine"), []byte("a key of mine")
				if err := m.AddThirdPartyCaveat(key, id, sso); err != nil {
					t.Fatal(err)
				}
				root := wrap(m)
				var forged Macaroon
				if p == BakeryRoot {
					d := must[*macaroon.Macaroon](t)(macaroon.New(key, id, "", macaroon.V2))
					forged = with(wrap(d), "declared username admin", "time-before "+formatBakeryTime(now.Add(time.Hour)))
				} else {
					forged = must[Macaroon](t)(NewSSODischarge(SSOCaveat{id: id, rootKey: NewSecret(key)}, sso, victim))
				}
				own := discharge(t, tok.Identity)
				if alone { // even if the true one says nothing at all
					opened := must[*macaroon.Macaroon](t)(macaroon.New(rootKeyOf(t, tok.Identity), tok.Identity.ID(), "", macaroon.V2))
					own = wrap(opened)
				}
				s := Slice{root, bound(root, forged), bound(root, own)}
				minting, _ := ring().Newest(p)
				if _, err := m.VerifySignature(minting.secret.bytes(), s.discharges()); err != nil {
					t.Fatalf("the attack does not even verify: %v", err)
				}
				_, err := ring().Verify(now, s, p)
				wantCode(t, err, CodeInvalid)
				// Neither does it work in the other order, or from inside of the
				// true discharge.
				_, err = ring().Verify(now, Slice{s[0], s[2], s[1]}, p)
				wantCode(t, err, CodeInvalid)

				clean := mint(t, p, tok)
				inner := own.raw().Clone()
				if err := inner.AddThirdPartyCaveat(key, id, sso); err != nil {
					t.Fatal(err)
				}
				s = Slice{clean, bound(clean, wrap(inner)), bound(clean, forged)}
				if _, err := clean.raw().VerifySignature(minting.secret.bytes(), s.discharges()); err != nil {
					t.Fatalf("the nested attack does not even verify: %v", err)
				}
				_, err = ring().Verify(now, s, p)
				wantCode(t, err, CodeInvalid)
			})
		}
	}
}

// P2b: nor does it help to give his own caveat the id of the true one.
func TestP2bCaveatOfTheSameIDIsRefused(t *testing.T) {
	for _, p := range []Purpose{U1Root, AdminRoot, BakeryRoot} {
		for _, key := range [][]byte{nil, []byte("a key of mine")} {
			tok := token(t, p)
			m := mint(t, p, tok).raw().Clone()
			if key == nil {
				key = tok.Identity.rootKey.bytes() // as if he knew it
			}
			if err := m.AddThirdPartyCaveat(key, tok.Identity.id, sso); err != nil {
				t.Fatal(err)
			}
			root, d := wrap(m), discharge(t, tok.Identity)
			_, err := ring().Verify(now, Slice{root, bound(root, d)}, p)
			wantCode(t, err, CodeInvalid)
			_, err = ring().Verify(now, Slice{root, bound(root, d), bound(root, d)}, p)
			wantCode(t, err, CodeInvalid)
		}
	}
}

// The session that a caveat names is the identifier's.
func TestASessionOfAnotherIsRefused(t *testing.T) {
	key := must[Key](t)(ring().Newest(DischargeToken))
	for session, ok := range map[string]bool{"one": true, "two": false} {
		id := Identifier{Purpose: DischargeToken, Key: key.id, Session: "one"}
		m := must[*macaroon.Macaroon](t)(macaroon.New(key.secret.bytes(), []byte(id.text()), here, macaroon.V2))
		s := Slice{with(wrap(m), "session-id "+session, "time-before "+formatBakeryTime(now.Add(time.Hour)))}
		if _, err := ring().Verify(now, s, DischargeToken); (err == nil) != ok {
			t.Errorf("session %s: %v", session, err)
		}
	}
}

// A root whose identity caveat is missing speaks for nobody.
func TestAMissingIdentityIsRefused(t *testing.T) {
	key := must[Key](t)(ring().Newest(U1Root))
	id := Identifier{Purpose: U1Root, Key: key.id, Session: "one", Identity: CaveatHash{1}}
	m := must[*macaroon.Macaroon](t)(macaroon.New(key.secret.bytes(), []byte(id.text()), here, macaroon.V1))
	s := Slice{with(wrap(m), here+"|valid_since|"+FormatTime(now), here+"|expires|"+FormatTime(now.Add(time.Hour)))}
	_, err := ring().Verify(now, s, U1Root)
	wantCode(t, err, CodeInvalid)
}

func rootKeyOf(t testing.TB, c ThirdParty) []byte {
	t.Helper()
	return c.rootKey.bytes()
}

// P2b for roots without identity: one cannot be added.
func TestP2bNoIdentityWhereNoneWasMinted(t *testing.T) {
	for _, p := range []Purpose{Exchanged, RegistryPassword, DischargeToken, AdminRoot} {
		tok := token(t, p)
		tok.Identity = ThirdParty{}
		m := mint(t, p, tok).raw().Clone()
		c := ssoCaveat(t)
		if err := m.AddThirdPartyCaveat(c.rootKey.bytes(), c.id, sso); err != nil {
			t.Fatal(err)
		}
		root := wrap(m)
		_, err := ring().Verify(now, Slice{root, bound(root, discharge(t, c))}, p)
		wantCode(t, err, CodeInvalid)
	}
}

// P3: a discharge is bound once, to its root, and used once.
func TestP3DischargeBinding(t *testing.T) {
	for _, p := range []Purpose{U1Root, AdminRoot, BakeryRoot} {
		tok, other := token(t, p), token(t, p)
		root, otherRoot := mint(t, p, tok), mint(t, p, other)
		d, otherD := discharge(t, tok.Identity), discharge(t, other.Identity)
		selfish := d.raw().Clone()
		if err := selfish.AddThirdPartyCaveat(tok.Identity.rootKey.bytes(), tok.Identity.id, sso); err != nil {
			t.Fatal(err)
		}
		twice := bound(root, bound(root, d))
		for name, s := range map[string]Slice{
			"missing":           {root},
			"unbound":           {root, d},
			"bound twice":       {root, twice},
			"bound to another":  {root, bound(otherRoot, d)},
			"another's":         {root, bound(root, otherD)},
			"superfluous":       {root, bound(root, d), bound(root, otherD)},
			"the same twice":    {root, bound(root, d), bound(root, d)},
			"swapped":           {bound(root, d), root},
			"self-referencing":  {root, bound(root, wrap(selfish))},
			"the root for it":   {root, root},
			"altered root":      {tampered(t, root), bound(root, d)},
			"altered discharge": {root, tampered(t, bound(root, d))},
			"nothing":           {},
		} {
			_, err := ring().Verify(now, s, p)
			if err == nil {
				t.Errorf("%s: %s verifies", p, name)
			} else if store.KindOf(err) != store.KindUnauthorised {
				t.Errorf("%s: %s: %v", p, name, err)
			}
		}
		if _, err := ring().Verify(now, Slice{root, bound(root, d)}, p); err != nil {
			t.Errorf("%s: as it should be: %v", p, err)
		}
	}
}

// tampered is m without its last caveat, with the signature it had.
func tampered(t testing.TB, m Macaroon) Macaroon {
	t.Helper()
	text := must[Secret](t)(m.JSON()).Reveal()
	caveats := m.raw().Caveats()
	shorter := must[*macaroon.Macaroon](t)(macaroon.New(nil, m.ID(), m.Location(), m.raw().Version()))
	for _, c := range caveats[:len(caveats)-1] {
		if len(c.VerificationId) == 0 {
			shorter.AddFirstPartyCaveat(c.Id)
		}
	}
	other := must[Macaroon](t)(decodeJSON([]byte(text)))
	if !other.raw().Equal(m.raw()) && m.raw().Version() == macaroon.V2 {
		t.Fatal("JSON does not keep the macaroon")
	}
	return wrap(shorter)
}
