package device

import (
	"bytes"
	"context"
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

func privateKey(t *testing.T, name string) *rsa.PrivateKey {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join("..", "..", "assertion", "assertiontest", "keys", name+".pem"))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := assertion.ParsePrivateKeys(pem, nil)
	if err != nil {
		t.Fatal(err)
	}
	return keys[0]
}

// holdBrand lets the store sign as the brand.
func (y *yard) holdBrand(t *testing.T) {
	t.Helper()
	y.update(t, func(tx *db.Tx) error {
		_, err := y.auth.AddKey(tx, privateKey(t, assertiontest.BrandKey), "acme", "serials")
		return err
	})
}

func (y *yard) requestID(t *testing.T) string {
	t.Helper()
	id, err := y.RequestID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// apply signs a serial-request with a key of assertiontest's.
func (y *yard) apply(t *testing.T, key, requestID string, more ...any) *assertion.Assertion {
	t.Helper()
	a, err := assertion.Sign(assertiontest.With(assertiontest.Headers{
		"type": "serial-request", "brand-id": "acme", "model": "pi", "request-id": requestID,
		"device-key": string(assertiontest.Signer(key).PublicKey().Encode()),
	}, more...), nil, assertiontest.Signer(key))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (y *yard) register(t *testing.T, list ...*assertion.Assertion) (Registration, error) {
	t.Helper()
	return y.RegisterSerial(t.Context(), bytes.NewReader(authority.Encode(list)))
}

func TestDeviceIsRegisteredOnceAndOpensASession(t *testing.T) {
	onDatabases(t, func(t *testing.T, y *yard) {
		y.holdBrand(t)
		request := y.apply(t, assertiontest.DeviceKey, y.requestID(t))
		r, err := y.register(t, request, y.model)
		if err != nil {
			t.Fatal(err)
		}
		serial := r.Serial.HeaderString("serial")
		if !r.New || r.Serial.AuthorityID() != "acme" || len(serial) != 36 || !serialPattern.MatchString(serial) {
			t.Errorf("%+v, serial %q", r, serial)
		}
		device := y.root.Memory()
		serials := 0
		for _, a := range r.Stream {
			if err := device.Add(a, y.clock.now()); err != nil {
				t.Error(err)
			}
			if a.Type().Name == "serial" {
				serials++
			}
		}
		if serials != 1 {
			t.Errorf("the stream has %d serials", serials)
		}

		y.clock.advance(time.Hour)
		for name, again := range map[string]*assertion.Assertion{
			"the same request":            request,
			"a new one of the same key":   y.apply(t, assertiontest.DeviceKey, y.requestID(t)),
			"proposing the serial it has": y.apply(t, assertiontest.DeviceKey, y.requestID(t), "serial", serial),
		} {
			r2, err := y.register(t, again, y.model)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if r2.New || !bytes.Equal(r2.Serial.Encoded(), r.Serial.Encoded()) {
				t.Errorf("%s gives another serial", name)
			}
		}
		// Serial and model are held now, so the session needs neither.
		s, err := y.open(t, SessionRequest{Request: y.ask(t, assertiontest.DeviceKey, y.nonce(t), "serial", serial)})
		if err != nil || s.StoreID != "acmestore" {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestRegistrationIsRefused(t *testing.T) {
	y := newYard(t, sqlite(t))
	_, err := y.register(t, y.apply(t, assertiontest.DeviceKey, y.requestID(t)), y.model)
	wantCode(t, err, codeNoBrandKey)
	y.holdBrand(t)
	if _, err := y.register(t, y.apply(t, assertiontest.StoreKey, y.requestID(t), "serial", "taken"), y.model); err != nil {
		t.Fatal(err)
	}
	used := y.requestID(t)
	if _, err := y.register(t, y.apply(t, assertiontest.StoreKey, used, "serial", "other"), y.model); err != nil {
		t.Fatal(err)
	}
	old := y.requestID(t)
	y.clock.advance(10 * time.Minute)
	nonce := y.nonce(t)
	good := func(more ...any) *assertion.Assertion {
		return y.apply(t, assertiontest.DeviceKey, y.requestID(t), more...)
	}
	otherKey := string(assertiontest.Signer(assertiontest.StoreKey).PublicKey().Encode())
	tampered, err := assertion.Parse(bytes.Replace(good("serial", "abc").Encoded(), []byte("serial: abc"), []byte("serial: abd"), 1))
	if err != nil {
		t.Fatal(err)
	}
	stranger := assertiontest.NewRoot(t, "stranger", assertiontest.DeviceKey)
	foreign := y.brand.Sign(t, assertiontest.SerialHeaders("acme", "old", "s0", assertiontest.BrandKey), nil)
	remodel := []any{"original-brand-id", "acme", "original-model", "old", "original-serial", "s0"}

	tests := []struct {
		name   string
		stream []*assertion.Assertion
		code   string
	}{
		{"nothing", nil, codeSerialRequest},
		{"no request", []*assertion.Assertion{y.model}, codeSerialRequest},
		{"two requests", []*assertion.Assertion{good(), good(), y.model}, codeSerialRequest},
		{"request-id used", []*assertion.Assertion{y.apply(t, assertiontest.DeviceKey, used), y.model}, codeRequestID},
		{"request-id expired", []*assertion.Assertion{y.apply(t, assertiontest.DeviceKey, old), y.model}, codeRequestID},
		{"request-id invented", []*assertion.Assertion{y.apply(t, assertiontest.DeviceKey, "REQ1"), y.model}, codeRequestID},
		{"nonce for a request-id", []*assertion.Assertion{y.apply(t, assertiontest.DeviceKey, nonce), y.model}, codeRequestID},
		{"tampered with", []*assertion.Assertion{tampered, y.model}, codeSerialRequest},
		{"another model", []*assertion.Assertion{good("model", "other"), y.model}, codeModel},
		{"no model", []*assertion.Assertion{good("model", "unknown")}, codeModel},
		{"model not to be trusted", []*assertion.Assertion{good("brand-id", "stranger"),
			stranger.Sign(t, assertiontest.ModelHeaders("stranger", "pi"), nil)}, codeModel},
		{"serial taken", []*assertion.Assertion{good("serial", "taken"), y.model}, codeSerialTaken},
		{"serial unfit", []*assertion.Assertion{good("serial", "a b"), y.model}, codeSerialRequest},
		{"generic", []*assertion.Assertion{good("brand-id", "generic", "model", "generic-classic")}, codeNoBrandKey},
		{"remodel without the serial", []*assertion.Assertion{good(remodel...), y.model}, codeSerialRequest},
		{"remodel of another device", []*assertion.Assertion{good(remodel...), y.model, foreign}, codeSerial},
		{"remodel of another serial", []*assertion.Assertion{good(remodel...), y.model, y.serial}, codeSerialRequest},
		{"serial out of nowhere", []*assertion.Assertion{good(), y.model, y.serial}, codeSerialRequest},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := y.register(t, tt.stream...)
			wantCode(t, err, tt.code)
		})
	}
	if _, err := assertion.Sign(assertiontest.With(good().Headers(), "device-key", otherKey, "sign-key-sha3-384", nil), nil,
		assertiontest.Signer(assertiontest.DeviceKey)); err == nil {
		t.Error("a request with another's device key can be written")
	}
	_, err = y.RegisterSerial(t.Context(), bytes.NewReader(bytes.Repeat([]byte("type: x\n"), 1<<20)))
	wantCode(t, err, codeSerialRequest)
}

func TestRemodelKeepsTheSerialWithinTheBrand(t *testing.T) {
	y := newYard(t, sqlite(t))
	y.holdBrand(t)
	before, err := y.register(t, y.apply(t, assertiontest.DeviceKey, y.requestID(t), "serial", "box-1"), y.model)
	if err != nil {
		t.Fatal(err)
	}
	model := y.brand.Sign(t, assertiontest.ModelHeaders("acme", "pi-two"), nil)
	r, err := y.register(t, y.apply(t, assertiontest.DeviceKey, y.requestID(t), "model", "pi-two",
		"original-brand-id", "acme", "original-model", "pi", "original-serial", "box-1"), model, before.Serial)
	if err != nil {
		t.Fatal(err)
	}
	if got := deviceOf(r.Serial); got != (store.DeviceID{Brand: "acme", Model: "pi-two", Serial: "box-1"}) {
		t.Errorf("after the remodel: %s", got)
	}
}

func TestSerialAuthorityRegistersForAnotherBrand(t *testing.T) {
	y := newYard(t, sqlite(t))
	y.update(t, func(tx *db.Tx) error {
		_, err := y.auth.AddKey(tx, privateKey(t, assertiontest.StoreKey), "rooty", "serials")
		return err
	})
	_, err := y.register(t, y.apply(t, assertiontest.DeviceKey, y.requestID(t)), y.model)
	wantCode(t, err, codeNoBrandKey)
	model := y.brand.Sign(t, assertiontest.With(assertiontest.ModelHeaders("acme", "pi"), "serial-authority", []string{"rooty"}), nil)
	r, err := y.register(t, y.apply(t, assertiontest.DeviceKey, y.requestID(t)), model)
	if err != nil {
		t.Fatal(err)
	}
	if r.Serial.AuthorityID() != "rooty" {
		t.Errorf("signed by %s", r.Serial.AuthorityID())
	}
}

func TestApprovalDecidesOnNewDevices(t *testing.T) {
	y := newYard(t, sqlite(t))
	y.holdBrand(t)
	var verdict error
	var approved bool
	var asked []Applicant
	y.config.Approve = func(_ context.Context, x Applicant) (bool, error) {
		asked = append(asked, x)
		return approved, verdict
	}
	y.Devices = New(y.db, y.auth, y.config)
	request := y.apply(t, assertiontest.DeviceKey, y.requestID(t), "serial", "box-1")

	verdict = errors.New("not on the list")
	if _, err := y.register(t, request, y.model); err != verdict {
		t.Errorf("got %v, want the verdict itself", err)
	}
	verdict = nil
	if r, err := y.register(t, request, y.model); err != nil || !r.Pending || r.Serial != nil {
		t.Errorf("%+v, %v; want pending", r, err)
	}
	approved = true
	if r, err := y.register(t, request, y.model); err != nil || r.Pending || !r.New {
		t.Errorf("%+v, %v; want a serial", r, err)
	}
	want := store.DeviceID{Brand: "acme", Model: "pi", Serial: "box-1"}
	if len(asked) != 3 || asked[0].Device != want || asked[0].KeyID != assertiontest.Signer(assertiontest.DeviceKey).PublicKey().ID() {
		t.Errorf("asked about %+v", asked)
	}
	approved = false // who has a serial is not asked about again
	if r, err := y.register(t, request, y.model); err != nil || r.Pending || r.New || len(asked) != 3 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestOneKeyAskingManyTimesAtOnceGetsOneSerial(t *testing.T) {
	onDatabases(t, func(t *testing.T, y *yard) {
		y.holdBrand(t)
		var wg sync.WaitGroup
		texts := make([]string, 8)
		fresh := make([]bool, len(texts))
		for i := range texts {
			stream := authority.Encode([]*assertion.Assertion{y.apply(t, assertiontest.DeviceKey, y.requestID(t)), y.model})
			wg.Go(func() {
				r, err := y.RegisterSerial(t.Context(), bytes.NewReader(stream))
				if err != nil {
					t.Error(err)
					return
				}
				texts[i], fresh[i] = string(r.Serial.Encoded()), r.New
			})
		}
		wg.Wait()
		count := 0
		for i := range texts {
			if texts[i] != texts[0] {
				t.Error("two serials for one key")
			}
			if fresh[i] {
				count++
			}
		}
		if count != 1 {
			t.Errorf("%d of them were new, want 1", count)
		}
	})
}
