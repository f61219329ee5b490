package store

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Presences of a snap or component in a validation set.
const (
	PresenceRequired = "required"
	PresenceOptional = "optional"
	PresenceInvalid  = "invalid"
)

// ValidationSetRequest is a validation set as its author wrote it, which
// BuildValidationSet turns into the headers to sign. Decode it with unknown
// keys forbidden.
type ValidationSetRequest struct {
	AccountID string              `json:"account-id"`
	Name      string              `json:"name"`
	Sequence  int                 `json:"sequence"`
	Snaps     []ValidationSetSnap `json:"snaps"`
}

// ValidationSetSnap is a member of a validation set.
type ValidationSetSnap struct {
	Name       string                            `json:"name"`
	ID         string                            `json:"id,omitempty"`
	Presence   string                            `json:"presence,omitempty"` // empty means required
	Revision   int                               `json:"revision,omitempty"` // 0 is any
	Components map[string]ValidationSetComponent `json:"components,omitempty"`
}

// ValidationSetComponent is a component of a member. Its JSON is the presence
// alone, or an object of presence and revision.
type ValidationSetComponent struct {
	Presence string
	Revision int // 0 is any
}

// UnmarshalJSON reads either form.
func (c *ValidationSetComponent) UnmarshalJSON(data []byte) error {
	*c = ValidationSetComponent{}
	if json.Unmarshal(data, &c.Presence) == nil && c.Presence != "" {
		return nil
	}
	var long struct {
		Presence *string `json:"presence"`
		Revision *int    `json:"revision"`
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	err := d.Decode(&long)
	switch {
	case err == nil && long.Presence == nil:
		err = errors.New("the presence is missing")
	case err == nil && long.Revision != nil && *long.Revision < 1:
		err = errors.New("the revision is below 1")
	}
	if err != nil {
		return invalidSet("cannot read a component: it is a presence, or an object of presence and revision").Because(err)
	}
	c.Presence = *long.Presence
	if long.Revision != nil {
		c.Revision = *long.Revision
	}
	return nil
}

// Limits of a validation set. The lengths are the service's own.
const (
	maxSetText       = 100 // characters of ids and names
	maxSetSnaps      = 1000
	maxSetComponents = 200 // of one snap
)

// setNameRule is what names of validation sets, components and confdb schemas look
// like.
var setNameRule = regexp.MustCompile(`^[a-z0-9](?:-?[a-z0-9])*$`)

// snapIDRule is what devices accept as the id of a snap.
var snapIDRule = regexp.MustCompile(`^[A-Za-z0-9]{32}$`)

func invalidSet(format string, args ...any) *Error {
	return Invalidf("invalid-request", format, args...)
}

// Check returns nil when r follows the rules of devices and of the service, or
// an error of kind invalid that names the member at fault.
func (r *ValidationSetRequest) Check() error {
	switch {
	case r.AccountID == "" || len(r.AccountID) > maxSetText:
		return invalidSet("account-id: it is needed and has up to %d characters", maxSetText)
	case len(r.Name) > maxSetText || !setNameRule.MatchString(r.Name):
		return invalidSet("name: %.120q cannot name a validation set", r.Name).
			Try("use up to 100 lower-case letters, digits and single hyphens")
	case r.Sequence < 1:
		return invalidSet("sequence: it is a whole number from 1, not %d", r.Sequence)
	case len(r.Snaps) == 0:
		return invalidSet("snaps: a validation set has at least one snap")
	case len(r.Snaps) > maxSetSnaps:
		return invalidSet("snaps: a validation set has at most %d snaps", maxSetSnaps)
	}
	names, ids := make(map[string]bool), make(map[string]bool)
	for i := range r.Snaps {
		s := &r.Snaps[i]
		if err := s.check(fmt.Sprintf("snaps[%d]", i)); err != nil {
			return err
		}
		if names[s.Name] {
			return invalidSet("snaps[%d].name: %s is listed twice", i, s.Name)
		}
		if s.ID != "" && ids[s.ID] {
			return invalidSet("snaps[%d].id: %s is listed twice", i, s.ID)
		}
		names[s.Name], ids[s.ID] = true, true
	}
	return nil
}

func (s *ValidationSetSnap) check(where string) error {
	switch {
	case ValidSnapName(s.Name) != nil:
		return invalidSet("%s.name: %.120q cannot name a snap", where, s.Name)
	case s.ID != "" && !snapIDRule.MatchString(s.ID):
		return invalidSet("%s.id: %.120q is no id of a snap: it has 32 letters and digits", where, s.ID)
	case s.Presence != "" && !validPresence(s.Presence):
		return invalidSet("%s.presence: %.40q is none of required, optional, invalid", where, s.Presence)
	case s.Revision < 0:
		return invalidSet("%s.revision: it is a whole number from 1, not %d", where, s.Revision)
	case s.Revision > 0 && s.Presence == PresenceInvalid:
		return invalidSet("%s.revision: a snap that must be absent has no revision", where)
	case len(s.Components) > maxSetComponents:
		return invalidSet("%s.components: a snap has at most %d components", where, maxSetComponents)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Components)) {
		c := s.Components[name]
		if len(name) > maxSetText || !setNameRule.MatchString(name) {
			return invalidSet("%s.components: %.120q cannot name a component", where, name)
		}
		where := where + ".components." + name
		switch {
		case !validPresence(c.Presence):
			return invalidSet("%s: %.40q is none of required, optional, invalid", where, c.Presence)
		case c.Revision < 0:
			return invalidSet("%s.revision: it is a whole number from 1, not %d", where, c.Revision)
		case c.Revision > 0 && c.Presence == PresenceInvalid:
			return invalidSet("%s.revision: a component that must be absent has no revision", where)
		case c.Presence != PresenceInvalid && (c.Revision > 0) != (s.Revision > 0):
			return invalidSet("%s.revision: a component has a revision exactly if its snap has one", where)
		}
	}
	return nil
}

func validPresence(p string) bool {
	return p == PresenceRequired || p == PresenceOptional || p == PresenceInvalid
}

// ValidationSetFacts is what the store adds to an author's request.
type ValidationSetFacts struct {
	SnapIDs  map[string]string // by name, of the snaps the author may see
	Revision int               // as NextAssertionRevision gives it
	At       time.Time
}

// BuildValidationSet returns the headers that the author signs. All numbers are
// text, as in the assertion; keys that the author left out stay out, other than
// the ids of snaps. There is no other key than clients know.
//
// A snap whose id nobody knows, or whose name belongs to another id, gives an
// error of kind invalid.
func BuildValidationSet(r ValidationSetRequest, facts ValidationSetFacts) (map[string]any, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	r.Snaps = slices.Clone(r.Snaps)
	for i := range r.Snaps {
		s := &r.Snaps[i]
		switch id := facts.SnapIDs[s.Name]; {
		case id == "" && s.ID == "":
			return nil, invalidSet("snaps[%d].name: cannot find the snap %s", i, s.Name).Try("check the name, or give the snap's id")
		case id != "" && s.ID != "" && id != s.ID:
			return nil, invalidSet("snaps[%d].id: %s is not the id of the snap %s", i, s.ID, s.Name)
		case s.ID == "":
			s.ID = id
		}
	}
	if err := r.Check(); err != nil { // an id that came from a name may be there already
		return nil, err
	}
	snaps := make([]any, len(r.Snaps))
	for i := range r.Snaps {
		snaps[i] = r.Snaps[i].headers()
	}
	return map[string]any{
		"type":         "validation-set",
		"authority-id": r.AccountID,
		"series":       "16",
		"account-id":   r.AccountID,
		"name":         r.Name,
		"sequence":     strconv.Itoa(r.Sequence),
		"revision":     strconv.Itoa(facts.Revision),
		"timestamp":    assertionTime(facts.At),
		"snaps":        snaps,
	}, nil
}

func (s *ValidationSetSnap) headers() map[string]any {
	h := map[string]any{"name": s.Name, "id": s.ID}
	if s.Presence != "" {
		h["presence"] = s.Presence
	}
	if s.Revision > 0 {
		h["revision"] = strconv.Itoa(s.Revision)
	}
	if len(s.Components) > 0 {
		components := make(map[string]any, len(s.Components))
		for name, c := range s.Components {
			if c.Revision == 0 {
				components[name] = c.Presence
			} else {
				components[name] = map[string]any{"presence": c.Presence, "revision": strconv.Itoa(c.Revision)}
			}
		}
		h["components"] = components
	}
	return h
}

// assertionTime writes a time as assertions have it.
func assertionTime(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// NextAssertionRevision is the revision that a new assertion gets: 0 where none
// is stored under its primary key, else the one after stored, the highest.
func NextAssertionRevision(stored int, found bool) int {
	if !found {
		return 0
	}
	return stored + 1
}
