package snapdevice

import (
	"net/http"
	"strings"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/device"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// Limits of what devices send to prove themselves. A serial assertion has
// about 3 KiB, a model up to some tens.
const (
	maxProof     = 1 << 20 // bytes
	maxCohorts   = 100     // snaps of one request
	maxSmallBody = 64 << 10
	maxSaid      = 512 // bytes of one thing
)

// nonces answers POST /api/v1/snaps/auth/nonces.
func (a *api) nonces(w http.ResponseWriter, r *http.Request) {
	nonce, err := a.devices.Nonce(r.Context())
	sendOne(w, r, errorList, "nonce", nonce, err)
}

// sessions answers POST /api/v1/snaps/auth/sessions.
func (a *api) sessions(w http.ResponseWriter, r *http.Request) {
	macaroon, err := a.openSession(w, r)
	sendOne(w, r, errorList, "macaroon", macaroon, err)
}

func (a *api) openSession(w http.ResponseWriter, r *http.Request) (string, error) {
	body, err := wire.ReadBody(w, r, maxProof)
	if err != nil {
		return "", err
	}
	proof := device.SessionRequest{Previous: headerAuthorization.of(r), Said: said(r)}
	d := wire.NewReader(body)
	d.Object(func(name string) {
		switch name {
		case "device-session-request":
			proof.Request = []byte(d.Text())
		case "serial-assertion":
			proof.Serial = []byte(d.Text())
		case "model-assertion":
			proof.Model = []byte(d.Text())
		default:
			d.Skip()
		}
	})
	d.End()
	switch {
	case d.Err() != nil:
		return "", d.Err()
	case len(proof.Request) == 0:
		return "", store.Invalidf(reply.CodeBadJSON, "cannot use /: it has no device-session-request")
	case len(proof.Serial) == 0:
		return "", store.Invalidf(reply.CodeBadJSON, "cannot use /: it has no serial-assertion")
	}
	session, err := a.devices.OpenSession(r.Context(), proof)
	return session.Macaroon, err
}

// said is what a device tells of itself besides, for the inventory.
func said(r *http.Request) map[string]string {
	about := make(map[string]string)
	for name, value := range map[string]string{
		"user-agent":   r.UserAgent(),
		"architecture": headerArchitecture.of(r),
	} {
		if value != "" {
			about[name] = strings.ToValidUTF8(value[:min(len(value), maxSaid)], "")
		}
	}
	return about
}

// requestID answers POST …/request-id, the first half of a registration.
func (a *api) requestID(w http.ResponseWriter, r *http.Request) {
	if err := noForwarding(r); err != nil {
		reply.Fail(w, r, errorListV1, err)
		return
	}
	id, err := a.devices.RequestID(r.Context())
	sendOne(w, r, errorListV1, "request-id", id, err)
}

// serial answers POST …/devices or /v1/serial, the second half. A device that
// gets 202 asks again in a minute with the same request.
func (a *api) serial(w http.ResponseWriter, r *http.Request) {
	err := noForwarding(r)
	var made device.Registration
	if err == nil {
		var body string
		if body, err = wire.ReadBody(w, r, maxProof); err == nil {
			made, err = a.devices.RegisterSerial(r.Context(), strings.NewReader(body))
		}
	}
	switch {
	case err != nil:
		reply.Fail(w, r, errorListV1, err)
	case made.Pending:
		reply.Bytes(w, http.StatusAccepted, reply.ContentJSON, []byte("{}"))
	default:
		reply.Bytes(w, http.StatusOK, contentAssertion, authority.Encode(made.Stream))
	}
}

// noForwarding refuses to register a device with another device service: a
// server that fetches whatever URL it is told is an open door.
func noForwarding(r *http.Request) error {
	if url := r.Header.Get(headerDeviceService); url != "" {
		return store.Forbiddenf(codeDeviceService, "this store does not forward to the device service %.200q", url)
	}
	return nil
}

// cohorts answers POST /v2/cohorts: keys that fix what channels hold now.
func (a *api) cohorts(w http.ResponseWriter, r *http.Request) {
	b, err := a.cohortKeys(w, r)
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, b)
}

func (a *api) cohortKeys(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	asker, err := a.asker(r)
	if err != nil {
		return nil, err
	}
	body, err := wire.ReadBody(w, r, maxSmallBody)
	if err != nil {
		return nil, err
	}
	var names []string
	d := wire.NewReader(body)
	d.Object(func(name string) {
		if name != "snaps" {
			d.Skip()
			return
		}
		names = d.Texts(maxCohorts)
	})
	d.End()
	if d.Err() == nil && len(names) == 0 {
		return nil, store.Invalidf(reply.CodeBadJSON, "cannot use /snaps: it names no snap")
	}
	if d.Err() != nil {
		return nil, d.Err()
	}
	wishes := make([]catalog.Wish, len(names))
	for i, name := range names {
		wishes[i] = catalog.Wish{Ref: store.Ref{Name: name}, Query: store.Query{Action: store.ActionInstall, Architecture: store.AnyArchitecture}}
	}
	answers, err := a.catalog.Resolve(r.Context(), asker, store.Snap, wishes)
	if err != nil {
		return nil, err
	}
	b := append([]byte(nil), `{"cohort-keys":{`...)
	for i := range answers {
		// What no device could be given now has a view all the same.
		if answers[i].Snapshot == nil {
			return nil, answers[i].Err
		}
		key, err := a.devices.CohortKey(r.Context(), answers[i].Snapshot.Package().ID, a.now())
		if err != nil {
			return nil, err
		}
		b = wire.AppendString(b, names[i])
		b = append(b, ':')
		b = wire.AppendString(b, key)
		b = append(b, ',')
	}
	return append(wire.CloseObject(b), '}'), nil
}

// messages answers POST /v2/messages. Nothing queues messages here, so none
// waits, and what devices respond was not asked for.
func (a *api) messages(w http.ResponseWriter, r *http.Request) {
	if _, err := a.asker(r); err != nil {
		fail(w, r, err)
		return
	}
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, []byte(`{"messages":[],"total-pending-messages":0}`))
}

// orders answers GET …/purchases/orders: everything here is free.
func (a *api) orders(w http.ResponseWriter, _ *http.Request) {
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, []byte(`{"orders":[]}`))
}

func noPurchases(w http.ResponseWriter, r *http.Request) {
	reply.Fail(w, r, errorListV1, store.NotFoundf(codeNotFound, "this store sells nothing"))
}

// sendOne answers with an object of one string.
func sendOne(w http.ResponseWriter, r *http.Request, shape reply.Shape, name, value string, err error) {
	if err != nil {
		reply.Fail(w, r, shape, err)
		return
	}
	b := append([]byte(nil), '{')
	b = wire.AppendString(b, name)
	b = append(b, ':')
	b = wire.AppendString(b, value)
	w.Header().Set("Cache-Control", "no-store")
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, append(b, '}'))
}
