// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/store"

	"github.com/larder-store/larder/interop/harness"
)

// kiosk is a model of the brand whose serials the store's own account may
// sign, since the store does not hold the brand's key.
func (s *shop) kiosk() *asserts.Model {
	return s.brand.Sign(asserts.ModelType, map[string]any{
		"series": "16", "brand-id": s.brand.ID, "model": "kiosk", "classic": "true",
		"serial-authority": []any{harness.Root().ID}, "timestamp": "2024-01-02T03:04:05Z",
	}, nil).(*asserts.Model)
}

func (s *shop) requestID(t *testing.T) string {
	t.Helper()
	resp, err := http.Post(s.URL+"/api/v1/snaps/auth/request-id", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		ID string `json:"request-id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.ID == "" {
		t.Fatalf("no request id in the answer %s: %v", resp.Status, err)
	}
	return answer.ID
}

func (s *shop) requestSerial(t *testing.T, request ...asserts.Assertion) (status int, body []byte) {
	t.Helper()
	var stream bytes.Buffer
	enc := asserts.NewEncoder(&stream)
	for _, a := range request {
		if err := enc.Encode(a); err != nil {
			t.Fatal(err)
		}
	}
	resp, err := http.Post(s.URL+"/api/v1/snaps/auth/devices", asserts.MediaType, &stream)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err = io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// register does what snapd's device manager does with the answer: exactly one
// serial, of this device, and everything else is added beside it.
func (s *shop) register(t *testing.T, d *harness.Device, proposed string) *asserts.Serial {
	t.Helper()
	code, body := s.requestSerial(t, d.SerialRequest(s.requestID(t), proposed), d.Model)
	if code != http.StatusOK && code != http.StatusCreated {
		t.Fatalf("got %d: %s", code, body)
	}
	var serial *asserts.Serial
	db := harness.OpenDatabase(t)
	batch := asserts.NewBatch(nil)
	for _, a := range []asserts.Assertion{s.brand.Account, s.brand.Key, d.Model} {
		if d.Model.BrandID() == s.brand.ID {
			if err := batch.Add(a); err != nil {
				t.Fatal(err)
			}
		}
	}
	for dec := asserts.NewDecoder(bytes.NewReader(body)); ; {
		a, err := dec.Decode()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := a.(*asserts.Serial); ok {
			if serial != nil {
				t.Fatal("the answer holds two serials")
			}
			serial = got
		}
		if err := batch.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	if serial == nil {
		t.Fatalf("the answer holds no serial: %s", body)
	}
	if err := batch.CommitTo(db, nil); err != nil {
		t.Fatalf("the device does not accept its serial: %v", err)
	}
	if serial.BrandID() != d.Model.BrandID() || serial.Model() != d.Model.Model() || serial.DeviceKey().ID() != d.KeyID() {
		t.Fatalf("the serial is of another device: %s", asserts.Encode(serial))
	}
	return serial
}

// The store signs serials for a brand whose key it holds, which its own root
// is, and where a model lets its account sign.
func deviceRegistration(t *testing.T, s *shop) {
	own := harness.Root().Sign(asserts.ModelType, map[string]any{
		"series": "16", "brand-id": harness.Root().ID, "model": "house", "classic": "true", "timestamp": "2024-01-02T03:04:05Z",
	}, nil).(*asserts.Model)
	for _, model := range []*asserts.Model{own, s.kiosk()} {
		d := harness.Unregistered(model)
		d.Serial = s.register(t, d, "")
		if again := s.register(t, d, ""); again.Serial() != d.Serial.Serial() {
			t.Errorf("%s: registered again as %s, was %s", model.Model(), again.Serial(), d.Serial.Serial())
		}
		client := d.Client(t, s.URL)
		if err := client.EnsureDeviceSession(); err != nil {
			t.Errorf("%s: session of the new serial: %v", model.Model(), err)
		}
		if _, err := client.SnapInfo(context.Background(), store.SnapSpec{Name: tool}, nil); err != nil {
			t.Error(err)
		}
		if got := s.register(t, harness.Unregistered(model), "chosen-1"); got.Serial() != "chosen-1" {
			t.Errorf("%s: proposed chosen-1, got %s", model.Model(), got.Serial())
		}
	}
}

func deviceRegistrationRefused(t *testing.T, s *shop) {
	d := harness.Unregistered(s.kiosk())
	used := s.requestID(t)
	if code, body := s.requestSerial(t, d.SerialRequest(used, ""), d.Model); code != http.StatusOK {
		t.Fatalf("first use of a request id: %d %s", code, body)
	}
	other := harness.Unregistered(d.Model)
	stolen := d.SerialRequest(s.requestID(t), "taken-1")
	if code, body := s.requestSerial(t, stolen, d.Model); code != http.StatusOK {
		t.Fatalf("%d %s", code, body)
	}
	brandOnly := harness.Unregistered(s.public.Model)
	for name, request := range map[string][]asserts.Assertion{
		"a request id that was used":         {other.SerialRequest(used, ""), d.Model},
		"an invented request id":             {other.SerialRequest("invented", ""), d.Model},
		"a serial that another device has":   {other.SerialRequest(s.requestID(t), "taken-1"), d.Model},
		"a brand whose key is not held here": {brandOnly.SerialRequest(s.requestID(t), ""), brandOnly.Model},
		"a model of another name":            {other.SerialRequest(s.requestID(t), ""), s.public.Model},
		"no request":                         {d.Model},
	} {
		code, body := s.requestSerial(t, request...)
		if code < 400 || code >= 500 {
			t.Errorf("%s: got %d %s, want a client error", name, code, body)
		}
		var answer struct {
			Errors []struct{ Message string } `json:"error_list"`
		}
		if err := json.Unmarshal(body, &answer); err != nil || len(answer.Errors) == 0 || answer.Errors[0].Message == "" {
			t.Errorf("%s: snapd finds no message in %s", name, body)
		}
	}
}
