package device

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/store"
)

// Whatever a header holds, only a token that this store minted is a device.
func FuzzAuthenticate(f *testing.F) {
	c := newClock()
	d := newDevices(Config{Now: c.now}, textOf(secretA))
	ring, err := d.sessions.current(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	good := session{device: pi, storeID: "acmestore", expires: c.now().Add(time.Hour)}
	token, err := ring[0].mint(good)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{header(token), header(token[:40]), "Macaroon root=\"\"", "Bearer x", header("AgEx"), `Macaroon root="` + token} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, h string) {
		p, err := d.Authenticate(context.Background(), h)
		var e *store.Error
		switch {
		case err == nil && p.Device != pi:
			t.Errorf("%q is the device %s", h, p.Device)
		case err != nil && (!errors.As(err, &e) || e.Kind != store.KindUnauthorised):
			t.Errorf("%q: %v", h, err)
		}
	})
}

// No text is a ticket or cohort key of a store that has issued none.
func FuzzTicketsAndCohorts(f *testing.F) {
	d := newDevices(Config{}, textOf(secretA))
	ring, err := d.tickets.current(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	elsewhere := newDevices(Config{}, textOf(secretB))
	nonce, _ := elsewhere.Nonce(f.Context())
	cohort, _ := elsewhere.CohortKey(f.Context(), "snap", time.Unix(1, 0))
	raw := make([]byte, ticketHead+ticketMAC)
	raw[0] = ticketVersion
	copy(raw[1:], ring[0].mark[:])
	ours := base64.RawURLEncoding.EncodeToString(raw) // names our key, with a MAC of zeros
	for _, seed := range []string{nonce, cohort, "", nonce[1:], ours} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := d.readTicket(context.Background(), text, forSession); err == nil {
			t.Errorf("%q is a nonce", text)
		}
		if _, err := d.readTicket(context.Background(), text, forSerial); err == nil {
			t.Errorf("%q is a request-id", text)
		}
		if _, err := d.ParseCohort(context.Background(), text, "snap"); err == nil && text != LatestCohort {
			t.Errorf("%q is a cohort key", text)
		}
	})
}

func FuzzReadApplication(f *testing.F) {
	request, err := assertion.Sign(map[string]any{
		"type": "serial-request", "brand-id": "acme", "model": "pi", "request-id": "r", "serial": "s",
		"device-key": string(assertiontest.Signer(assertiontest.DeviceKey).PublicKey().Encode()),
	}, []byte("body"), assertiontest.Signer(assertiontest.DeviceKey))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request.Encoded())
	f.Add(append(request.Encoded(), append([]byte("\n"), request.Encoded()...)...))
	f.Fuzz(func(t *testing.T, stream []byte) {
		a, err := readApplication(bytes.NewReader(stream))
		switch {
		case err == nil && (a.request == nil || a.said == nil):
			t.Error("an application without a request")
		case err != nil && store.CodeOf(err) != codeSerialRequest:
			t.Errorf("%v has the code %q", err, store.CodeOf(err))
		}
	})
}
