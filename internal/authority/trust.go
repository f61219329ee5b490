package authority

import (
	"fmt"
	"strings"
	"sync"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/roots"
)

// Where an anchor comes from, besides files of the operator's.
const (
	OriginBuiltIn = "built-in" // the public store's root
	OriginOwn     = "own"      // the root this store signs with
	// originOff marks the row that switches the built-in anchor off.
	originOff = "switched-off"
)

// builtIn are the documents compiled in.
var builtIn = sync.OnceValue(func() (b struct{ anchor, predefined []*assertion.Assertion }) {
	b.anchor = mustParse("canonical", roots.Canonical())
	b.predefined = mustParse("generic", roots.Generic())
	return b
})

func mustParse(name string, text []byte) []*assertion.Assertion {
	list, err := ParseStream(text, maxStream)
	if err != nil {
		panic("the built-in documents of " + name + " are damaged: " + err.Error())
	}
	return list
}

// trust is the set of anchors at one moment.
type trust struct {
	accounts map[string]bool // ids of root accounts
	// fixed are the anchors' documents and those that devices predefine, by
	// reference. Nothing on a shelf takes their place.
	fixed map[string]*assertion.Assertion
}

// loadTrust reads the anchors.
func loadTrust(shelf Shelf) (*trust, error) {
	rows, err := shelf.TrustAnchors()
	if err != nil {
		return nil, fmt.Errorf("cannot read the trust anchors: %w", err)
	}
	t := &trust{accounts: make(map[string]bool), fixed: make(map[string]*assertion.Assertion)}
	if !switchedOff(rows) {
		t.add(builtIn().anchor)
		for _, a := range builtIn().predefined {
			t.fixed[a.Ref().String()] = a
		}
	}
	for _, r := range rows {
		if r.Origin == originOff {
			continue
		}
		list, err := ParseStream(r.Documents, maxStream)
		if err != nil {
			return nil, fmt.Errorf("cannot read the trust anchor %s: %w", r.AccountID, err)
		}
		t.add(list)
	}
	return t, nil
}

func switchedOff(rows []store.TrustAnchor) bool {
	for _, r := range rows {
		if r.Origin == originOff {
			return true
		}
	}
	return false
}

// add trusts the documents of one anchor. Two anchors that are keys of one
// account share its account assertion: the newer counts.
func (t *trust) add(list []*assertion.Assertion) {
	for _, a := range list {
		t.accounts[a.HeaderString("account-id")] = true
		name := a.Ref().String()
		if have := t.fixed[name]; have == nil || have.Revision() < a.Revision() {
			t.fixed[name] = a
		}
	}
}

// known is everything that is believed while a batch is looked through. It
// implements assertion.Lookup.
type known struct {
	*trust
	shelf Shelf
	// batch holds the editions that were accepted and are not on the shelf
	// yet; found what the shelf answered, nil for nothing.
	batch map[string][]*assertion.Assertion
	found map[string]*assertion.Assertion
}

func newKnown(shelf Shelf) (*known, error) {
	t, err := loadTrust(shelf)
	if err != nil {
		return nil, err
	}
	return &known{trust: t, shelf: shelf,
		batch: make(map[string][]*assertion.Assertion),
		found: make(map[string]*assertion.Assertion)}, nil
}

// Trusted implements assertion.Lookup.
func (k *known) Trusted(accountID string) bool { return k.accounts[accountID] }

// Find implements assertion.Lookup. It prefers editions whose format is
// understood. What only a root account may sign is not found once its root
// is no longer trusted, so that a chain ends where its anchor was removed.
func (k *known) Find(ref assertion.Ref) (*assertion.Assertion, error) {
	name := ref.String()
	if a, ok := k.fixed[name]; ok {
		return a, nil
	}
	kept, ok := k.found[name]
	if !ok {
		var err error
		if kept, err = held(k.shelf, ref, ref.Type.MaxFormat); err == nil && kept == nil {
			kept, err = held(k.shelf, ref, AnyFormat)
		}
		if err != nil {
			return nil, err
		}
		k.found[name] = kept
	}
	if kept != nil && ref.Type.Authority == assertion.ByTrusted && !k.accounts[kept.AuthorityID()] {
		kept = nil
	}
	best := kept
	for _, a := range k.batch[name] {
		if best == nil || a.Supported() && (a.Revision() >= best.Revision() || !best.Supported()) {
			best = a
		}
	}
	if best == nil {
		return nil, fmt.Errorf("%s: %w", name, assertion.ErrNotFound)
	}
	return best, nil
}

// accept makes a known to those that come after it.
func (k *known) accept(a *assertion.Assertion) {
	name := a.Ref().String()
	k.batch[name] = append(k.batch[name], a)
}

// short makes a reference readable in a sentence.
func short(ref assertion.Ref) string {
	return strings.TrimSuffix(ref.Type.Name+" "+strings.Join(ref.ShortKey(), "/"), " ")
}
