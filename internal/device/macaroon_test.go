package device

import (
	"context"
	"encoding/base64"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/store"
)

// clock is a time that tests move by hand.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.ns.Store(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time          { return time.Unix(0, c.ns.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.ns.Add(int64(d)) }
func header(token string) string         { return `Macaroon root="` + token + `"` }
func textOf(s string) secretSource {
	return func(context.Context, string) (string, error) { return s, nil }
}
func (d *Devices) mustMint(t *testing.T, s session) string {
	t.Helper()
	ring, err := d.sessions.current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	token, err := ring[0].mint(s)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

var pi = store.DeviceID{Brand: "acme", Model: "pi-5", Serial: "serial=1/2"}

const secretA, secretB = "aaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbb"

func TestSessionTokenProvesItsDeviceUntilItExpires(t *testing.T) {
	c := newClock()
	d := newDevices(Config{Now: c.now}, textOf(secretA))
	token := d.mustMint(t, session{device: pi, storeID: "acmestore", expires: c.now().Add(time.Hour)})

	for _, state := range []string{"cold", "warm"} {
		p, err := d.Authenticate(t.Context(), header(token))
		if err != nil {
			t.Fatalf("%s: %v", state, err)
		}
		if p.Device != pi || p.StoreID != "acmestore" || p.Role != store.RoleDevice || !p.Expires.Equal(c.now().Add(time.Hour)) {
			t.Errorf("%s: principal %+v", state, p)
		}
	}
	c.advance(time.Hour)
	for _, state := range []string{"warm", "cold"} {
		if _, err := d.Authenticate(t.Context(), header(token)); store.CodeOf(err) != codeSessionRefresh {
			t.Errorf("%s, expired: %v, want %s", state, err, codeSessionRefresh)
		}
		d.proven.clear()
	}
}

func TestTamperedSessionTokensAreRefused(t *testing.T) {
	c := newClock()
	d := newDevices(Config{Now: c.now}, textOf(secretA))
	other := newDevices(Config{Now: c.now}, textOf(secretB))
	good := session{device: pi, storeID: "acmestore", expires: c.now().Add(time.Hour)}
	token := d.mustMint(t, good)

	// rebuild makes a macaroon with the id of the good one under another key.
	rebuild := func(key string, edit func(caveats []string) []string) string {
		m := parseToken(t, token)
		var caveats []string
		for _, c := range m.Caveats() {
			caveats = append(caveats, string(c.Id))
		}
		n, err := macaroon.New([]byte(key), m.Id(), macaroonLocation, macaroon.V2)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range edit(caveats) {
			if err := n.AddFirstPartyCaveat([]byte(c)); err != nil {
				t.Fatal(err)
			}
		}
		return encodeToken(t, n)
	}
	same := func(c []string) []string { return c }
	ring, _ := d.sessions.current(t.Context())
	ourKey := string(ring[0].key[:])

	altered := func(from, to string) string {
		raw, _ := base64.RawURLEncoding.DecodeString(token)
		return base64.RawURLEncoding.EncodeToString([]byte(strings.Replace(string(raw), from, to, 1)))
	}
	attenuated := func(caveat string) string {
		m := parseToken(t, token)
		if err := m.AddFirstPartyCaveat([]byte(caveat)); err != nil {
			t.Fatal(err)
		}
		return encodeToken(t, m)
	}
	thirdParty := parseToken(t, token)
	if err := thirdParty.AddThirdPartyCaveat([]byte("k"), []byte("id"), "elsewhere"); err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		name, header, code string
	}{
		{"made with another key", header(rebuild("not the key", same)), codeSessionForged},
		{"serial altered", header(altered("serial=1/2", "serial=1/3")), codeSessionForged},
		{"store altered", header(altered("acmestore", "otherstor")), codeSessionForged},
		{"expiry altered", header(altered("2026-05", "2036-05")), codeSessionForged},
		{"brand caveat added", header(attenuated("brand-id=canonical")), codeSessionForged},
		{"expiry caveat added", header(attenuated("expires=2099-01-01T00:00:00Z")), codeSessionForged},
		{"third party caveat added", header(encodeToken(t, thirdParty)), codeSessionForged},
		{"our key, caveats missing", header(rebuild(ourKey, func(c []string) []string { return c[:4] })), codeSessionForged},
		{"our key, caveats out of order", header(rebuild(ourKey, func(c []string) []string {
			c[0], c[1] = c[1], c[0]
			return c
		})), codeSessionForged},
		{"our key, expiry no time", header(rebuild(ourKey, func(c []string) []string {
			c[4] = "expires=never"
			return c
		})), codeSessionForged},
		{"another store's", header(other.mustMint(t, good)), codeSessionRefresh},
		{"another issuer's", header(foreignToken(t)), codeSessionRefresh},
		{"cut short", header(token[:len(token)/2]), codeSessionRefresh},
		{"no macaroon", header("bm90IGEgbWFjYXJvb24"), codeSessionRefresh},
		{"no base64", header("%%%"), codeSessionRefresh},
		{"empty", header(""), codeSessionForged},
		{"no scheme", token, codeSessionForged},
		{"another scheme", "Bearer " + token, codeSessionForged},
		{"no quotes", "Macaroon root=" + token, codeSessionForged},
		{"with a discharge", `Macaroon root="` + token + `", discharge="` + token + `"`, codeSessionForged},
		{"very long", header(strings.Repeat("A", 1<<20)), codeSessionForged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := d.Authenticate(t.Context(), tt.header)
			if store.CodeOf(err) != tt.code || store.KindOf(err) != store.KindUnauthorised {
				t.Errorf("got %+v, %v; want code %s", p, err, tt.code)
			}
		})
	}
	if _, err := d.Authenticate(t.Context(), header(token)); err != nil {
		t.Errorf("the good token: %v", err)
	}
}

func TestSessionSecretRotatesWithoutEndingSessions(t *testing.T) {
	c := newClock()
	text := secretA
	source := func(context.Context, string) (string, error) { return text, nil }
	d := newDevices(Config{Now: c.now}, source)
	node := newDevices(Config{Now: c.now}, source)
	s := session{device: pi, expires: c.now().Add(time.Hour)}
	old := d.mustMint(t, s)
	if _, err := node.Authenticate(t.Context(), header(old)); err != nil {
		t.Fatal(err)
	}

	text = secretB + ", " + secretA
	d.Forget()
	fresh := d.mustMint(t, s)
	c.advance(rereadAfter) // the other node has not heard of it, and looks again
	for name, token := range map[string]string{"old": old, "new": fresh} {
		for _, on := range []*Devices{d, node} {
			if _, err := on.Authenticate(t.Context(), header(token)); err != nil {
				t.Errorf("%s token after rotation: %v", name, err)
			}
		}
	}

	text = secretB
	d.Forget()
	if _, err := d.Authenticate(t.Context(), header(old)); store.CodeOf(err) != codeSessionRefresh {
		t.Errorf("a token of the dropped secret: %v, want %s", err, codeSessionRefresh)
	}
	if _, err := d.Authenticate(t.Context(), header(fresh)); err != nil {
		t.Error(err)
	}
}

func TestStrangersTokensDoNotCostAQueryEach(t *testing.T) {
	c := newClock()
	var queries int
	d := newDevices(Config{Now: c.now}, func(context.Context, string) (string, error) {
		queries++
		return secretA, nil
	})
	stranger := newDevices(Config{Now: c.now}, textOf(secretB))
	token := header(stranger.mustMint(t, session{device: pi, expires: c.now().Add(time.Hour)}))
	for range 1000 {
		if _, err := d.Authenticate(t.Context(), token); err == nil {
			t.Fatal("a stranger's token is accepted")
		}
	}
	if queries != 1 {
		t.Errorf("1000 strangers cost %d queries, want 1", queries)
	}
}

func TestProvenTokensAreBounded(t *testing.T) {
	c := newClock()
	d := newDevices(Config{Now: c.now, MaxProven: 3}, textOf(secretA))
	var tokens []string
	for range 5 {
		tokens = append(tokens, header(d.mustMint(t, session{device: pi, expires: c.now().Add(time.Hour)})))
	}
	for range 2 {
		for _, token := range tokens {
			if _, err := d.Authenticate(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n, m := len(d.proven.byKey), d.proven.used.Len(); n != 3 || m != 3 {
		t.Errorf("%d and %d tokens remembered, want 3", n, m)
	}
}

func TestTokenVerifiedBeforeAKeyWasWithdrawnIsNotRemembered(t *testing.T) {
	r := newRecent[string, int](3)
	era := r.era()
	r.clear()
	r.putIn(era, "token", 1)
	if _, ok := r.get("token"); ok {
		t.Error("remembered")
	}
	r.putIn(r.era(), "token", 2)
	if v, ok := r.get("token"); !ok || v != 2 {
		t.Errorf("got %d, %t", v, ok)
	}
}

func TestIdentityTooLongForAHeaderGetsNoSession(t *testing.T) {
	d := newDevices(Config{}, textOf(secretA))
	ring, err := d.sessions.current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	long := store.DeviceID{Brand: "acme", Model: "m", Serial: strings.Repeat("x", maxIdentity)}
	if _, err := ring[0].mint(session{device: long}); store.KindOf(err) != store.KindTooLarge {
		t.Errorf("got %v, want too large", err)
	}
	long.Serial = long.Serial[:maxIdentity-len("acme/m/")]
	token, err := ring[0].mint(session{device: long})
	if err != nil || len(header(token)) > maxHeader {
		t.Errorf("the longest identity gives a header of %d bytes, %v; limit %d", len(header(token)), err, maxHeader)
	}
}

func TestShortSecretsAreRefused(t *testing.T) {
	for _, text := range []string{"", "short", secretA + ",short"} {
		d := newDevices(Config{}, textOf(text))
		if _, err := d.sessions.current(t.Context()); store.CodeOf(err) != "invalid-secret" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func parseToken(t *testing.T, token string) *macaroon.Macaroon {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	m := new(macaroon.Macaroon)
	if err := m.UnmarshalBinary(raw); err != nil {
		t.Fatal(err)
	}
	return m
}

func encodeToken(t *testing.T, m *macaroon.Macaroon) string {
	t.Helper()
	raw, err := m.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// foreignToken is a version 1 macaroon as another implementation issues it.
func foreignToken(t *testing.T) string {
	t.Helper()
	m, err := macaroon.New([]byte("root"), []byte("123456"), "api.example.com", macaroon.V1)
	if err != nil {
		t.Fatal(err)
	}
	return encodeToken(t, m)
}

func BenchmarkAuthenticateWarm(b *testing.B) {
	c := newClock()
	d := newDevices(Config{Now: c.now}, textOf(secretA))
	ring, _ := d.sessions.current(b.Context())
	token, _ := ring[0].mint(session{device: pi, expires: c.now().Add(time.Hour)})
	h := header(token)
	for b.Loop() {
		if _, err := d.Authenticate(b.Context(), h); err != nil {
			b.Fatal(err)
		}
	}
}
