package assertion

import (
	"regexp"
	"time"
)

// Validation lets a gated snap refresh to a revision.
type Validation struct {
	Series           string
	SnapID           string // the gating snap
	ApprovedSnapID   string
	ApprovedRevision int
	Revoked          bool
	Timestamp        time.Time
}

func readValidation(a *Assertion, h *fields) (any, error) {
	v := &Validation{
		Series:           a.key[0],
		SnapID:           a.key[1],
		ApprovedSnapID:   a.key[2],
		ApprovedRevision: h.positive("approved-snap-revision"),
		Revoked:          h.flag("revoked"),
		Timestamp:        h.date("timestamp"),
	}
	return v, h.err
}

// ValidationSet names revisions of snaps that belong together.
type ValidationSet struct {
	Series    string
	AccountID string
	Name      string
	Sequence  int
	Snaps     []ValidationSetSnap
	Timestamp time.Time
}

// ValidationSetSnap is a member of a validation set.
type ValidationSetSnap struct {
	Name       string
	SnapID     string
	Presence   string // "required", "optional" or "invalid"
	Revision   int    // 0: any
	Components map[string]ValidationSetComponent
}

// ValidationSetComponent is a component of a member.
type ValidationSetComponent struct {
	Presence string
	Revision int
}

var setNamePattern = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])*$`)

func readValidationSet(a *Assertion, h *fields) (any, error) {
	v := &ValidationSet{
		Series:    a.key[0],
		AccountID: a.key[1],
		Name:      h.matching("name", setNamePattern),
		Sequence:  h.positive("sequence"),
		Timestamp: h.date("timestamp"),
	}
	h.mandatory("snaps")
	once := make(unique)
	h.each("snaps", func(f *fields) {
		s := ValidationSetSnap{
			Name:     f.snapName("name"),
			SnapID:   f.matching("id", snapIDPattern),
			Presence: f.presence(),
			Revision: f.positiveOr("revision", 0),
		}
		if s.Presence == "invalid" && s.Revision != 0 {
			f.fail("revision", "must not be given for a snap whose presence is invalid")
		}
		once.check(f, "name", s.Name)
		once.check(f, "id", s.SnapID)
		s.Components = readSetComponents(f, s)
		v.Snaps = append(v.Snaps, s)
	})
	return v, h.err
}

func (f *fields) presence() string {
	return f.oneOf("presence", "required", "required", "optional", "invalid")
}

func readSetComponents(f *fields, snap ValidationSetSnap) map[string]ValidationSetComponent {
	entries := f.mapping("components")
	if f.err != nil || entries == nil {
		return nil
	}
	components := make(map[string]ValidationSetComponent, len(entries))
	for name, entry := range entries {
		m, ok := entry.(map[string]any)
		if !ok {
			m = map[string]any{"presence": entry}
		}
		c := &fields{values: m, where: f.where + " component " + quote(name)}
		c.mandatory("presence")
		component := ValidationSetComponent{Presence: c.presence(), Revision: c.positiveOr("revision", 0)}
		switch pinned := component.Revision != 0; {
		case component.Presence == "invalid" && pinned:
			c.fail("revision", "must not be given for a component whose presence is invalid")
		case component.Presence != "invalid" && pinned != (snap.Revision != 0):
			c.fail("revision", "must be given exactly if the snap's revision is")
		}
		if c.err != nil {
			f.err = c.err
			return nil
		}
		components[name] = component
	}
	return components
}

// unique finds values that a list has twice.
type unique map[[2]string]bool

func (u unique) check(f *fields, name, value string) {
	if value == "" {
		return
	}
	if u[[2]string{name, value}] {
		f.fail(name, "is listed twice: %s", quote(value))
	}
	u[[2]string{name, value}] = true
}
