package upkeep

import (
	"bytes"
	"os"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/device"
	"github.com/larder-store/larder/internal/store"
)

func devices(u *Upkeep) *device.Devices { return device.New(u.DB, u.Authority, device.Config{}) }

// session lets a device of the store's own brand open a session.
func session(t *testing.T, u *Upkeep) string {
	t.Helper()
	brand := assertiontest.NewRoot(t, "own", assertiontest.RootKey)
	model := brand.Sign(t, assertiontest.ModelHeaders("own", "pi"), nil)
	serial := brand.Sign(t, assertiontest.SerialHeaders("own", "pi", "s1", assertiontest.DeviceKey), nil)
	nonce, err := devices(u).Nonce(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	request, err := assertion.Sign(assertiontest.Headers{
		"type": "device-session-request", "brand-id": "own", "model": "pi", "serial": "s1",
		"nonce": nonce, "timestamp": time.Now().UTC().Format(time.RFC3339),
	}, nil, assertiontest.Signer(assertiontest.DeviceKey))
	if err != nil {
		t.Fatal(err)
	}
	s, err := devices(u).OpenSession(t.Context(), device.SessionRequest{
		Request: request.Encoded(), Serial: serial.Encoded(), Model: model.Encoded()})
	if err != nil {
		t.Fatal(err)
	}
	return `Macaroon root="` + s.Macaroon + `"`
}

func TestABackupHoldsNoSecretSettingInClear(t *testing.T) {
	secret := authority.NewSecret()
	from := found(t, newPlace(t), secret)
	operators := map[string]string{
		"proxy.tls.key":       "-----BEGIN-EC-KEY-----bXkgcHJpdmF0ZSBrZXk",
		"proxy.cohort.secret": "newer-cohort-secret,older-cohort-secret",
	}
	if _, err := from.Settings.Set(t.Context(), operator, operators); err != nil {
		t.Fatal(err)
	}
	macaroon := session(t, from) // makes the ring of sessions
	ring, err := from.Settings.Get(t.Context(), device.SettingSessionSecret)
	if err != nil || len(ring) < store.MinSecret {
		t.Fatalf("the ring of sessions has %d bytes, %v", len(ring), err)
	}

	path, _ := backup(t, from, BackupOptions{})
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, hidden := range []string{ring, operators["proxy.tls.key"], "newer-cohort-secret", "older-cohort-secret"} {
		if bytes.Contains(text, []byte(hidden)) {
			t.Errorf("the backup holds %s", hidden)
		}
	}
	if !bytes.Contains(text, []byte(device.SettingSessionSecret)) {
		t.Error("the backup does not hold the setting at all")
	}

	to := open(t, newPlace(t), secret)
	if _, err := restore(t, to, path); err != nil {
		t.Fatal(err)
	}
	if _, err := devices(to).Authenticate(t.Context(), macaroon); err != nil {
		t.Errorf("the restored store does not know the session: %v", err)
	}
	for key, want := range operators {
		if got, err := to.Settings.Get(t.Context(), key); got != want || err != nil {
			t.Errorf("%s is %q, %v", key, got, err)
		}
	}

	stranger := open(t, newPlace(t), authority.NewSecret())
	if _, err := restore(t, stranger, path); err != nil {
		t.Fatal(err)
	}
	if _, err := devices(stranger).Authenticate(t.Context(), macaroon); store.CodeOf(err) != "wrong-secret" {
		t.Errorf("under another secret: error %v", err)
	}
	if status, err := stranger.Status(t.Context(), operator); err != nil || status.StoreID == "" {
		t.Errorf("under another secret the store says %+v, %v", status, err)
	}
	// The operator gives the lost ring up, and devices get in again.
	if _, err := stranger.Settings.Set(t.Context(), operator, map[string]string{device.SettingSessionSecret: ""}); err != nil {
		t.Fatal(err)
	}
	if _, err := devices(stranger).Authenticate(t.Context(), session(t, stranger)); err != nil {
		t.Errorf("with a new ring: %v", err)
	}
}
