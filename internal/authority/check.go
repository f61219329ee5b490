package authority

import "github.com/larder-store/larder/assertion"

// Checker says whether documents that someone shows may be believed, without
// keeping them. It serves one goroutine, as long as its shelf lives.
type Checker struct{ known *known }

// Checker starts from what the shelf holds.
func (a *Authority) Checker(shelf Shelf) (*Checker, error) {
	k, err := newKnown(shelf)
	if err != nil {
		return nil, err
	}
	return &Checker{known: k}, nil
}

// Check fails unless a chains to an anchor through what is held and what was
// checked before. From then on it is known to later checks and finds, unless
// a newer revision of it is held.
func (c *Checker) Check(a *assertion.Assertion) error {
	if err := assertion.Verify(a, c.known, c.known.shelf.Now()); err != nil {
		return refused("accept", a, err)
	}
	if len(a.Ref().Key) > 0 {
		c.known.accept(a)
	}
	return nil
}

// Find returns what is believed under ref, or an error of kind not-found.
func (c *Checker) Find(ref assertion.Ref) (*assertion.Assertion, error) {
	a, err := c.known.Find(ref)
	if err != nil {
		return nil, notFoundOr(err, ref)
	}
	return a, nil
}
