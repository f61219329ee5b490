package credential

import (
	"strings"
	"time"
)

// The kinds of pipe caveats on roots. The first four are the public store's,
// the names of the others are ours; each may be repeated, by us or by a holder
// who gives a narrower macaroon away, and then all of them hold.
const (
	pipeSince    = "valid_since"
	pipeExpires  = "expires"
	pipeACL      = "acl"
	pipeIDs      = "package_id" // package ids
	pipePackages = "package"    // packages by name and type, or by id
	pipeChannels = "channel"
	pipeStores   = "store"
)

// pipe is one <location>|<kind>|<value> caveat.
type pipe struct{ location, kind, value string }

func (p pipe) String() string { return p.location + "|" + p.kind + "|" + p.value }

// isLocation reports whether s can stand before the first bar.
func isLocation(s string) bool { return s != "" && !strings.Contains(s, "|") }

// splitPipes takes caveats apart. The location is text that the issuer chose
// when it wrote the first of them; nobody can put one before it, so all the
// others must have the same.
func splitPipes(caveats []string) ([]pipe, error) {
	pipes := make([]pipe, len(caveats))
	for i, c := range caveats {
		location, rest, ok := strings.Cut(c, "|")
		kind, value, ok2 := strings.Cut(rest, "|")
		if !ok || !ok2 || !isLocation(location) || i > 0 && location != pipes[0].location {
			return nil, errCaveatWords
		}
		pipes[i] = pipe{location, kind, value}
	}
	return pipes, nil
}

// readPipeCaveats reads the caveats of a root. Without both ends of its time
// it is invalid.
func readPipeCaveats(caveats []string) (said, error) {
	pipes, err := splitPipes(caveats)
	if err != nil {
		return said{}, err
	}
	var s said
	for _, p := range pipes {
		if err := p.read(&s); err != nil {
			return said{}, err
		}
	}
	if s.since.IsZero() || s.until.IsZero() {
		return said{}, errCaveatWords
	}
	return s, nil
}

func (p pipe) read(s *said) error {
	switch p.kind {
	case pipeSince:
		return readTime(p.value, s.from)
	case pipeExpires:
		return readTime(p.value, s.before)
	case pipeACL:
		return readList(p.value, s.limits.permissions)
	case pipeIDs:
		return readList(p.value, func(ids []string) { s.limits.packages(packagesByID(ids)) })
	case pipePackages:
		return readPackages(p.value, s.limits.packages)
	case pipeChannels:
		return readList(p.value, s.limits.channels)
	case pipeStores:
		return readList(p.value, s.limits.stores)
	}
	return errCaveatWords
}

func readTime(value string, take func(time.Time)) error {
	t, err := ParseTime(value)
	if err == nil {
		take(t)
	}
	return err
}

// pipeLimits writes limits as caveats.
func pipeLimits(location string, limits []Limits) ([]string, error) {
	var caveats []string
	for _, l := range limits {
		kind, packages := pipePackages, any(writePackages(l.Packages))
		if ids, all := onlyIDs(l.Packages); all {
			kind, packages = pipeIDs, ids
		}
		for _, c := range []struct {
			kind    string
			limited bool
			value   any
		}{
			{pipeACL, l.Permissions != nil, l.Permissions},
			{kind, l.Packages != nil, packages},
			{pipeChannels, l.Channels != nil, l.Channels},
			{pipeStores, l.Stores != nil, l.Stores},
		} {
			if !c.limited {
				continue
			}
			text, err := marshalPlain(c.value)
			if err != nil {
				return nil, err
			}
			caveats = append(caveats, pipe{location, c.kind, text}.String())
		}
	}
	return caveats, nil
}
