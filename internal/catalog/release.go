package catalog

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Pointing says how a release is made.
type Pointing struct {
	Channel store.Channel
	// Architecture limits it to one; "" is every architecture of the revision.
	Architecture string
	// Percentage of devices, above 0 and up to 100; 0 is everyone, but for a track
	// that has releases reach devices by and by.
	Percentage float64
	// AtOnce is everyone whatever the track says.
	AtOnce bool
	// Paused keeps a release to a percentage from devices that do not have it.
	Paused bool
	// Expires is when the channel closes by itself; zero is never, but for a
	// branch store.BranchLife after now.
	Expires time.Time
	// Resources that go with it. Those of a snap, its components, take the place of
	// the newest of their name among those that belong to the revision, which they
	// must, too; revision 0 is that newest. Those of a charm are as store.CheckPins
	// has it, where revision 0 is none.
	Resources []store.ResourcePin
}

// Move is one step of a request: it points a channel at a revision, closes it,
// or takes back what is released to it progressively.
type Move struct {
	Pointing
	Revision int // 0 closes the channel
	// Cancel gives everyone what is beneath the phases of Revision, or over it.
	Cancel bool
}

// Moved is what came of moves.
type Moved struct {
	Package store.Package
	// Revision is the last that a move named; nil when all of them close.
	Revision *store.Revision
	Made     []store.Release // in the order of the moves
	Opened   []store.Channel // those that had been closed where they are open now
}

// maxMoves bounds one request.
const maxMoves = 200

// Move releases to channels and closes them, all of it or nothing. It needs
// PermRelease, on a token for all of these channels. What
// store.ReleaseProblem says stops everyone but the host's operator, who may open
// tracks by releasing to them, too.
//
// A move that changes nothing writes nothing.
func (c *Catalog) Move(ctx context.Context, who store.Principal, ns store.Namespace, ref store.Ref, moves []Move) (Moved, error) {
	var out Moved
	if len(moves) > maxMoves {
		return out, store.TooLargef("too-many-channels", "cannot move %d channels at once: at most %d go into one request", len(moves), maxMoves)
	}
	err := c.change(ctx, who, func(tx *db.Tx) error {
		out = Moved{}
		pkg, err := mineRef(tx, who, store.PermRelease, ns, ref)
		if err != nil {
			return err
		}
		revs, err := c.mayMove(tx, who, pkg, moves)
		if err != nil {
			return err
		}
		for _, m := range moves {
			made, opened, err := c.move(tx, who, pkg, revs[m.Revision], m)
			if err != nil {
				return err
			}
			if m.Revision != 0 {
				out.Revision = revs[m.Revision]
			}
			out.Made = append(out.Made, made...)
			if opened && !slices.Contains(out.Opened, m.Channel.Normal()) {
				out.Opened = append(out.Opened, m.Channel.Normal())
			}
		}
		out.Package = *pkg
		return nil
	})
	if err != nil {
		return Moved{}, err
	}
	return out, nil
}

// mayMove refuses moves before any is made, with everything that is wrong with
// them, and returns their revisions.
func (c *Catalog) mayMove(tx *db.Tx, who store.Principal, pkg *store.Package, moves []Move) (map[int]*store.Revision, error) {
	channels := make([]store.Channel, len(moves))
	for i, m := range moves {
		channels[i] = m.Channel.Normal()
	}
	if err := who.NeedChannels(channels...); err != nil {
		return nil, err
	}
	revs := make(map[int]*store.Revision)
	var problems []*store.Error
	for _, m := range moves {
		var err error
		if m.Revision == 0 {
			err = mayClose(who, pkg, m.Channel.Normal())
		} else {
			if revs[m.Revision] == nil {
				if revs[m.Revision], err = revisionOf(tx, pkg, m.Revision); err != nil {
					return nil, err
				}
			}
			err = mayRelease(who, pkg, revs[m.Revision], m.Channel.Normal())
		}
		var problem *store.Error
		switch {
		case errors.As(err, &problem):
			problems = append(problems, problem)
		case err != nil:
			return nil, err
		}
	}
	return revs, store.Together(problems)
}

// mayRelease asks the rules that publishers are under.
func mayRelease(who store.Principal, pkg *store.Package, rev *store.Revision, ch store.Channel) error {
	if who.Role == store.RoleOperator {
		return nil
	}
	t := trackOf(pkg, ch.Track)
	pattern := ""
	if t != nil {
		pattern = t.VersionPattern
	}
	return store.ReleaseProblem(rev, ch, t, pattern)
}

func mayClose(who store.Principal, pkg *store.Package, ch store.Channel) error {
	if who.Role == store.RoleOperator || ch.Track == store.LatestTrack || trackOf(pkg, ch.Track) != nil {
		return nil
	}
	return store.Invalidf("invalid-field", "cannot close %s: there is no track %s", ch, ch.Track)
}

// trackOf returns a package's track, nil when it has none of that name; latest
// has no properties and is none.
func trackOf(pkg *store.Package, name string) *store.Track {
	for i := range pkg.Tracks {
		if pkg.Tracks[i].Name == name {
			return &pkg.Tracks[i]
		}
	}
	return nil
}

// move makes one move, and reports whether it opened the channel.
func (c *Catalog) move(tx *db.Tx, who store.Principal, pkg *store.Package, rev *store.Revision, m Move) (made []store.Release, opened bool, err error) {
	if m.Revision != 0 && !m.Cancel {
		return c.point(tx, who, pkg, rev, m.Pointing)
	}
	ch := m.Channel.Normal()
	current, err := currentMap(tx, pkg, ch)
	if err != nil {
		return nil, false, err
	}
	if m.Cancel {
		made = store.CancelFacts(current, rev, ch, tx.Now(), who.Name)
	} else {
		var only []store.Platform
		if m.Architecture != "" {
			only = []store.Platform{{Architecture: m.Architecture}}
		}
		made = store.CloseFacts(current, pkg.ID, ch, tx.Now(), who.Name, only...)
	}
	return made, false, c.appendReleases(tx, pkg, made)
}

// currentMap is what a package's channels hold, or only those named, after
// everything that was acknowledged: also by a node whose clock is ahead.
func currentMap(tx *db.Tx, pkg *store.Package, channels ...store.Channel) (*store.ChannelMap, error) {
	facts, err := tx.CurrentReleases(pkg.ID, channels...)
	if err != nil {
		return nil, err
	}
	return store.Fold(facts, acknowledged(tx, facts)), nil
}

// acknowledged is now, or the moment of the last of the facts if that is later.
func acknowledged(tx *db.Tx, facts []store.Release) time.Time {
	at := tx.Now()
	for _, f := range facts {
		if f.At.After(at) {
			at = f.At
		}
	}
	return at
}

// Release points channels at a revision on its platforms, as Move does. Where
// a channel points there already nothing is written, and the answer leaves it
// out.
func (c *Catalog) Release(ctx context.Context, who store.Principal, ns store.Namespace, name string, revision int, to []Pointing) ([]store.Release, error) {
	moves := make([]Move, len(to))
	for i, p := range to {
		moves[i] = Move{Pointing: p, Revision: revision}
	}
	moved, err := c.Move(ctx, who, ns, store.Ref{Name: name}, moves)
	return moved.Made, err
}

// Close closes channels on one architecture, or on all when it is empty, as
// Move does.
func (c *Catalog) Close(ctx context.Context, who store.Principal, ns store.Namespace, name string, channels []store.Channel, arch string) ([]store.Release, error) {
	moves := make([]Move, len(channels))
	for i, ch := range channels {
		moves[i] = Move{Pointing: Pointing{Channel: ch, Architecture: arch}}
	}
	moved, err := c.Move(ctx, who, ns, store.Ref{Name: name}, moves)
	return moved.Made, err
}

// mine finds a package that who may do perm to.
func mine(tx *db.Tx, who store.Principal, perm store.Permission, ns store.Namespace, name string) (*store.Package, error) {
	return mineRef(tx, who, perm, ns, store.Ref{Name: name})
}

// mineRef is mine for a package by id or name. A name that nobody has may be an
// id, as some clients send either in the same place.
func mineRef(tx *db.Tx, who store.Principal, perm store.Permission, ns store.Namespace, ref store.Ref) (*store.Package, error) {
	if err := who.Need(perm); err != nil {
		return nil, err
	}
	pkg, err := packageOf(tx, ns, ref)
	if err == nil {
		err = who.NeedOn(perm, pkg)
	}
	if store.CodeOf(err) == "package-not-found" {
		// In the same words whether it is not there or private, and with no name but
		// the one that was asked for.
		if ref.ID != "" {
			return nil, store.NotFoundf("package-not-found", "no %s has the id %.100q", ns, ref.ID)
		}
		return nil, store.NotFoundf("package-not-found", "no %s is called %.100q", ns, ref.Name)
	}
	return pkg, err
}

// idLength is how long the ids of packages are.
const idLength = 32

func packageOf(tx *db.Tx, ns store.Namespace, ref store.Ref) (*store.Package, error) {
	id := ref.ID
	if id == "" {
		pkg, err := tx.PackageByName(ns, ref.Name)
		if store.KindOf(err) != store.KindNotFound || len(ref.Name) != idLength {
			return pkg, err
		}
		id = ref.Name
	}
	pkg, err := tx.Package(id)
	if err == nil && pkg.Namespace != ns {
		return nil, store.NotFoundf("package-not-found", "no %s has the id %q", ns, id)
	}
	return pkg, err
}

// revisionOf returns a package's revision; its error calls the package by name.
func revisionOf(tx *db.Tx, pkg *store.Package, number int) (*store.Revision, error) {
	rev, err := tx.Revision(pkg.ID, number)
	if store.KindOf(err) == store.KindNotFound {
		err = store.NotFoundf("revision-not-found", "%s has no revision %d", pkg.Name, number)
	}
	return rev, err
}

// point appends the facts that make a channel point at rev, leaving out those
// that hold already, and reports whether a slot of it was closed before. A
// branch is released to again to keep it open.
func (c *Catalog) point(tx *db.Tx, who store.Principal, pkg *store.Package, rev *store.Revision, p Pointing) (made []store.Release, opened bool, err error) {
	ch := p.Channel.Normal()
	if p.Architecture != "" {
		only := store.Platform{Architecture: p.Architecture}
		if !rev.RunsOn(only) {
			return nil, false, store.Invalidf("wrong-architecture", "cannot release revision %d of %s on %s: it was built for %s",
				rev.Number, pkg.Name, p.Architecture, strings.Join(architectures(rev.Platforms), ", ")).
				Try("leave the architecture out, or name one of those")
		}
		narrowed := *rev
		narrowed.Platforms = []store.Platform{only}
		rev = &narrowed
	}
	pins, err := c.releasePins(tx, pkg, rev, p.Resources)
	if err != nil {
		return nil, false, err
	}
	current, err := currentMap(tx, pkg, ch)
	if err != nil {
		return nil, false, err
	}
	opts := store.ReleaseOptions{
		At: tx.Now(), By: who.Name, Resources: pins, Percentage: p.Percentage, Paused: p.Paused, Expires: p.Expires,
	}
	if t := trackOf(pkg, ch.Track); t != nil && !p.AtOnce {
		opts.Automatic = t.Phasing
	}
	facts, err := store.ReleaseFacts(current, rev, ch, opts)
	if err != nil {
		return nil, false, err
	}
	for _, f := range facts {
		slot := current.Slot(ch, f.Platform)
		switch {
		case p.Architecture != "" && f.Platform.Architecture != p.Architecture:
			// "all" alone would also go to the architectures open by themselves
		case slot == nil:
			made, opened = append(made, f), true
		case !f.Says(slot.Release):
			made = append(made, f)
		}
	}
	if who.Role == store.RoleOperator {
		if err := c.ensureTrack(tx, pkg, ch.Track); err != nil {
			return nil, false, err
		}
	}
	if err := c.appendReleases(tx, pkg, made); err != nil {
		return nil, false, err
	}
	return made, opened, follow(tx, pkg, rev, made)
}

// appendReleases writes facts and what the change log says of them.
func (c *Catalog) appendReleases(tx *db.Tx, pkg *store.Package, facts []store.Release) error {
	if len(facts) == 0 {
		return nil
	}
	if _, err := tx.AppendReleases(facts); err != nil {
		return err
	}
	for _, f := range facts {
		details := map[string]any{"name": pkg.Name, "channel": f.Channel.String(), "architecture": f.Platform.Architecture}
		if f.Platform.BaseName != "" {
			details["base"] = f.Platform.BaseName + "@" + f.Platform.BaseChannel
		}
		if f.Revision != 0 {
			details["revision"] = f.Revision
		}
		if f.Percentage != 0 {
			details["percentage"] = f.Percentage
		}
		if f.Phasing != 0 {
			details["phasing"] = f.Phasing
		}
		if f.Paused {
			details["paused"] = true
		}
		tx.Record(store.Released, "package/"+pkg.ID, details)
	}
	return followRelease(tx, pkg, facts)
}

// ensureTrack makes a track that a release names for the first time. Whoever
// may release on the host may open tracks.
func (c *Catalog) ensureTrack(tx *db.Tx, pkg *store.Package, name string) error {
	if name == store.LatestTrack {
		return nil
	}
	t := store.Track{Name: name, CreatedAt: tx.Now()}
	added, err := tx.AddTrack(pkg.ID, t)
	if err != nil || !added {
		return err
	}
	pkg.Tracks = append(pkg.Tracks, t)
	tx.Record(store.PackageUpdated, "package/"+pkg.ID, map[string]any{"name": pkg.Name, "track": name})
	return nil
}

// change runs a use case's transaction. The caches notice it by the change log.
func (c *Catalog) change(ctx context.Context, who store.Principal, f func(*db.Tx) error) error {
	_, err := c.db.Update(ctx, who.Name, f)
	return err
}
