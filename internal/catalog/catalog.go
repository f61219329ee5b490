package catalog

import (
	"context"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/partial"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Catalog is the use cases on packages. Its methods may be called from many
// goroutines.
type Catalog struct {
	db         *db.DB
	blobs      blob.Store
	authority  *authority.Authority
	log        *slog.Logger
	now        func() time.Time
	hear       func(store.Change)
	setting    func(context.Context, string) (string, error)
	applyDelta func(context.Context, *store.Revision, io.Reader, int64, func(io.Reader) error) error // nil when deltas are not applied

	cache    *cache
	fresh    freshness
	views    viewCache
	papers   papers
	walking  chan struct{} // holds one for each step of a walk that runs, see walk
	incoming incoming

	imagesPushed atomic.Int64
	// documents are those of images, see ImageDocument.
	documents documents
}

// Options are what a Catalog needs. DB, Blobs and Authority are required.
type Options struct {
	DB        *db.DB
	Blobs     blob.Store
	Authority *authority.Authority
	Log       *slog.Logger     // default: discards
	Now       func() time.Time // default: time.Now
	// CacheBytes bounds the read snapshots. Default 64 MiB.
	CacheBytes int64
	// Above are sources laid over the local database, strongest first.
	Above []Source
	// Below are sources asked for what the local database does not own.
	Below []Source
	// Hear is told of every change, of any process, as the caches catch up with
	// it; the zero Change stands for more than could be told one by one. It must
	// be quick. Default: nobody listens.
	Hear func(store.Change)
	// Setting returns an operator's setting by its name, "" where the default
	// counts. Default: nothing is set.
	Setting func(ctx context.Context, name string) (string, error)
	// Partial keeps uploads that arrive in pieces. Without it they come whole.
	Partial *partial.Dir
	// ApplyDelta gives into what a delta makes of a revision's bytes, at most so
	// many; see delta.Maker. Without it snaps come whole.
	ApplyDelta func(ctx context.Context, source *store.Revision, delta io.Reader, most int64, into func(io.Reader) error) error
}

// New returns a catalog over a database and its blobs.
func New(o Options) *Catalog {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Hear == nil {
		o.Hear = func(store.Change) {}
	}
	if o.Setting == nil {
		o.Setting = func(context.Context, string) (string, error) { return "", nil }
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = 64 << 20
	}
	layers := append(append(Layers(o.Above), local{o.DB}), o.Below...)
	c := &Catalog{
		db: o.DB, blobs: o.Blobs, authority: o.Authority, log: o.Log, now: o.Now, hear: o.Hear,
		setting: o.Setting, applyDelta: o.ApplyDelta, incoming: newIncoming(o.Partial),
		cache:   newCache(layers, o.CacheBytes),
		walking: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
	c.fresh.seen.Store(-1)
	return c
}

// Stats are the figures of this process: of the read snapshots, and of images.
type Stats struct {
	Packages                int
	Bytes                   int64
	Hits, Misses, Evictions int64

	ImagesPushed int64 // manifests, the same ones again counted
}

// Stats reads the figures of this process.
func (c *Catalog) Stats() Stats {
	c.cache.mu.RLock()
	n := len(c.cache.ring)
	c.cache.mu.RUnlock()
	return Stats{
		Packages: n, Bytes: c.cache.bytes.Load(),
		Hits: c.cache.hits.Load(), Misses: c.cache.misses.Load(), Evictions: c.cache.evictions.Load(),
		ImagesPushed: c.imagesPushed.Load(),
	}
}

// freshness remembers how far the caches follow the change log.
type freshness struct {
	seen atomic.Int64 // newest change the caches have seen, -1 before the first look
	mu   sync.Mutex   // held while the caches catch up
}

// maxReplay is how many changes are worth looking at one by one; after more
// the caches start empty.
const maxReplay = 2000

// catchUp brings the caches up to the change log. Every read begins with it;
// db.Fresh says how far that may lag behind other processes.
func (c *Catalog) catchUp(ctx context.Context) error {
	seq, err := c.db.Fresh(ctx)
	if err != nil || seq == c.fresh.seen.Load() {
		return err
	}
	c.fresh.mu.Lock()
	defer c.fresh.mu.Unlock()
	seen := c.fresh.seen.Load()
	switch {
	case seq <= seen:
		return nil // another has looked later, and caught up further
	case seen < 0:
		// Nothing is cached yet.
	default:
		changes, err := c.db.Changes(ctx, seen, maxReplay)
		if err != nil {
			return err
		}
		if len(changes) == maxReplay {
			c.cache.invalidate(nil)
			c.views.forget()
			c.papers.forget()
			c.hear(store.Change{})
		} else {
			for _, ch := range changes {
				c.apply(ch)
			}
		}
	}
	c.fresh.seen.Store(seq)
	return nil
}

// apply drops what a change has made stale. Subjects are "<thing>/<id>".
func (c *Catalog) apply(ch store.Change) {
	c.hear(ch)
	thing, id, _ := strings.Cut(ch.Subject, "/")
	switch thing {
	case "package":
		c.cache.forget(id)
	case "account":
		c.cache.invalidate(func(p *store.Package) bool { return p.PublisherID == id })
	case "category", "token-key": // pull credentials, which snapshots keep, are made with a key
		c.cache.invalidate(nil)
	case "store":
		c.views.forget()
	case "assertion", "trust":
		c.papers.forget()
	}
}
