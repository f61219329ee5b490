package fs

import (
	"context"
	"fmt"
	"io"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/spool"
)

// Stage implements blob.Store: it receives r into the file system the blob will
// stay on.
func (s *Store) Stage(ctx context.Context, r io.Reader, opts blob.PutOptions) (blob.Staged, error) {
	file, err := s.spool.Receive(ctx, r, opts)
	if err != nil {
		return nil, err
	}
	return &staged{file, s}, nil
}

// staged is a spool file on its way to become a blob.
type staged struct {
	*spool.File
	store *Store
}

// Commit implements blob.Staged.
func (f *staged) Commit(ctx context.Context) error {
	defer f.Discard()
	d := f.Digests().SHA3_384
	err := context.Cause(ctx)
	if err == nil {
		err = f.store.tree.adopt(f.File, f.store.path(d))
	}
	if err != nil {
		return fmt.Errorf("cannot commit blob %s: %w", d, blob.MarkNoSpace(err))
	}
	return nil
}
