package authority

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/store"
)

// Added says what became of a batch.
type Added struct {
	New       []assertion.Ref // nothing was held under this reference
	Updated   []assertion.Ref // a newer revision, or an edition in another format
	Unchanged []assertion.Ref // held already, or older than what is held
	// Notes are sentences about what a person may have expected otherwise.
	Notes []string
}

// Add puts assertions on the shelf that were signed elsewhere, in whatever
// order they come. Each must chain to a trust anchor through what is held and
// what comes with it; the first that does not fails the whole batch with
// nothing put, and the error names the failing link.
//
// What is held already is left alone. The same revision with other bytes is a
// conflict, and so is anything that would take the place of an anchor's
// document or of one that devices predefine. Formats newer than are
// understood are kept when their signatures chain.
func (a *Authority) Add(shelf Shelf, batch []*assertion.Assertion) (Added, error) {
	k, err := newKnown(shelf)
	if err != nil {
		return Added{}, err
	}
	return add(k, batch)
}

func add(k *known, batch []*assertion.Assertion) (Added, error) {
	var out Added
	var rows []store.Assertion
	for _, a := range inOrder(batch) {
		fate, note, err := k.consider(a)
		if err != nil {
			return Added{}, err
		}
		ref := a.Ref()
		if note != "" {
			out.Notes = append(out.Notes, note)
		}
		switch fate {
		case isUnchanged:
			out.Unchanged = append(out.Unchanged, ref)
			continue
		case isUpdate:
			out.Updated = append(out.Updated, ref)
		case isNew:
			out.New = append(out.New, ref)
		}
		k.accept(a)
		rows = append(rows, row(a))
	}
	for _, r := range rows {
		if _, err := k.shelf.PutAssertion(r); err != nil {
			return Added{}, fmt.Errorf("cannot keep %s/%s: %w", r.Type, r.PrimaryKey, err)
		}
		recordAdded(k.shelf, r)
	}
	return out, nil
}

// inOrder sorts a batch so that each comes after what it needs, and the
// revisions of one document in their order.
func inOrder(batch []*assertion.Assertion) []*assertion.Assertion {
	batch = slices.Clone(batch)
	slices.SortStableFunc(batch, func(a, b *assertion.Assertion) int { return cmp.Compare(a.Revision(), b.Revision()) })
	return assertion.Sorted(batch)
}

type fate uint8

const (
	isUnchanged fate = iota
	isNew
	isUpdate
)

// consider decides about one assertion, given those before it.
func (k *known) consider(a *assertion.Assertion) (fate, string, error) {
	ref := a.Ref()
	name := short(ref)
	if len(ref.Key) == 0 {
		return 0, "", store.Invalidf(codeInvalid, "cannot add a %s: it is a message between a device and its service", name)
	}
	if fixed := k.fixed[ref.String()]; fixed != nil {
		if !bytes.Equal(fixed.Encoded(), a.Encoded()) {
			return 0, "", store.Conflictf(codeClash, "cannot add %s: it would take the place of a trust anchor's or a predefined document", name)
		}
		return isUnchanged, "", nil
	}
	kept, any, err := k.editions(a)
	if err != nil {
		return 0, "", err
	}
	if kept != nil && kept.Revision() >= a.Revision() {
		switch {
		case bytes.Equal(kept.Encoded(), a.Encoded()):
			return isUnchanged, "", nil
		case kept.Revision() > a.Revision():
			return isUnchanged, fmt.Sprintf("%s: revision %d is held, which is newer than %d", name, kept.Revision(), a.Revision()), nil
		case kept.Format() != a.Format():
			return isUnchanged, fmt.Sprintf("%s: revision %d is held in format %d, which serves more devices than %d",
				name, kept.Revision(), kept.Format(), a.Format()), nil
		}
	}
	if err := assertion.Verify(a, k, k.shelf.Now()); err != nil {
		return 0, "", refused("add", a, err)
	}
	switch {
	case kept != nil && kept.Revision() == a.Revision():
		return 0, "", store.Conflictf(codeRevisionClash,
			"cannot add %s: another document with the same revision %d is held", name, a.Revision())
	case any:
		return isUpdate, "", nil
	}
	return isNew, "", nil
}

// editions finds the newest edition of a that every device which can read a
// can read, and whether there is any edition at all.
func (k *known) editions(a *assertion.Assertion) (kept *assertion.Assertion, any bool, err error) {
	ref := a.Ref()
	if kept, err = held(k.shelf, ref, a.Format()); err != nil {
		return nil, false, err
	}
	for _, e := range k.batch[ref.String()] {
		any = true
		if e.Format() <= a.Format() && (kept == nil || e.Revision() > kept.Revision()) {
			kept = e
		}
	}
	if kept != nil || any {
		return kept, true, nil
	}
	other, err := held(k.shelf, ref, AnyFormat)
	return nil, other != nil, err
}
