// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/asserts/sysdb"
	"github.com/snapcore/snapd/overlord/auth"
	"github.com/snapcore/snapd/store"
)

// Device is a machine with a model, and a serial unless it is anonymous. It
// answers snapd's questions about itself, as snapd's own state does.
type Device struct {
	Model  *asserts.Model
	Serial *asserts.Serial
	// Store is the store id the device names in its requests.
	Store string
	// Proxy is the store assertion that the device's proxy.store names; nil for
	// none.
	Proxy *asserts.Store

	key asserts.PrivateKey

	mu      sync.Mutex // guards session
	session string
}

// NewDevice makes a device with a serial that the brand signed.
func (b *Brand) NewDevice(model *asserts.Model, serial string) *Device {
	return b.newDevice(model, serial, newDeviceKey())
}

// NewDevices makes n devices. Unlike real ones they have one key between them,
// since making keys takes long.
func (b *Brand) NewDevices(model *asserts.Model, n int) []*Device {
	key := newDeviceKey()
	devices := make([]*Device, n)
	for i := range devices {
		devices[i] = b.newDevice(model, fmt.Sprintf("one-of-many-%d", i), key)
	}
	return devices
}

func (b *Brand) newDevice(model *asserts.Model, serial string, key asserts.PrivateKey) *Device {
	public, err := asserts.EncodePublicKey(key.PublicKey())
	if err != nil {
		panic(err)
	}
	signed := b.Sign(asserts.SerialType, map[string]any{
		"brand-id":            b.ID,
		"model":               model.Model(),
		"serial":              serial,
		"device-key":          string(public),
		"device-key-sha3-384": key.PublicKey().ID(),
		"timestamp":           longAgo,
	}, nil)
	return &Device{Model: model, Serial: signed.(*asserts.Serial), Store: model.Store(), key: key}
}

// Unregistered is a device of a model that has no serial yet.
func Unregistered(model *asserts.Model) *Device {
	return &Device{Model: model, Store: model.Store(), key: newDeviceKey()}
}

// SerialRequest asks for a serial. The device proposes the one it is given,
// unless it is empty.
func (d *Device) SerialRequest(requestID, proposed string) *asserts.SerialRequest {
	public, err := asserts.EncodePublicKey(d.key.PublicKey())
	if err != nil {
		panic(err)
	}
	headers := map[string]any{
		"brand-id":   d.Model.BrandID(),
		"model":      d.Model.Model(),
		"request-id": requestID,
		"device-key": string(public),
	}
	if proposed != "" {
		headers["serial"] = proposed
	}
	a, err := asserts.SignWithoutAuthority(asserts.SerialRequestType, headers, nil, d.key)
	if err != nil {
		panic(err)
	}
	return a.(*asserts.SerialRequest)
}

// KeyID is the id of the device's key.
func (d *Device) KeyID() string { return d.key.PublicKey().ID() }

// Anonymous is a device without a serial that names the given store, which may
// be empty.
func Anonymous(store string) *Device { return &Device{Store: store} }

// Client is snapd's store client of this device, pointed at a server.
func (d *Device) Client(t testing.TB, server string) *store.Store {
	t.Helper()
	base, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	cfg := store.DefaultConfig()
	cfg.StoreBaseURL = base
	cfg.AssertionsBaseURL = base
	cfg.Architecture = Architecture
	return store.New(cfg, d)
}

// OpenDatabase opens an empty system database of assertions that trusts the
// public store's roots and [Root].
func OpenDatabase(t testing.TB) *asserts.Database {
	t.Helper()
	Root()
	db, err := sysdb.OpenAt(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// Session is the device's current session, or "".
func (d *Device) Session() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.session
}

// SetSession replaces the device's session.
func (d *Device) SetSession(session string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.session = session
}

// SessionRequest signs a request for a session over a nonce.
func (d *Device) SessionRequest(nonce string, at time.Time) *asserts.DeviceSessionRequest {
	a, err := asserts.SignWithoutAuthority(asserts.DeviceSessionRequestType, map[string]any{
		"brand-id":  d.Serial.BrandID(),
		"model":     d.Serial.Model(),
		"serial":    d.Serial.Serial(),
		"nonce":     nonce,
		"timestamp": at.UTC().Format(time.RFC3339),
	}, nil, d.key)
	if err != nil {
		panic(err)
	}
	return a.(*asserts.DeviceSessionRequest)
}

// What follows is snapd's view of a device: store.DeviceAndAuthContext.

func (d *Device) Device() (*auth.DeviceState, error) {
	state := &auth.DeviceState{SessionMacaroon: d.Session()}
	if d.Serial != nil {
		state.Brand, state.Model, state.Serial = d.Serial.BrandID(), d.Serial.Model(), d.Serial.Serial()
		state.KeyID = d.key.PublicKey().ID()
	}
	return state, nil
}

func (d *Device) UpdateDeviceAuth(_ *auth.DeviceState, session string) (*auth.DeviceState, error) {
	d.SetSession(session)
	return d.Device()
}

func (d *Device) UpdateUserAuth(user *auth.UserState, discharges []string) (*auth.UserState, error) {
	updated := *user
	updated.StoreDischarges = discharges
	return &updated, nil
}

func (d *Device) StoreID(fallback string) (string, error) {
	if d.Store != "" {
		return d.Store, nil
	}
	return fallback, nil
}

func (d *Device) DeviceSessionRequestParams(nonce string) (*store.DeviceSessionRequestParams, error) {
	if d.Serial == nil {
		return nil, store.ErrNoSerial
	}
	return &store.DeviceSessionRequestParams{
		Request: d.SessionRequest(nonce, time.Now()),
		Serial:  d.Serial,
		Model:   d.Model,
	}, nil
}

func (d *Device) ProxyStoreParams(defaultURL *url.URL) (string, *url.URL, error) {
	if d.Proxy != nil {
		return d.Proxy.Store(), d.Proxy.URL(), nil
	}
	return "", defaultURL, nil
}

func (d *Device) CloudInfo() (*auth.CloudInfo, error) {
	return &auth.CloudInfo{Name: "interop", Region: "bench", AvailabilityZone: "a"}, nil
}
