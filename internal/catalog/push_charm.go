package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

// IncomingCharms is what one push of charms and bundles brings. It becomes visible
// as a whole or not at all.
type IncomingCharms struct {
	Charms    []IncomingCharm
	Resources []IncomingResource // of Charms
	// Channels to release every charm to, with the resources of this push or else
	// the newest here.
	Channels []store.Channel
	// Register makes a package of a name nobody has, which the account of the
	// store's own root publishes.
	Register bool
}

// IncomingCharm is a staged charm or bundle. PushCharms commits or discards what
// is staged.
type IncomingCharm struct {
	Source string // the file it came from, for messages
	Staged blob.Staged
	More   blob.Further
	Info   *inspect.CharmInfo
}

// IncomingResource is what is to be a revision of a charm's resource.
type IncomingResource struct {
	Source string
	Charm  string // its name
	Name   string
	// Staged is a file; nil for an image.
	Staged blob.Staged
	// Image is the digest of an image that is in the resource's repository already.
	Image string
}

// PushedCharm says what became of one charm, bundle or resource.
type PushedCharm struct {
	Source    string           `json:"source"`
	Name      string           `json:"name"`
	PackageID string           `json:"package-id"`
	Resource  string           `json:"resource,omitempty"`
	Revision  int              `json:"revision"`
	Version   string           `json:"version,omitempty"`
	Platforms []store.Platform `json:"platforms,omitempty"`
	Size      int64            `json:"size"` // bytes
	// New, Registered and Healed are as in Pushed.
	New        bool `json:"new"`
	Registered bool `json:"registered,omitempty"`
	Healed     bool `json:"healed,omitempty"`

	blob store.Digest
}

// CharmOutcome says what a push of charms changed.
type CharmOutcome struct {
	Pushed   []PushedCharm   `json:"pushed"`
	Released []store.Release `json:"released"`
}

// Changed reports whether the push changed anything.
func (o CharmOutcome) Changed() bool {
	return len(o.Released) > 0 || slices.ContainsFunc(o.Pushed, func(p PushedCharm) bool { return p.New || p.Registered || p.Healed })
}

// PushCharms brings charms, bundles and their resources into the store, and
// releases them. It needs PermImport.
//
// Bytes that are a revision already keep it, so that pushing the same again
// changes nothing. What the host pushes is not reviewed.
//
// Order: as that of Push.
func (c *Catalog) PushCharms(ctx context.Context, who store.Principal, in IncomingCharms) (CharmOutcome, error) {
	defer in.discard()
	if err := who.Need(store.PermImport); err != nil {
		return CharmOutcome{}, err
	}
	resources := make([]*seenResource, len(in.Resources))
	for i, r := range in.Resources {
		var err error
		if resources[i], err = c.seeIncoming(ctx, r); err != nil {
			return CharmOutcome{}, err
		}
	}
	trial, err := c.enterCharms(ctx, who, in, resources, nil, errTrial)
	if !errors.Is(err, errTrial) {
		return CharmOutcome{}, err
	}
	healed, err := c.lostOf(ctx, trial)
	if err != nil {
		return CharmOutcome{}, err
	}
	icons, err := c.commitCharms(ctx, in)
	if err != nil {
		return CharmOutcome{}, err
	}
	out, err := c.enterCharms(ctx, who, in, resources, icons, nil)
	if err != nil {
		return CharmOutcome{}, err
	}
	for i := range out.Pushed {
		out.Pushed[i].Healed = healed[i]
	}
	return out, nil
}

func (in IncomingCharms) discard() {
	for _, charm := range in.Charms {
		charm.Staged.Discard()
	}
	for _, r := range in.Resources {
		if r.Staged != nil {
			r.Staged.Discard()
		}
	}
}

// seeIncoming looks into a resource before any of the push is written.
func (c *Catalog) seeIncoming(ctx context.Context, r IncomingResource) (*seenResource, error) {
	if r.Image == "" {
		d := r.Staged.Digests()
		s, err := c.seeResource(ctx, nil, store.UploadResource{Name: r.Name, Type: store.ResourceFile}, io.NewSectionReader(r.Staged, 0, d.Size))
		if err == nil {
			s.row = rowOf(d)
		}
		return s, err
	}
	var pkg *store.Package
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		pkg, err = tx.PackageByName(store.Charm, r.Charm)
		return err
	})
	if err != nil {
		return nil, err
	}
	repository, err := store.ImageRepository(pkg.ID, r.Name)
	if err != nil {
		return nil, err
	}
	document := store.BuildImageDocument("", repository, r.Image, "", "")
	return c.seeResource(ctx, pkg, store.UploadResource{Name: r.Name, Type: store.ResourceImage}, bytes.NewReader(document))
}

// lostOf tells which of what was here before the push has no sound bytes, by
// their index.
func (c *Catalog) lostOf(ctx context.Context, trial CharmOutcome) (map[int]bool, error) {
	lost := make(map[int]bool)
	for i, p := range trial.Pushed {
		if p.New {
			continue
		}
		_, err := c.blobs.Stat(ctx, p.blob)
		switch {
		case errors.Is(err, blob.ErrNotFound):
			lost[i] = true
		case err != nil:
			return nil, fmt.Errorf("cannot look for the bytes of %s: %w", p.Source, err)
		}
	}
	return lost, nil
}

// commitCharms makes every blob of the push durable, and returns the icons of its
// charms by index.
func (c *Catalog) commitCharms(ctx context.Context, in IncomingCharms) (map[int]*icon, error) {
	icons := make(map[int]*icon)
	for i, charm := range in.Charms {
		if err := charm.Staged.Commit(ctx); err != nil {
			return nil, fmt.Errorf("cannot store %s: %w", charm.Source, noSpace(err))
		}
		pic, err := c.storeIcon(ctx, charm.Info.Icon)
		if err != nil {
			return nil, fmt.Errorf("cannot store the icon of %s: %w", charm.Source, err)
		}
		icons[i] = pic
	}
	for _, r := range in.Resources {
		if r.Staged == nil {
			continue
		}
		if err := r.Staged.Commit(ctx); err != nil {
			return nil, fmt.Errorf("cannot store %s: %w", r.Source, noSpace(err))
		}
	}
	return icons, nil
}

// PrepareCharm finds the package that a charm is going to be pushed to, and makes
// it where Register would: an image is copied into its repository before the push.
// Registered reports whether it made it. It needs PermImport.
func (c *Catalog) PrepareCharm(ctx context.Context, who store.Principal, name, typ string, register bool) (pkg *store.Package, registered bool, err error) {
	if err := who.Need(store.PermImport); err != nil {
		return nil, false, err
	}
	err = c.change(ctx, who, func(tx *db.Tx) (err error) {
		p := charmPush{push: push{c: c, tx: tx, who: who}, in: IncomingCharms{Register: register}}
		pkg, registered, err = p.packageOf(name, typ)
		return err
	})
	return pkg, registered, err
}
