package device

import (
	"context"
	"errors"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// SessionRequest is what a device sends to open a session.
type SessionRequest struct {
	Request []byte // device-session-request
	Serial  []byte // may be empty when the serial is held
	Model   []byte // may be empty when the model is held
	// Previous is the value of the device authorization header of a refresh;
	// may be empty.
	Previous string
	// Said is what else the device says of itself, for the inventory.
	Said map[string]string
}

// Session is what a device gets.
type Session struct {
	Macaroon string
	Device   store.DeviceID
	StoreID  string // of the device's model; empty is the global store
	Expires  time.Time
}

// OpenSession gives a device a session macaroon. The device proves itself by
// a request that its device key signed just now, over a nonce that is good
// once; its serial and model must chain to a trust anchor, and all three
// must speak of one device. A previous session, which may have expired, must
// have been the same device's; one of another store proves nothing and is
// passed over.
//
// Failures of what the device sent have kind unauthorised or invalid.
func (d *Devices) OpenSession(ctx context.Context, r SessionRequest) (Session, error) {
	request, err := parseOne("device-session-request", r.Request, codeSessionRequest)
	if err != nil {
		return Session{}, err
	}
	said, err := assertion.As[assertion.DeviceSessionRequest](request)
	if err != nil {
		return Session{}, store.Invalidf(codeSessionRequest, "cannot open a session: the request cannot be read").Because(err)
	}
	now := d.config.Now()
	if off := now.Sub(said.Timestamp).Abs(); off > d.config.ClockSkew {
		return Session{}, store.Unauthorisedf(codeTimestamp, "cannot open a session: the device's clock says %s, which is %s off",
			said.Timestamp.UTC().Format(time.RFC3339), off.Round(time.Second)).Try("set the device's clock")
	}
	nonce, err := d.readTicket(ctx, said.Nonce, forSession)
	if err != nil {
		return Session{}, err
	}
	if err := nonce.fresh(now); err != nil {
		return Session{}, err
	}
	device := deviceOf(request)
	if err := d.checkPrevious(ctx, r.Previous, device); err != nil {
		return Session{}, err
	}
	var storeID string
	err = d.db.View(ctx, func(tx *db.Tx) (err error) {
		storeID, err = d.prove(tx, request, r)
		return err
	})
	if err != nil {
		return Session{}, err
	}

	ring, err := d.sessions.current(ctx)
	if err != nil {
		return Session{}, err
	}
	s := session{device: device, storeID: storeID, expires: now.Add(d.config.SessionLife).Truncate(time.Second)}
	token, err := ring[0].mint(s)
	if err != nil {
		return Session{}, err
	}
	_, err = d.db.Update(ctx, actor, func(tx *db.Tx) error {
		if err := nonce.use(tx); err != nil {
			return err
		}
		return tx.TouchDevice(device, storeID, bounded(r.Said))
	})
	if err != nil {
		return Session{}, err
	}
	d.touched.put(device, now)
	return Session{Macaroon: token, Device: device, StoreID: storeID, Expires: s.expires}, nil
}

// prove checks the chain from an anchor to the request, and returns the store
// that the device's model names.
func (d *Devices) prove(tx *db.Tx, request *assertion.Assertion, r SessionRequest) (storeID string, err error) {
	checker, err := d.authority.Checker(tx)
	if err != nil {
		return "", err
	}
	device := deviceOf(request)
	model, err := shown(checker, r.Model, codeModel, "model", "16", device.Brand, device.Model)
	if err != nil {
		return "", err
	}
	if _, err := shown(checker, r.Serial, codeSerial, "serial", device.Brand, device.Model, device.Serial); err != nil {
		return "", err
	}
	if err := checker.Check(request); err != nil {
		return "", untrusted(err, codeSessionRequest, "cannot open a session: the request was not signed with the device key of "+device.String())
	}
	m, err := assertion.As[assertion.Model](model)
	if err != nil {
		return "", store.Invalidf(codeModel, "cannot open a session: the model cannot be read").Because(err)
	}
	return m.Store, nil
}

// shown checks a document that the device sent, or else finds the one that is
// held, and that it is the one named.
func shown(checker *authority.Checker, text []byte, code, typ string, key ...string) (*assertion.Assertion, error) {
	ref, err := assertion.NewRef(typ, key...)
	if err != nil {
		return nil, store.Invalidf(code, "cannot open a session: no %s has such a name", typ).Because(err)
	}
	if len(text) == 0 {
		a, err := checker.Find(ref)
		if store.KindOf(err) == store.KindNotFound {
			return nil, store.Unauthorisedf(code, "cannot open a session: the %s of this device is not known", typ).
				Try("send the " + typ + " assertion").Because(err)
		}
		return a, err
	}
	a, err := parseOne(typ, text, code)
	if err != nil {
		return nil, err
	}
	if !a.Ref().Equal(ref) {
		return nil, store.Unauthorisedf(code, "cannot open a session: the request is about %s, the %s is %s", ref, typ, a.Ref())
	}
	if err := checker.Check(a); err != nil {
		return nil, untrusted(err, code, "cannot open a session: the "+typ+" is not to be trusted")
	}
	return a, nil
}

// untrusted says that a chain failed, in the device's terms, and keeps what
// the authority says of the link and of the next step. What is no failing of
// the document passes unchanged.
func untrusted(err error, code, message string) error {
	var e *store.Error
	if !errors.As(err, &e) || e.Kind == store.KindInternal {
		return err
	}
	return store.Unauthorisedf(code, "%s: %s", message, e.Message).Try(e.Next).Because(e.Err)
}

// checkPrevious fails when the session that a device says it had is forged or
// another device's.
func (d *Devices) checkPrevious(ctx context.Context, header string, device store.DeviceID) error {
	if header == "" {
		return nil
	}
	token, err := readHeader(header)
	if err != nil {
		return err
	}
	s, err := d.sessions.open(ctx, token)
	if store.CodeOf(err) == codeSessionRefresh {
		return nil
	}
	if err != nil {
		return err
	}
	if s.device != device {
		return store.Unauthorisedf(codeSessionForged, "cannot refresh the session: it is that of another device")
	}
	return nil
}

// parseOne reads one assertion of a type.
func parseOne(typ string, text []byte, code string) (*assertion.Assertion, error) {
	a, err := assertion.Parse(text)
	if err != nil {
		return nil, store.Invalidf(code, "cannot read the %s", typ).Because(err)
	}
	if a.Type().Name != typ {
		return nil, store.Invalidf(code, "cannot read the %s: it is a %s", typ, a.Type().Name)
	}
	return a, nil
}
