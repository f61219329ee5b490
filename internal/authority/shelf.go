package authority

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/store"
)

// Shelf is where assertions, anchors and sealed keys are kept: a transaction
// of the database, or a Memory. Nothing here checks what is put on it; that
// is the job of this package, and nobody else puts assertions there.
//
// Look-ups that find nothing fail with kind not-found.
type Shelf interface {
	// Now is the time of the transaction.
	Now() time.Time
	// Record adds to the change log of the transaction.
	Record(kind, subject string, details any)

	// Assertion returns the newest revision whose format is at most maxFormat.
	Assertion(typ, primaryKey string, maxFormat int) (store.Assertion, error)
	// SequenceMember returns the one at this place of a sequence, or for 0
	// the last, likewise.
	SequenceMember(typ, sequenceKey string, sequence, maxFormat int) (store.Assertion, error)
	// Assertions lists a page in the order of type, primary key and format.
	Assertions(store.AssertionFilter) ([]store.Assertion, error)
	// PutAssertion keeps an edition in place of an older one of the same
	// type, primary key and format, and reports whether it was new.
	PutAssertion(store.Assertion) (added bool, err error)

	TrustAnchors() ([]store.TrustAnchor, error)
	// AddTrustAnchor replaces the anchor of the same account and key.
	AddTrustAnchor(store.TrustAnchor) error
	RemoveTrustAnchor(accountID, keyID string) (existed bool, err error)

	// SigningKeys lists the sealed keys, oldest first within an account.
	SigningKeys() ([]store.SigningKey, error)
	PutSigningKey(store.SigningKey) error
	RemoveSigningKey(keyID string) (existed bool, err error)
}

// AnyFormat asks for the newest revision whatever its format.
const AnyFormat = -1

// row is how an assertion is kept.
func row(a *assertion.Assertion) store.Assertion {
	ref := a.Ref()
	return store.Assertion{
		Type:        ref.Type.Name,
		PrimaryKey:  strings.Join(ref.Key, "/"),
		Format:      a.Format(),
		Revision:    a.Revision(),
		SequenceKey: strings.Join(ref.SequenceKey(), "/"),
		Sequence:    a.Sequence(),
		AuthorityID: a.AuthorityID(),
		SignKey:     a.SignKeyID(),
		Encoded:     a.Encoded(),
	}
}

// parseRow reads what row wrote. A failure means a damaged database.
func parseRow(r store.Assertion) (*assertion.Assertion, error) {
	a, err := parseStored(r.Encoded)
	if err != nil {
		return nil, fmt.Errorf("cannot read the stored %s/%s: %w", r.Type, r.PrimaryKey, err)
	}
	return a, nil
}

// parseStored reads one assertion whatever its type: repairs have larger
// bodies than others.
func parseStored(encoded []byte) (*assertion.Assertion, error) {
	return assertion.NewDecoder(strings.NewReader(string(encoded)), assertion.RepairLimits).Decode()
}

// held returns what the shelf has of ref, or nil.
func held(shelf Shelf, ref assertion.Ref, maxFormat int) (*assertion.Assertion, error) {
	r, err := shelf.Assertion(ref.Type.Name, strings.Join(ref.Key, "/"), maxFormat)
	if store.KindOf(err) == store.KindNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("cannot look for %s: %w", ref, err)
	}
	return parseRow(r)
}

// ParseStream reads assertions from a file or a request, at most max of them.
func ParseStream(text []byte, max int) ([]*assertion.Assertion, error) {
	limits := assertion.RepairLimits
	limits.Count = max
	d := assertion.NewDecoder(strings.NewReader(string(text)), limits)
	var list []*assertion.Assertion
	for {
		a, err := d.Decode()
		switch {
		case err == io.EOF:
			return list, nil
		case errors.Is(err, assertion.ErrTooLarge):
			return nil, store.TooLargef(codeTooLarge, "cannot read the assertions").Because(err)
		case err != nil:
			return nil, store.Invalidf(codeInvalid, "cannot read the assertions: %s", err)
		}
		list = append(list, a)
	}
}

// Encode writes assertions as a stream.
func Encode(list []*assertion.Assertion) []byte {
	parts := make([][]byte, 0, 2*len(list))
	for i, a := range list {
		if i > 0 {
			parts = append(parts, []byte("\n"))
		}
		parts = append(parts, a.Encoded())
	}
	return slices.Concat(parts...)
}
