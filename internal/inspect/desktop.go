package inspect

import (
	"bytes"
	"context"
	"strings"

	"github.com/larder-store/larder/internal/inspect/squashfs"
)

// DesktopFile is the [Desktop Entry] group of one meta/gui/*.desktop file, in its
// untranslated form.
type DesktopFile struct {
	Path        string
	Name        string
	GenericName string
	Comment     string
	Exec        string
	Icon        string
	Categories  []string
	Keywords    []string
	NoDisplay   bool
}

func readDesktopFiles(ctx context.Context, im *squashfs.Image, gui []squashfs.Entry, limits Limits, f *findings) ([]DesktopFile, error) {
	var list []DesktopFile
	seen := 0
	for _, e := range gui {
		if !hasSuffix(e, ".desktop") {
			continue
		}
		if seen++; seen > limits.DesktopFiles {
			f.warn(InvalidDesktopFile, guiDir, "more than %d desktop files; the rest is left out", limits.DesktopFiles)
			break
		}
		name := guiDir + "/" + e.Name
		text, err := readOptional(ctx, im, name, limits.DesktopBytes, InvalidDesktopFile, f)
		if err != nil {
			return nil, err
		}
		if text == nil {
			continue
		}
		file, ok := parseDesktopFile(text)
		if !ok {
			f.warn(InvalidDesktopFile, name, "left out: it has no [Desktop Entry] with a Name")
			continue
		}
		file.Path = name
		list = append(list, file)
	}
	return list, nil
}

// parseDesktopFile follows the Desktop Entry Specification as far as fields go that
// people search by.
func parseDesktopFile(text []byte) (DesktopFile, bool) {
	var d DesktopFile
	inGroup := false
	for line := range bytes.Lines(text) {
		s := strings.TrimSpace(strings.ToValidUTF8(string(line), "\uFFFD"))
		if strings.HasPrefix(s, "[") {
			inGroup = s == "[Desktop Entry]"
			continue
		}
		key, value, ok := strings.Cut(s, "=")
		if !inGroup || !ok {
			continue
		}
		value = strings.TrimSpace(value)
		switch strings.TrimSpace(key) {
		case "Name":
			d.Name = value
		case "GenericName":
			d.GenericName = value
		case "Comment":
			d.Comment = value
		case "Exec":
			d.Exec = value
		case "Icon":
			d.Icon = value
		case "Categories":
			d.Categories = splitList(value)
		case "Keywords":
			d.Keywords = splitList(value)
		case "NoDisplay":
			d.NoDisplay = value == "true"
		}
	}
	return d, d.Name != ""
}

func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ';' })
}
