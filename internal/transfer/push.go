package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

// Pusher brings files into a store.
type Pusher struct {
	Catalog *catalog.Catalog
	Blobs   blob.Store
	Limits  Limits // of archives
	Inspect inspect.Limits
	// Parallel is how many units are read at once; default the number of CPUs.
	Parallel int
	// Progress hears of every unit as it is read; may be nil. It is called from
	// several goroutines.
	Progress func(Progress)
}

// Progress is how far one unit has been read.
type Progress struct {
	Unit  string
	Read  int64 // bytes since the last call
	Total int64 // bytes of the unit's files
	Done  bool
}

// PushOptions say what is to become of the snaps pushed.
type PushOptions struct {
	// Register makes packages of unknown names, for snaps without assertions.
	Register bool
	// Channels to release every snap to.
	Channels []store.Channel
	// ReleaseNew leaves the channels alone of revisions that are here already.
	ReleaseNew bool
	// ChannelMap applies an archive's channel map also to packages that have
	// releases here already.
	ChannelMap bool
	// Architectures of snaps whose snap.yaml names none.
	Architectures []string
}

// Result is what became of one unit: an archive, or a snap with its assertions.
type Result struct {
	Unit string `json:"unit"`
	catalog.Outcome
	Err error `json:"-"`
}

// Push reads files and brings them into the store: archives of the export
// tools, snaps with or without the .assert file that lies beside them, and
// lone assertion files. Each unit becomes visible as a whole or not at all; a
// unit that fails does not stop the others. The error joins all failures.
func (p *Pusher) Push(ctx context.Context, who store.Principal, files []string, o PushOptions) ([]Result, error) {
	for _, arch := range o.Architectures {
		if !inspect.ValidArchitecture(arch) {
			return nil, store.Invalidf("invalid-architecture", "%.40q is no architecture of snaps", arch).
				Try("use Debian's names, such as amd64, arm64, armhf or riscv64")
		}
	}
	units, err := group(files)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(units))
	limit := p.Parallel
	if limit <= 0 {
		limit = runtime.NumCPU()
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, limit)
	for i, u := range units {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			out, err := p.unit(ctx, who, u, o)
			results[i] = Result{Unit: u.name, Outcome: out, Err: err}
		})
	}
	wg.Wait()
	var failures []error
	for _, r := range results {
		if r.Err != nil {
			failures = append(failures, r.Err)
		}
	}
	if len(failures) == 1 {
		return results, failures[0]
	}
	return results, errors.Join(failures...)
}

func (p *Pusher) unit(ctx context.Context, who store.Principal, u unit, o PushOptions) (catalog.Outcome, error) {
	r := reader{blobs: p.Blobs, limits: p.Limits.withDefaults()}
	defer r.bundle.discard()
	if p.Progress != nil {
		r.onRead = func(n int64) { p.Progress(Progress{Unit: u.name, Read: n, Total: u.size}) }
		defer p.Progress(Progress{Unit: u.name, Total: u.size, Done: true})
	}
	archived := false
	for _, file := range u.files {
		isArchive, err := r.file(ctx, file)
		if err != nil {
			return catalog.Outcome{}, err
		}
		archived = archived || isArchive
	}
	in, err := p.incoming(ctx, &r.bundle, u, o, archived)
	if err != nil {
		return catalog.Outcome{}, err
	}
	return p.Catalog.Push(ctx, who, in)
}

// file takes in one file given by name; an archive is told by its content.
func (r *reader) file(ctx context.Context, name string) (isArchive bool, err error) {
	f, err := os.Open(name)
	if err != nil {
		return false, store.NotFoundf("file-not-found", "cannot open %s", name).Because(errors.Unwrap(err))
	}
	defer f.Close()
	var head [512]byte
	n, err := io.ReadFull(f, head[:])
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, fmt.Errorf("cannot read %s: %w", name, err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return false, fmt.Errorf("cannot read %s: %w", name, err)
	}
	if bytes.HasPrefix(head[:n], gzipMagic) || isTar(head[:n]) {
		return true, r.archive(ctx, name, f)
	}
	before := len(r.bundle.images) + len(r.bundle.assertions)
	if err := r.member(ctx, name, &countingReader{r: f, on: r.onRead}); err != nil {
		return false, err
	}
	if len(r.bundle.images)+len(r.bundle.assertions) == before {
		return false, store.Invalidf("unknown-file", "cannot push %s: it is no snap, no assertion file and no archive of them", name).
			Try("name .snap, .comp and .assert files, or archives that hold them")
	}
	return false, nil
}

func isTar(head []byte) bool { return len(head) >= 262 && string(head[257:262]) == "ustar" }

// incoming inspects what a unit brought.
func (p *Pusher) incoming(ctx context.Context, b *bundle, u unit, o PushOptions, archived bool) (catalog.Incoming, error) {
	in := catalog.Incoming{Assertions: b.assertions, Register: o.Register}
	if len(b.images) == 0 && len(b.assertions) == 0 {
		return in, store.Invalidf("empty-archive", "cannot push %s: it holds neither a snap nor an assertion", u.name).
			Try("make it again with the export tool")
	}
	var names []string
	for _, img := range b.images {
		size := img.staged.Digests().Size
		switch kind, err := inspect.Sniff(ctx, img.staged, size, p.Inspect); {
		case err != nil:
			return in, unreadable(img.name, err)
		case kind == inspect.KindComponent:
			info, err := inspect.Component(ctx, img.staged, size, p.Inspect)
			var problems *inspect.ProblemsError
			if err != nil && !errors.As(err, &problems) {
				return in, unreadable(img.name, err)
			}
			in.Components = append(in.Components, catalog.IncomingComponent{Source: img.name, Staged: img.staged, Info: info, Problems: err})
		default:
			info, err := inspect.Snap(ctx, img.staged, size, p.Inspect)
			var problems *inspect.ProblemsError
			if err != nil && !errors.As(err, &problems) {
				return in, unreadable(img.name, err)
			}
			if !slices.Contains(names, info.Name) {
				names = append(names, info.Name)
			}
			in.Snaps = append(in.Snaps, catalog.IncomingSnap{
				Source: img.name, Staged: img.staged, Info: info, Problems: err,
				Architectures: undeclared(info, o.Architectures), Channels: o.Channels, ReleaseNew: o.ReleaseNew,
			})
		}
	}
	if archived && len(names) > 0 {
		return in, b.facts.into(&in, names, o)
	}
	return in, nil
}

// into adds what the documents of an archive say about the snaps in it.
func (f facts) into(in *catalog.Incoming, names []string, o PushOptions) error {
	lines, err := f.lines(names)
	if err != nil {
		return err
	}
	if len(names) == 1 {
		in.Listing, in.DefaultTrack = f.listing, f.defaultTrack
	}
	for _, l := range lines {
		in.Releases = append(in.Releases, catalog.IncomingRelease{
			Name: l.name, Channel: l.channel, Architecture: l.architecture, Revision: l.revision, FirstOnly: !o.ChannelMap,
		})
	}
	return nil
}

// undeclared is what --arch says, for a snap that does not say itself.
func undeclared(info *inspect.SnapInfo, archs []string) []string {
	if len(info.Architectures) == 1 && info.Architectures[0] == store.AnyArchitecture {
		return archs
	}
	return nil
}

func unreadable(name string, err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("cannot read %s: %w", name, err)
	}
	return store.Invalidf("invalid-snap", "cannot read %s: %v", name, err).Try("copy or build it again")
}
