package server

import (
	"context"
	"fmt"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// DiskSpace checks that the file system that holds dir has at least minFree
// bytes left for us.
func DiskSpace(dir string, minFree uint64) Check {
	return Check{Name: "disk", Run: func(context.Context) error {
		free, err := freeBytes(dir)
		if err != nil {
			return fmt.Errorf("cannot read the free space of %s: %w", dir, err)
		}
		if free < minFree {
			return store.Unavailablef("disk-full", "%d MiB of disk space are left, fewer than %d", free>>20, minFree>>20)
		}
		return nil
	}}
}

// clockSlack is how far the clock may run behind a time that other machines
// wrote down.
const clockSlack = time.Minute

// Clock checks that the machine's clock is not in the past: not before
// earliest (such as when this program was built), and not before the last
// time that is on record. A clock set back would sign and expire things
// wrongly. A nil lastKnown is not asked.
func Clock(earliest time.Time, lastKnown func(context.Context) (time.Time, error)) Check {
	return clock(time.Now, earliest, lastKnown)
}

func clock(now func() time.Time, earliest time.Time, lastKnown func(context.Context) (time.Time, error)) Check {
	return Check{Name: "clock", Run: func(ctx context.Context) error {
		if now().Before(earliest) {
			return store.Unavailablef("clock-wrong", "the clock says %s, before this program was built", now().UTC().Format(time.RFC3339))
		}
		if lastKnown == nil {
			return nil
		}
		last, err := lastKnown(ctx)
		if err != nil {
			return fmt.Errorf("cannot read the last time on record: %w", err)
		}
		if now().Add(clockSlack).Before(last) {
			return store.Unavailablef("clock-wrong", "the clock says %s, and the store has been written to at %s",
				now().UTC().Format(time.RFC3339), last.UTC().Format(time.RFC3339))
		}
		return nil
	}}
}
