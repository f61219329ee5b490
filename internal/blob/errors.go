package blob

import (
	"errors"
	"fmt"
	"syscall"
)

// What can be wrong with a blob; test with errors.Is.
var (
	// ErrNotFound: no blob has this digest.
	ErrNotFound = errors.New("no such blob")

	// ErrQuarantined: the blob was found damaged and set aside. It is also an
	// ErrNotFound, because it is never served; storing the bytes again heals it.
	ErrQuarantined = fmt.Errorf("blob is quarantined, store its bytes again: %w", ErrNotFound)

	// ErrCorrupt: the stored bytes are not what their digest or record says.
	ErrCorrupt = errors.New("blob is corrupt")

	// ErrRecent: the blob was put too recently to be deleted.
	ErrRecent = errors.New("blob was put recently")

	// ErrTooLarge: more bytes arrived than PutOptions.MaxSize allows.
	ErrTooLarge = errors.New("too large")

	// ErrMismatch: the bytes that arrived are not those the caller expected.
	ErrMismatch = errors.New("not the expected bytes")

	// ErrNoSpace: the disk, the quota or the file size limit is exhausted.
	ErrNoSpace = errors.New("no space left for blobs, free some or enlarge the disk")
)

// MarkNoSpace adds ErrNoSpace to an error of the operating system that means the
// disk is full; any other error is returned as it is.
func MarkNoSpace(err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) {
			return fmt.Errorf("%w: %w", ErrNoSpace, err)
		}
	}
	return err
}
