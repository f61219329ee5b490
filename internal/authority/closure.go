package authority

import (
	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/store"
)

// ClosureOptions say what a closure leaves out.
type ClosureOptions struct {
	// MaxFormats bounds the format per type, as a client understands it; a
	// type that is not in it has no bound.
	MaxFormats map[string]int
	// Anchors includes the documents of the anchors and what devices
	// predefine. Devices refuse a stream that carries what they predefine.
	Anchors bool
}

// Closure returns what someone who trusts the anchors needs to verify the
// assertions named: those, what they build on, and the keys they are signed
// with, each after what it needs.
func (a *Authority) Closure(shelf Shelf, refs []assertion.Ref, opts ClosureOptions) ([]*assertion.Assertion, error) {
	t, err := loadTrust(shelf)
	if err != nil {
		return nil, err
	}
	c := &closure{trust: t, shelf: shelf, opts: opts, seen: make(map[string]bool)}
	for _, ref := range refs {
		if err := c.visit(ref); err != nil {
			return nil, err
		}
	}
	return c.list, nil
}

type closure struct {
	*trust
	shelf Shelf
	opts  ClosureOptions
	seen  map[string]bool
	list  []*assertion.Assertion
}

func (c *closure) visit(ref assertion.Ref) error {
	name := ref.String()
	if c.seen[name] {
		return nil
	}
	c.seen[name] = true
	a := c.fixed[name]
	if a != nil && !c.opts.Anchors {
		return nil
	}
	if a == nil {
		limit, bounded := c.opts.MaxFormats[ref.Type.Name]
		if !bounded {
			limit = AnyFormat
		}
		var err error
		if a, err = held(c.shelf, ref, limit); err != nil {
			return err
		}
		if a == nil {
			return notFound(ref.Type.Name, ref.ShortKey())
		}
	}
	for _, need := range needs(a) {
		if err := c.visit(need); err != nil {
			return err
		}
	}
	c.list = append(c.list, a)
	return nil
}

// needs names what must be known before a can be believed.
func needs(a *assertion.Assertion) []assertion.Ref {
	refs := a.Prerequisites()
	if key, ok := a.SignKeyRef(); ok {
		refs = append(refs, key)
	}
	if a.Type().Name == "serial" && a.AuthorityID() != a.HeaderString("brand-id") {
		// The model lists who else may sign serials.
		if ref, err := assertion.NewRef("model", series, a.HeaderString("brand-id"), a.HeaderString("model")); err == nil {
			refs = append(refs, ref)
		}
	}
	return refs
}

// StoreAssertions returns what a device acknowledges before it uses this
// store as its proxy: the store assertion and what verifies it, down to an
// anchor that the device is built with.
func (a *Authority) StoreAssertions(shelf Shelf, storeID string) ([]*assertion.Assertion, error) {
	ref, err := assertion.NewRef("store", storeID)
	if err != nil {
		return nil, store.Invalidf(codeInvalid, "%.100q is no store id", storeID).Because(err)
	}
	return a.Closure(shelf, []assertion.Ref{ref}, ClosureOptions{})
}
