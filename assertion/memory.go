package assertion

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory holds assertions that have been verified. Its zero value is empty and
// trusts nobody. It is safe for concurrent use.
type Memory struct {
	mu       sync.RWMutex // guards all fields
	editions map[string][]*Assertion
	// fixed are references that only Trust and Predefine may fill.
	fixed   map[string]bool
	anchors map[string]bool // account ids
}

// Trust takes assertions as they are: accounts and account-keys of trust anchors.
// Every account among them, and every account whose key is among them, becomes a
// trust anchor. Whether a file that claims to hold an anchor is sound can be told by
// trusting it in a Memory of its own and calling [Verify] for each of its parts.
func (m *Memory) Trust(as ...*Assertion) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range as {
		m.fix(a)
		if a.typ == accountType || a.typ == accountKeyType {
			if m.anchors == nil {
				m.anchors = make(map[string]bool)
			}
			m.anchors[a.HeaderString("account-id")] = true
		}
	}
}

// Predefine takes assertions as they are, without making anyone a trust anchor.
func (m *Memory) Predefine(as ...*Assertion) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, a := range as {
		m.fix(a)
	}
}

func (m *Memory) fix(a *Assertion) {
	if m.fixed == nil {
		m.fixed = make(map[string]bool)
	}
	m.fixed[a.Ref().String()] = true
	m.put(a)
}

func (m *Memory) put(a *Assertion) {
	if m.editions == nil {
		m.editions = make(map[string][]*Assertion)
	}
	name := a.Ref().String()
	kept := slices.DeleteFunc(slices.Clone(m.editions[name]), func(e *Assertion) bool { return a.Supersedes(e) })
	m.editions[name] = append(kept, a)
}

// Add verifies a and keeps it. Editions in different formats are kept side by side,
// as long as an older one serves readers that do not know the newer format.
//
// Its errors are those of [Verify], a StaleError if what is held already serves
// every reader at least as well, and an AuthorityError if a would replace something
// that was trusted or predefined.
func (m *Memory) Add(a *Assertion, now time.Time) error {
	if len(a.key) == 0 {
		return fmt.Errorf("cannot add a %s: it has no primary key, it is only for sending", a.typ.Name)
	}
	if err := m.stale(a); err != nil {
		return err
	}
	if err := Verify(a, m, now); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	// Another Add may have been faster since.
	if err := m.staleLocked(a); err != nil {
		return err
	}
	m.put(a)
	return nil
}

// AddAll adds assertions in an order in which each finds what it needs. Stale ones
// are passed over. It stops at the first other error; what was added before stays.
func (m *Memory) AddAll(as []*Assertion, now time.Time) error {
	for _, a := range Sorted(as) {
		var stale *StaleError
		if err := m.Add(a, now); err != nil && !errors.As(err, &stale) {
			return err
		}
	}
	return nil
}

func (m *Memory) stale(a *Assertion) error {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.staleLocked(a)
}

func (m *Memory) staleLocked(a *Assertion) error {
	name := a.Ref().String()
	for _, e := range m.editions[name] {
		if e.Supersedes(a) {
			return &StaleError{Ref: a.Ref(), Have: e.revision, Revision: a.revision, Same: bytes.Equal(e.encoded, a.encoded)}
		}
	}
	if m.fixed[name] {
		return &AuthorityError{Ref: a.Ref(), AuthorityID: a.AuthorityID(), Reason: "it would replace a trusted or predefined document"}
	}
	return nil
}

// Trusted implements Lookup.
func (m *Memory) Trusted(accountID string) bool {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.anchors[accountID]
}

// Find implements Lookup: the newest revision in any format.
func (m *Memory) Find(r Ref) (*Assertion, error) { return m.FindMaxFormat(r, -1) }

// FindMaxFormat returns the newest revision whose format is at most maxFormat. A
// negative one means any. It returns an ErrNotFound if there is none.
func (m *Memory) FindMaxFormat(r Ref, maxFormat int) (*Assertion, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if best := newest(m.editions[r.String()], maxFormat); best != nil {
		return best, nil
	}
	return nil, fmt.Errorf("%s: %w", r, ErrNotFound)
}

// FindLatest returns the last of a sequence with a format of at most maxFormat,
// where key is the primary key without the sequence number.
func (m *Memory) FindLatest(t *Type, key []string, maxFormat int) (*Assertion, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	var last *Assertion
	for _, editions := range m.editions {
		e := newest(editions, maxFormat)
		if e == nil || e.typ != t || !slices.Equal(e.Ref().SequenceKey(), key) {
			continue
		}
		if last == nil || e.Sequence() > last.Sequence() {
			last = e
		}
	}
	if last == nil {
		return nil, fmt.Errorf("%s/%s: %w", t.Name, strings.Join(key, "/"), ErrNotFound)
	}
	return last, nil
}

func newest(editions []*Assertion, maxFormat int) *Assertion {
	var best *Assertion
	for _, e := range editions {
		if maxFormat >= 0 && e.format > maxFormat {
			continue
		}
		if best == nil || e.revision > best.revision {
			best = e
		}
	}
	return best
}
