package device

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"regexp"
	"slices"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Registration is the answer to a device that asks for a serial.
type Registration struct {
	// Pending: not decided yet; the device is to ask again with the same
	// request. Everything else is empty then.
	Pending bool
	Serial  *assertion.Assertion
	// Stream is the serial and what verifies it, for the device to add.
	Stream []*assertion.Assertion
	// New is false for a device that had its serial already.
	New bool
}

// maxRegistration bounds the assertions of one request: the serial-request,
// the model, and in a remodel the serial from before.
const maxRegistration = 10

// serialPattern is what messages to devices can name.
var serialPattern = regexp.MustCompile(`^[a-zA-Z0-9](?:[:+-]?[a-zA-Z0-9])*$`)

// maxSerial is the longest serial a device may propose, in bytes.
const maxSerial = 128

// RegisterSerial gives a device its identity: a serial assertion, signed by
// the device's brand or by an account in the model's serial-authority whose
// key larder holds. The stream is a serial-request, signed by the device key
// it carries, and the model; in a remodel also the serial from before, of the
// same device key.
//
// The request-id is good for one serial. A device key that has its serial gets
// the same one again. Without a key to sign with this fails with kind
// forbidden, code device-service-disallowed.
func (d *Devices) RegisterSerial(ctx context.Context, stream io.Reader) (Registration, error) {
	a, err := readApplication(stream)
	if err != nil {
		return Registration{}, err
	}
	ticket, err := d.readTicket(ctx, a.said.RequestID, forSerial)
	if err != nil {
		return Registration{}, err
	}
	// What costs work is checked before the one transaction that writes.
	var signer string
	var held *assertion.Assertion
	err = d.db.View(ctx, func(tx *db.Tx) (err error) {
		if signer, err = d.check(tx, a); err != nil {
			return err
		}
		held, err = d.settleSerial(tx, a)
		return err
	})
	if err != nil {
		return Registration{}, err
	}
	if held == nil {
		if err := ticket.fresh(d.config.Now()); err != nil {
			return Registration{}, err
		}
		approved, err := d.config.Approve(ctx, a.applicant())
		if err != nil || !approved {
			return Registration{Pending: err == nil}, err
		}
	}
	var r Registration
	_, err = d.db.Update(ctx, actor, func(tx *db.Tx) (err error) {
		r, err = d.issueSerial(tx, a, signer, ticket)
		return err
	})
	if err != nil {
		return Registration{}, err
	}
	return r, nil
}

// application is what a device sent, parsed.
type application struct {
	request  *assertion.Assertion
	said     *assertion.SerialRequest
	model    *assertion.Assertion // nil when it was not sent
	original *assertion.Assertion // nil unless a remodel
	serial   string               // that it will get
}

func (a *application) applicant() Applicant {
	x := Applicant{
		Device: store.DeviceID{Brand: a.said.BrandID, Model: a.said.Model, Serial: a.serial},
		KeyID:  a.said.DeviceKey.ID(),
		Body:   a.request.Body(),
	}
	if a.original != nil {
		x.Original = deviceOf(a.original)
	}
	return x
}

func readApplication(stream io.Reader) (*application, error) {
	bad := func(why string, err error) error {
		return store.Invalidf(codeSerialRequest, "cannot register the device: %s", why).Because(err)
	}
	a := new(application)
	decoder := assertion.NewDecoder(stream, assertion.Limits{Count: maxRegistration})
	for {
		next, err := decoder.Decode()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, bad("the request cannot be read", err)
		}
		var place **assertion.Assertion
		switch next.Type().Name {
		case "serial-request":
			place = &a.request
		case "model":
			place = &a.model
		case "serial":
			place = &a.original
		default:
			continue
		}
		if *place != nil {
			return nil, bad("the request holds more than one "+next.Type().Name, nil)
		}
		*place = next
	}
	if a.request == nil {
		return nil, bad("the request holds no serial-request", nil)
	}
	var err error
	if a.said, err = assertion.As[assertion.SerialRequest](a.request); err != nil {
		return nil, bad("the serial-request cannot be read", err)
	}
	if s := a.said.Serial; s != "" && (len(s) > maxSerial || !serialPattern.MatchString(s)) {
		return nil, bad("the serial it proposes is not letters and digits with single :, + or - between", nil)
	}
	was := store.DeviceID{Brand: a.said.OriginalBrandID, Model: a.said.OriginalModel, Serial: a.said.OriginalSerial}
	switch {
	case was.IsZero() && a.original != nil:
		return nil, bad("it holds a serial that the serial-request does not speak of", nil)
	case !was.IsZero() && a.original == nil:
		return nil, bad("the serial from before the remodel is missing", nil)
	case a.original != nil && deviceOf(a.original) != was:
		return nil, bad("the serial from before the remodel is another than the serial-request says", nil)
	}
	return a, nil
}

// check verifies all that the device sent, and picks the account that will
// sign.
func (d *Devices) check(tx *db.Tx, a *application) (signer string, err error) {
	checker, err := d.authority.Checker(tx)
	if err != nil {
		return "", err
	}
	const cannot = "cannot register the device: "
	if err := checker.Check(a.request); err != nil {
		return "", untrusted(err, codeSerialRequest, cannot+"the serial-request was not signed with the device key it carries")
	}
	ref, err := assertion.NewRef("model", "16", a.said.BrandID, a.said.Model)
	if err != nil {
		return "", store.Invalidf(codeModel, cannot+"no model has such a name").Because(err)
	}
	if a.model != nil {
		if !a.model.Ref().Equal(ref) {
			return "", store.Unauthorisedf(codeModel, cannot+"the request is about %s, the model is %s", ref, a.model.Ref())
		}
		if err := checker.Check(a.model); err != nil {
			return "", untrusted(err, codeModel, cannot+"the model is not to be trusted")
		}
	}
	found, err := checker.Find(ref)
	if err != nil {
		return "", untrusted(err, codeModel, cannot+"its model is not known")
	}
	model, err := assertion.As[assertion.Model](found)
	if err != nil {
		return "", store.Invalidf(codeModel, cannot+"the model cannot be read").Because(err)
	}
	if a.original != nil {
		if err := checker.Check(a.original); err != nil {
			return "", untrusted(err, codeSerial, cannot+"the serial from before the remodel is not to be trusted")
		}
		was, err := assertion.As[assertion.Serial](a.original)
		if err != nil || was.DeviceKey.ID() != a.said.DeviceKey.ID() {
			return "", store.Unauthorisedf(codeSerial, cannot+"the serial from before the remodel is of another device key").Because(err)
		}
	}
	for _, account := range append([]string{model.BrandID}, model.SerialAuthority...) {
		holds, err := d.authority.Holds(tx, account)
		if err != nil {
			return "", err
		}
		if holds {
			return account, nil
		}
	}
	return "", store.Forbiddenf(codeNoBrandKey, cannot+"this store holds no key to sign serials of brand %s", model.BrandID).
		Try("import the brand's signing key, or name this store's account in the serial-authority of the model")
}

// settleSerial decides which serial the device gets: the one it proposes, the
// one it had before a remodel within the brand, or one that follows from its
// key and stays the same. It returns the assertion that the device has already,
// or nil.
func (d *Devices) settleSerial(tx *db.Tx, a *application) (held *assertion.Assertion, err error) {
	choices := []string{a.said.Serial}
	if a.said.Serial == "" {
		choices = []string{derivedSerial(a)}
		if a.original != nil && a.said.OriginalBrandID == a.said.BrandID && len(a.said.OriginalSerial) <= maxSerial {
			choices = []string{a.said.OriginalSerial, derivedSerial(a)}
		}
	}
	for _, serial := range choices {
		ref, err := assertion.NewRef("serial", a.said.BrandID, a.said.Model, serial)
		if err != nil {
			return nil, store.Invalidf(codeSerialRequest, "cannot register the device: no serial has such a name").Because(err)
		}
		held, err := d.authority.Find(tx, ref, authority.AnyFormat)
		if store.KindOf(err) == store.KindNotFound {
			a.serial = serial
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if held.HeaderString("device-key-sha3-384") == a.said.DeviceKey.ID() {
			a.serial = serial
			return held, nil
		}
	}
	return nil, store.Conflictf(codeSerialTaken, "cannot register the device: another device has the serial %s", choices[0]).
		Try("propose another serial, or none")
}

// derivedSerial is in the form of a UUID (version 8) and follows from what the
// device is, so that a device which asks again gets the same without a search.
func derivedSerial(a *application) string {
	h := sha256.New()
	for _, part := range []string{"larder serial", a.said.BrandID, a.said.Model, a.said.DeviceKey.ID()} {
		io.WriteString(h, part+"\x00")
	}
	b := h.Sum(nil)[:16]
	b[6] = b[6]&0x0f | 0x80
	b[8] = b[8]&0x3f | 0x80
	x := hex.EncodeToString(b)
	return x[:8] + "-" + x[8:12] + "-" + x[12:16] + "-" + x[16:20] + "-" + x[20:]
}

// issueSerial signs the serial, unless one is held, and gathers what verifies
// it. It keeps the model, which sessions will need.
func (d *Devices) issueSerial(tx *db.Tx, a *application, signer string, t ticket) (Registration, error) {
	serial, err := d.settleSerial(tx, a) // again: another request may have been faster
	if err != nil {
		return Registration{}, err
	}
	held := serial != nil
	if a.model != nil {
		// A brand may have signed a model twice without another revision; its
		// devices carry one or the other, and both were checked.
		_, err := d.authority.Add(tx, []*assertion.Assertion{a.model})
		if err != nil && store.CodeOf(err) != codeHeldOtherwise {
			return Registration{}, err
		}
	}
	if !held {
		if err := t.use(tx); err != nil {
			return Registration{}, err
		}
		serial, _, err = d.authority.Sign(tx, map[string]any{
			"type":                "serial",
			"authority-id":        signer,
			"brand-id":            a.said.BrandID,
			"model":               a.said.Model,
			"serial":              a.serial,
			"device-key":          string(a.said.DeviceKey.Encode()),
			"device-key-sha3-384": a.said.DeviceKey.ID(),
		}, nil)
		if err != nil {
			return Registration{}, err
		}
	}
	stream, err := d.authority.Closure(tx, []assertion.Ref{serial.Ref()}, authority.ClosureOptions{})
	if err != nil {
		return Registration{}, err
	}
	// The device has its model, and takes exactly one serial.
	stream = slices.DeleteFunc(stream, func(x *assertion.Assertion) bool { return x.Type().Name == "model" })
	return Registration{Serial: serial, Stream: stream, New: !held}, nil
}
