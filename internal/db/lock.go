package db

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// lockFile waits until this process alone holds the lock on the file at path,
// creating it when needed. The kernel releases it when the process ends,
// however it ends. The file stays: removing it would let two processes hold
// locks on two files of the same name.
func lockFile(ctx context.Context, path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, store.Unavailablef("database-unreachable", "cannot lock the database").Because(err)
	}
	pause := time.NewTicker(5 * time.Millisecond)
	defer pause.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return func() { f.Close() }, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			f.Close()
			return nil, store.Unavailablef("database-unreachable", "cannot lock the database").Because(err)
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		}
	}
}
