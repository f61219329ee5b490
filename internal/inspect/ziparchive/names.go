package ziparchive

import (
	"context"
	"path"
	"strings"
	"unicode/utf8"
)

// checkName accepts the one spelling of a path below the directory that an archive is
// unpacked into.
func checkName(name string) error {
	switch {
	case name == "":
		return unsafe("an entry has no name")
	case !utf8.ValidString(name):
		return unsafe("the name %.120q is not UTF-8", name)
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return unsafe("the name %.120q has control characters", name)
	case strings.Contains(name, `\`):
		return unsafe("the name %.120q has a backslash", name)
	case path.IsAbs(name) || len(name) > 1 && name[1] == ':' && isLetter(name[0]):
		return unsafe("the name %.120q is absolute", name)
	case name == ".." || strings.HasPrefix(path.Clean(name), "../"):
		return unsafe("the name %.120q leads outside", name)
	case path.Clean(name) != name || name == ".":
		return unsafe("the name %.120q can be written shorter, as %.120q", name, path.Clean(name))
	}
	return nil
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// checkParents makes sure that what is above an entry is a directory. Names are
// clean, so they are cut at their slashes: cleaning each part again would make deep
// ones cost the square of their length.
func checkParents(seen map[string]bool) error {
	for name := range seen {
		for at := strings.LastIndexByte(name, '/'); at > 0; at = strings.LastIndexByte(name[:at], '/') {
			if isDir, ok := seen[name[:at]]; ok && !isDir {
				return unsafe("%.120q lies below %.120q, which is no directory", name, name[:at])
			}
		}
	}
	return nil
}

const (
	maxTarget = 1024 // bytes of a symbolic link
	maxLinks  = 1000 // each takes reads of its own
)

// checkLinks makes sure that no symbolic link leads outside, however they are chained:
// a target goes up first and then down, never below what it went up to.
func (a *Archive) checkLinks(ctx context.Context) error {
	links := 0
	for name, m := range a.members {
		if !m.link {
			continue
		}
		if links++; links > maxLinks {
			return tooMuch("it has more than %d symbolic links", maxLinks)
		}
		if m.unpacked > maxTarget {
			return unsafe("the symbolic link %.120q is too long", name)
		}
		target, err := a.read(ctx, m)
		if err != nil {
			return err
		}
		to := string(target)
		down := to
		for strings.HasPrefix(down, "../") {
			down = down[len("../"):]
		}
		up := (len(to) - len(down)) / len("../")
		if up > strings.Count(name, "/") || checkName(down) != nil {
			return unsafe("the symbolic link %.120q to %.120q leads outside or nowhere", name, to)
		}
	}
	return nil
}
