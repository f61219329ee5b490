package squashfs

import (
	"errors"
	"fmt"
)

// What can be wrong with an image. A path that does not exist is fs.ErrNotExist.
var (
	// ErrNotSquashfs: the bytes are no squashfs 4.0 image at all.
	ErrNotSquashfs = errors.New("not a squashfs 4.0 image")
	// ErrCorrupt: the image contradicts itself or ends early.
	ErrCorrupt = errors.New("corrupt squashfs image")
	// ErrUnsupported: legal, but in a form this reader does not know.
	ErrUnsupported = errors.New("unsupported squashfs image")
	// ErrLimit: reading on would cost more than the caller's Limits allow.
	ErrLimit = errors.New("squashfs image exceeds a limit")
	// ErrNotRegular: the path exists and is not a regular file.
	ErrNotRegular = errors.New("not a regular file")
	// ErrNotDir: the path exists and is not a directory.
	ErrNotDir = errors.New("not a directory")
	// ErrSymlink: a symbolic link leads out of the image or in a circle.
	ErrSymlink = errors.New("symbolic link leads nowhere")
)

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
}

func overLimit(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrLimit}, args...)...)
}
