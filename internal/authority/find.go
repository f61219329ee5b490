package authority

import (
	"errors"
	"slices"
	"strings"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/store"
)

// fixedTypes are the types of documents that anchors consist of and that
// devices predefine.
var fixedTypes = []string{"account", "account-key", "model"}

// Find returns the newest revision whose format is at most maxFormat, where a
// negative one means any. The documents of the anchors and those that
// devices predefine are found, too. It fails with kind not-found.
func (a *Authority) Find(shelf Shelf, ref assertion.Ref, maxFormat int) (*assertion.Assertion, error) {
	found, err := held(shelf, ref, maxFormat)
	if found != nil || err != nil {
		return found, err
	}
	if !slices.Contains(fixedTypes, ref.Type.Name) {
		return nil, notFound(ref.Type.Name, ref.ShortKey())
	}
	t, err := loadTrust(shelf)
	if err != nil {
		return nil, err
	}
	if fixed := t.fixed[ref.String()]; fixed != nil && readable(fixed.Format(), maxFormat) {
		return fixed, nil
	}
	return nil, notFound(ref.Type.Name, ref.ShortKey())
}

// FindSequence returns one assertion of a sequence: the one with this number,
// or for 0 the latest. Key is the primary key without the number.
func (a *Authority) FindSequence(shelf Shelf, typ *assertion.Type, key []string, number, maxFormat int) (*assertion.Assertion, error) {
	if !typ.Sequence {
		return nil, store.Invalidf(codeInvalid, "cannot look for a %s by sequence: that type forms none", typ.Name)
	}
	r, err := shelf.SequenceMember(typ.Name, strings.Join(key, "/"), number, maxFormat)
	if store.KindOf(err) == store.KindNotFound {
		return nil, notFound(typ.Name, key)
	}
	if err != nil {
		return nil, err
	}
	return parseRow(r)
}

func notFound(typ string, key []string) error {
	return store.NotFoundf(codeNotFound, "no %s assertion found for %s", typ, strings.Join(key, "/"))
}

// notFoundOr turns a look-up's error into this package's words.
func notFoundOr(err error, ref assertion.Ref) error {
	if errors.Is(err, assertion.ErrNotFound) {
		return notFound(ref.Type.Name, ref.ShortKey())
	}
	return err
}
