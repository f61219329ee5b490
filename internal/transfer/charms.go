package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

// CharmPusher brings charms, bundles and their resources into a store.
type CharmPusher struct {
	Catalog *catalog.Catalog
	Blobs   blob.Store
	Inspect inspect.Limits
	// CopyImage copies an image, a reference or a directory in OCI layout, into the
	// repository of a charm's resource, and returns the digest of its manifest.
	// Without it images cannot be pushed.
	CopyImage func(ctx context.Context, packageID, resource, source string) (digest string, err error)
	// Progress hears of every file as it is read; may be nil.
	Progress func(Progress)
}

// CharmOptions say what is to become of the charms pushed.
type CharmOptions struct {
	// Register makes packages of unknown names.
	Register bool
	// Channels to release every charm to.
	Channels  []store.Channel
	Resources []CharmResource
}

// CharmResource is a resource that comes with a push.
type CharmResource struct {
	Charm  string // empty where only one charm of the push declares it
	Name   string
	Source string // a file, or of an image what CopyImage takes
}

// Push reads files and brings them into the store, all of them or none: an image
// that was copied before something else is refused stays in its repository, where
// nothing names it.
func (p *CharmPusher) Push(ctx context.Context, who store.Principal, files []string, o CharmOptions) (catalog.CharmOutcome, error) {
	in := catalog.IncomingCharms{Channels: o.Channels, Register: o.Register}
	pushed := false
	defer func() {
		if !pushed { // else the push discards it
			discardCharms(in)
		}
	}()
	for _, file := range files {
		charm, err := p.charm(ctx, file)
		if err != nil {
			return catalog.CharmOutcome{}, err
		}
		in.Charms = append(in.Charms, charm)
	}
	made := make(map[string]bool) // names that were registered for an image
	for _, r := range o.Resources {
		res, err := p.resource(ctx, who, in, r, made)
		if err != nil {
			return catalog.CharmOutcome{}, err
		}
		in.Resources = append(in.Resources, res)
	}
	pushed = true
	out, err := p.Catalog.PushCharms(ctx, who, in)
	for i, c := range out.Pushed {
		if c.Resource == "" && made[c.Name] {
			out.Pushed[i].Registered = true
		}
	}
	return out, err
}

func discardCharms(in catalog.IncomingCharms) {
	for _, c := range in.Charms {
		c.Staged.Discard()
	}
	for _, r := range in.Resources {
		if r.Staged != nil {
			r.Staged.Discard()
		}
	}
}

// charm stages and inspects one file.
func (p *CharmPusher) charm(ctx context.Context, file string) (_ catalog.IncomingCharm, err error) {
	in := catalog.IncomingCharm{Source: file}
	if in.Staged, err = p.stage(ctx, file); err != nil {
		return in, err
	}
	defer func() {
		if err != nil {
			in.Staged.Discard()
		}
	}()
	size := in.Staged.Digests().Size
	in.Info, err = inspect.Charm(ctx, in.Staged, size, p.Inspect)
	var problems *inspect.ProblemsError
	switch {
	case err == nil:
	case ctx.Err() != nil:
		return in, context.Cause(ctx)
	case errors.As(err, &problems):
		return in, store.Invalidf("invalid-charm", "cannot push %s: %v", file, problems).Try("mend it and build it again")
	default:
		return in, store.Invalidf("invalid-charm", "cannot push %s: %v", file, err).
			Try("name charms and bundles as charmcraft packs them")
	}
	if in.Info.Name == "" {
		return in, store.Invalidf("missing-name", "cannot push %s: the bundle does not say its name", file).
			Try("give bundle.yaml a name at its top, and pack it again")
	}
	in.More, err = blob.MoreDigests(ctx, io.NewSectionReader(in.Staged, 0, size))
	return in, err
}

func (p *CharmPusher) stage(ctx context.Context, file string) (blob.Staged, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, store.NotFoundf("file-not-found", "cannot open %s", file).Because(errors.Unwrap(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", file, err)
	}
	if info.IsDir() {
		return nil, store.Invalidf("not-a-file", "cannot push %s: it is a directory", file).Try("name a file")
	}
	on := func(int64) {}
	if p.Progress != nil {
		on = func(n int64) { p.Progress(Progress{Unit: file, Read: n, Total: info.Size()}) }
		defer p.Progress(Progress{Unit: file, Total: info.Size(), Done: true})
	}
	staged, err := p.Blobs.Stage(ctx, &countingReader{r: f, on: on}, blob.PutOptions{})
	if errors.Is(err, blob.ErrNoSpace) {
		return nil, store.Unavailablef("no-space", "there is no room left for blobs").
			Try("free some disk space and push again").Because(err)
	}
	return staged, err
}

// resource finds the charm that a resource is for, and stages or copies it. It adds
// to made the name that it had to register.
func (p *CharmPusher) resource(ctx context.Context, who store.Principal, in catalog.IncomingCharms, r CharmResource, made map[string]bool) (catalog.IncomingResource, error) {
	info, declared, err := declaredIn(in, r)
	if err != nil {
		return catalog.IncomingResource{}, err
	}
	for _, had := range in.Resources {
		if had.Charm == info.Name && had.Name == r.Name {
			return catalog.IncomingResource{}, store.Invalidf("resource-twice", "cannot push %s: the resource %s of %s comes twice", r.Source, r.Name, info.Name).
				Try("leave one of them out")
		}
	}
	out := catalog.IncomingResource{Source: r.Source, Charm: info.Name, Name: r.Name}
	if declared.Type != store.ResourceImage {
		out.Staged, err = p.stage(ctx, r.Source)
		return out, err
	}
	if p.CopyImage == nil {
		return out, store.Invalidf("images-unsupported", "cannot push %s: the resource %s of %s is an OCI image, and images are not copied here",
			r.Source, r.Name, info.Name).Try("upload it with charmcraft upload-resource, and push the charm without it")
	}
	pkg, registered, err := p.Catalog.PrepareCharm(ctx, who, info.Name, info.Type, in.Register)
	if registered {
		made[info.Name] = true
	}
	if err == nil {
		out.Image, err = p.CopyImage(ctx, pkg.ID, r.Name, r.Source)
	}
	return out, err
}

// declaredIn finds which charm of a push declares a resource, and as what.
func declaredIn(in catalog.IncomingCharms, r CharmResource) (info *inspect.CharmInfo, declared inspect.DeclaredResource, err error) {
	var names []string
	for _, charm := range in.Charms {
		if r.Charm != "" && r.Charm != charm.Info.Name {
			continue
		}
		for _, d := range charm.Info.Resources {
			if d.Name != r.Name {
				continue
			}
			info, declared = charm.Info, d
			if !slices.Contains(names, info.Name) {
				names = append(names, info.Name)
			}
		}
	}
	switch {
	case len(names) == 0:
		return nil, declared, store.Invalidf("undeclared-resource", "cannot push %s: no charm of this push declares the resource %s", r.Source, r.Name).
			Try("name a resource that metadata.yaml declares, of a charm that is pushed with it")
	case len(names) > 1:
		return nil, declared, store.Invalidf("ambiguous-resource", "cannot push %s: several charms declare the resource %s: %s",
			r.Source, r.Name, strings.Join(names, ", ")).Try("say which one as CHARM/RESOURCE=FILE")
	}
	return info, declared, nil
}
