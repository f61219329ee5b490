package authority

import (
	"bytes"
	"errors"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/store"
)

// Audit looks through everything on the shelf as if it came in now: whether
// its bytes are whole, filed where they belong, and still chain to an anchor.
// It calls report for each that is not and goes on; an error of report's own
// ends it. It returns how many it looked at.
func (a *Authority) Audit(shelf Shelf, report func(store.Assertion, error) error) (n int, err error) {
	k, err := newKnown(shelf)
	if err != nil {
		return 0, err
	}
	const page = 1000
	var after store.Assertion
	for {
		rows, err := shelf.Assertions(store.AssertionFilter{After: after, Limit: page})
		if err != nil {
			return n, err
		}
		for _, r := range rows {
			n++
			if fault := k.fault(r); fault != nil {
				if err := report(r, fault); err != nil {
					return n, err
				}
			}
		}
		if len(rows) < page {
			return n, nil
		}
		after = rows[len(rows)-1]
		clear(k.found) // bounded memory, whatever the shelf holds
	}
}

// fault says what is wrong with a row, or nil.
func (k *known) fault(r store.Assertion) error {
	a, err := parseRow(r)
	if err != nil {
		return err
	}
	if !bytes.Equal(a.Encoded(), r.Encoded) {
		return errors.New("something follows the assertion")
	}
	want := row(a)
	if want.Type != r.Type || want.PrimaryKey != r.PrimaryKey || want.Format != r.Format || want.Revision != r.Revision ||
		want.SequenceKey != r.SequenceKey || want.Sequence != r.Sequence ||
		want.AuthorityID != r.AuthorityID || want.SignKey != r.SignKey {
		return errors.New("it is filed under another name than its own, " + short(a.Ref()))
	}
	return refused("believe", a, assertion.Verify(a, k, k.shelf.Now()))
}
