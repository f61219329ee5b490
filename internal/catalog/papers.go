package catalog

import (
	"context"
	"strconv"
	"strings"
	"sync"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
)

// Assertion returns the newest revision of a stored assertion whose format is
// at most maxFormat; a negative one means any. The documents of the trust
// anchors are found, too. Everyone may read every assertion: they are signed,
// and name nothing that a device is not shown otherwise.
func (c *Catalog) Assertion(ctx context.Context, ref assertion.Ref, maxFormat int) (*assertion.Assertion, error) {
	key := paperKey{ref.String(), maxFormat}
	return c.paper(ctx, key, func(tx *db.Tx) (*assertion.Assertion, error) {
		return c.authority.Find(tx, ref, maxFormat)
	})
}

// SequenceMember returns the member of a sequence with this number, or for 0
// the latest. The key is the primary key without the number.
func (c *Catalog) SequenceMember(ctx context.Context, typ *assertion.Type, key []string, number, maxFormat int) (*assertion.Assertion, error) {
	k := paperKey{typ.Name + "/" + strings.Join(key, "/") + " " + strconv.Itoa(number), maxFormat}
	return c.paper(ctx, k, func(tx *db.Tx) (*assertion.Assertion, error) {
		return c.authority.FindSequence(tx, typ, key, number, maxFormat)
	})
}

// Closure returns what verifies the assertions named, and those, each after
// what it needs.
func (c *Catalog) Closure(ctx context.Context, refs []assertion.Ref, o authority.ClosureOptions) ([]*assertion.Assertion, error) {
	var list []*assertion.Assertion
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		list, err = c.authority.Closure(tx, refs, o)
		return err
	})
	return list, err
}

// paperKey names an answer: what was asked for, a sequence's number included,
// and the newest format the client reads.
type paperKey struct {
	what      string
	maxFormat int
}

// papers keeps assertions in memory, as devices ask for the same few again and
// again. Any change to the stored assertions empties it.
type papers struct {
	mu    sync.RWMutex
	kept  map[paperKey]*assertion.Assertion // owned by mu
	bytes int                               // of the kept ones; owned by mu
	epoch uint64                            // counts forgets; owned by mu
}

// maxPaperBytes bounds what is kept.
const maxPaperBytes = 16 << 20

// paperSize estimates what a kept assertion takes: its text, its parsed headers
// and the entry.
func paperSize(a *assertion.Assertion) int { return 1024 + 3*len(a.Encoded()) }

func (p *papers) forget() {
	p.mu.Lock()
	p.kept, p.bytes, p.epoch = nil, 0, p.epoch+1
	p.mu.Unlock()
}

func (c *Catalog) paper(ctx context.Context, key paperKey, load func(*db.Tx) (*assertion.Assertion, error)) (*assertion.Assertion, error) {
	if err := c.catchUp(ctx); err != nil {
		return nil, err
	}
	c.papers.mu.RLock()
	a, epoch := c.papers.kept[key], c.papers.epoch
	c.papers.mu.RUnlock()
	if a != nil {
		return a, nil
	}
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		a, err = load(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.papers.mu.Lock()
	defer c.papers.mu.Unlock()
	if c.papers.epoch == epoch {
		size := paperSize(a)
		if c.papers.bytes += size; c.papers.bytes > maxPaperBytes || c.papers.kept == nil {
			c.papers.kept, c.papers.bytes = make(map[paperKey]*assertion.Assertion), size
		}
		c.papers.kept[key] = a
	}
	return a, nil
}
