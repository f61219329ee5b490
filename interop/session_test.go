// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/store"

	"github.com/larder-store/larder/interop/harness"
)

func deviceSession(t *testing.T, s *shop) {
	d := s.brand.NewDevice(s.public.Model, "session-1")
	client := d.Client(t, s.URL)
	if err := client.EnsureDeviceSession(); err != nil {
		t.Fatal(err)
	}
	session := d.Session()
	if session == "" {
		t.Fatal("the device has no session")
	}
	if _, err := client.SnapInfo(context.Background(), store.SnapSpec{Name: tool}, nil); err != nil {
		t.Errorf("info with a session: %v", err)
	}
	if d.Session() != session {
		t.Error("the store refused the session it gave")
	}
}

// A 401 that asks for a new session is answered by snapd with a new session
// and the same request.
func deviceSessionRenewal(t *testing.T, s *shop) {
	d := s.brand.NewDevice(s.public.Model, "session-2")
	d.SetSession("bm90IGEgc2Vzc2lvbg")
	if _, err := d.Client(t, s.URL).SnapInfo(context.Background(), store.SnapSpec{Name: tool}, nil); err != nil {
		t.Fatalf("info after renewal: %v", err)
	}
	if d.Session() == "bm90IGEgc2Vzc2lvbg" {
		t.Error("the store took what is no session")
	}
}

var forger = sync.OnceValue(func() *harness.Brand {
	return harness.NewAuthority("forger").NewBrand(acme().ID, "forged-acme")
})

// A brand of the same name, vouched for by a root that the store does not
// trust, may not speak for the real brand's devices.
func deviceSessionForged(t *testing.T, s *shop) {
	d := forger().NewDevice(s.public.Model, "forged-1")
	if err := d.Client(t, s.URL).EnsureDeviceSession(); err == nil {
		t.Error("a forged serial was given a session")
	}
}

func deviceSessionReplay(t *testing.T, s *shop) {
	d := s.brand.NewDevice(s.public.Model, "replay-1")
	request := d.SessionRequest(s.nonce(t), time.Now())
	if code, body := s.requestSession(t, d, request); code != http.StatusOK && code != http.StatusAccepted {
		t.Fatalf("first use of a nonce: %d %s", code, body)
	}
	if code, body := s.requestSession(t, d, request); code < 400 || code >= 500 {
		t.Errorf("second use of a nonce: got %d %s, want a client error", code, body)
	}
}

func deviceSessionStale(t *testing.T, s *shop) {
	d := s.brand.NewDevice(s.public.Model, "stale-1")
	request := d.SessionRequest(s.nonce(t), time.Now().AddDate(0, -6, 0))
	if code, body := s.requestSession(t, d, request); code < 400 || code >= 500 {
		t.Errorf("got %d %s, want a client error", code, body)
	}
}

// nonce asks for one as snapd does, but without snapd: a test that replays it
// must hold it.
func (s *shop) nonce(t *testing.T) string {
	t.Helper()
	resp, err := http.Post(s.URL+"/api/v1/snaps/auth/nonces", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct{ Nonce string }
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil || answer.Nonce == "" {
		t.Fatalf("no nonce in the answer %s: %v", resp.Status, err)
	}
	return answer.Nonce
}

func (s *shop) requestSession(t *testing.T, d *harness.Device, request *asserts.DeviceSessionRequest) (status int, body string) {
	t.Helper()
	form, err := json.Marshal(map[string]string{
		"device-session-request": string(asserts.Encode(request)),
		"serial-assertion":       string(asserts.Encode(d.Serial)),
		"model-assertion":        string(asserts.Encode(d.Model)),
	})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post(s.URL+"/api/v1/snaps/auth/sessions", "application/json", bytes.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return resp.StatusCode, string(text)
}
