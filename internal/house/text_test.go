package house

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

// forbiddenText may stand nowhere in the tree: paths of somebody's machine, and
// hosts that the Go command knows without being told. The words are put
// together here so that this file does not contain them.
var forbiddenText = []string{
	join("/", "work", "/"),
	join("/", "farm", "/"),
	join("proxy.", "golang.org"),
	join("sum.", "golang.org"),
	join("go", "proxy.io"),
	join("go", "proxy.cn"),
	join("py", "pi.org"),
	join("python", "hosted.org"),
	join("registry.", "npmjs.org"),
	join("registry.", "yarnpkg.com"),
	join("crates", ".io"),
	join("ruby", "gems.org"),
	join("registry-1.", "docker.io"),
	join("index.", "docker.io"),
	join("deb.", "debian.org"),
}

// builtFiles are what building and running leave in the tree, as .gitignore
// has them.
var builtFiles = []string{".git", "bin", "dist", "larder", ".tools", "larder-data", "*.test", "*.out", "*.prof"}

func TestNoFileNamesAMachinePathOrARegistry(t *testing.T) {
	found, err := findForbidden(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

func TestForbiddenTextIsFound(t *testing.T) {
	for _, word := range forbiddenText {
		found, err := findForbidden(fstest.MapFS{
			"docs/build.md":     {Data: []byte("one\ntwo with " + strings.ToUpper(word) + "in it\n")},
			"bin/larder":        {Data: []byte(word)},
			"larder-data/db":    {Data: []byte(word)},
			"internal/db/db.go": {Data: []byte("package db\n")},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(found) != 1 || !strings.HasPrefix(found[0], "docs/build.md:2: ") {
			t.Errorf("looking for %q found %q, want docs/build.md:2 only", word, found)
		}
	}
}

func findForbidden(tree fs.FS) (found []string, err error) {
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		built := slices.ContainsFunc(builtFiles, func(pattern string) bool {
			atRoot := !strings.Contains(name, "/") || strings.HasPrefix(pattern, "*")
			return atRoot && matches(pattern, path.Base(name))
		})
		switch {
		case built && d.IsDir():
			return fs.SkipDir
		case built || !d.Type().IsRegular():
			return nil
		}
		content, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		content = bytes.ToLower(content)
		for _, word := range forbiddenText {
			if at := bytes.Index(content, []byte(word)); at >= 0 {
				line := 1 + bytes.Count(content[:at], []byte("\n"))
				found = append(found, name+":"+strconv.Itoa(line)+": names "+word)
			}
		}
		return nil
	})
	return found, err
}

func join(parts ...string) string { return strings.Join(parts, "") }
