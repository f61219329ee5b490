package charmhub

import (
	"math"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// Limits of a refresh request. A controller asks about all applications of a model
// at once; large ones have a few hundred.
const (
	maxRefreshBody   = 4 << 20 // bytes; an application in both context and actions has about 700
	maxContext       = 5000    // installed applications
	maxActions       = 5000
	maxRefreshFields = 128
	maxPins          = 256  // of one action
	maxAllPins       = 5000 // of all actions
)

// refreshRequest is the body of POST /v2/charms/refresh. Its strings share the
// memory of the body.
type refreshRequest struct {
	context []installed
	actions []action
	fields  fieldSet

	pins int // read so far
}

// installed is an application that the model has.
type installed struct {
	instanceKey     string
	id              string
	revision        int
	base            store.Platform
	trackingChannel string
}

// action is one thing that the model wants.
type action struct {
	kind        string
	instanceKey string
	id          string
	name        string
	channel     string
	revision    int
	base        *store.Platform // nil is none
	pins        []store.ResourcePin
}

// parseRefresh reads a request. Metrics are bounded like everything else, and
// dropped.
func parseRefresh(body string, q *refreshRequest) error {
	d := wire.NewReader(body)
	actions, fields := false, false
	d.Object(func(name string) {
		switch name {
		case "context":
			q.context = q.context[:0]
			d.Array(maxContext, func(int) { q.context = append(q.context, readInstalled(&d)) })
		case "actions":
			actions = true
			q.actions = q.actions[:0]
			d.Array(maxActions, func(int) { q.actions = append(q.actions, q.readAction(&d)) })
		case "fields":
			if d.Null() {
				return
			}
			fields, q.fields = true, 0
			d.Array(maxRefreshFields, func(int) { q.fields |= fieldBits[d.Text()] })
		default:
			d.Skip()
		}
	})
	d.End()
	switch {
	case d.Err() != nil:
		return d.Err()
	case !actions:
		return store.Invalidf(reply.CodeBadJSON, "cannot use /: it has no actions")
	}
	if !fields {
		q.fields = allFields
	}
	return nil
}

func readInstalled(d *wire.Reader) (s installed) {
	d.Object(func(name string) {
		switch name {
		case "instance-key":
			s.instanceKey = d.Text()
		case "id":
			s.id = d.Text()
		case "revision":
			s.revision = readRevision(d)
		case "base":
			if base := readBase(d); base != nil {
				s.base = *base
			}
		case "tracking-channel":
			s.trackingChannel = d.Text()
		default:
			d.Skip() // the date and the metrics, too
		}
	})
	return s
}

func (q *refreshRequest) readAction(d *wire.Reader) (a action) {
	d.Object(func(name string) {
		switch name {
		case "action":
			a.kind = d.Text()
		case "instance-key":
			a.instanceKey = d.Text()
		case "id":
			a.id = d.Text()
		case "name":
			a.name = d.Text()
		case "channel":
			a.channel = d.Text()
		case "revision":
			a.revision = readRevision(d)
		case "base":
			a.base = readBase(d)
		case "resource-revisions":
			a.pins = nil
			d.Array(maxPins, func(int) {
				if q.pins++; q.pins > maxAllPins {
					d.Fail("the request names more than %d resource revisions", maxAllPins)
					return
				}
				a.pins = append(a.pins, readPin(d))
			})
		default:
			d.Skip()
		}
	})
	return a
}

// readBase reads a base; null is none.
func readBase(d *wire.Reader) *store.Platform {
	if d.Null() {
		return nil
	}
	p := new(store.Platform)
	d.Object(func(name string) {
		switch name {
		case "architecture":
			p.Architecture = d.Text()
		case "name":
			p.BaseName = d.Text()
		case "channel":
			p.BaseChannel = d.Text()
		default:
			d.Skip()
		}
	})
	return p
}

func readPin(d *wire.Reader) (pin store.ResourcePin) {
	d.Object(func(name string) {
		switch name {
		case "name":
			pin.Name = d.Text()
		case "revision":
			pin.Revision = readRevision(d)
		default:
			d.Skip()
		}
	})
	return pin
}

func readRevision(d *wire.Reader) int { return d.Integer(0, math.MaxInt32) }
