package catalog

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Usage notes which packages devices have, for the figures that publishers see.
// Seen only remembers; what it remembers reaches the database in the background,
// so that a crash may lose the last seconds. Close what Run runs on to have the
// rest written.
//
// Only devices count that prove who they are: others send nothing that tells
// two of them apart.
type Usage struct {
	db        *db.DB
	authority *authority.Authority
	log       *slog.Logger
	now       func() time.Time
	seed      maphash.Seed
	wake      chan struct{} // holds one when there is much to write

	mu      sync.Mutex
	day     store.Day               // that seen is of; owned by mu
	seen    map[uint64]struct{}     // what devices said on day, as hashes; owned by mu
	pending map[usageKey]usageValue // what is not written yet; owned by mu
	lost    int                     // what there was no room for; owned by mu
	writing sync.Mutex              // held by Flush
}

type usageKey struct {
	day       store.Day
	device    store.DeviceID
	packageID string
}

type usageValue struct {
	channel      string
	revision     int
	architecture string
	os           string
}

// Bounds of what is remembered, and how often it is written.
const (
	maxUsagePending = 100_000 // about 20 MB
	maxUsageSeen    = 200_000 // about 4 MB
	usageWake       = 10_000  // pending that are written at once
	usageBatch      = 500     // of one transaction, so that other writers get their turn
	usageEvery      = 10 * time.Second
	usageFoldEvery  = 10 * time.Minute
	// usageGrace is how long after midnight a day's counts are taken: by then
	// every node has written what it saw.
	usageGrace = time.Hour
	// usageDaysKept is how long it is known which device had what: a week and the
	// week before it.
	usageDaysKept = 14
)

// UsageOptions are what a Usage needs. DB and Authority are required.
type UsageOptions struct {
	DB        *db.DB
	Authority *authority.Authority
	Log       *slog.Logger     // default: discards
	Now       func() time.Time // default: time.Now
}

// NewUsage returns a Usage that has seen nothing.
func NewUsage(o UsageOptions) *Usage {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Usage{
		db: o.DB, authority: o.Authority, log: o.Log, now: o.Now, seed: maphash.MakeSeed(),
		wake: make(chan struct{}, 1), seen: make(map[uint64]struct{}), pending: make(map[usageKey]usageValue),
	}
}

// Seen notes what a device says it has. It keeps none of the texts it is given, and
// does next to nothing for a device that says the same again on a day.
func (u *Usage) Seen(device store.DeviceID, architecture, userAgent string, has []store.Installed) {
	if device.IsZero() || len(has) == 0 {
		return
	}
	said := u.hash(device, architecture, userAgent, has)
	today := store.DayOf(u.now())
	u.mu.Lock()
	defer u.mu.Unlock()
	if today != u.day || len(u.seen) >= maxUsageSeen {
		u.day = today
		clear(u.seen)
	}
	if _, again := u.seen[said]; again {
		return
	}
	if len(u.pending)+len(has) > maxUsagePending {
		u.lost += len(has)
		return
	}
	u.seen[said] = struct{}{}
	u.note(today, device, architecture, userAgent, has)
	if len(u.pending) >= usageWake {
		select {
		case u.wake <- struct{}{}:
		default:
		}
	}
}

func (u *Usage) hash(device store.DeviceID, architecture, userAgent string, has []store.Installed) uint64 {
	var h maphash.Hash
	h.SetSeed(u.seed)
	for _, s := range [...]string{device.Brand, device.Model, device.Serial, architecture, userAgent} {
		h.WriteString(s)
		h.WriteByte(0)
	}
	for i := range has {
		var revision [8]byte
		binary.LittleEndian.PutUint64(revision[:], uint64(has[i].Revision))
		h.WriteString(has[i].PackageID)
		h.Write(revision[:])
		h.WriteString(has[i].Channel)
		h.WriteByte(0)
	}
	return h.Sum64()
}

// note puts what a device has with what is to be written. The caller holds mu.
func (u *Usage) note(day store.Day, device store.DeviceID, architecture, userAgent string, has []store.Installed) {
	device = store.DeviceID{
		Brand: strings.Clone(device.Brand), Model: strings.Clone(device.Model), Serial: strings.Clone(device.Serial),
	}
	v := usageValue{
		architecture: strings.Clone(store.KnownArchitecture(architecture)),
		os:           strings.Clone(store.OperatingSystemOf(userAgent)),
	}
	for _, s := range has {
		if s.Revision < 1 || len(s.PackageID) > maxPackageID {
			continue // from no store, or no id
		}
		v.revision, v.channel = s.Revision, ""
		if c, err := store.ParseChannel(s.Channel); err == nil && s.Channel != "" {
			v.channel = c.Normal().String()
		}
		u.pending[usageKey{day, device, strings.Clone(s.PackageID)}] = v
	}
}

// maxPackageID bounds what is looked up as the id of a package, bytes.
const maxPackageID = 64

// Run writes what was seen every few seconds, takes the counts of days that have
// passed, and forgets who had what, until ctx ends.
func (u *Usage) Run(ctx context.Context) error {
	write, fold := time.NewTicker(usageEvery), time.NewTicker(usageFoldEvery)
	defer write.Stop()
	defer fold.Stop()
	u.warn(u.Fold(ctx))
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-write.C:
			u.warn(u.Flush(ctx))
		case <-u.wake:
			u.warn(u.Flush(ctx))
		case <-fold.C:
			u.warn(u.Fold(ctx))
		}
	}
}

// Finish writes what was seen, unless that takes too long.
func (u *Usage) Finish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), usageEvery)
	defer cancel()
	u.warn(u.Flush(ctx))
}

func (u *Usage) warn(err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		u.log.Warn("cannot keep figures of use", "error", err)
	}
}

// Flush writes what was seen. What cannot be written stays for the next time.
func (u *Usage) Flush(ctx context.Context) error {
	u.writing.Lock()
	defer u.writing.Unlock()
	u.mu.Lock()
	pending, lost := u.pending, u.lost
	u.pending, u.lost = make(map[usageKey]usageValue), 0
	u.mu.Unlock()
	if lost > 0 {
		u.log.Warn("there was no room to note what devices have", "left-out", lost)
	}
	pseudonyms := make(map[store.DeviceID][16]byte)
	batch := make([]store.Usage, 0, usageBatch)
	var written []usageKey
	write := func() error {
		_, err := u.db.Update(ctx, usageActor, func(tx *db.Tx) error { return tx.PutUsage(batch) })
		if err != nil {
			return err
		}
		for _, key := range written {
			delete(pending, key)
		}
		batch, written = batch[:0], written[:0]
		return nil
	}
	for key, v := range pending {
		device, known := pseudonyms[key.device]
		if d := key.device; !known {
			device = u.authority.Pseudonym("usage", d.Brand+"\x00"+d.Model+"\x00"+d.Serial)
			pseudonyms[key.device] = device
		}
		batch = append(batch, store.Usage{
			Day: key.day, PackageID: key.packageID, Device: device, Channel: v.channel, Revision: v.revision,
			Architecture: v.architecture, OperatingSystem: v.os,
		})
		written = append(written, key)
		if len(batch) == usageBatch {
			if err := write(); err != nil {
				u.putBack(pending)
				return err
			}
		}
	}
	if len(batch) > 0 {
		if err := write(); err != nil {
			u.putBack(pending)
			return err
		}
	}
	return nil
}

// usageActor is whom transactions that write figures name.
const usageActor = "larder"

// putBack keeps what could not be written, where nothing newer is and there is room.
func (u *Usage) putBack(pending map[usageKey]usageValue) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for key, v := range pending {
		if _, newer := u.pending[key]; !newer && len(u.pending) < maxUsagePending {
			u.pending[key] = v
		}
	}
}

// Fold takes the counts of the days that have passed, and forgets which device had
// what before those that are still counted. Any number of nodes may do so; each day
// is counted once.
func (u *Usage) Fold(ctx context.Context) error {
	until := store.DayOf(u.now().Add(-usageGrace)) // this day has not passed yet
	var folded, first, last store.Day
	err := u.db.View(ctx, func(tx *db.Tx) (err error) {
		folded, first, last, err = tx.UsageDays()
		return err
	})
	if err != nil {
		return err
	}
	from := first
	if folded != 0 {
		from = folded + 1 // also days without any device: those of the week before count
	}
	if last == 0 {
		last = folded
	}
	for day := from; day != 0 && day < until && day < last+usageDaysKept; day++ {
		_, err := u.db.Update(ctx, usageActor, func(tx *db.Tx) error {
			_, err := tx.FoldUsage(day)
			return err
		})
		if err != nil {
			return err
		}
		folded = day
	}
	if folded == 0 {
		return nil
	}
	_, err = u.db.Update(ctx, usageActor, func(tx *db.Tx) error {
		_, err := tx.DropUsage(folded - usageDaysKept + 2)
		return err
	})
	return err
}
