package charmhub

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/larder-store/larder/client/snapstore"
)

// ListReleases returns what the channels of a package hold (permission
// package-view-releases).
func (c *Client) ListReleases(ctx context.Context, name string) (Releases, error) {
	return c.Gateway().ListReleases(ctx, name)
}

// Release points channels at revisions or closes them, all or none (permission
// package-manage-releases). A revision is released on all of its bases.
func (c *Client) Release(ctx context.Context, name string, requests ...ReleaseRequest) ([]ReleaseResult, error) {
	return c.Gateway().Release(ctx, name, requests...)
}

// Close closes channels, all or none: whoever follows one gets what the next
// safer risk holds (permission package-manage-releases).
func (c *Client) Close(ctx context.Context, name string, channels ...string) ([]ReleaseResult, error) {
	requests := make([]ReleaseRequest, len(channels))
	for i, channel := range channels {
		if _, err := ParseChannel(channel); err != nil {
			return nil, err
		}
		requests[i] = snapstore.CloseChannel(channel)
	}
	return c.Release(ctx, name, requests...)
}

// A ChannelRevision is a revision that a channel holds, on some bases.
type ChannelRevision struct {
	Revision int
	// Version is empty if the store does not tell.
	Version string
	// Bases are those on which the channel holds it; nil stands for no base.
	Bases []*Base
	// Resources are those released with it.
	Resources []ReleasedResource
	// ReleasedAt is when the channel got it last.
	ReleasedAt Time
}

// RevisionsOnChannel returns what a channel holds, in the order of release: one
// revision per base, together where it is the same. A channel without a track is
// on the package's default track. Empty if the channel is closed.
func (c *Client) RevisionsOnChannel(ctx context.Context, name, channel string) ([]ChannelRevision, error) {
	wanted, err := ParseChannel(channel)
	if err != nil {
		return nil, err
	}
	if wanted.Track == "" {
		if wanted.Track, err = c.defaultTrack(ctx, name); err != nil {
			return nil, err
		}
	}
	releases, err := c.ListReleases(ctx, name)
	if err != nil {
		return nil, err
	}
	return revisionsOn(releases, wanted), nil
}

func revisionsOn(releases Releases, wanted Channel) []ChannelRevision {
	var found []ChannelRevision
	for _, entry := range releases.ChannelMap {
		// The channel map says the track always; one that does not is of the
		// track that is meant where none is said.
		channel, err := ParseChannel(entry.Channel)
		if err != nil || channel.On(wanted.Track) != wanted {
			continue
		}
		i := slices.IndexFunc(found, func(r ChannelRevision) bool { return r.Revision == entry.Revision })
		if i < 0 {
			i = len(found)
			revision, _ := releases.Revision(entry.Revision)
			found = append(found, ChannelRevision{Revision: entry.Revision, Version: revision.Version})
		}
		r := &found[i]
		r.Bases = append(r.Bases, entry.Base)
		if len(r.Bases) == 1 || entry.When.After(r.ReleasedAt.Time) {
			r.Resources, r.ReleasedAt = entry.Resources, entry.When
		}
	}
	slices.SortStableFunc(found, func(a, b ChannelRevision) int {
		return cmp.Or(a.ReleasedAt.Compare(b.ReleasedAt.Time), cmp.Compare(a.Revision, b.Revision))
	})
	return undisturbed(found, releases)
}

// maxUndisturbed is how many revisions of one channel are compared with one
// another.
const maxUndisturbed = 100

// undisturbed puts revisions that are on a base of another one's before that
// one, so that releasing them in order leaves every base with what it has. Times
// alone do not tell: what was released in one request has one time.
func undisturbed(found []ChannelRevision, releases Releases) []ChannelRevision {
	if len(found) > maxUndisturbed {
		return found
	}
	all := make(map[int][]*Base, len(found))
	for _, r := range found {
		revision, _ := releases.Revision(r.Revision)
		all[r.Revision] = revision.Bases
	}
	overwrites := func(a, b ChannelRevision) bool {
		return slices.ContainsFunc(b.Bases, func(held *Base) bool {
			return slices.ContainsFunc(all[a.Revision], func(own *Base) bool {
				return own == held || own != nil && held != nil && *own == *held
			})
		})
	}
	ordered := make([]ChannelRevision, 0, len(found))
	for len(found) > 0 {
		next := slices.IndexFunc(found, func(r ChannelRevision) bool {
			return !slices.ContainsFunc(found, func(other ChannelRevision) bool {
				return other.Revision != r.Revision && overwrites(other, r)
			})
		})
		next = max(next, 0) // each overwrites another: no order is right
		ordered = append(ordered, found[next])
		found = slices.Delete(found, next, next+1)
	}
	return ordered
}

// PromotionCandidates returns what Promote would release, for people to look at.
// ErrNotFound if the channel holds nothing, a *RequestError if the promotion
// makes no sense.
func (c *Client) PromotionCandidates(ctx context.Context, name, from, to string) ([]ChannelRevision, error) {
	source, target, err := c.promotion(ctx, name, from, to)
	if err != nil {
		return nil, err
	}
	releases, err := c.ListReleases(ctx, name)
	if err != nil {
		return nil, err
	}
	candidates := revisionsOn(releases, source)
	if len(candidates) == 0 {
		return nil, &notFoundError{text: fmt.Sprintf("channel %s of %q holds nothing to promote to %s", source, name, target)}
	}
	return candidates, nil
}

func (c *Client) promotion(ctx context.Context, name, from, to string) (source, target Channel, err error) {
	if source, err = ParseChannel(from); err != nil {
		return
	}
	if target, err = ParseChannel(to); err != nil {
		return
	}
	if source.Track == "" || target.Track == "" {
		track, err := c.defaultTrack(ctx, name)
		if err != nil {
			return source, target, err
		}
		source, target = source.On(track), target.On(track)
	}
	return source, target, CheckPromotion(source, target)
}

// ReleaseCandidates releases revisions, with their resources, to a channel, in
// the order given. A revision goes to all of its bases, so the order decides
// where two of them have a base in common: that of RevisionsOnChannel keeps on
// each base what the first channel had there.
func (c *Client) ReleaseCandidates(ctx context.Context, name, channel string, candidates []ChannelRevision) ([]ReleaseResult, error) {
	if _, err := ParseChannel(channel); err != nil {
		return nil, err
	}
	requests := make([]ReleaseRequest, len(candidates))
	for i, candidate := range candidates {
		requests[i] = ReleaseTo(channel, candidate.Revision)
		for _, r := range candidate.Resources {
			requests[i].Resources = append(requests[i].Resources, ResourceRelease{Name: r.Name, Revision: r.Revision})
		}
	}
	return c.Release(ctx, name, requests...)
}

// Promote releases what one channel holds to another, all or none: to the same
// or a safer risk, see CheckPromotion. Permissions package-view-releases and
// package-manage-releases. Errors as PromotionCandidates.
func (c *Client) Promote(ctx context.Context, name, from, to string) ([]ReleaseResult, error) {
	candidates, err := c.PromotionCandidates(ctx, name, from, to)
	if err != nil {
		return nil, err
	}
	return c.ReleaseCandidates(ctx, name, to, candidates)
}
