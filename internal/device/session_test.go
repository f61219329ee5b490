package device

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/testservice"
)

// yard is a store with a trusted root, a brand, and devices.
type yard struct {
	*Devices
	clock              *clock
	config             Config
	db                 *db.DB
	auth               *authority.Authority
	root, store, brand *assertiontest.Authority
	model, serial      *assertion.Assertion
}

// onDatabases runs a test on SQLite and PostgreSQL.
func onDatabases(t *testing.T, test func(t *testing.T, y *yard)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newYard(t, sqlite(t))) })
	t.Run("postgresql", func(t *testing.T) { test(t, newYard(t, testservice.PostgreSQL(t))) })
}

func sqlite(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "larder.db") }

func newYard(t *testing.T, url string) *yard {
	t.Helper()
	y := &yard{clock: newClock(), auth: authority.New(authority.NewSecret())}
	y.config = Config{Now: y.clock.now}
	var err error
	if y.db, err = db.Open(t.Context(), url, db.Options{Now: y.clock.now}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := y.db.Close(); err != nil {
			t.Error(err)
		}
	})
	y.root = assertiontest.NewRoot(t, "rooty", assertiontest.RootKey)
	y.store = y.root.Certify(t, "rooty", assertiontest.StoreKey)
	y.brand = y.store.Certify(t, "acme", assertiontest.BrandKey)
	y.model = y.brand.Sign(t, assertiontest.With(assertiontest.ModelHeaders("acme", "pi"), "store", "acmestore"), nil)
	y.serial = y.brand.Sign(t, assertiontest.SerialHeaders("acme", "pi", "s1", assertiontest.DeviceKey), nil)
	y.update(t, func(tx *db.Tx) error {
		_, _, err := y.auth.AddAnchor(tx, authority.Encode([]*assertion.Assertion{y.root.Account, y.root.Key}), "test", "tester")
		return err
	})
	y.add(t, y.store.Key, y.brand.Account, y.brand.Key)
	y.Devices = New(y.db, y.auth, y.config)
	return y
}

func (y *yard) update(t *testing.T, f func(*db.Tx) error) {
	t.Helper()
	if _, err := y.db.Update(t.Context(), "tester", f); err != nil {
		t.Fatal(err)
	}
}

func (y *yard) add(t *testing.T, list ...*assertion.Assertion) {
	t.Helper()
	y.update(t, func(tx *db.Tx) error {
		_, err := y.auth.Add(tx, list)
		return err
	})
}

func (y *yard) nonce(t *testing.T) string {
	t.Helper()
	n, err := y.Nonce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// ask signs a device-session-request with a key of assertiontest's.
func (y *yard) ask(t *testing.T, key, nonce string, more ...any) []byte {
	t.Helper()
	a, err := assertion.Sign(assertiontest.With(assertiontest.Headers{
		"type": "device-session-request", "brand-id": "acme", "model": "pi", "serial": "s1",
		"nonce": nonce, "timestamp": y.clock.now().Format(time.RFC3339),
	}, more...), nil, assertiontest.Signer(key))
	if err != nil {
		t.Fatal(err)
	}
	return a.Encoded()
}

func (y *yard) open(t *testing.T, r SessionRequest) (Session, error) {
	t.Helper()
	return y.OpenSession(t.Context(), r)
}

func (y *yard) good(t *testing.T) SessionRequest {
	t.Helper()
	return SessionRequest{Request: y.ask(t, assertiontest.DeviceKey, y.nonce(t)), Serial: y.serial.Encoded(), Model: y.model.Encoded()}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var e *store.Error
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got %v, want the code %s", err, code)
	}
}

func TestDeviceOpensRefreshesAndUsesASession(t *testing.T) {
	onDatabases(t, func(t *testing.T, y *yard) {
		s, err := y.open(t, y.good(t))
		if err != nil {
			t.Fatal(err)
		}
		id := store.DeviceID{Brand: "acme", Model: "pi", Serial: "s1"}
		node := New(y.db, y.auth, y.config) // another process on the same database
		for _, on := range []*Devices{y.Devices, node} {
			p, err := on.Authenticate(t.Context(), header(s.Macaroon))
			if err != nil || p.Device != id || p.StoreID != "acmestore" {
				t.Errorf("%+v, %v", p, err)
			}
			if PhaseIdentity(p) != "acme/pi/s1" {
				t.Errorf("phase identity %q", PhaseIdentity(p))
			}
		}
		y.clock.advance(25 * time.Hour)
		_, err = y.Authenticate(t.Context(), header(s.Macaroon))
		wantCode(t, err, codeSessionRefresh)
		r := y.good(t)
		r.Previous = header(s.Macaroon)
		s2, err := y.open(t, r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := y.Authenticate(t.Context(), header(s2.Macaroon)); err != nil {
			t.Error(err)
		}
		if PhaseIdentity(store.Principal{}) != "" {
			t.Error("an anonymous device has a phase identity")
		}
	})
}

func TestSerialAndModelMayBeHeldInstead(t *testing.T) {
	y := newYard(t, sqlite(t))
	r := y.good(t)
	r.Serial, r.Model = nil, nil
	_, err := y.open(t, r)
	wantCode(t, err, codeModel)
	y.add(t, y.model)
	_, err = y.open(t, r)
	wantCode(t, err, codeSerial)
	y.add(t, y.serial)
	if s, err := y.open(t, r); err != nil || s.StoreID != "acmestore" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestSerialAuthorityOfTheModelMaySignSerials(t *testing.T) {
	y := newYard(t, sqlite(t))
	r := y.good(t)
	r.Serial = y.store.Sign(t, assertiontest.SerialHeaders("acme", "pi", "s1", assertiontest.DeviceKey), nil).Encoded()
	_, err := y.open(t, r)
	wantCode(t, err, codeSerial)
	r.Model = y.brand.Sign(t, assertiontest.With(assertiontest.ModelHeaders("acme", "pi"), "serial-authority", []string{"rooty"}), nil).Encoded()
	if s, err := y.open(t, r); err != nil || s.StoreID != "" {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestSessionIsRefused(t *testing.T) {
	onDatabases(t, func(t *testing.T, y *yard) {
		otherModel := y.brand.Sign(t, assertiontest.ModelHeaders("acme", "other"), nil)
		otherSerial := y.brand.Sign(t, assertiontest.SerialHeaders("acme", "pi", "s2", assertiontest.DeviceKey), nil)
		stranger := assertiontest.NewRoot(t, "stranger", assertiontest.DeviceKey)
		foreign := newDevices(Config{Now: y.clock.now}, textOf(secretB))
		foreignNonce, err := foreign.Nonce(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		requestID, err := y.RequestID(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		theirs := y.mustMint(t, session{device: pi, expires: y.clock.now().Add(time.Hour)})
		old := y.nonce(t)
		y.clock.advance(10 * time.Minute)

		tests := []struct {
			name string
			edit func(r *SessionRequest)
			code string
		}{
			{"request signed by another key", func(r *SessionRequest) {
				r.Request = y.ask(t, assertiontest.BrandKey, y.nonce(t))
			}, codeSessionRequest},
			{"request tampered with", func(r *SessionRequest) {
				r.Request = bytes.Replace(r.Request, []byte("2026-05-01T12:10"), []byte("2026-05-01T12:11"), 1)
			}, codeSessionRequest},
			{"serial of another device", func(r *SessionRequest) { r.Serial = otherSerial.Encoded() }, codeSerial},
			{"serial of another brand", func(r *SessionRequest) {
				r.Serial = stranger.Sign(t, assertiontest.SerialHeaders("stranger", "pi", "s1", assertiontest.DeviceKey), nil).Encoded()
			}, codeSerial},
			{"serial signed by another brand", func(r *SessionRequest) {
				r.Serial = stranger.Sign(t, assertiontest.SerialHeaders("acme", "pi", "s1", assertiontest.DeviceKey), nil).Encoded()
			}, codeSerial},
			{"brand that no anchor vouches for", func(r *SessionRequest) {
				r.Request = y.ask(t, assertiontest.DeviceKey, y.nonce(t), "brand-id", "stranger")
				r.Serial = stranger.Sign(t, assertiontest.SerialHeaders("stranger", "pi", "s1", assertiontest.DeviceKey), nil).Encoded()
				r.Model = stranger.Sign(t, assertiontest.ModelHeaders("stranger", "pi"), nil).Encoded()
			}, codeModel},
			{"another model", func(r *SessionRequest) { r.Model = otherModel.Encoded() }, codeModel},
			{"model tampered with", func(r *SessionRequest) {
				r.Model = bytes.Replace(r.Model, []byte("store: acmestore"), []byte("store: evilstore"), 1)
			}, codeModel},
			{"serial tampered with", func(r *SessionRequest) {
				r.Serial = bytes.Replace(r.Serial, []byte("2020-02-02"), []byte("2020-02-03"), 1)
			}, codeSerial},
			{"clock far ahead", func(r *SessionRequest) {
				r.Request = y.ask(t, assertiontest.DeviceKey, y.nonce(t), "timestamp", y.clock.now().Add(25*time.Hour).Format(time.RFC3339))
			}, codeTimestamp},
			{"clock far behind", func(r *SessionRequest) {
				r.Request = y.ask(t, assertiontest.DeviceKey, y.nonce(t), "timestamp", y.clock.now().Add(-25*time.Hour).Format(time.RFC3339))
			}, codeTimestamp},
			{"nonce expired", func(r *SessionRequest) { r.Request = y.ask(t, assertiontest.DeviceKey, old) }, codeNonce},
			{"nonce invented", func(r *SessionRequest) { r.Request = y.ask(t, assertiontest.DeviceKey, "nonce") }, codeNonce},
			{"nonce of another store", func(r *SessionRequest) { r.Request = y.ask(t, assertiontest.DeviceKey, foreignNonce) }, codeNonce},
			{"request-id for a nonce", func(r *SessionRequest) { r.Request = y.ask(t, assertiontest.DeviceKey, requestID) }, codeNonce},
			{"previous session of another device", func(r *SessionRequest) { r.Previous = header(theirs) }, codeSessionForged},
			{"previous session forged", func(r *SessionRequest) { r.Previous = header(theirs[:len(theirs)-4] + "AAAA") }, codeSessionForged},
			{"no assertion", func(r *SessionRequest) { r.Request = []byte("hello") }, codeSessionRequest},
			{"nothing", func(r *SessionRequest) { *r = SessionRequest{} }, codeSessionRequest},
			{"another type", func(r *SessionRequest) { r.Request = y.serial.Encoded() }, codeSessionRequest},
			{"model for the serial", func(r *SessionRequest) { r.Serial = y.model.Encoded() }, codeSerial},
			{"two requests", func(r *SessionRequest) {
				r.Request = []byte(string(r.Request) + "\n" + string(r.Request))
			}, codeSessionRequest},
		}
		for _, tt := range tests {
			t.Run(tt.name, func(t *testing.T) {
				r := y.good(t)
				tt.edit(&r)
				_, err := y.open(t, r)
				wantCode(t, err, tt.code)
			})
		}
		r := y.good(t)
		r.Previous = header(foreign.mustMint(t, session{device: pi}))
		if _, err := y.open(t, r); err != nil {
			t.Errorf("a session of another store gets in the way: %v", err)
		}
	})
}

func TestExpiredBrandKeyOpensNoSession(t *testing.T) {
	y := newYard(t, sqlite(t))
	brand := y.store.Sign(t, assertiontest.With(assertiontest.AccountKeyHeaders("acme", assertiontest.BrandKey),
		"revision", "1", "until", "2025-01-01T00:00:00Z"), y.brand.Signer.PublicKey().Encode())
	y.add(t, brand)
	_, err := y.open(t, y.good(t))
	wantCode(t, err, codeModel)
	if !strings.Contains(err.Error(), "is not valid at 2026-05-01") {
		t.Errorf("%v does not name the reason", err)
	}
}

func TestUnknownBrandKeyIsNamedWithTheWayOut(t *testing.T) {
	y := newYard(t, sqlite(t))
	other := y.root.Certify(t, "other", assertiontest.DeviceKey) // never added
	r := y.good(t)
	r.Request = y.ask(t, assertiontest.DeviceKey, y.nonce(t), "brand-id", "other")
	r.Model = other.Sign(t, assertiontest.ModelHeaders("other", "pi"), nil).Encoded()
	r.Serial = other.Sign(t, assertiontest.SerialHeaders("other", "pi", "s1", assertiontest.DeviceKey), nil).Encoded()
	_, err := y.open(t, r)
	wantCode(t, err, codeModel)
	var e *store.Error
	if !errors.As(err, &e) || !strings.Contains(e.Message, other.Signer.PublicKey().ID()) || e.Next == "" {
		t.Errorf("%v does not name the key and the next step", err)
	}
	var missing *assertion.MissingError
	if !errors.As(err, &missing) {
		t.Errorf("%v is no MissingError", err)
	}
}

func TestClassicDevicesNeedNotSendTheirModel(t *testing.T) {
	y := newYard(t, sqlite(t))
	r := SessionRequest{Request: y.ask(t, assertiontest.DeviceKey, y.nonce(t), "brand-id", "generic", "model", "generic-classic")}
	_, err := y.open(t, r)
	wantCode(t, err, codeSerial) // the model is built in, the serial is not
}

func TestReplayedNonceOpensOneSession(t *testing.T) {
	onDatabases(t, func(t *testing.T, y *yard) {
		r := y.good(t)
		nodes := []*Devices{y.Devices, New(y.db, y.auth, y.config)}
		var won, lost atomic.Int32
		var wg sync.WaitGroup
		for i := range 32 {
			wg.Go(func() {
				switch _, err := nodes[i%2].OpenSession(t.Context(), r); {
				case err == nil:
					won.Add(1)
				case store.CodeOf(err) == codeNonce:
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 31 {
			t.Errorf("%d sessions were opened and %d refused, want 1 and 31", won.Load(), lost.Load())
		}
		y.clock.advance(9 * time.Minute)
		_, err := y.open(t, r)
		wantCode(t, err, codeNonce)
	})
}

func TestOnlyUsedNoncesAreKeptAndNotForLong(t *testing.T) {
	y := newYard(t, sqlite(t))
	for range 1000 {
		y.nonce(t)
	}
	if _, err := y.open(t, y.good(t)); err != nil {
		t.Fatal(err)
	}
	y.clock.advance(24 * time.Hour)
	y.update(t, func(tx *db.Tx) error {
		n, err := tx.DropNonces()
		if n != 1 {
			t.Errorf("%d nonces were kept, want the one that was used", n)
		}
		return err
	})
}

func TestALimitRefusesNonces(t *testing.T) {
	busy := errors.New("busy")
	d := newDevices(Config{Limit: func(context.Context) error { return busy }}, textOf(secretA))
	if _, err := d.Nonce(t.Context()); err != busy {
		t.Errorf("nonce: %v, want the limit's own error", err)
	}
	if _, err := d.RequestID(t.Context()); err != busy {
		t.Errorf("request-id: %v, want the limit's own error", err)
	}
}

func TestNodesThatStartAtOnceShareTheirSecret(t *testing.T) {
	onDatabases(t, func(t *testing.T, y *yard) {
		var wg sync.WaitGroup
		secrets := make([]string, 8)
		for i := range secrets {
			wg.Go(func() {
				var err error
				if secrets[i], err = secretSetting(t.Context(), y.db, y.auth, SettingCohortSecret); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		for _, s := range secrets {
			if s != secrets[0] || len(s) < store.MinSecret {
				t.Fatalf("secrets %q", secrets)
			}
		}
	})
}

func TestOperatorsSecretIsUsed(t *testing.T) {
	y := newYard(t, sqlite(t))
	put := func(value string) {
		y.update(t, func(tx *db.Tx) error {
			tx.Record(store.SettingSet, "setting/"+SettingSessionSecret, nil)
			return tx.PutSetting(SettingSessionSecret, []byte(value), "tester")
		})
		y.Forget()
	}
	put(`"` + secretA + `"`)
	s, err := y.open(t, y.good(t))
	if err != nil {
		t.Fatal(err)
	}
	same := newDevices(Config{Now: y.clock.now}, textOf(secretA))
	if _, err := same.Authenticate(t.Context(), header(s.Macaroon)); err != nil {
		t.Error(err)
	}
	put(`{"a":"` + secretB + `"}`)
	_, err = y.Nonce(t.Context())
	wantCode(t, err, "invalid-setting")
	if strings.Contains(err.Error(), secretB) {
		t.Errorf("%v gives the secret away", err)
	}
	put(`""`) // as an operator clears a setting: a new secret is made
	if _, err := y.open(t, y.good(t)); err != nil {
		t.Error(err)
	}
}

// kept returns what the database holds of a setting.
func (y *yard) kept(t *testing.T, key string) (s store.Setting) {
	t.Helper()
	err := y.db.View(t.Context(), func(tx *db.Tx) (err error) {
		s, err = tx.Setting(key)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSecretsAreStoredSealed(t *testing.T) {
	onDatabases(t, func(t *testing.T, y *yard) {
		session, err := y.open(t, y.good(t))
		if err != nil {
			t.Fatal(err)
		}
		row := y.kept(t, SettingSessionSecret)
		text, sealed, err := y.auth.OpenSetting(row)
		if err != nil || !sealed || len(text) < store.MinSecret || strings.Contains(string(row.Value), text) {
			t.Fatalf("stored as %s: %t, %v", row.Value, sealed, err)
		}
		restarted := New(y.db, y.auth, y.config)
		if _, err := restarted.Authenticate(t.Context(), header(session.Macaroon)); err != nil {
			t.Errorf("after a restart: %v", err)
		}

		stranger := New(y.db, authority.New(authority.NewSecret()), y.config)
		_, err = stranger.Authenticate(t.Context(), header(session.Macaroon))
		wantCode(t, err, "wrong-secret")
		_, err = stranger.Nonce(t.Context())
		wantCode(t, err, "wrong-secret")
		if after := y.kept(t, SettingSessionSecret); string(after.Value) != string(row.Value) {
			t.Error("a node with another secret has replaced the ring")
		}
	})
}

func TestASealedSecretOfTheOperatorIsUsed(t *testing.T) {
	y := newYard(t, sqlite(t))
	y.update(t, func(tx *db.Tx) error {
		tx.Record(store.SettingSet, "setting/"+SettingSessionSecret, nil)
		return tx.PutSetting(SettingSessionSecret, y.auth.SealSetting(SettingSessionSecret, secretA), "tester")
	})
	s, err := y.open(t, y.good(t))
	if err != nil {
		t.Fatal(err)
	}
	same := newDevices(Config{Now: y.clock.now}, textOf(secretA))
	if _, err := same.Authenticate(t.Context(), header(s.Macaroon)); err != nil {
		t.Error(err)
	}
}

func TestInventoryIsWrittenAtMostOncePerDeviceAndHour(t *testing.T) {
	onDatabases(t, func(t *testing.T, y *yard) {
		start := y.clock.now()
		s, err := y.open(t, y.good(t))
		if err != nil {
			t.Fatal(err)
		}
		p, err := y.Authenticate(t.Context(), header(s.Macaroon))
		if err != nil {
			t.Fatal(err)
		}
		touch := func() store.Device {
			t.Helper()
			if err := y.Touch(t.Context(), p, map[string]string{"user-agent": "snapd/2.70"}); err != nil {
				t.Fatal(err)
			}
			list, err := y.List(t.Context(), store.DeviceID{}, 0)
			if err != nil || len(list) != 1 {
				t.Fatalf("%+v, %v", list, err)
			}
			return list[0]
		}
		y.clock.advance(59 * time.Minute)
		if d := touch(); !d.LastSeen.Equal(start) {
			t.Errorf("written again after 59 minutes: %+v", d)
		}
		y.clock.advance(time.Minute)
		if d := touch(); !d.LastSeen.Equal(y.clock.now()) || !d.FirstSeen.Equal(start) ||
			d.StoreID != "acmestore" || d.Session["user-agent"] != "snapd/2.70" {
			t.Errorf("after an hour: %+v", d)
		}
		if err := y.Touch(t.Context(), store.Principal{}, nil); err != nil {
			t.Error(err)
		}
		for since, wantN := range map[time.Duration]int{-time.Minute: 1, time.Minute: 0} {
			if n, err := y.Count(t.Context(), y.clock.now().Add(since)); n != wantN || err != nil {
				t.Errorf("since %s: %d, %v", since, n, err)
			}
		}
	})
}

func TestWhatADeviceSaysOfItselfIsBounded(t *testing.T) {
	said := make(map[string]string)
	for i := range 100 {
		said[strings.Repeat("n", i+200)] = strings.Repeat("v", 10_000)
	}
	kept := bounded(said)
	if len(kept) > maxSaid {
		t.Errorf("%d entries kept", len(kept))
	}
	for name, value := range kept {
		if len(name) > maxSaidValue || len(value) > maxSaidValue {
			t.Errorf("%d and %d bytes kept", len(name), len(value))
		}
	}
}
