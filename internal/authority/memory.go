package authority

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// Memory is a Shelf in memory, for tools that check documents without a
// database. It must not be used by two goroutines at once. Its zero value is
// empty and ready for use.
type Memory struct {
	// At is what Now returns; zero is the present.
	At time.Time
	// Changes is what was recorded.
	Changes []store.Change

	assertions map[memoryKey]store.Assertion
	anchors    map[[2]string]store.TrustAnchor
	keys       map[string]store.SigningKey
}

type memoryKey struct {
	typ, key string
	format   int
}

var _ Shelf = (*Memory)(nil)

// Now implements Shelf.
func (m *Memory) Now() time.Time {
	if m.At.IsZero() {
		return time.Now().UTC()
	}
	return m.At
}

// Record implements Shelf.
func (m *Memory) Record(kind, subject string, _ any) {
	m.Changes = append(m.Changes, store.Change{Kind: kind, Subject: subject, At: m.Now()})
}

// Assertion implements Shelf.
func (m *Memory) Assertion(typ, primaryKey string, maxFormat int) (store.Assertion, error) {
	return m.best(typ+"/"+primaryKey, func(k memoryKey, a store.Assertion) bool {
		return k.typ == typ && k.key == primaryKey && readable(k.format, maxFormat)
	})
}

// SequenceMember implements Shelf.
func (m *Memory) SequenceMember(typ, sequenceKey string, sequence, maxFormat int) (store.Assertion, error) {
	return m.best(typ+"/"+sequenceKey, func(k memoryKey, a store.Assertion) bool {
		return k.typ == typ && sequenceKey != "" && a.SequenceKey == sequenceKey &&
			(sequence == 0 || a.Sequence == sequence) && readable(k.format, maxFormat)
	})
}

func readable(format, maxFormat int) bool { return maxFormat < 0 || format <= maxFormat }

func (m *Memory) best(name string, match func(memoryKey, store.Assertion) bool) (store.Assertion, error) {
	var best *store.Assertion
	for k, a := range m.assertions {
		if match(k, a) && (best == nil || cmp.Or(
			cmp.Compare(a.Sequence, best.Sequence), cmp.Compare(a.Revision, best.Revision)) > 0) {
			best = &a
		}
	}
	if best == nil {
		return store.Assertion{}, store.NotFoundf(codeNotFound, "no assertion %s", name)
	}
	return *best, nil
}

// Assertions implements Shelf.
func (m *Memory) Assertions(f store.AssertionFilter) ([]store.Assertion, error) {
	order := func(a, b store.Assertion) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.PrimaryKey, b.PrimaryKey), cmp.Compare(a.Format, b.Format))
	}
	var list []store.Assertion
	for _, a := range slices.SortedFunc(maps.Values(m.assertions), order) {
		if (f.Type == "" || a.Type == f.Type) && strings.HasPrefix(a.PrimaryKey, f.KeyPrefix) &&
			(f.AuthorityID == "" || a.AuthorityID == f.AuthorityID) &&
			(f.SignKey == "" || a.SignKey == f.SignKey) && (f.After.Type == "" || order(a, f.After) > 0) {
			list = append(list, a)
		}
	}
	limit := f.Limit
	if limit == 0 {
		limit = 100
	}
	return list[:min(limit, len(list))], nil
}

// PutAssertion implements Shelf.
func (m *Memory) PutAssertion(a store.Assertion) (bool, error) {
	if m.assertions == nil {
		m.assertions = make(map[memoryKey]store.Assertion)
	}
	k := memoryKey{a.Type, a.PrimaryKey, a.Format}
	if old, ok := m.assertions[k]; ok && old.Revision >= a.Revision {
		return false, nil
	}
	m.assertions[k] = a
	return true, nil
}

// TrustAnchors implements Shelf.
func (m *Memory) TrustAnchors() ([]store.TrustAnchor, error) {
	return slices.SortedFunc(maps.Values(m.anchors), func(a, b store.TrustAnchor) int {
		return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), cmp.Compare(a.KeyID, b.KeyID))
	}), nil
}

// AddTrustAnchor implements Shelf.
func (m *Memory) AddTrustAnchor(a store.TrustAnchor) error {
	if m.anchors == nil {
		m.anchors = make(map[[2]string]store.TrustAnchor)
	}
	m.anchors[[2]string{a.AccountID, a.KeyID}] = a
	return nil
}

// RemoveTrustAnchor implements Shelf.
func (m *Memory) RemoveTrustAnchor(accountID, keyID string) (bool, error) {
	k := [2]string{accountID, keyID}
	_, existed := m.anchors[k]
	delete(m.anchors, k)
	return existed, nil
}

// SigningKeys implements Shelf.
func (m *Memory) SigningKeys() ([]store.SigningKey, error) {
	return slices.SortedFunc(maps.Values(m.keys), func(a, b store.SigningKey) int {
		return cmp.Or(cmp.Compare(a.AccountID, b.AccountID), a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.KeyID, b.KeyID))
	}), nil
}

// PutSigningKey implements Shelf.
func (m *Memory) PutSigningKey(k store.SigningKey) error {
	if m.keys == nil {
		m.keys = make(map[string]store.SigningKey)
	}
	m.keys[k.KeyID] = k
	return nil
}

// RemoveSigningKey implements Shelf.
func (m *Memory) RemoveSigningKey(keyID string) (bool, error) {
	_, existed := m.keys[keyID]
	delete(m.keys, keyID)
	return existed, nil
}
