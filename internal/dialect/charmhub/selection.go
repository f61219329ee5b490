package charmhub

import (
	"fmt"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// selection is which members of an object a client asked for. Nil is nothing.
type selection struct {
	all   bool
	inner map[string]*selection
}

var everything = &selection{all: true}

// Limits of fields. juju asks for about forty, in two kilobytes.
const (
	maxFields      = 256
	maxFieldsText  = 16 << 10 // bytes
	maxFieldsDepth = 8
)

// parseFields reads a comma list of dotted paths. A path that ends at an object
// means all of it; names nobody knows mean nothing.
func parseFields(csv string) (*selection, error) {
	if len(csv) > maxFieldsText || strings.Count(csv, ",") >= maxFields {
		return nil, badArgument("fields", "it has more than %d names or %d bytes", maxFields, maxFieldsText)
	}
	root := new(selection)
	for path := range strings.SplitSeq(csv, ",") {
		if path = strings.TrimSpace(path); path == "" {
			continue
		}
		if strings.Count(path, ".") >= maxFieldsDepth {
			return nil, badArgument("fields", "%.100q is deeper than %d levels", path, maxFieldsDepth)
		}
		at := root
		for name := range strings.SplitSeq(path, ".") {
			if at.inner == nil {
				at.inner = make(map[string]*selection)
			}
			if at.inner[name] == nil {
				at.inner[name] = new(selection)
			}
			at = at.inner[name]
		}
		at.all = true
	}
	return root, nil
}

// of is what was asked for of one member.
func (s *selection) of(name string) *selection {
	switch {
	case s == nil:
		return nil
	case s.all:
		return everything
	}
	return s.inner[name]
}

// badArgument refuses a query parameter.
func badArgument(name, format string, args ...any) error {
	return store.Invalidf(codeBadArgument, "cannot use the parameter %.60q: %s", name, fmt.Sprintf(format, args...))
}
