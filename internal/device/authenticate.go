package device

import (
	"context"
	"crypto/sha256"

	"github.com/larder-store/larder/internal/store"
)

// Authenticate turns the value of a device authorization header into the
// principal of the device. It fails with kind unauthorised: code
// device-authorization-needs-refresh for a session that has ended or that
// this store never issued, so that the device opens a new one, and
// device-authorization-invalid for one that was tampered with.
func (d *Devices) Authenticate(ctx context.Context, header string) (store.Principal, error) {
	token, err := readHeader(header)
	if err != nil {
		return store.Principal{}, err
	}
	expired := store.Unauthorisedf(codeSessionRefresh, "the device session has expired").
		Try("refresh the device session")
	key, now := sha256.Sum256([]byte(token)), d.config.Now()
	if p, ok := d.proven.get(key); ok {
		if now.Before(p.Expires) {
			return p, nil
		}
		d.proven.forget(key)
		return store.Principal{}, expired
	}
	era := d.proven.era()
	s, err := d.sessions.open(ctx, token)
	if err != nil {
		return store.Principal{}, err
	}
	if !now.Before(s.expires) {
		return store.Principal{}, expired
	}
	p := s.principal()
	d.proven.putIn(era, key, p)
	return p, nil
}

func (s session) principal() store.Principal {
	return store.Principal{
		Role:    store.RoleDevice,
		Name:    "device:" + s.device.String(),
		Device:  s.device,
		StoreID: s.storeID,
		Expires: s.expires,
	}
}
