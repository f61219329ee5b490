package credential

import (
	"reflect"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/store"
)

func TestEveryPurposeVerifiesAsWhatItIs(t *testing.T) {
	for _, p := range Purposes() {
		t.Run(p.String(), func(t *testing.T) {
			v, err := ring().Verify(now, good(t, p), p)
			if err != nil {
				t.Fatal(err)
			}
			if v.Purpose != p || v.Session == "" {
				t.Errorf("it is %+v", v.Identifier)
			}
			switch p {
			case U1Root, AdminRoot:
				if v.Account != alice || !v.LastAuth.Equal(aliceSays().LastAuth) || !v.Expires.Equal(aliceSays().Expires) {
					t.Errorf("the discharge says %+v at %v until %v", v.Account, v.LastAuth, v.Expires)
				}
			case BakeryRoot:
				if v.Declared != (Declaration{DeclaredUsername, "alice"}) || !v.Expires.Equal(now.Add(time.Hour)) {
					t.Errorf("the discharge declares %+v until %v", v.Declared, v.Expires)
				}
			case DischargeToken:
				if v.Subject != "alice" {
					t.Errorf("it stands for %q", v.Subject)
				}
			}
		})
	}
}

func TestLimitsComeBackAsTheyWereMinted(t *testing.T) {
	limits := []Limits{
		{Permissions: []string{"package_access", "package_push"}, Channels: []string{"edge", "1.*/<&>"}, Stores: []string{"acme"}},
		{Packages: []store.PackageLimit{{ID: "abc"}, {ID: "def"}}, Channels: []string{"*"}},
		{Packages: []store.PackageLimit{{ID: "abc"}, {Name: "mysql", Namespace: store.Charm, Type: store.TypeBundle}, {Name: "any"}}},
	}
	for _, p := range Purposes() {
		tok := token(t, p)
		tok.Limits = limits
		root := mint(t, p, tok)
		s := Slice{root}
		if !tok.Identity.IsZero() {
			s = append(s, bound(root, discharge(t, tok.Identity)))
		}
		v, err := ring().Verify(now, s, p)
		if err != nil {
			t.Fatalf("%s: %v", p, err)
		}
		// Kinds move up to the first set where they are free: all sets hold.
		want := []Limits{
			{Permissions: limits[0].Permissions, Packages: limits[1].Packages, Channels: limits[0].Channels, Stores: limits[0].Stores},
			{Packages: limits[2].Packages, Channels: limits[1].Channels},
		}
		if !reflect.DeepEqual(v.Limits, want) {
			t.Errorf("%s: the limits are %+v, want %+v", p, v.Limits, want)
		}
	}
}

// P1: only a macaroon whose every caveat is understood and true counts.
func TestP1EveryCaveatIsUnderstood(t *testing.T) {
	account := func(location string) string {
		d := discharge(t, ssoCaveat(t))
		return location + string(d.raw().Caveats()[0].Id)[len(sso):]
	}
	for _, c := range []struct {
		name   string
		to     Purpose
		inRoot []string // appended to the root
		inDis  []string // appended to the discharge
	}{
		{"no pipes", U1Root, []string{"hello"}, nil},
		{"one pipe", U1Root, []string{here + "|expires"}, nil},
		{"unknown kind", U1Root, []string{here + "|colour|red"}, nil},
		{"wrong prefix", U1Root, []string{`elsewhere|acl|["package_access"]`}, nil},
		{"no prefix", U1Root, []string{`|acl|["package_access"]`}, nil},
		{"the sign-on's prefix in the root", U1Root, []string{sso + "|expires|" + FormatTime(now.Add(time.Hour))}, nil},
		{"account in the root", U1Root, []string{account(here)}, nil},
		{"account in the root with the sign-on's prefix", U1Root, []string{account(sso)}, nil},
		{"last_auth in the root", U1Root, []string{here + "|last_auth|" + FormatTime(now)}, nil},
		{"empty array", U1Root, []string{here + "|acl|[]"}, nil},
		{"null for an array", U1Root, []string{here + "|channel|null"}, nil},
		{"empty element", U1Root, []string{here + `|store|[""]`}, nil},
		{"null element", U1Root, []string{here + `|store|[null]`}, nil},
		{"number element", U1Root, []string{here + `|store|[1]`}, nil},
		{"text after the array", U1Root, []string{here + `|store|["a"] ["b"]`}, nil},
		{"array cut short", U1Root, []string{here + `|store|["a"`}, nil},
		{"no UTF-8", BakeryRoot, []string{"extra {\"channel\":[\"\xff\"]}"}, nil},
		{"package without name", U1Root, []string{here + `|package|[{"type":"snap"}]`}, nil},
		{"package with name and id", U1Root, []string{here + `|package|[{"name":"a","id":"b"}]`}, nil},
		{"package of unknown type", U1Root, []string{here + `|package|[{"name":"a","type":"deb"}]`}, nil},
		{"package with unknown member", U1Root, []string{here + `|package|[{"name":"a","colour":"red"}]`}, nil},
		{"garbage time", U1Root, []string{here + "|expires|tomorrow"}, nil},
		{"time with a zone", U1Root, []string{here + "|expires|2027-01-01T00:00:00Z"}, nil},
		{"bakery's words", U1Root, []string{"time-before " + formatBakeryTime(now.Add(time.Hour))}, nil},
		{"second account", U1Root, nil, []string{account(sso)}},
		{"second last_auth", U1Root, nil, []string{sso + "|last_auth|" + FormatTime(now)}},
		{"acl in the discharge", U1Root, nil, []string{sso + `|acl|["package_access"]`}},
		{"unknown kind in the discharge", U1Root, nil, []string{sso + "|colour|red"}},
		{"wrong prefix in the discharge", U1Root, nil, []string{here + "|expires|" + FormatTime(now.Add(time.Hour))}},
		{"unknown word", BakeryRoot, []string{"is-fine yes"}, nil},
		{"word without argument", BakeryRoot, []string{"time-before"}, nil},
		{"declared in the root", BakeryRoot, []string{"declared username admin"}, nil},
		{"another session", Exchanged, []string{"session-id 1"}, nil},
		{"another session of a token", DischargeToken, []string{"session-id 1"}, nil},
		{"second session", BakeryRoot, []string{"session-id " + NewSessionID()}, nil},
		{"extra that is null", BakeryRoot, []string{"extra null"}, nil},
		{"extra with an unknown member", BakeryRoot, []string{`extra {"colour":"red"}`}, nil},
		{"extra with an empty list", BakeryRoot, []string{`extra {"acl":[]}`}, nil},
		{"extra with an empty list of ids", BakeryRoot, []string{`extra {"package_id":[]}`}, nil},
		{"extra with an empty list of packages", BakeryRoot, []string{`extra {"package":[]}`}, nil},
		{"bakery time without a zone", BakeryRoot, []string{"time-before 2027-01-01T00:00:00"}, nil},
		{"second user name", BakeryRoot, nil, []string{"declared username admin"}},
		{"user id besides", BakeryRoot, nil, []string{"declared userid admin"}},
		{"same user name again", BakeryRoot, nil, []string{"declared username alice"}},
		{"other attribute", BakeryRoot, nil, []string{"declared group admins"}},
		{"unknown word in the discharge", BakeryRoot, nil, []string{"allow read"}},
		{"declared in a token", DischargeToken, []string{"declared username admin"}, nil},
		{"prefix of another exchanged token", Exchanged, []string{`other|acl|["package_access"]`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			tok := token(t, c.to)
			root := with(mint(t, c.to, tok), c.inRoot...)
			s := Slice{root}
			if !tok.Identity.IsZero() {
				s = append(s, bound(root, with(discharge(t, tok.Identity), c.inDis...)))
			}
			// What is wrong is the caveat alone: the signatures hold.
			key, _ := ring().Newest(c.to)
			if _, err := root.raw().VerifySignature(key.secret.bytes(), s.discharges()); err != nil {
				t.Fatalf("the signatures do not hold: %v", err)
			}
			_, err := ring().Verify(now, s, c.to)
			wantCode(t, err, CodeInvalid)
		})
	}
}

// P5: a macaroon for one purpose passes for no other.
func TestP5PurposeSeparation(t *testing.T) {
	for _, made := range Purposes() {
		s := good(t, made)
		for _, asked := range Purposes() {
			_, err := ring().Verify(now, s, asked)
			if made == asked && err != nil {
				t.Errorf("%s as itself: %v", made, err)
			}
			if made != asked {
				wantCode(t, err, CodeInvalid)
			}
		}
	}
	// Nor does what is no token of ours at all, such as a device's session.
	for _, p := range Purposes() {
		own := must[Key](t)(ring().Newest(p))
		m := must[*macaroon.Macaroon](t)(macaroon.New(own.secret.bytes(), []byte("larder-session "+own.id.String()+" 00"), here, macaroon.V2))
		_, err := ring().Verify(now, Slice{wrap(m)}, Purposes()...)
		wantCode(t, err, CodeInvalid)
	}
	// Not even the same secret with another purpose written over it.
	key := NewKey(Exchanged, NewSecret("a-secret-for-all-the-tests"))
	forged := Key{purpose: U1Root, id: key.id, secret: key.secret}
	tok := token(t, U1Root)
	root := must[Macaroon](t)(Mint(forged, tok))
	_, err := ring().Verify(now, Slice{root, bound(root, discharge(t, tok.Identity))}, U1Root)
	wantCode(t, err, CodeInvalid)
	own, _ := ring().Newest(U1Root)
	forged.id = own.id
	root = must[Macaroon](t)(Mint(forged, tok))
	_, err = ring().Verify(now, Slice{root, bound(root, discharge(t, tok.Identity))}, U1Root)
	wantCode(t, err, CodeInvalid)
}

// P6: a credential ends at its end, and no later.
func TestP6Expiry(t *testing.T) {
	for _, p := range Purposes() {
		tok := token(t, p)
		root := mint(t, p, tok)
		s := Slice{root}
		end, code := tok.Expires, CodeExpired
		if !tok.Identity.IsZero() {
			s = append(s, bound(root, discharge(t, tok.Identity)))
			end = now.Add(time.Hour)
			if tok.Identity.kind == accountIdentity {
				code = CodeNeedsRefresh
			}
		}
		if _, err := ring().Verify(end.Add(-time.Second), s, p); err != nil {
			t.Errorf("%s a second before its end: %v", p, err)
		}
		for _, late := range []time.Duration{0, time.Second} {
			_, err := ring().Verify(end.Add(late), s, p)
			wantCode(t, err, code)
		}
		// Past the root's own end, refreshing helps no more.
		_, err := ring().Verify(tok.Expires, s, p)
		wantCode(t, err, CodeExpired)
		if _, err := ring().Verify(tok.Since, s, p); err != nil {
			t.Errorf("%s at its beginning: %v", p, err)
		}
		_, err = ring().Verify(tok.Since.Add(-time.Second), s, p)
		wantCode(t, err, CodeInvalid)
	}
}

// P6: without an end, or with one that cannot be read, nothing holds.
func TestP6MissingTimes(t *testing.T) {
	id := Identifier{Purpose: Exchanged, Session: "s"}
	key, _ := ring().Newest(Exchanged)
	id.Key = key.id
	since, until := here+"|valid_since|"+FormatTime(now), here+"|expires|"+FormatTime(now.Add(time.Hour))
	for _, c := range []struct {
		name    string
		caveats []string
		ok      bool
	}{
		{"both", []string{since, until}, true},
		{"no fraction", []string{since, here + "|expires|2026-12-01T00:00:00"}, true},
		{"no caveat", nil, false},
		{"no end", []string{since}, false},
		{"no beginning", []string{until}, false},
		{"not a day", []string{since, here + "|expires|2026-02-30T00:00:00.000000"}, false},
		{"comma", []string{since, here + "|expires|2026-12-01T00:00:00,000000"}, false},
		{"short", []string{since, here + "|expires|2026-12-01"}, false},
		{"empty", []string{since, here + "|expires|"}, false},
	} {
		m := must[*macaroon.Macaroon](t)(macaroon.New(key.secret.bytes(), []byte(id.text()), here, macaroon.V1))
		_, err := ring().Verify(now, Slice{with(wrap(m), c.caveats...)}, Exchanged)
		if (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// A holder may narrow what he gives away.
func TestHoldersNarrow(t *testing.T) {
	tok := token(t, U1Root)
	tok.Limits = []Limits{{Permissions: []string{"package_access", "package_push"}}}
	soon := now.Add(time.Minute)
	root := with(mint(t, U1Root, tok),
		here+"|expires|"+FormatTime(soon), here+`|acl|["package_access"]`, here+`|store|["acme"]`)
	v, err := ring().Verify(now, Slice{root, bound(root, discharge(t, tok.Identity))}, U1Root)
	if err != nil {
		t.Fatal(err)
	}
	want := []Limits{{Permissions: []string{"package_access", "package_push"}, Stores: []string{"acme"}}, {Permissions: []string{"package_access"}}}
	if !v.Expires.Equal(soon) || !reflect.DeepEqual(v.Limits, want) {
		t.Errorf("it is limited to %+v until %v", v.Limits, v.Expires)
	}
	_, err = ring().Verify(soon, Slice{root, bound(root, discharge(t, tok.Identity))}, U1Root)
	wantCode(t, err, CodeExpired)
}

func TestOldKeysStillVerify(t *testing.T) {
	s := good(t, Exchanged)
	rotated := keyringOf("a-newer-secret-of-ours, a-secret-for-all-the-tests")
	if _, err := rotated.Verify(now, s, Exchanged); err != nil {
		t.Errorf("with a newer secret in front: %v", err)
	}
	_, err := rotated.Verify(now, Slice{mintWith(t, rotated, Exchanged)}, Exchanged)
	if err != nil {
		t.Errorf("minted with the newer secret: %v", err)
	}
	_, err = ring().Verify(now, Slice{mintWith(t, rotated, Exchanged)}, Exchanged)
	wantCode(t, err, CodeInvalid)
	old, newer := must[Key](t)(ring().Newest(Exchanged)), NewKey(Exchanged, NewSecret("newer"))
	if _, err := NewKeyring(newer, old).Verify(now, s, Exchanged); err != nil {
		t.Errorf("with the old key behind a newer one: %v", err)
	}
	_, err = NewKeyring(newer).Verify(now, s, Exchanged)
	wantCode(t, err, CodeInvalid)
}

func mintWith(t *testing.T, r *Keyring, p Purpose) Macaroon {
	t.Helper()
	return must[Macaroon](t)(Mint(must[Key](t)(r.Newest(p)), token(t, p)))
}

func TestTooManyCaveatsAreRefused(t *testing.T) {
	s := good(t, Exchanged)
	for range maxCaveats {
		s[0] = with(s[0], here+"|expires|"+FormatTime(now.Add(time.Hour)))
	}
	_, err := ring().Verify(now, s, Exchanged)
	wantCode(t, err, CodeTooLarge)
	_, err = ring().Verify(now, Slice{Macaroon{}}, Exchanged)
	wantCode(t, err, CodeMalformed)
	s = good(t, U1Root)
	for range maxDischarges {
		s = append(s, s[1])
	}
	_, err = ring().Verify(now, s, U1Root)
	wantCode(t, err, CodeTooLarge)
}
