package store

import (
	"fmt"
	"strings"
	"time"
)

// NoBase is the detail of an invalid-charm-base error, reached by errors.As.
type NoBase struct {
	// DefaultBases are the bases, named in full, with which the same question has
	// an answer. juju asks again with the first.
	DefaultBases []Platform
}

func (n *NoBase) Error() string { return fmt.Sprintf("%d bases would do", len(n.DefaultBases)) }

// CharmOffer is where a charm can be had.
type CharmOffer struct {
	Base    Platform
	Channel Channel
}

// NoCharmRevision is the detail of a revision-not-found error about a charm,
// reached by errors.As.
type NoCharmRevision struct {
	// Offered are all open channels and their bases, branches left out, ordered as
	// CharmChannels does. juju asks again with the first of the channel it asked
	// for that has its architecture.
	Offered []CharmOffer
	// Missing is as in NoRevision, which this unwraps to when it is not 0.
	Missing int
}

func (n *NoCharmRevision) Error() string {
	if n.Missing != 0 {
		return n.Unwrap().Error()
	}
	return fmt.Sprintf("%d other places are open", len(n.Offered))
}

func (n *NoCharmRevision) Unwrap() error {
	if n.Missing == 0 {
		return nil
	}
	return &NoRevision{Missing: n.Missing}
}

// noBase is how rule 7 ends.
func (s *charmSearch) noBase(bases []Platform, want Channel) error {
	names := make([]string, 0, 5)
	for _, b := range bases[:min(len(bases), cap(names))] {
		names = append(names, baseText(b))
	}
	return NotFoundf("invalid-charm-base", "cannot choose a base for %q in %s: it runs on %s",
		s.f.Package.Name, want, strings.Join(names, ", ")).
		Try("ask for one of these bases").Because(&NoBase{DefaultBases: bases})
}

// noRevision is the other way ChooseCharm fails.
func (s *charmSearch) noRevision(want Channel) error {
	name, q := s.f.Package.Name, s.q
	e := NotFoundf("revision-not-found", "cannot find a revision of %q for %s in %s or a safer channel",
		name, baseText(s.base), want).Try("ask for a channel that is open on this base")
	if q.Revision != 0 {
		e = NotFoundf("revision-not-found", "cannot find revision %d of %q for %s",
			q.Revision, name, baseText(s.base)).Try("ask for one that was released, on a base that it runs on")
	}
	detail := &NoCharmRevision{Missing: s.missing}
	if s.offers != nil {
		detail.Offered = s.offers()
	} else {
		detail.Offered = CharmOffers(s.f, s.m, q.At)
	}
	return e.Because(detail)
}

// CharmOffers is what NoCharmRevision offers at a time. The map m is Fold of
// f.Releases.
func CharmOffers(f *Facts, m *ChannelMap, at time.Time) (offers []CharmOffer) {
	for _, l := range ConcreteBases(CharmChannels(f, m, at)) {
		offers = append(offers, CharmOffer{Base: l.Platform, Channel: l.Channel})
	}
	return offers
}
