package credential

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"gopkg.in/macaroon.v2"
)

func TestRootsForSnapdAreV1WithoutPadding(t *testing.T) {
	for _, p := range []Purpose{U1Root, AdminRoot, Exchanged, RegistryPassword} {
		m := good(t, p)[0]
		s := text(t, m)
		raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
		if err != nil || !strings.HasPrefix(string(raw), "00") || !strings.Contains(string(raw[:60]), "location ") {
			t.Errorf("%s is %q (%v), not the first binary form", p, raw[:min(len(raw), 20)], err)
		}
		if json.Valid([]byte(s)) {
			t.Errorf("%s is valid JSON, which craft-store takes for something else", p)
		}
	}
}

// The order of the public store's roots, which its users have seen.
func TestU1RootHasTheFourCaveatsInOrder(t *testing.T) {
	tok := token(t, U1Root)
	tok.Limits = []Limits{{Permissions: []string{"package_access"}}}
	m := mint(t, U1Root, tok)
	var got []string
	for _, c := range m.raw().Caveats() {
		if len(c.VerificationId) != 0 {
			if c.Location != sso || len(c.VerificationId) != 72 {
				t.Errorf("the third party's caveat is at %q with %d bytes", c.Location, len(c.VerificationId))
			}
			got = append(got, "third party")
			continue
		}
		got = append(got, string(c.Id))
	}
	want := []string{
		"store.example|valid_since|2026-11-20T11:59:00.123456", "third party",
		"store.example|expires|2026-11-21T12:00:00.123456", `store.example|acl|["package_access"]`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the caveats are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The words of the public store's roots for the bakery's clients.
func TestBakeryRootHasTheRecordedCaveats(t *testing.T) {
	tok := token(t, BakeryRoot)
	tok.Limits = []Limits{{Permissions: []string{"package-view"}, Channels: []string{"edge"}}}
	m := mint(t, BakeryRoot, tok)
	var got []string
	for _, c := range m.raw().Caveats()[:4] {
		got = append(got, string(c.Id))
	}
	want := []string{
		"time-before 2026-11-21T12:00:00.123456Z", "time-since 2026-11-20T11:59:00.123456Z", "session-id " + tok.Session,
		`extra {"channel":["edge"],"package_id":null,"acl":["package-view"],"store_ids":null}`,
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the caveats are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var plain struct {
		ID        string `json:"i"`
		Location  string `json:"l"`
		Signature string `json:"s64"`
		Caveats   []any  `json:"c"`
	}
	if err := json.Unmarshal([]byte(must[Secret](t)(m.JSON()).Reveal()), &plain); err != nil {
		t.Fatal(err)
	}
	if plain.Location != here || len(plain.Caveats) != 5 || !strings.HasPrefix(plain.ID, "larder-token ") {
		t.Errorf("the JSON is %+v", plain)
	}
}

func TestOldBakeryClientsGetV1(t *testing.T) {
	for version := BakeryVersion(0); version <= LatestBakeryVersion; version++ {
		tok := token(t, BakeryRoot)
		tok.Identity = must[ThirdParty](t)(NewBakeryCaveat(version, issuerBox, identityBox.Public(), "https://store.example/identity/", NeedUsername))
		m := mint(t, BakeryRoot, tok)
		want := macaroon.V2
		if version < 2 {
			want = macaroon.V1
		}
		if m.raw().Version() != want {
			t.Errorf("a client of version %d gets %s", version, m.raw().Version())
		}
		emitted := must[Secret](t)(m.BakeryJSON(version, tok.Identity)).Reveal()
		if wrapped := strings.Contains(emitted, `"ns":"std:"`); wrapped != (version == 3) {
			t.Errorf("a client of version %d gets %s", version, emitted)
		}
		if hasData := strings.Contains(emitted, `"cdata":`); hasData != (version == 3) {
			t.Errorf("a client of version %d gets %s", version, emitted)
		}
		back := must[Macaroon](t)(decodeJSON([]byte(emitted)))
		if !sameMacaroon(back, m) {
			t.Errorf("version %d: another macaroon comes back", version)
		}
		if _, err := ring().Verify(now, Slice{back, bound(back, discharge(t, tok.Identity))}, BakeryRoot); err != nil {
			t.Errorf("version %d: %v", version, err)
		}
	}
	if _, err := good(t, Exchanged)[0].BakeryJSON(3); err == nil {
		t.Error("a V1 macaroon is wrapped")
	}
}

func TestToken64IsStandardAndPadded(t *testing.T) {
	m := good(t, DischargeToken)[0]
	s := must[Secret](t)(m.Token64()).Reveal()
	raw, err := base64.StdEncoding.Strict().DecodeString(s)
	if err != nil || raw[0] != 2 {
		t.Errorf("the token is %q (%v)", raw[:1], err)
	}
}
