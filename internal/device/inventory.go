package device

import (
	"context"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Bounds of what a device says of itself.
const (
	maxSaid      = 8   // entries
	maxSaidValue = 256 // bytes
)

// Touch notes that a proven device was here, and what it said of itself, such
// as its user agent. It writes at most once per device in Config.TouchEvery;
// for others than proven devices it does nothing.
func (d *Devices) Touch(ctx context.Context, p store.Principal, said map[string]string) error {
	if p.Device.IsZero() {
		return nil
	}
	now := d.config.Now()
	if last, ok := d.touched.get(p.Device); ok && now.Sub(last) < d.config.TouchEvery {
		return nil
	}
	d.touched.put(p.Device, now)
	_, err := d.db.Update(ctx, actor, func(tx *db.Tx) error {
		return tx.TouchDevice(p.Device, p.StoreID, bounded(said))
	})
	if err != nil {
		d.touched.forget(p.Device)
	}
	return err
}

// Count returns how many devices were here since a time.
func (d *Devices) Count(ctx context.Context, since time.Time) (n int, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) (err error) {
		n, err = tx.CountDevices(since)
		return err
	})
	return n, err
}

// List returns a page of the inventory after the given device, in the order
// of brand, model and serial. Limit is 100 when zero.
func (d *Devices) List(ctx context.Context, after store.DeviceID, limit int) (list []store.Device, err error) {
	err = d.db.View(ctx, func(tx *db.Tx) (err error) {
		list, err = tx.Devices(after, limit)
		return err
	})
	return list, err
}

// bounded keeps what a device says of itself small.
func bounded(said map[string]string) map[string]string {
	kept := make(map[string]string, min(len(said), maxSaid))
	for name, value := range said {
		if len(kept) < maxSaid && len(name) <= maxSaidValue {
			kept[name] = value[:min(len(value), maxSaidValue)]
		}
	}
	return kept
}
