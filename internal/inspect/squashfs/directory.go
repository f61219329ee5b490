package squashfs

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
)

// An Entry is one name in a directory.
type Entry struct {
	Name string
	// Regular says that the name is a regular file, Dir that it is a directory;
	// symbolic links and devices are neither.
	Regular, Dir bool

	ref uint64
}

const (
	maxName        = 256 // the format's limit
	maxRun         = 256 // entries that may share one header
	emptyListing   = 3   // a listing's size counts "." and "..", which it does not hold
	listingHeader  = 12
	listingPerName = 8
)

// entries calls yield for each entry of a directory. Names must ascend
// strictly: the kernel and squashfs-tools look names up in different ways and must
// not be made to see different files.
func (im *Image) entries(ctx context.Context, dir inode, yield func(Entry) error) error {
	if dir.size <= emptyListing {
		return nil
	}
	m, err := im.metadataAt(ctx, im.sb.DirTable+uint64(dir.listing), im.sb.BytesUsed, dir.listingOffset)
	if err != nil {
		return err
	}
	left, count, last := int64(dir.size)-emptyListing, 0, ""
	for left > 0 {
		var run struct{ Count, Block, Number uint32 }
		if err := m.readStruct(ctx, &run); err != nil {
			return err
		}
		left -= listingHeader
		if run.Count >= maxRun {
			return corrupt("directory run of %d entries", uint64(run.Count)+1)
		}
		for range run.Count + 1 {
			var e struct {
				Offset      uint16
				NumberDelta int16
				Type, Size  uint16
			}
			if err := m.readStruct(ctx, &e); err != nil {
				return err
			}
			left -= listingPerName + int64(e.Size) + 1
			if e.Size >= maxName || left < 0 {
				return corrupt("directory entry runs over its listing")
			}
			name, err := m.readName(ctx, int(e.Size)+1)
			if err != nil {
				return err
			}
			if name <= last {
				return corrupt("directory entry %q out of order", name)
			}
			last = name
			if count++; count > im.limits.Entries {
				return overLimit("directory of more than %d entries", im.limits.Entries)
			}
			entry := Entry{
				Name: name, Regular: e.Type == typeFile, Dir: e.Type == typeDir,
				ref: uint64(run.Block)<<16 | uint64(e.Offset),
			}
			if err := yield(entry); err != nil {
				return err
			}
		}
	}
	return nil
}

func (m *metadataReader) readName(ctx context.Context, size int) (string, error) {
	var buf [maxName]byte
	if err := m.readFull(ctx, buf[:size]); err != nil {
		return "", err
	}
	name := string(buf[:size])
	if name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
		return "", corrupt("illegal name %q in a directory", name)
	}
	return name, nil
}

// ReadDir lists the directory at name, in the order of the names.
func (im *Image) ReadDir(ctx context.Context, name string) ([]Entry, error) {
	dir, err := im.resolve(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("cannot list %s: %w", name, err)
	}
	if dir.kind != typeDir {
		return nil, fmt.Errorf("cannot list %s: %w but a %s", name, ErrNotDir, typeNames[dir.kind])
	}
	var list []Entry
	err = im.entries(ctx, dir, func(e Entry) error {
		list = append(list, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot list %s: %w", name, err)
	}
	return list, nil
}

// child finds one name in a directory. It reads the whole listing, so that a
// listing with a fault behind the name is refused too.
func (im *Image) child(ctx context.Context, dir inode, name string) (inode, error) {
	var found *Entry
	err := im.entries(ctx, dir, func(e Entry) error {
		if e.Name == name {
			found = &e
		}
		return nil
	})
	if err != nil {
		return inode{}, err
	}
	if found == nil {
		return inode{}, fs.ErrNotExist
	}
	return im.inode(ctx, found.ref)
}

// resolve walks a slash-separated path from the root, following symbolic links
// that stay inside the image.
func (im *Image) resolve(ctx context.Context, name string) (inode, error) {
	root, err := im.inode(ctx, im.sb.RootInode)
	if err != nil {
		return inode{}, err
	}
	if root.kind != typeDir {
		return inode{}, corrupt("root is a %s", typeNames[root.kind])
	}
	trail := []inode{root} // the directories walked through
	ahead := strings.Split(name, "/")
	for links := 0; len(ahead) > 0; {
		if len(ahead)+len(trail) > im.limits.Depth {
			return inode{}, overLimit("path of more than %d names", im.limits.Depth)
		}
		step := ahead[0]
		ahead = ahead[1:]
		switch step {
		case "", ".":
			continue
		case "..":
			if len(trail) == 1 {
				return inode{}, fmt.Errorf("%w: it leaves the image", ErrSymlink)
			}
			trail = trail[:len(trail)-1]
			continue
		}
		n, err := im.child(ctx, trail[len(trail)-1], step)
		switch {
		case err != nil:
			return inode{}, err
		case n.kind == typeDir:
			trail = append(trail, n)
		case n.kind == typeSymlink:
			if links++; links > im.limits.Links {
				return inode{}, fmt.Errorf("%w: more than %d links in a row", ErrSymlink, im.limits.Links)
			}
			if strings.HasPrefix(n.target, "/") {
				return inode{}, fmt.Errorf("%w: it leaves the image for %.100q", ErrSymlink, n.target)
			}
			ahead = append(strings.Split(n.target, "/"), ahead...)
		case len(ahead) > 0:
			return inode{}, fs.ErrNotExist
		default:
			return n, nil
		}
	}
	return trail[len(trail)-1], nil
}

// Exists returns nil when name leads to something, fs.ErrNotExist when it does
// not, and another error when the image cannot tell.
func (im *Image) Exists(ctx context.Context, name string) error {
	if _, err := im.resolve(ctx, name); err != nil {
		return fmt.Errorf("cannot look up %s: %w", name, err)
	}
	return nil
}
