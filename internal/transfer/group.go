package transfer

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// unit is files that are pushed together.
type unit struct {
	name  string
	files []string
	size  int64 // bytes
}

// group puts files that belong together into one unit: a snap or component and
// the .assert file beside it, whether that was named or not, and the components
// of a snap and the snap, so that they become visible together. Components are
// told by their names, snap+component_revision.comp.
func group(files []string) ([]unit, error) {
	g := grouping{byStem: make(map[string]int)}
	for _, file := range files {
		if err := g.add(filepath.Clean(file), true); err != nil {
			return nil, err
		}
	}
	for _, stem := range slices.Sorted(maps.Keys(g.byStem)) {
		if snap, _, isComponent := strings.Cut(filepath.Base(stem), "+"); isComponent {
			g.join(g.byStem[stem], snap)
		}
	}
	return slices.DeleteFunc(g.units, func(u unit) bool { return len(u.files) == 0 }), nil
}

type grouping struct {
	units  []unit
	byStem map[string]int // index of the unit, by the path without its extension
}

// add puts a file into the unit of its stem. One that was not named is taken
// along if it is there.
func (g *grouping) add(file string, named bool) error {
	info, err := os.Stat(file)
	switch {
	case !named && (err != nil || !info.Mode().IsRegular()):
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return store.NotFoundf("file-not-found", "cannot read %s: there is no such file", file)
	case err != nil:
		return store.Invalidf("unreadable-file", "cannot read %s", file).Because(err)
	case info.IsDir():
		return store.Invalidf("is-a-directory", "cannot push %s: it is a directory", file).Try("name the files in it")
	case !info.Mode().IsRegular():
		return store.Invalidf("unreadable-file", "cannot push %s: it is no regular file", file)
	}
	stem, kind := file, filepath.Ext(file)
	if kind == ".snap" || kind == ".comp" || kind == ".assert" {
		stem = strings.TrimSuffix(file, kind)
	}
	at, ok := g.byStem[stem]
	if !ok {
		at = len(g.units)
		g.byStem[stem] = at
		g.units = append(g.units, unit{name: filepath.Base(file)})
	}
	if u := &g.units[at]; !slices.Contains(u.files, file) {
		u.files, u.size = append(u.files, file), u.size+info.Size()
	}
	if kind == ".snap" || kind == ".comp" {
		return g.add(stem+".assert", false)
	}
	return nil
}

// join moves a component's files to the units of its snap, which become one:
// only the assertions say to which of several revisions it belongs.
func (g *grouping) join(component int, snap string) {
	into := -1
	for i := range g.units {
		if !g.units[i].holds(snap) {
			continue
		}
		if into < 0 {
			into = i
			continue
		}
		g.move(i, into)
	}
	if into >= 0 {
		g.move(component, into)
	}
}

func (g *grouping) move(from, to int) {
	if from == to {
		return
	}
	g.units[to].files = append(g.units[to].files, g.units[from].files...)
	g.units[to].size += g.units[from].size
	g.units[from].files = nil
}

// holds reports whether a file of the unit is a snap of that name, by its own
// name: NAME.snap or NAME_REVISION.snap.
func (u *unit) holds(snap string) bool {
	return slices.ContainsFunc(u.files, func(file string) bool {
		stem, isSnap := strings.CutSuffix(filepath.Base(file), ".snap")
		name, _, _ := strings.Cut(stem, "_")
		return isSnap && name == snap
	})
}
