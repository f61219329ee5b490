package catalog

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// CharmWish is one question of a client: what should I have of this charm?
type CharmWish struct {
	Ref   store.Ref
	Query store.CharmQuery
	// Pins are the resource revisions that the client names itself.
	Pins []store.ResourcePin
}

// ResolveCharms is Resolve for charms and bundles.
//
// Attachments of an answer that follows a channel are those of the release, each
// that a pin names replaced by it. By revision they are the pins alone, since
// resources depend on a channel.
//
// An Answer's Err may also be of code charm-resource-not-found, for a pin that is
// unknown or that no release ever named, unless the asker may see all revisions;
// and what store.ChooseCharm has.
func (c *Catalog) ResolveCharms(ctx context.Context, a Asker, wishes []CharmWish) ([]Answer, error) {
	refs := make([]store.Ref, len(wishes))
	for i := range wishes {
		refs[i] = wishes[i].Ref
	}
	snaps, err := c.lookup(ctx, a, store.Charm, refs)
	if err != nil {
		return nil, err
	}
	answers := make([]Answer, len(wishes))
	asked := charmQuestions{asker: a, at: c.now(), offers: make(map[*store.Facts][]store.CharmOffer)}
	ask := func(i int, facts *store.Facts) Answer { return asked.answer(snaps[i], facts, &wishes[i]) }
	var held map[*Snapshot][]int // wishes that hang on revisions the snapshot holds back
	for i := range wishes {
		s := snaps[i]
		if s == nil {
			answers[i].Err = unknown(wishes[i].Ref)
			continue
		}
		if answers[i] = ask(i, s.Facts); missingRevision(answers[i].Err) != 0 {
			if held == nil {
				held = make(map[*Snapshot][]int)
			}
			held[s] = append(held[s], i)
		}
	}
	for s, waiting := range held {
		c.answerHeld(ctx, s, answers, waiting, question{
			ask: ask, follows: func(i int) bool { return wishes[i].Query.Revision == 0 },
		})
	}
	return answers, c.attach(ctx, a, wishes, answers)
}

// charmQuestions are those that are asked together.
type charmQuestions struct {
	asker Asker
	at    time.Time
	// offers are worked out once for all that fail: of a charm with many channels
	// that takes long.
	offers map[*store.Facts][]store.CharmOffer
}

// answer chooses for one wish from what is known of its package.
func (k *charmQuestions) answer(s *Snapshot, facts *store.Facts, w *CharmWish) Answer {
	q, channels := w.Query, s.Channels(k.at, true)
	q.At = k.at
	q.MayByRevision = q.Revision != 0 && k.asker.Who.NeedOn(store.PermSeeRevisions, s.Package()) == nil
	q.Offers = func() []store.CharmOffer {
		had, known := k.offers[facts]
		if !known {
			had = store.CharmOffers(facts, channels, k.at)
			k.offers[facts] = had
		}
		return had
	}
	choice, err := store.ChooseCharm(facts, channels, q)
	return Answer{Snapshot: s, Choice: choice, Err: err}
}

// attach finds the resource revisions of every answer: in its snapshot, and what
// that lacks with one query per package.
func (c *Catalog) attach(ctx context.Context, a Asker, wishes []CharmWish, answers []Answer) error {
	var lacking map[*Snapshot][]store.ResourcePin
	for i := range answers {
		answer := &answers[i]
		if answer.Err != nil {
			continue
		}
		s, asked := answer.Snapshot, wishes[i].Pins
		if answer.Err = mayAttach(a, s, asked); answer.Err != nil {
			continue
		}
		answer.Choice.Resources = pinsOf(&answer.Choice, asked, wishes[i].Query.Revision != 0)
		for _, pin := range answer.Choice.Resources {
			if _, known := s.Facts.Resources[pin]; !known && !slices.Contains(lacking[s], pin) {
				if lacking == nil {
					lacking = make(map[*Snapshot][]store.ResourcePin)
				}
				lacking[s] = append(lacking[s], pin)
			}
		}
	}
	fetched := make(map[*Snapshot]map[store.ResourcePin]*store.ResourceRevision, len(lacking))
	for s, pins := range lacking {
		found, err := c.cache.source.Resources(ctx, s.Package().ID, pins)
		if err != nil {
			return err
		}
		byPin := make(map[store.ResourcePin]*store.ResourceRevision, len(found))
		for _, r := range found {
			byPin[store.ResourcePin{Name: r.Name, Revision: r.Revision}] = r
		}
		fetched[s] = byPin
	}
	for i := range answers {
		if answers[i].Err == nil {
			answers[i].attach(wishes[i].Pins, fetched[answers[i].Snapshot])
		}
	}
	return nil
}

// mayAttach reports which of the pins the asker may not have. An attachment that
// was never released is its publisher's own affair.
func mayAttach(a Asker, s *Snapshot, asked []store.ResourcePin) error {
	for _, pin := range asked {
		if !s.Facts.Pinned(pin) && a.Who.NeedOn(store.PermSeeRevisions, s.Package()) != nil {
			return noSuchAttachment(s, pin)
		}
	}
	return nil
}

func noSuchAttachment(s *Snapshot, pin store.ResourcePin) error {
	return store.NotFoundf("charm-resource-not-found", "%q has no revision %d of a resource %.64q",
		s.Package().Name, pin.Revision, pin.Name).Try("ask for a resource revision that was released")
}

// pinsOf is which resource revisions go with a choice, by name.
func pinsOf(choice *store.Choice, asked []store.ResourcePin, byRevision bool) []store.ResourcePin {
	released := choice.Resources
	if byRevision {
		released = nil
	}
	if len(asked) == 0 {
		return released
	}
	pins := slices.Clone(asked)
	for _, pin := range released {
		if !slices.ContainsFunc(asked, func(own store.ResourcePin) bool { return own.Name == pin.Name }) {
			pins = append(pins, pin)
		}
	}
	slices.SortStableFunc(pins, func(a, b store.ResourcePin) int { return strings.Compare(a.Name, b.Name) })
	return slices.Compact(pins)
}

// attach turns the pins of a choice into resource revisions. One that was
// asked for must exist.
func (answer *Answer) attach(asked []store.ResourcePin, fetched map[store.ResourcePin]*store.ResourceRevision) {
	if len(answer.Choice.Resources) == 0 {
		return
	}
	list := make([]*store.ResourceRevision, 0, len(answer.Choice.Resources))
	for _, pin := range answer.Choice.Resources {
		r := answer.Snapshot.Facts.Resources[pin]
		if r == nil {
			r = fetched[pin]
		}
		switch {
		case r != nil:
			list = append(list, r)
		case slices.Contains(asked, pin):
			answer.Choice, answer.Err = store.Choice{}, noSuchAttachment(answer.Snapshot, pin)
			return
		}
	}
	answer.Attachments = list
}

// Memo is Snapshot.Memo for a package by its id, whoever may see it; code
// id-not-found where there is none.
func (c *Catalog) Memo(ctx context.Context, ns store.Namespace, packageID, key string, build func() ([]byte, error)) ([]byte, error) {
	if err := c.catchUp(ctx); err != nil {
		return nil, err
	}
	ref := store.Ref{ID: packageID}
	snaps, err := c.cache.get(ctx, ns, []store.Ref{ref})
	switch {
	case err != nil:
		return nil, err
	case snaps[0] == nil:
		return nil, unknown(ref)
	}
	return snaps[0].Memo(key, build)
}
