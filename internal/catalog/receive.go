package catalog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/partial"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// The settings that bound uploads, MB.
const (
	settingMaxUpload            = "larder.uploads.max-size"
	settingPerAddress           = "larder.uploads.unclaimed-per-address"
	settingUnclaimedInAll       = "larder.uploads.unclaimed-total"
	megabyte              int64 = 1_000_000
)

// Sent is a file that somebody uploads.
type Sent struct {
	Filename string
	Address  string // of the sender; quotas count what store.AddressPrefix makes of it
	// Size is what the sender says of it, bytes; 0 is unknown.
	Size int64
}

// maxFilename bounds what is kept of a file's name, bytes.
const maxFilename = 255

// incoming is what this process is receiving.
type incoming struct {
	partial *partial.Dir // nil when uploads come whole
	wake    chan struct{}

	mu    *sync.Mutex
	bytes map[string]int64       // received so far, by address; "" is the sum; owned by mu
	begun map[string][]time.Time // when each address began uploads in pieces; owned by mu

	// failing says since when this process could not look into an upload, by its
	// id: map[string]time.Time.
	failing *sync.Map
}

func newIncoming(p *partial.Dir) incoming {
	return incoming{
		partial: p, wake: make(chan struct{}, 1), mu: new(sync.Mutex),
		bytes: make(map[string]int64), begun: make(map[string][]time.Time),
		failing: new(sync.Map),
	}
}

// Receive takes an upload of whoever sends it, and returns the id under which a
// publisher claims it within store.UploadLife. Nobody can guess the id. The
// bytes go straight to the blob store; what is refused or cut off leaves
// nothing.
//
// Order: the bytes become a durable blob, then one transaction writes the row.
// A process that dies in between leaves a blob that gc removes.
func (c *Catalog) Receive(ctx context.Context, sent Sent, r io.Reader) (id string, err error) {
	sent.Address = store.AddressPrefix(sent.Address)
	id = store.NewID(rand.Reader)
	return id, c.receive(ctx, id, sent, r)
}

func (c *Catalog) receive(ctx context.Context, id string, sent Sent, r io.Reader) error {
	m, err := c.admit(ctx, sent)
	if err != nil {
		return err
	}
	defer m.release()
	m.r = r
	staged, err := c.blobs.Stage(ctx, m, blob.PutOptions{MaxSize: m.most})
	switch {
	case errors.Is(err, blob.ErrTooLarge):
		return store.TooLargef("upload-too-large", "cannot take the upload: it is larger than %d bytes", m.most).Because(err)
	case err != nil:
		return noSpace(err)
	}
	defer staged.Discard()
	digests := staged.Digests()
	if err := staged.Commit(ctx); err != nil {
		return noSpace(err)
	}
	_, err = c.db.Update(ctx, "address:"+sent.Address, func(tx *db.Tx) error {
		if _, err := tx.Upload(id); store.KindOf(err) != store.KindNotFound {
			return err // it came in pieces, and the last was sent twice
		}
		for _, q := range m.quotas {
			if err := q.fits(tx, digests.Size); err != nil {
				return err
			}
		}
		row := rowOf(digests)
		added, err := tx.AddBlob(row)
		if err != nil {
			return err
		}
		if added {
			tx.Record(store.BlobAdded, "blob/"+row.Digest.Hex(), map[string]any{"size": row.Size, "upload": true})
		}
		return tx.AddUpload(store.Upload{
			ID: id, Blob: row.Digest, Size: row.Size, Filename: clip(sent.Filename, maxFilename), Address: sent.Address,
			CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(store.UploadLife), Status: store.UploadUnclaimed,
		})
	})
	return err
}

// clip shortens a text that a client has made up, and keeps it printable.
func clip(s string, most int) string {
	clean := make([]byte, 0, min(len(s), most))
	for i := range len(s) {
		if len(clean) == most {
			break
		}
		if s[i] >= ' ' && s[i] < 0x7f {
			clean = append(clean, s[i])
		}
	}
	return string(clean)
}

// quota bounds what waits to be claimed, of one address or, where it is "", of
// all.
type quota struct {
	address string
	most    int64 // bytes
	waiting int64 // of them, when the upload was admitted
}

var errQuota = store.Unavailablef("too-many-uploads", "cannot take the upload: too much waits to be claimed already").
	Try("claim what was uploaded, or wait until it is forgotten after a day")

// fits returns nil when so many bytes more may wait.
func (q *quota) fits(tx *db.Tx, more int64) error {
	count, bytes, err := tx.UnclaimedBytes(q.address)
	if err != nil {
		return err
	}
	q.waiting = bytes
	if bytes+more > q.most || q.address != "" && count >= store.MaxUnclaimed {
		return errQuota
	}
	return nil
}

// admitted is an upload on its way in. It counts what arrives, for others to
// see, and ends with an error when that is more than the quotas allow; what is
// only promised counts for nothing, or whoever promises much would keep others
// out.
type admitted struct {
	r        io.Reader
	in       *incoming
	most     int64 // bytes of one upload
	quotas   []*quota
	received int64
}

func (c *Catalog) admit(ctx context.Context, sent Sent) (*admitted, error) {
	m := &admitted{in: &c.incoming}
	var err error
	if m.most, err = c.maxUpload(ctx); err != nil {
		return nil, err
	}
	if sent.Size > m.most {
		return nil, store.TooLargef("upload-too-large", "cannot take an upload of %d bytes: %d are the most", sent.Size, m.most)
	}
	for _, q := range []struct {
		setting   string
		otherwise int
		address   string
	}{
		{settingPerAddress, store.MaxUnclaimedMB, sent.Address},
		{settingUnclaimedInAll, store.MaxUnclaimedTotalMB, ""},
	} {
		mb, err := c.number(ctx, q.setting, q.otherwise)
		if err != nil {
			return nil, err
		}
		m.quotas = append(m.quotas, &quota{address: q.address, most: int64(mb) * megabyte})
	}
	err = c.db.View(ctx, func(tx *db.Tx) error {
		for _, q := range m.quotas {
			if err := q.fits(tx, max(1, sent.Size)); err != nil {
				return err
			}
		}
		return nil
	})
	return m, err
}

func (m *admitted) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.in.mu.Lock()
	defer m.in.mu.Unlock()
	m.received += int64(n)
	for _, q := range m.quotas {
		if m.in.bytes[q.address] += int64(n); m.in.bytes[q.address]+q.waiting > q.most && err == nil {
			err = errQuota
		}
	}
	return n, err
}

func (m *admitted) release() {
	m.in.mu.Lock()
	defer m.in.mu.Unlock()
	for _, q := range m.quotas {
		if m.in.bytes[q.address] -= m.received; m.in.bytes[q.address] <= 0 {
			delete(m.in.bytes, q.address)
		}
	}
}

func (c *Catalog) maxUpload(ctx context.Context) (int64, error) {
	n, err := c.number(ctx, settingMaxUpload, store.MaxUploadMB)
	return int64(n) * megabyte, err
}

// Resumes reports whether uploads may come in pieces.
func (c *Catalog) Resumes() bool { return c.incoming.partial != nil }

// BeginUpload makes room for an upload of a known size that comes in pieces.
func (c *Catalog) BeginUpload(ctx context.Context, sent Sent) (id string, err error) {
	if !c.Resumes() {
		return "", errNoPieces
	}
	sent.Address = store.AddressPrefix(sent.Address)
	if sent.Size <= 0 {
		return "", store.Invalidf("invalid-size", "cannot begin an upload of %d bytes", sent.Size)
	}
	if _, err := c.admit(ctx, sent); err != nil {
		return "", err
	}
	if !c.incoming.mayBegin(sent.Address, c.now()) {
		return "", errQuota
	}
	id, err = c.incoming.partial.Begin(sent.Size)
	if err != nil {
		c.incoming.notBegun(sent.Address)
	}
	return id, err
}

// maxBegun is how many uploads in pieces one address may begin in the time for
// which one is kept, so that none can take the places of all.
const maxBegun = 64

func (in *incoming) mayBegin(address string, now time.Time) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	for a, times := range in.begun {
		times = slices.DeleteFunc(times, func(t time.Time) bool { return now.Sub(t) >= store.UploadLife })
		if in.begun[a] = times; len(times) == 0 {
			delete(in.begun, a)
		}
	}
	if len(in.begun[address]) >= maxBegun {
		return false
	}
	in.begun[address] = append(in.begun[address], now)
	return true
}

func (in *incoming) notBegun(address string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if n := len(in.begun[address]); n > 0 {
		in.begun[address] = in.begun[address][:n-1]
	}
}

var errNoPieces = store.NotFoundf("upload-not-found", "this store takes uploads as a whole only")

// UploadOffset returns how much of an upload in pieces is here for good. One
// that is complete has its size.
func (c *Catalog) UploadOffset(ctx context.Context, id string) (offset, size int64, err error) {
	if !c.Resumes() {
		return 0, 0, errNoPieces
	}
	offset, size, err = c.incoming.partial.State(id)
	if !errors.Is(err, partial.ErrNotFound) {
		return offset, size, err
	}
	done, err := c.uploadOf(ctx, id)
	return done.Size, done.Size, err
}

// uploadOf finds a complete upload.
func (c *Catalog) uploadOf(ctx context.Context, id string) (u store.Upload, err error) {
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		u, err = tx.Upload(id)
		return err
	})
	return u, err
}

// AppendUpload adds a piece at an offset, which must be where the last one
// ended. With the last piece the upload is as if Receive had taken it. What
// arrived is kept also when r fails.
//
// Order: the piece is durable, then a blob is made of the whole, then its row,
// then the pieces go. A process that dies in between goes on when the last
// piece, which may be empty, is sent again.
func (c *Catalog) AppendUpload(ctx context.Context, id, address string, offset int64, r io.Reader) (end int64, complete bool, err error) {
	if !c.Resumes() {
		return 0, false, errNoPieces
	}
	end, err = c.incoming.partial.Append(id, offset, r)
	if errors.Is(err, partial.ErrNotFound) {
		done, err := c.uploadOf(ctx, id)
		return done.Size, err == nil && offset == done.Size, err
	}
	if err != nil {
		return end, false, err
	}
	_, size, err := c.incoming.partial.State(id)
	if err != nil || end < size {
		return end, false, err
	}
	whole, err := c.incoming.partial.Finish(id)
	if err != nil {
		return end, false, err
	}
	defer whole.Close()
	if err := c.receive(ctx, id, Sent{Address: store.AddressPrefix(address), Size: size}, whole); err != nil {
		return end, false, err
	}
	if err := whole.Remove(); err != nil {
		return end, false, fmt.Errorf("cannot remove the pieces of an upload: %w", err)
	}
	return end, true, nil
}
