package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Verify reads the whole blob and compares it with its digest and, unless
// UnknownSize, with the recorded size. A blob that fails is quarantined and
// reported as ErrCorrupt. A blob that cannot be read is left where it is: a
// broken cable is no proof against the bytes.
func Verify(ctx context.Context, s Store, d Digest, size int64) error {
	for {
		before, err := s.Stat(ctx, d)
		if err != nil {
			return err
		}
		err = compare(ctx, s, d, size)
		if !errors.Is(err, ErrCorrupt) {
			return err
		}
		// Whoever put it meanwhile has healed it, and deserves a new look.
		moved := s.Quarantine(ctx, d, before.Put.Add(1))
		if !errors.Is(moved, ErrRecent) {
			return errors.Join(err, moved)
		}
	}
}

func compare(ctx context.Context, s Store, d Digest, size int64) error {
	r, err := s.Open(ctx, d, size)
	if err != nil {
		return err
	}
	defer r.Close()
	got, err := Copy(ctx, io.Discard, r)
	if err != nil {
		return fmt.Errorf("cannot verify blob %s: %w", d, err)
	}
	if got.SHA3_384 != d {
		return fmt.Errorf("cannot verify blob %s: %w: its bytes have digest %s", d, ErrCorrupt, got.SHA3_384)
	}
	return nil
}
