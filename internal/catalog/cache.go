package catalog

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/larder-store/larder/internal/store"
)

// cache keeps snapshots in memory, bounded by bytes. A snapshot leaves when
// the change log names its package, or when it was not used lately and the
// room is needed (second chance: a hand sweeps the ring, and what was read
// since the last sweep stays).
type cache struct {
	source   Source
	maxBytes int64

	bytes atomic.Int64 // what the entries take, memos included
	hits, misses,
	evictions atomic.Int64

	mu      sync.RWMutex
	byID    map[cacheKey]*entry // owned by mu, as all below
	byName  map[cacheKey]*entry
	ring    []*entry
	hand    int
	loading map[cacheKey]*load
	// epoch counts invalidations. A load that began before one may carry what
	// the invalidation was about: those who waited by then are answered from it,
	// but it is not kept, and who comes later does not wait for it.
	epoch uint64
}

type cacheKey struct {
	ns  store.Namespace
	key string // an id or a name
}

type entry struct {
	snap *Snapshot
	ns   store.Namespace
	used atomic.Bool
	slot int // index in ring
	memo atomic.Int64
}

// load is one fetch of one package that others may wait for.
type load struct {
	done  chan struct{}
	epoch uint64 // of the cache when it began
	snap  *Snapshot
	err   error
}

func newCache(source Source, maxBytes int64) *cache {
	return &cache{
		source: source, maxBytes: maxBytes,
		byID: make(map[cacheKey]*entry), byName: make(map[cacheKey]*entry),
		loading: make(map[cacheKey]*load),
	}
}

// fetch is one of the ways to get snapshots from the cache: get or pass.
type fetch func(context.Context, store.Namespace, []store.Ref) ([]*Snapshot, error)

// get returns the snapshot of each ref, nil for unknown packages. Whatever is
// not cached is fetched in one call to the source.
func (c *cache) get(ctx context.Context, ns store.Namespace, refs []store.Ref) ([]*Snapshot, error) {
	out, missing := c.cached(ns, refs)
	if len(missing) == 0 {
		return out, nil
	}
	return out, c.fill(ctx, ns, refs, missing, out)
}

// pass is get for whoever walks through the whole catalog: what it fetches is
// not kept, so that it does not push out what devices use.
func (c *cache) pass(ctx context.Context, ns store.Namespace, refs []store.Ref) ([]*Snapshot, error) {
	out, missing := c.cached(ns, refs)
	if len(missing) == 0 {
		return out, nil
	}
	ask := make([]store.Ref, len(missing))
	for n, i := range missing {
		ask[n] = refs[i]
	}
	facts, err := c.source.Facts(ctx, ns, ask)
	if err != nil {
		return nil, err
	}
	for n, i := range missing {
		if facts[n] != nil {
			out[i] = newSnapshot(facts[n])
		}
	}
	return out, nil
}

// cached returns what is in memory, and the indices of what is not.
func (c *cache) cached(ns store.Namespace, refs []store.Ref) ([]*Snapshot, []int) {
	out := make([]*Snapshot, len(refs))
	var missing []int
	c.mu.RLock()
	for i, ref := range refs {
		if e := c.lookup(ns, ref); e != nil {
			if !e.used.Load() {
				e.used.Store(true)
			}
			out[i] = e.snap
		} else {
			missing = append(missing, i)
		}
	}
	c.mu.RUnlock()
	c.hits.Add(int64(len(refs) - len(missing)))
	c.misses.Add(int64(len(missing)))
	return out, missing
}

func (c *cache) lookup(ns store.Namespace, ref store.Ref) *entry {
	if ref.ID != "" {
		return c.byID[cacheKey{ns, ref.ID}]
	}
	return c.byName[cacheKey{ns, ref.Name}]
}

// fill loads the missing refs: those nobody is loading in one call, then waits
// for those that others load.
func (c *cache) fill(ctx context.Context, ns store.Namespace, refs []store.Ref, missing []int, out []*Snapshot) error {
	var mine []int
	waits := make(map[int]*load)
	c.mu.Lock()
	for _, i := range missing {
		if e := c.lookup(ns, refs[i]); e != nil {
			out[i] = e.snap
			continue
		}
		key := loadKey(ns, refs[i])
		if l := c.loading[key]; l != nil && l.epoch == c.epoch {
			waits[i] = l
			continue
		}
		l := &load{done: make(chan struct{}), epoch: c.epoch}
		c.loading[key] = l
		waits[i] = l
		mine = append(mine, i)
	}
	c.mu.Unlock()

	if len(mine) > 0 {
		ask := make([]store.Ref, len(mine))
		loads := make([]*load, len(mine))
		for n, i := range mine {
			ask[n], loads[n] = refs[i], waits[i]
		}
		go c.load(context.WithoutCancel(ctx), ns, ask, loads)
	}
	for i, l := range waits {
		select {
		case <-l.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if l.err != nil {
			return l.err
		}
		out[i] = l.snap
	}
	return nil
}

func loadKey(ns store.Namespace, ref store.Ref) cacheKey {
	return cacheKey{ns, ref.ID + "\x00" + ref.Name}
}

// load asks the source for refs, keeps what it may, and wakes those who wait.
// It runs on its own, since the caller may give up while others wait.
func (c *cache) load(ctx context.Context, ns store.Namespace, refs []store.Ref, loads []*load) {
	facts, err := c.source.Facts(ctx, ns, refs)
	snaps := make([]*Snapshot, len(refs))
	for i := range facts {
		if facts[i] != nil {
			snaps[i] = newSnapshot(facts[i])
		}
	}

	c.mu.Lock()
	defer c.mu.Unlock()
	for i, l := range loads {
		if l.err, l.snap = err, snaps[i]; l.snap != nil && c.epoch == l.epoch {
			l.snap = c.keep(ns, l.snap)
		}
		if key := loadKey(ns, refs[i]); c.loading[key] == l {
			delete(c.loading, key)
		}
		close(l.done)
	}
}

// keep files a snapshot and makes room for it. It returns the snapshot that is
// cached now, which is an earlier one when two loads raced. mu is held.
func (c *cache) keep(ns store.Namespace, s *Snapshot) *Snapshot {
	id := cacheKey{ns, s.Package().ID}
	if e := c.byID[id]; e != nil {
		return e.snap
	}
	e := &entry{snap: s, ns: ns, slot: len(c.ring)}
	s.grown = func(n int64) (full bool) {
		e.memo.Add(n)
		return c.bytes.Add(n) > c.maxBytes
	}
	s.shrink = c.shrink
	c.byID[id] = e
	c.byName[cacheKey{ns, s.Package().Name}] = e
	c.ring = append(c.ring, e)
	c.bytes.Add(s.size)
	c.makeRoom(e)
	return s
}

// makeRoom drops entries other than the one given until the rest fits. mu is
// held.
func (c *cache) makeRoom(but *entry) {
	for c.bytes.Load() > c.maxBytes && len(c.ring) > 1 {
		if c.hand >= len(c.ring) {
			c.hand = 0
		}
		victim := c.ring[c.hand]
		if victim == but || victim.used.Swap(false) {
			c.hand++
			continue
		}
		c.drop(victim)
		c.evictions.Add(1)
	}
}

// shrink makes room after memos have grown.
func (c *cache) shrink() {
	c.mu.Lock()
	c.makeRoom(nil)
	c.mu.Unlock()
}

// drop forgets an entry. mu is held.
func (c *cache) drop(e *entry) {
	p := e.snap.Package()
	delete(c.byID, cacheKey{e.ns, p.ID})
	delete(c.byName, cacheKey{e.ns, p.Name})
	last := len(c.ring) - 1
	c.ring[e.slot] = c.ring[last]
	c.ring[e.slot].slot = e.slot
	c.ring[last] = nil
	c.ring = c.ring[:last]
	e.snap.mu.Lock()
	e.snap.grown = nil // a reader that still holds the snapshot may add memos; they no longer count
	e.snap.mu.Unlock()
	c.bytes.Add(-e.snap.size - e.memo.Load())
}

// invalidate forgets the packages that match. A nil match forgets all.
func (c *cache) invalidate(match func(*store.Package) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	for i := len(c.ring) - 1; i >= 0; i-- {
		if e := c.ring[i]; match == nil || match(e.snap.Package()) {
			c.drop(e)
		}
	}
}

// forget drops one package by id.
func (c *cache) forget(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.epoch++
	for _, ns := range []store.Namespace{store.Snap, store.Charm} {
		if e := c.byID[cacheKey{ns, id}]; e != nil {
			c.drop(e)
		}
	}
}
