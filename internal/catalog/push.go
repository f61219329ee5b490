package catalog

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

// Incoming is what one push brings. It becomes visible as a whole or not at
// all.
type Incoming struct {
	// Assertions in any order. What they say about accounts and packages is
	// taken over.
	Assertions []*assertion.Assertion
	Snaps      []IncomingSnap
	Components []IncomingComponent
	// Releases point channels at revisions, those of Snaps or others.
	Releases []IncomingRelease
	// Register makes a package of a name nobody has, under this store's own
	// authority, for a snap that comes without assertions.
	Register bool
	// Listing fills what a package's listing lacks.
	Listing store.Listing
	// DefaultTrack is set where a package has none, if something is released to
	// it after the push.
	DefaultTrack string
}

// IncomingSnap is a staged snap. Push commits or discards what is staged.
type IncomingSnap struct {
	Source string // the file it came from, for messages
	Staged blob.Staged
	Info   *inspect.SnapInfo
	// Problems that inspection found; nil when there were none.
	Problems error
	// Architectures replace what snap.yaml leaves unsaid; nil believes the file.
	Architectures []string
	// Channels to release it to.
	Channels []store.Channel
	// ReleaseNew keeps Channels as they are when the revision is here already.
	ReleaseNew bool
}

// IncomingComponent is a staged component of a snap.
type IncomingComponent struct {
	Source string
	Staged blob.Staged
	Info   *inspect.ComponentInfo
	// Problems that inspection found; nil when there were none.
	Problems error
}

// IncomingRelease points a channel at a revision of a package.
type IncomingRelease struct {
	Name         string        `json:"name"` // of the package
	Channel      store.Channel `json:"channel"`
	Architecture string        `json:"architecture,omitempty"` // "" is every architecture of the revision
	Revision     int           `json:"revision"`
	// FirstOnly leaves the channels alone of a package that had any before.
	FirstOnly bool `json:"-"`
}

// Pushed says what became of one snap or component.
type Pushed struct {
	Source        string   `json:"source"`
	Name          string   `json:"name"`
	PackageID     string   `json:"package-id"`
	Component     string   `json:"component,omitempty"`
	Revision      int      `json:"revision"`
	Version       string   `json:"version"`
	Architectures []string `json:"architectures,omitempty"`
	Size          int64    `json:"size"` // bytes
	// New is false when the store had the revision before.
	New bool `json:"new"`
	// Registered is true when the push made the package.
	Registered bool `json:"registered,omitempty"`
	// Healed is true when the store had the revision, but had lost its bytes.
	Healed bool `json:"healed,omitempty"`
}

// Outcome says what a push changed.
type Outcome struct {
	Pushed     []Pushed        `json:"pushed"`
	Released   []store.Release `json:"released"`
	Assertions int             `json:"assertions"` // how many were new or newer
	// Skipped are lines of a channel map whose revisions are not here.
	Skipped []IncomingRelease `json:"skipped,omitempty"`
}

// Changed reports whether the push changed anything.
func (o Outcome) Changed() bool {
	return len(o.Released) > 0 || o.Assertions > 0 ||
		slices.ContainsFunc(o.Pushed, func(p Pushed) bool { return p.New || p.Registered || p.Healed })
}

// Push brings snaps, their assertions and releases into the store. It needs
// PermImport.
//
// A snap with a snap-revision assertion keeps the id and revision that it
// states. One without gets the next revision of its package and is signed,
// which takes an authority of this store's own that also declared the package.
// Pushing the same again changes nothing.
//
// Order: a transaction that is given up tries it all out, so that what is
// refused leaves no bytes behind. Then the blobs are made durable, and then one
// transaction writes everything else. A process that dies in between leaves
// blobs that no row names, which gc removes after its grace time.
func (c *Catalog) Push(ctx context.Context, who store.Principal, in Incoming) (Outcome, error) {
	defer in.discard()
	if err := who.Need(store.PermImport); err != nil {
		return Outcome{}, err
	}
	var trial Outcome
	if len(in.Snaps)+len(in.Components) > 0 {
		var err error
		if trial, err = c.enterAll(ctx, who, in, nil, errTrial); !errors.Is(err, errTrial) {
			return Outcome{}, err
		}
	}
	healed, err := c.lost(ctx, in, trial)
	if err != nil {
		return Outcome{}, err
	}
	icons, err := c.commitBlobs(ctx, in)
	if err != nil {
		return Outcome{}, err
	}
	out, err := c.enterAll(ctx, who, in, icons, nil)
	if err != nil {
		return Outcome{}, err
	}
	for i := range out.Pushed {
		out.Pushed[i].Healed = healed[i]
	}
	return out, nil
}

// lost tells which of the revisions that were here before the push have no
// sound bytes, by their index.
func (c *Catalog) lost(ctx context.Context, in Incoming, trial Outcome) (map[int]bool, error) {
	lost := make(map[int]bool)
	for i, p := range trial.Pushed {
		if p.New {
			continue
		}
		var staged blob.Staged
		if i < len(in.Snaps) {
			staged = in.Snaps[i].Staged
		} else {
			staged = in.Components[i-len(in.Snaps)].Staged
		}
		_, err := c.blobs.Stat(ctx, staged.Digests().SHA3_384)
		switch {
		case errors.Is(err, blob.ErrNotFound):
			lost[i] = true
		case err != nil:
			return nil, fmt.Errorf("cannot look for the bytes of %s: %w", p.Source, err)
		}
	}
	return lost, nil
}

// errTrial ends the transaction that only tries a push out.
var errTrial = errors.New("the push would succeed")

// enterAll is the transaction of a push. It ends with the error given, which
// undoes it unless it is nil.
func (c *Catalog) enterAll(ctx context.Context, who store.Principal, in Incoming, icons map[int]icon, end error) (Outcome, error) {
	var out Outcome
	_, err := c.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		p := push{
			c: c, tx: tx, who: who, in: in, icons: icons,
			names: map[string]*store.Package{}, fresh: map[string]bool{}, revs: map[string]*store.Revision{},
		}
		if err := p.run(); err != nil {
			return err
		}
		out = p.out
		return end
	})
	return out, err
}

func (in Incoming) discard() {
	for _, s := range in.Snaps {
		s.Staged.Discard()
	}
	for _, c := range in.Components {
		c.Staged.Discard()
	}
}

// commitBlobs makes every blob of the push durable and returns the icons of
// its snaps, by index.
func (c *Catalog) commitBlobs(ctx context.Context, in Incoming) (map[int]icon, error) {
	icons := make(map[int]icon)
	for i, s := range in.Snaps {
		if err := s.Staged.Commit(ctx); err != nil {
			return nil, fmt.Errorf("cannot store %s: %w", s.Source, noSpace(err))
		}
		if pic := s.Info.Icon; pic != nil {
			d, err := blob.Put(ctx, c.blobs, bytes.NewReader(pic.Data), blob.PutOptions{})
			if err != nil {
				return nil, fmt.Errorf("cannot store the icon of %s: %w", s.Source, noSpace(err))
			}
			icons[i] = icon{d, store.Medium{
				Kind: "icon", Blob: d.SHA3_384, Size: d.Size,
				ContentType: pic.MediaType, Width: pic.Width, Height: pic.Height,
			}}
		}
	}
	for _, comp := range in.Components {
		if err := comp.Staged.Commit(ctx); err != nil {
			return nil, fmt.Errorf("cannot store %s: %w", comp.Source, noSpace(err))
		}
	}
	return icons, nil
}

// icon is a snap's own picture, stored.
type icon struct {
	digests blob.Digests
	medium  store.Medium
}

// rowOf is what the database knows of a blob.
func rowOf(d blob.Digests) store.Blob {
	return store.Blob{Digest: d.SHA3_384, SHA256: hex.EncodeToString(d.SHA256[:]), Size: d.Size}
}

func noSpace(err error) error {
	if errors.Is(err, blob.ErrNoSpace) {
		return store.Unavailablef("no-space", "there is no room left for blobs").
			Try("free some disk space and push again").Because(err)
	}
	return err
}
