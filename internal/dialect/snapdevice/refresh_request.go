package snapdevice

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// Limits of a refresh request. A machine with every interface of a desktop has
// about two hundred snaps; snapd stops at 256 groups of assertions by itself.
const (
	maxRefreshBody    = 4 << 20 // bytes; a snap in both context and actions has about 500
	maxContext        = 5000    // installed snaps
	maxActions        = maxContext + maxGroups
	maxGroups         = 256
	maxGroupRefs      = 1000 // assertions of one group
	maxAssertionRefs  = 5000 // assertions of all groups
	maxFields         = 128
	maxValidationSets = 256
	maxEpochNumbers   = 64
	maxKeyMembers     = 16
	maxMaxFormats     = 128
	maxHeld           = 5000
)

// refreshRequest is the body of POST /v2/snaps/refresh. Its strings share the
// memory of the body.
type refreshRequest struct {
	context    []installed
	actions    []action
	fields     fieldSet
	maxFormats map[string]int // by type; a type that is not in it has 0

	refs int // assertions named so far
}

// installed is a snap that the device has.
type installed struct {
	snapID          string
	instanceKey     string
	revision        int
	trackingChannel string
	epoch           store.Epoch
	cohortKey       string
}

// action is one thing that the device wants.
type action struct {
	kind        string
	instanceKey string
	name        string
	snapID      string
	channel     string
	revision    int
	cohortKey   string
	epoch       *store.Epoch // nil is no constraint

	key  string // of a group of assertions
	refs []assertionRef
}

// assertionRef is what a device asks about one assertion.
type assertionRef struct {
	typeName    string
	primaryKey  []string
	sequenceKey []string // instead of primaryKey
	ifNewerThan int      // revision; noCondition is none
	sequence    int      // exactly this member; 0 is none
	atLeast     int      // the latest, if its number is this or more; 0 is none
}

const noCondition = -1

// parseRefresh reads a request.
func parseRefresh(body string, q *refreshRequest) error {
	d := wire.NewReader(body)
	var seen struct{ context, actions, fields bool }
	d.Object(func(name string) {
		switch name {
		case "context":
			seen.context = true
			q.context = q.context[:0]
			d.Array(maxContext, func(int) { q.context = append(q.context, readInstalled(&d)) })
		case "actions":
			seen.actions = true
			q.actions = q.actions[:0]
			d.Array(maxActions, func(int) { q.actions = append(q.actions, q.readAction(&d)) })
		case "fields":
			seen.fields = true
			q.fields = 0
			d.Array(maxFields, func(int) { q.fields |= fieldBits[d.Text()] })
		case "assertion-max-formats":
			q.readMaxFormats(&d)
		default:
			d.Skip()
		}
	})
	d.End()
	switch {
	case d.Err() != nil:
		return d.Err()
	case !seen.actions:
		return store.Invalidf(reply.CodeBadJSON, "cannot use /: it has no actions")
	case !seen.context:
		return store.Invalidf(reply.CodeBadJSON, "cannot use /: it has no context")
	}
	if !seen.fields {
		q.fields = defaultFields
	}
	return nil
}

func readInstalled(d *wire.Reader) (s installed) {
	d.Object(func(name string) {
		switch name {
		case "snap-id":
			s.snapID = d.Text()
		case "instance-key":
			s.instanceKey = d.Text()
		case "revision":
			s.revision = readRevision(d)
		case "tracking-channel":
			s.trackingChannel = d.Text()
		case "epoch":
			if e := readEpoch(d); e != nil {
				s.epoch = *e
			}
		case "cohort-key":
			s.cohortKey = d.Text()
		case "refreshed-date":
			d.Text()
		case "ignore-validation":
			d.Boolean()
		case "validation-sets":
			readValidationSets(d)
		case "held":
			readHeld(d)
		default:
			d.Skip()
		}
	})
	if d.Err() == nil && s.snapID == "" {
		d.Fail("it has no snap-id")
	}
	if s.instanceKey == "" {
		s.instanceKey = s.snapID
	}
	return s
}

func (q *refreshRequest) readAction(d *wire.Reader) (a action) {
	d.Object(func(name string) {
		switch name {
		case "action":
			a.kind = d.Text()
		case "instance-key":
			a.instanceKey = d.Text()
		case "name":
			a.name = d.Text()
		case "snap-id":
			a.snapID = d.Text()
		case "channel":
			a.channel = d.Text()
		case "revision":
			a.revision = readRevision(d)
		case "cohort-key":
			a.cohortKey = d.Text()
		case "epoch":
			a.epoch = readEpoch(d)
		case "key":
			a.key = d.Text()
		case "assertions":
			a.refs = nil
			d.Array(maxGroupRefs, func(int) {
				if q.refs++; q.refs > maxAssertionRefs {
					d.Fail("the request names more than %d assertions", maxAssertionRefs)
					return
				}
				a.refs = append(a.refs, readAssertionRef(d))
			})
		case "ignore-validation":
			d.Boolean()
		case "validation-sets":
			readValidationSets(d)
		default:
			d.Skip()
		}
	})
	return a
}

func readAssertionRef(d *wire.Reader) assertionRef {
	ref := assertionRef{ifNewerThan: noCondition}
	d.Object(func(name string) {
		switch name {
		case "type":
			ref.typeName = d.Text()
		case "primary-key":
			ref.primaryKey = d.Texts(maxKeyMembers)
		case "sequence-key":
			ref.sequenceKey = d.Texts(maxKeyMembers)
		case "if-newer-than":
			if !d.Null() {
				ref.ifNewerThan = d.Integer(0, math.MaxInt32)
			}
		case "sequence":
			ref.sequence = d.Integer(0, math.MaxInt32)
		case "if-sequence-equal-or-newer-than":
			ref.atLeast = d.Integer(0, math.MaxInt32)
		case "if-sequence-newer-than":
			if !d.Null() {
				ref.atLeast = d.Integer(0, math.MaxInt32-1) + 1
			}
		default:
			d.Skip()
		}
	})
	switch {
	case d.Err() != nil:
	case ref.typeName == "":
		d.Fail("it has no type")
	case len(ref.primaryKey) == 0 && len(ref.sequenceKey) == 0:
		d.Fail("it has neither primary-key nor sequence-key")
	case len(ref.primaryKey) > 0 && len(ref.sequenceKey) > 0:
		d.Fail("it has both primary-key and sequence-key")
	}
	return ref
}

func (q *refreshRequest) readMaxFormats(d *wire.Reader) {
	n := 0
	d.Object(func(name string) {
		if n++; n > maxMaxFormats {
			d.Fail("more than %d types have a format", maxMaxFormats)
			return
		}
		if q.maxFormats == nil {
			q.maxFormats = make(map[string]int)
		}
		q.maxFormats[name] = d.Integer(0, math.MaxInt32)
	})
}

func readRevision(d *wire.Reader) int { return d.Integer(0, math.MaxInt32) }

// readEpoch reads {"read":[…],"write":[…]} or the short forms "1" and "1*".
// Null is nil.
func readEpoch(d *wire.Reader) *store.Epoch {
	if d.Null() {
		return nil
	}
	if d.Peek() == '"' {
		return shortEpoch(d, d.Text())
	}
	var e store.Epoch
	numbers := func(into *[]uint32) {
		*into = (*into)[:0]
		d.Array(maxEpochNumbers, func(int) { *into = append(*into, uint32(d.Integer(0, math.MaxUint32))) })
	}
	d.Object(func(name string) {
		switch name {
		case "read":
			numbers(&e.Read)
		case "write":
			numbers(&e.Write)
		default:
			d.Skip()
		}
	})
	return &e
}

// shortEpoch is what a snap.yaml may say: n reads and writes n, n* reads the
// one before, too.
func shortEpoch(d *wire.Reader, text string) *store.Epoch {
	digits, star := strings.CutSuffix(text, "*")
	n64, err := strconv.ParseUint(digits, 10, 32)
	n := uint32(n64)
	if err != nil || star && n == 0 {
		d.Fail("it is not an epoch")
		return nil
	}
	e := &store.Epoch{Read: []uint32{n}, Write: []uint32{n}}
	if star {
		e.Read = []uint32{n - 1, n}
	}
	return e
}

// readValidationSets checks the keys of validation sets. They ask for nothing
// that the revision in the action does not say.
func readValidationSets(d *wire.Reader) {
	d.Array(maxValidationSets, func(int) {
		if key := d.Texts(maxKeyMembers); d.Err() == nil && len(key) != 4 {
			d.Fail("a validation set has the four parts series, account, name and sequence")
		}
	})
}

// readHeld checks who holds the snap back. Devices hold refreshes back
// themselves; what they are offered stays the same.
func readHeld(d *wire.Reader) {
	d.Object(func(name string) {
		if name == "by" {
			d.Texts(maxHeld)
			return
		}
		d.Skip()
	})
}

// expand replaces a lone refresh-all by a refresh of everything installed.
func (q *refreshRequest) expand() {
	if len(q.actions) != 1 || q.actions[0].kind != kindRefreshAll {
		return
	}
	q.actions = slices.Grow(q.actions[:0], len(q.context))
	for _, s := range q.context {
		q.actions = append(q.actions, action{kind: kindRefresh, instanceKey: s.instanceKey, snapID: s.snapID})
	}
}
