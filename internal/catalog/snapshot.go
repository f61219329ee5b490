package catalog

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// Snapshot is one package as device traffic sees it: facts parsed once, the
// channel map folded once, and whatever a dialect prepared from them. It is
// immutable but for its memos; a change of the package makes a new Snapshot.
type Snapshot struct {
	Facts *store.Facts

	current atomic.Pointer[foldAt] // the fold of the present, replaced when a branch or override expires

	size int64 // bytes the facts are estimated to take; set once

	mu    sync.RWMutex
	memos map[string][]byte // owned by mu
	// grown tells the cache that memos take more bytes, and whether that is
	// too much; nil while the snapshot is not cached; owned by mu.
	grown func(int64) (full bool)
	// shrink makes room in the cache; set before the snapshot is shared. It
	// must not be called with mu held.
	shrink func()
}

type foldAt struct {
	channels *store.ChannelMap
	from     time.Time
	until    time.Time // zero is for ever
}

// maxMemos bounds what a client that varies its question can make a snapshot
// keep. snapd asks in three or four ways.
const maxMemos = 64

// memoOverhead is about what a map entry takes besides its texts, bytes.
const memoOverhead = 64

func newSnapshot(f *store.Facts) *Snapshot {
	return &Snapshot{Facts: f, size: sizeOf(f)}
}

// Package is the package's own row.
func (s *Snapshot) Package() *store.Package { return &s.Facts.Package }

// Channels returns the channel map as of at. The present costs nothing; a past
// moment, as a cohort asks for, is folded anew.
func (s *Snapshot) Channels(at time.Time, present bool) *store.ChannelMap {
	if !present {
		return store.Fold(s.Facts.Releases, at)
	}
	if f := s.current.Load(); f != nil && !at.Before(f.from) && (f.until.IsZero() || at.Before(f.until)) {
		return f.channels
	}
	m := store.Fold(s.Facts.Releases, at)
	s.current.Store(&foldAt{channels: m, from: at, until: m.ValidUntil()})
	return m
}

// Memo returns the bytes that build makes for key. While there is room it keeps
// them as long as the snapshot lives, and everyone gets the same. Callers must
// not change them. The key must name everything the bytes depend on besides the
// snapshot.
func (s *Snapshot) Memo(key string, build func() ([]byte, error)) ([]byte, error) {
	s.mu.RLock()
	b, ok := s.memos[key]
	s.mu.RUnlock()
	if ok {
		return b, nil
	}
	b, err := build()
	if err != nil {
		return nil, err
	}
	b, full := s.remember(key, b)
	if full {
		s.shrink()
	}
	return b, nil
}

// remember keeps b for key unless another is kept already, which it returns.
func (s *Snapshot) remember(key string, b []byte) (kept []byte, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if kept, ok := s.memos[key]; ok {
		return kept, false
	}
	if len(s.memos) >= maxMemos {
		return b, false
	}
	if s.memos == nil {
		s.memos = make(map[string][]byte)
	}
	s.memos[key] = b
	if s.grown != nil {
		full = s.grown(int64(memoOverhead + len(key) + len(b)))
	}
	return b, full
}

// sizeOf estimates the bytes that facts keep alive. Texts dominate; the
// constants stand for structs and map overhead.
func sizeOf(f *store.Facts) int64 {
	n := 2048 + len(f.Package.Listing.Description) + len(f.Package.Listing.Summary) +
		256*len(f.Releases) + 128*len(f.Overrides) + 512*len(f.Resources) + 128*len(f.Deltas)
	for _, r := range f.Revisions {
		n += 1024 + len(r.Manifest) + len(r.Meta.Description) + 64*len(r.Meta.Apps)
		for _, text := range r.Texts {
			n += len(text)
		}
		if charm := r.Meta.Charm; charm != nil {
			n += 512 + 128*(len(charm.Provides)+len(charm.Requires)+len(charm.Peers)+len(charm.Resources)) + 32*len(charm.Charms)
		}
	}
	return int64(n)
}
