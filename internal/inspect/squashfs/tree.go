package squashfs

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
)

// node is a file in the tree that Write lays out.
type node struct {
	path, name string
	kind       uint16
	mode       fs.FileMode
	size       int64
	content    io.Reader
	target     string
	children   []*node // directories: in order of their names

	id, parent uint32 // inode numbers
}

var errBadFile = errors.New("cannot write image")

// plant turns a list of files into a tree, adding the directories it leaves out.
func plant(files []File) (*node, error) {
	root := &node{path: ".", kind: typeDir, mode: 0o755}
	known := map[string]*node{".": root}
	explicit := map[string]bool{}
	for _, f := range files {
		n, err := newNode(f)
		if err != nil {
			return nil, err
		}
		if explicit[f.Path] {
			return nil, fmt.Errorf("%w: %s comes twice", errBadFile, f.Path)
		}
		explicit[f.Path] = true
		if old := known[f.Path]; old != nil {
			if n.kind != typeDir {
				return nil, fmt.Errorf("%w: %s is a directory too", errBadFile, f.Path)
			}
			old.mode = n.mode
			continue
		}
		if err := attach(known, n); err != nil {
			return nil, err
		}
	}
	return root, nil
}

func newNode(f File) (*node, error) {
	if !fs.ValidPath(f.Path) {
		return nil, fmt.Errorf("%w: %q is not a relative, clean path", errBadFile, f.Path)
	}
	n := &node{path: f.Path, name: path.Base(f.Path), mode: f.Mode, size: f.Size, content: f.Content, target: f.Target}
	if len(n.name) > maxName {
		return nil, fmt.Errorf("%w: name of %d bytes, at most %d", errBadFile, len(n.name), maxName)
	}
	switch f.Mode.Type() {
	case 0:
		n.kind = typeFile
		if f.Mode == 0 {
			n.mode = 0o644
		}
		if f.Path == "." || f.Size < 0 {
			return nil, fmt.Errorf("%w: %s cannot be a file of %d bytes", errBadFile, f.Path, f.Size)
		}
	case fs.ModeDir:
		n.kind = typeDir
	case fs.ModeSymlink:
		n.kind, n.mode = typeSymlink, 0o777
		if f.Target == "" || len(f.Target) > maxTarget {
			return nil, fmt.Errorf("%w: %s links to a path of %d bytes", errBadFile, f.Path, len(f.Target))
		}
	default:
		return nil, fmt.Errorf("%w: %s is a %s", errBadFile, f.Path, f.Mode.Type())
	}
	return n, nil
}

func attach(known map[string]*node, n *node) error {
	known[n.path] = n
	parent := known[path.Dir(n.path)]
	if parent == nil {
		parent = &node{path: path.Dir(n.path), name: path.Base(path.Dir(n.path)), kind: typeDir, mode: 0o755}
		if err := attach(known, parent); err != nil {
			return err
		}
	}
	if parent.kind != typeDir {
		return fmt.Errorf("%w: %s is below %s, which is no directory", errBadFile, n.path, parent.path)
	}
	parent.children = append(parent.children, n)
	return nil
}

// number sorts the tree below n and gives n and everything below it inode
// numbers from next on; it returns the last one given.
func (n *node) number(parent, next uint32) uint32 {
	n.parent, n.id = parent, next
	slices.SortFunc(n.children, func(a, b *node) int { return cmp.Compare(a.name, b.name) })
	for _, c := range n.children {
		next = c.number(n.id, next+1)
	}
	return next
}
