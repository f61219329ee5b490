package inspect

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/inspect/squashfs"
)

const (
	snapYAMLPath = "meta/snap.yaml"
	guiDir       = "meta/gui"
	hooksDir     = "meta/hooks"
)

// ErrNoMetadata says that an image is a squashfs image, but not of the kind asked for.
var ErrNoMetadata = errors.New("image holds no metadata of that kind")

// SnapInfo is what a snap says about itself. Absent fields have the values that
// snapd assumes.
type SnapInfo struct {
	Name          string
	Version       string
	Type          string // app, gadget, kernel, os, base or snapd
	Base          string // empty when absent
	Architectures []string
	Confinement   string // strict, devmode or classic
	Grade         string // stable or devel
	Epoch         Epoch
	Assumes       []string
	Provenance    string // empty when absent, which stands for global-upload
	License       string
	Title         string
	Summary       string
	Description   string
	Links         map[string][]string // contact, website, issues, donation, source-code and others
	Apps          []App               // by name
	Hooks         []string            // by name; from snap.yaml and from meta/hooks
	Plugs         []Plug              // by name
	Slots         []Slot              // by name
	Components    []DeclaredComponent // by name
	CommonIDs     []string            // AppStream ids of the apps, sorted

	SnapYAML string // the text as it is in the image

	// What only the image holds; ParseSnapYAML leaves it empty.
	Icon         *Icon // nil when there is none that can be shown
	DesktopFiles []DesktopFile
	Compression  string // of the image: xz, lzo, gzip, lz4 or zstd

	// Warnings are faults that no device minds.
	Warnings []Problem
}

// App is one entry of "apps".
type App struct {
	Name     string
	Command  string
	CommonID string
	Daemon   string // simple, forking, oneshot, notify, dbus; empty for what is no service
	Aliases  []string
}

// Plug is a plug in one form, whether it was written as a name, a map, or only
// mentioned by an app.
type Plug struct {
	Name      string
	Interface string
	Label     string
	Attrs     map[string]any // JSON values; without interface and label
	// Apps and Hooks name what is bound to it, sorted; when both are empty, every app
	// and hook is.
	Apps  []string
	Hooks []string

	// Content and DefaultProvider are set for the content interface: the tag, which
	// is the plug's name when absent, and the snap that is installed to provide it.
	Content         string
	DefaultProvider string
}

// Slot is the other end of a Plug.
type Slot struct {
	Name      string
	Interface string
	Label     string
	Attrs     map[string]any
	Apps      []string
	Hooks     []string
	Content   string // for the content interface
}

// DeclaredComponent is a component that snap.yaml announces.
type DeclaredComponent struct {
	Name        string
	Type        string // test, standard or kernel-modules
	Summary     string
	Description string
}

// Snap reads the snap in the first size bytes of r. Nothing is written to disk.
//
// An image that cannot be read gives an error that is squashfs.ErrNotSquashfs,
// ErrCorrupt, ErrUnsupported or ErrLimit; ErrNoMetadata if it holds no snap.yaml;
// squashfs.ErrNotRegular or ErrSymlink if that is no file. Errors of r come through.
// A snap that can be read and is not valid gives a *ProblemsError that names
// everything wrong, together with what could be understood: a snap that
// its own store has signed may be older than a rule.
func Snap(ctx context.Context, r io.ReaderAt, size int64, limits Limits) (*SnapInfo, error) {
	limits = limits.withDefaults()
	image, err := squashfs.Open(r, size, limits.Image)
	if err != nil {
		return nil, fmt.Errorf("cannot inspect snap: %w", err)
	}
	text, err := readMetadata(ctx, image, snapYAMLPath, limits)
	if err != nil {
		return nil, fmt.Errorf("cannot inspect snap: %w", err)
	}
	info, invalid := ParseSnapYAML(text, limits)
	info.Compression = image.Compression()
	f := &findings{warnings: info.Warnings}
	if err := info.addImageFiles(ctx, image, limits, f); err != nil {
		return nil, fmt.Errorf("cannot inspect snap: %w", err)
	}
	info.Warnings = f.warnings
	return info, invalid
}

// readMetadata reads the file that makes an image a snap or a component.
func readMetadata(ctx context.Context, image *squashfs.Image, name string, limits Limits) ([]byte, error) {
	text, err := image.ReadFile(ctx, name, limits.YAMLBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: there is no %s", ErrNoMetadata, name)
	}
	return text, err
}

func (info *SnapInfo) addImageFiles(ctx context.Context, image *squashfs.Image, limits Limits, f *findings) error {
	gui, err := listDir(ctx, image, guiDir)
	if err != nil {
		return err
	}
	if info.Icon, err = readIcon(ctx, image, gui, limits, f); err != nil {
		return err
	}
	if info.DesktopFiles, err = readDesktopFiles(ctx, image, gui, limits, f); err != nil {
		return err
	}
	hooks, err := listDir(ctx, image, hooksDir)
	if err != nil {
		return err
	}
	for _, e := range hooks {
		if !e.Dir && validHook(e.Name) {
			info.Hooks = append(info.Hooks, e.Name)
		}
	}
	slices.Sort(info.Hooks)
	info.Hooks = slices.Compact(info.Hooks)
	return nil
}

// listDir is empty for a directory that is not there or is something else.
func listDir(ctx context.Context, image *squashfs.Image, name string) ([]squashfs.Entry, error) {
	list, err := image.ReadDir(ctx, name)
	if absent(err) {
		return nil, nil
	}
	return list, err
}

// absent says that an optional file is not there in a form that can be read, while
// the image as a whole is sound.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, squashfs.ErrNotDir) ||
		errors.Is(err, squashfs.ErrNotRegular) || errors.Is(err, squashfs.ErrSymlink)
}

// readOptional reads a file of meta/gui; what cannot be read is a warning, unless
// the image is broken.
func readOptional(ctx context.Context, image *squashfs.Image, name string, most int64, code Code, f *findings) ([]byte, error) {
	data, err := image.ReadFile(ctx, name, most)
	if absent(err) || errors.Is(err, squashfs.ErrLimit) {
		f.warn(code, name, "left out: %v", err)
		return nil, nil
	}
	return data, err
}

func hasSuffix(e squashfs.Entry, suffix string) bool {
	return !e.Dir && strings.EqualFold(path.Ext(e.Name), suffix)
}
