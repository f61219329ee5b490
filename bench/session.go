package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

// signaturesPerSession are what nobody has checked before when a device asks
// for a session: those of its model, of its serial, and of its request.
const signaturesPerSession = 3

// benchSessions sets device sessions beside the bare verification of the
// signatures that each of them shows.
func benchSessions(ctx context.Context, b *lab) ([]row, error) {
	fleet, err := b.newFleet(ctx)
	if err != nil {
		return nil, err
	}
	srv, err := fleet.serve(ctx, b.cores.serving)
	if err != nil {
		return nil, err
	}
	r, err := b.onOneCore(func() (rounds, error) {
		return alternate(b.sizes.rounds,
			func() (sample, error) { return fleet.open(ctx, srv, b.sizes.conns) },
			func() (sample, error) { return fleet.verify(len(fleet.serials)) })
	})
	if err = errors.Join(err, srv.stop()); err != nil {
		return nil, err
	}
	return []row{{
		what:   "device session",
		larder: perSecond(typical(r.larder, sample.requestsPerSecond)),
		peer:   perSecond(typical(r.peer, sample.requestsPerSecond)),
		beside: fmt.Sprintf("%d × RSA-4096 alone", signaturesPerSession),
		ratio:  r.ratio(sample.requestsPerSecond),
	}}, nil
}

// fleet is a store and devices that it trusts. The devices have one key between
// them; the store cannot make use of that.
type fleet struct {
	*larder
	model   *assertion.Assertion
	serials []*assertion.Assertion
	device  assertion.Signer

	key       *rsa.PublicKey
	digest    [sha512.Size]byte
	signature []byte // of digest
}

func (b *lab) newFleet(ctx context.Context) (_ *fleet, err error) {
	f := &fleet{device: assertiontest.Signer(assertiontest.DeviceKey)}
	if f.larder, err = b.newLarder(ctx, "session"); err != nil {
		return nil, err
	}
	brand := &assertiontest.Authority{AccountID: "brand", Signer: assertiontest.Signer(assertiontest.BrandKey)}
	account, key, err := vouch(brand, assertiontest.BrandKey)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(f.dir, "brand.assert")
	if err := os.WriteFile(file, slices.Concat(account.Encoded(), []byte("\n"), key.Encoded()), 0o600); err != nil {
		return nil, err
	}
	if err := f.run(ctx, "push-account-keys", file); err != nil {
		return nil, err
	}
	if f.model, err = brand.TrySign(assertiontest.ModelHeaders(brand.AccountID, "bench"), nil); err != nil {
		return nil, err
	}
	for i := range b.sizes.sessions {
		serial, err := brand.TrySign(assertiontest.SerialHeaders(brand.AccountID, "bench", fmt.Sprint(i), assertiontest.DeviceKey), nil)
		if err != nil {
			return nil, err
		}
		f.serials = append(f.serials, serial)
	}
	return f, f.prepare()
}

// prepare makes what verify verifies.
func (f *fleet) prepare() error {
	keys, err := assertion.ParsePrivateKeys(assertiontest.PEM(assertiontest.DeviceKey), nil)
	if err != nil {
		return err
	}
	f.key, f.digest = &keys[0].PublicKey, sha512.Sum512([]byte("a request for a session"))
	f.signature, err = rsa.SignPKCS1v15(rand.Reader, keys[0], crypto.SHA512, f.digest[:])
	return err
}

// verify checks as many signatures as n sessions show.
func (f *fleet) verify(n int) (sample, error) {
	begin := time.Now()
	for range n * signaturesPerSession {
		if err := rsa.VerifyPKCS1v15(f.key, crypto.SHA512, f.digest[:], f.signature); err != nil {
			return sample{}, err
		}
	}
	return sample{requests: n, wall: time.Since(begin)}, nil
}

// open opens a session for each device. What the devices have to do for it is
// done beforehand.
func (f *fleet) open(ctx context.Context, srv *server, conns int) (sample, error) {
	var requests [][]byte
	for _, serial := range f.serials {
		body, err := f.proof(ctx, srv, serial)
		if err != nil {
			return sample{}, err
		}
		requests = append(requests, httpRequest("POST", "/api/v1/snaps/auth/sessions", body))
	}
	conns = min(conns, len(requests))
	each := len(requests) / conns
	l := load{
		address: srv.address, conns: conns, requests: each, status: http.StatusOK,
		request: func(conn, i int) []byte { return requests[conn*each+i] },
	}
	return l.run(ctx)
}

// proof is what a device sends for a session, with a nonce that is fresh.
func (f *fleet) proof(ctx context.Context, srv *server, serial *assertion.Assertion) ([]byte, error) {
	got, err := srv.fetch(ctx, "POST", "/api/v1/snaps/auth/nonces", nil)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Nonce string `json:"nonce"`
	}
	if err := json.Unmarshal(got.body, &answer); err != nil {
		return nil, err
	}
	request, err := assertion.Sign(assertiontest.Headers{
		"type": "device-session-request", "brand-id": serial.HeaderString("brand-id"), "model": serial.HeaderString("model"),
		"serial": serial.HeaderString("serial"), "nonce": answer.Nonce, "timestamp": time.Now().UTC().Format(time.RFC3339),
	}, nil, f.device)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{
		"device-session-request": string(request.Encoded()),
		"serial-assertion":       string(serial.Encoded()),
		"model-assertion":        string(f.model.Encoded()),
	})
}
