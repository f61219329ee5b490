package catalog

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Channels is what a package's channels hold at one moment, as its publishers
// read it: without overrides, which are an operator's.
type Channels struct {
	Package store.Package
	At      time.Time
	Map     *store.ChannelMap
	// Revisions are those that the map names, newest first.
	Revisions []PublishedRevision
}

// PublishedRevision is a revision, and whether a release ever named it.
type PublishedRevision struct {
	*store.Revision
	Released bool
	// Problems are why it was rejected; none where it was not.
	Problems []store.UploadProblem
}

// Revision returns one of the revisions, nil when it is not among them.
func (c *Channels) Revision(number int) *store.Revision {
	for _, r := range c.Revisions {
		if r.Number == number {
			return r.Revision
		}
	}
	return nil
}

// Channels tells what a package's channels hold. It needs PermSeeReleases.
func (c *Catalog) Channels(ctx context.Context, who store.Principal, ns store.Namespace, ref store.Ref) (Channels, error) {
	var out Channels
	if err := who.Need(store.PermSeeReleases); err != nil {
		return out, err
	}
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		out, err = channels(tx, who, ns, ref)
		if err != nil {
			return err
		}
		out.Revisions, err = published(tx, out.Package.ID, namedBy(out.Map))
		return err
	})
	return out, err
}

// channels is Channels without revisions.
func channels(tx *db.Tx, who store.Principal, ns store.Namespace, ref store.Ref) (out Channels, err error) {
	pkg, err := mineRef(tx, who, store.PermSeeReleases, ns, ref)
	if err != nil {
		return out, err
	}
	facts, err := tx.CurrentReleases(pkg.ID)
	if err != nil {
		return out, err
	}
	at := acknowledged(tx, facts)
	return Channels{Package: *pkg, At: at, Map: store.Fold(facts, at)}, nil
}

// namedBy lists the revisions that a channel map names.
func namedBy(m *store.ChannelMap) []int {
	var numbers []int
	for _, s := range m.Slots() {
		numbers = append(numbers, s.Release.Revision)
		if s.Plain != nil {
			numbers = append(numbers, s.Plain.Revision)
		}
	}
	slices.Sort(numbers)
	return slices.Compact(numbers)
}

// published reads revisions by number, newest first.
func published(tx *db.Tx, packageID string, numbers []int) ([]PublishedRevision, error) {
	if len(numbers) == 0 {
		return nil, nil
	}
	revs, err := tx.RevisionsNumbered(packageID, numbers)
	if err != nil {
		return nil, err
	}
	return withReleased(tx, packageID, revs)
}

// withReleased looks up which revisions a release ever named.
func withReleased(tx *db.Tx, packageID string, revs []*store.Revision) ([]PublishedRevision, error) {
	numbers := make([]int, len(revs))
	for i, r := range revs {
		numbers[i] = r.Number
	}
	ever, err := tx.ReleasedEver(packageID, numbers)
	if err != nil {
		return nil, err
	}
	list := make([]PublishedRevision, len(revs))
	for i, r := range revs {
		list[i] = PublishedRevision{Revision: r, Released: slices.Contains(ever, r.Number)}
	}
	return list, withProblems(tx, packageID, list)
}

// withProblems adds why those were rejected that were.
func withProblems(tx *db.Tx, packageID string, list []PublishedRevision) error {
	rejected := make(map[int]*PublishedRevision)
	for i := range list {
		if list[i].Status == store.StatusRejected {
			rejected[list[i].Number] = &list[i]
		}
	}
	if len(rejected) == 0 {
		return nil
	}
	numbers := slices.Sorted(maps.Keys(rejected))
	reviews, err := tx.Rejections(packageID, numbers[0], numbers[len(numbers)-1])
	for _, v := range reviews {
		if r := rejected[v.Revision]; r != nil {
			r.Problems = append(r.Problems, rejection(v))
		}
	}
	return err
}

// MaxHistory is how many releases one page of a history holds at most.
const MaxHistory = 500

// History is a page of a package's releases, and of its revisions.
type History struct {
	Channels
	Page, Pages, Size int
	Releases          []store.Release // newest first
	// Revisions (of Channels) are those of this page, also such as were never
	// released, and those that its releases name; newest first.
}

// History lists a package's releases and revisions by pages, numbered from 1,
// of up to MaxHistory each; a size below 1 is the largest. It reads only the
// page's own rows. It needs PermSeeReleases; a page after the last gives
// "page-not-found".
func (c *Catalog) History(ctx context.Context, who store.Principal, ns store.Namespace, ref store.Ref, page, size int) (History, error) {
	if size < 1 || size > MaxHistory {
		size = MaxHistory
	}
	h := History{Page: max(1, page), Size: size}
	if err := who.Need(store.PermSeeReleases); err != nil {
		return h, err
	}
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		if h.Channels, err = channels(tx, who, ns, ref); err != nil {
			return err
		}
		id := h.Package.ID
		releases, err := tx.CountReleases(id)
		if err != nil {
			return err
		}
		revisions, err := tx.CountRevisions(id)
		if err != nil {
			return err
		}
		if h.Pages = max(1, (max(releases, revisions)+size-1)/size); h.Page > h.Pages {
			return store.NotFoundf("page-not-found", "the history of %s has no page %d", h.Package.Name, h.Page).
				Try("ask for one of the pages before")
		}
		skip := (h.Page - 1) * size
		if h.Releases, err = tx.ReleasesPage(id, skip, size); err != nil {
			return err
		}
		revs, err := tx.RevisionsPage(id, skip, size)
		if err != nil {
			return err
		}
		if h.Revisions, err = withReleased(tx, id, revs); err != nil {
			return err
		}
		return h.nameRevisions(tx)
	})
	return h, err
}

// nameRevisions adds the revisions that the page's releases name.
func (h *History) nameRevisions(tx *db.Tx) error {
	have := make(map[int]bool, len(h.Revisions))
	for _, r := range h.Revisions {
		have[r.Number] = true
	}
	var missing []int
	for _, r := range h.Releases {
		if r.Revision != 0 && !have[r.Revision] {
			have[r.Revision] = true
			missing = append(missing, r.Revision)
		}
	}
	more, err := published(tx, h.Package.ID, missing)
	if err != nil {
		return err
	}
	h.Revisions = append(h.Revisions, more...)
	slices.SortFunc(h.Revisions, func(a, b PublishedRevision) int { return b.Number - a.Number })
	return nil
}

// RevisionOf reads one revision of a package. It needs PermSeeRevisions.
func (c *Catalog) RevisionOf(ctx context.Context, who store.Principal, ns store.Namespace, ref store.Ref, number int) (PublishedRevision, error) {
	var out PublishedRevision
	if err := who.Need(store.PermSeeRevisions); err != nil {
		return out, err
	}
	err := c.db.View(ctx, func(tx *db.Tx) error {
		pkg, err := mineRef(tx, who, store.PermSeeRevisions, ns, ref)
		if err != nil {
			return err
		}
		rev, err := revisionOf(tx, pkg, number)
		if err != nil {
			return err
		}
		list, err := withReleased(tx, pkg.ID, []*store.Revision{rev})
		if err == nil {
			out = list[0]
		}
		return err
	})
	return out, err
}
