package catalog

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// Asker is who looks, and through which store. The zero Asker is an anonymous
// device of the global store.
type Asker struct {
	Who     store.Principal
	StoreID string // "" is the global store
}

// Wish is one question of a device: what should I have of this package?
type Wish struct {
	Ref   store.Ref
	Query store.Query
	// AsOf is the moment whose channel map answers, for a cohort; zero is now.
	AsOf time.Time
}

// Answer is what a device gets, or why it gets nothing. Snapshot is set as soon
// as the package is known and may be seen, also beside an Err.
type Answer struct {
	Snapshot *Snapshot
	Choice   store.Choice
	Err      error
	// Attachments are the resource revisions that a charm gets with it, by name.
	Attachments []*store.ResourceRevision
}

// Resolve answers many wishes at once, one Answer each, in their order. It
// needs PermView. Cold packages cost one database query together; a package whose
// answer hangs on revisions that nothing current names costs one more.
//
// An Answer's Err is of kind not found, with code name-not-found or
// id-not-found for a package that is unknown or hidden from the asker, and
// revision-not-found as store.Choose has it.
func (c *Catalog) Resolve(ctx context.Context, a Asker, ns store.Namespace, wishes []Wish) ([]Answer, error) {
	refs := make([]store.Ref, len(wishes))
	for i, w := range wishes {
		refs[i] = w.Ref
	}
	snaps, err := c.lookup(ctx, a, ns, refs)
	if err != nil {
		return nil, err
	}
	wishes = permitted(a.Who, wishes, snaps)
	answers := make([]Answer, len(wishes))
	var held map[*Snapshot][]int // wishes that hang on revisions the snapshot holds back
	for i, w := range wishes {
		s := snaps[i]
		if s == nil {
			answers[i].Err = unknown(w.Ref)
			continue
		}
		if answers[i] = c.answer(s, s.Facts, w); missingRevision(answers[i].Err) != 0 {
			if held == nil {
				held = make(map[*Snapshot][]int)
			}
			held[s] = append(held[s], i)
		}
	}
	for s, waiting := range held {
		c.answerHeld(ctx, s, answers, waiting, question{
			ask:     func(i int, facts *store.Facts) Answer { return c.answer(s, facts, wishes[i]) },
			follows: func(i int) bool { return wishes[i].Query.Revision == 0 },
		})
	}
	return answers, nil
}

// question is how wishes, by their indices, are put to facts of one package.
type question struct {
	ask     func(i int, facts *store.Facts) Answer
	follows func(i int) bool // a channel, where no revision is named
}

// permitted is the wishes with what who may have by revision.
func permitted(who store.Principal, wishes []Wish, snaps []*Snapshot) []Wish {
	cloned := false
	for i, w := range wishes {
		if w.Query.Revision == 0 || snaps[i] == nil || who.NeedOn(store.PermSeeRevisions, snaps[i].Package()) != nil {
			continue
		}
		if !cloned {
			wishes, cloned = slices.Clone(wishes), true
		}
		wishes[i].Query.MayByRevision = true
	}
	return wishes
}

// lookup returns the snapshots the asker may see, nil for the others.
func (c *Catalog) lookup(ctx context.Context, a Asker, ns store.Namespace, refs []store.Ref) ([]*Snapshot, error) {
	return c.lookupWith(ctx, a, ns, refs, c.cache.get)
}

// lookupWith is lookup through one of the cache's ways.
func (c *Catalog) lookupWith(ctx context.Context, a Asker, ns store.Namespace, refs []store.Ref, get fetch) ([]*Snapshot, error) {
	if err := a.Who.Need(store.PermView); err != nil {
		return nil, err
	}
	if err := c.catchUp(ctx); err != nil {
		return nil, err
	}
	view, err := c.view(ctx, a.StoreID)
	if err != nil {
		return nil, err
	}
	who, err := c.known(ctx, a.Who)
	if err != nil {
		return nil, err
	}
	snaps, err := get(ctx, ns, refs)
	if err != nil {
		return nil, err
	}
	for i, s := range snaps {
		if s != nil && !store.Visible(view, s.Facts.Package, who) {
			snaps[i] = nil
		}
	}
	return snaps, nil
}

// known is who as the store that the device's model names takes it.
func (c *Catalog) known(ctx context.Context, who store.Principal) (store.Principal, error) {
	if who.StoreID == "" {
		return who, nil
	}
	home, err := c.view(ctx, who.StoreID)
	return who.In(home), err
}

func unknown(ref store.Ref) *store.Error {
	if ref.ID != "" {
		return store.NotFoundf("id-not-found", "no package with the id %.64q", ref.ID)
	}
	return store.NotFoundf("name-not-found", "no package named %.100q", ref.Name)
}

// answer chooses for one wish from what is known of the snapshot's package.
func (c *Catalog) answer(s *Snapshot, facts *store.Facts, w Wish) Answer {
	// A cohort's moment decides which releases count; overrides are the
	// operator's word of today.
	w.Query.At = c.now()
	at, present := w.AsOf, false
	if at.IsZero() {
		at, present = w.Query.At, true
	}
	choice, err := store.Choose(facts, s.Channels(at, present), w.Query)
	return Answer{Snapshot: s, Choice: choice, Err: err}
}

// answerHeld answers the wishes, given by their indices, that hang on revisions
// which one snapshot holds back. They are fetched for all of them together, since
// one request may ask for a package any number of times.
func (c *Catalog) answerHeld(ctx context.Context, s *Snapshot, answers []Answer, waiting []int, q question) {
	facts := s.Facts
	for range maxHeldBack {
		numbers := heldBack(facts, answers, waiting, q.follows)
		revs, err := c.cache.source.Revisions(ctx, s.Package().ID, numbers)
		if err != nil {
			for _, i := range waiting {
				answers[i] = Answer{Snapshot: s, Err: err}
			}
			return
		}
		facts = facts.With(revs)
		for _, n := range numbers {
			if facts.Revisions[n] == nil {
				facts.Revisions[n] = nil // known not to exist
			}
		}
		still := waiting[:0]
		for _, i := range waiting {
			if answers[i] = q.ask(i, facts); missingRevision(answers[i].Err) != 0 {
				still = append(still, i)
			}
		}
		if waiting = still; len(waiting) == 0 {
			return
		}
	}
}

// maxHeldBack bounds how often the answers about one package fetch revisions that
// the snapshot holds back. Once is nearly always enough.
const maxHeldBack = 4

func missingRevision(err error) int {
	var detail *store.NoRevision
	if errors.As(err, &detail) {
		return detail.Missing
	}
	return 0
}

// heldBack lists the revisions that the answers lack. Where one follows a
// channel, the newest others that a release names come along, up to maxRefs: its
// search may go on to them.
func heldBack(f *store.Facts, answers []Answer, waiting []int, followsChannel func(i int) bool) []int {
	var numbers []int
	seen := map[int]bool{0: true}
	add := func(n int) {
		if _, known := f.Revisions[n]; !known && !seen[n] {
			seen[n] = true
			numbers = append(numbers, n)
		}
	}
	follows := false
	for _, i := range waiting {
		add(missingRevision(answers[i].Err))
		follows = follows || followsChannel(i)
	}
	if follows {
		most := len(numbers) + maxRefs - 1
		for _, r := range slices.Backward(f.Releases) {
			if len(numbers) == most {
				break
			}
			add(r.Revision)
		}
	}
	return numbers
}

// Info returns a package and what stands in its channels on one architecture,
// or on all when arch is empty. It needs PermView.
func (c *Catalog) Info(ctx context.Context, a Asker, ns store.Namespace, ref store.Ref, arch string) (*Snapshot, []store.Listed, error) {
	snaps, err := c.lookup(ctx, a, ns, []store.Ref{ref})
	if err != nil {
		return nil, nil, err
	}
	if snaps[0] == nil {
		return nil, nil, unknown(ref)
	}
	now := c.now()
	return snaps[0], store.ChannelList(snaps[0].Facts, snaps[0].Channels(now, true), arch, now), nil
}
