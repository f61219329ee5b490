package inspect

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/inspect/squashfs"
)

const componentYAMLPath = "meta/component.yaml"

// ComponentInfo is what a snap's component says about itself.
type ComponentInfo struct {
	Snap        string // the snap it belongs to
	Name        string // its own name, without the snap's
	Type        string // test, standard or kernel-modules
	Version     string // empty when it follows the snap's
	Summary     string
	Description string
	Provenance  string // empty when absent, which stands for global-upload

	ComponentYAML string // the text as it is in the image
	Compression   string // of the image

	// Warnings are faults that inspection lets pass.
	Warnings []Problem
}

// Component reads the component in the first size bytes of r. Its errors and its
// result beside a *ProblemsError are as for Snap.
func Component(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (*ComponentInfo, error) {
	limits = limits.withDefaults()
	image, err := squashfs.Open(r, size, limits.Image)
	if err != nil {
		return nil, fmt.Errorf("cannot inspect component: %w", err)
	}
	text, err := readMetadata(ctx, image, componentYAMLPath, limits)
	if err != nil {
		return nil, fmt.Errorf("cannot inspect component: %w", err)
	}
	info, invalid := ParseComponentYAML(text, limits)
	info.Compression = image.Compression()
	return info, invalid
}

// componentFields are all that snapd accepts, unlike for snaps.
var componentFields = []string{"component", "description", "provenance", "summary", "type", "version"}

// ParseComponentYAML reads the text of a meta/component.yaml. It always returns
// what it understood; the error, if any, is a *ProblemsError.
func ParseComponentYAML(text []byte, limits Limits) (*ComponentInfo, error) {
	f := &findings{}
	d := parseDocument(text, limits.withDefaults(), f)
	info := &ComponentInfo{
		Type:        d.text("type"),
		Version:     d.text("version"),
		Summary:     d.text("summary"),
		Description: d.text("description"),
		Provenance:  d.text("provenance"),
	}
	for _, field := range slices.Sorted(maps.Keys(d.fields)) {
		if !slices.Contains(componentFields, field) {
			d.warn(UnknownField, field, "devices of today refuse a component with this field")
		}
	}
	full := d.text("component")
	var joined bool
	info.Snap, info.Name, joined = strings.Cut(full, "+")
	if d.fields != nil {
		info.ComponentYAML = string(text)
		validateComponent(info, full, joined, f)
	}
	info.Warnings = f.warnings
	return info, f.err(componentYAMLPath)
}

func validateComponent(info *ComponentInfo, full string, joined bool, f *findings) {
	switch {
	case full == "":
		f.problem(Missing, "component", "is required, as snap+component")
	case !joined:
		f.problem(InvalidName, "component", "%.100q names no snap; write snap+component", full)
	default:
		f.name("component", info.Snap)
		f.name("component", info.Name)
	}
	f.oneOf(InvalidType, "type", info.Type, componentTypes)
	if info.Version != "" {
		f.version("version", info.Version)
	}
	f.length("summary", info.Summary, maxSummary)
	f.length("description", info.Description, maxDescription)
	f.provenance(info.Provenance)
}
