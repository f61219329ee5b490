package house

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
)

const module = "github.com/larder-store/larder"

func TestImportsFollowTheArrows(t *testing.T) {
	wrong, err := checkArrows(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range wrong {
		t.Error(w)
	}
}

func TestAWrongImportIsFound(t *testing.T) {
	tests := []struct {
		file    string
		imports string
		want    string // part of the complaint; none if empty
	}{
		{"internal/catalog/query.go", module + "/internal/db", ""},
		{"internal/db/rows.go", module + "/internal/catalog", "internal/db may not import internal/catalog"},
		{"internal/store/channel.go", module + "/assertion", "internal/store may not import assertion"},
		{"internal/blob/fs/store.go", module + "/internal/blob/spool", ""},
		{"internal/blob/fs/store.go", module + "/internal/db", "internal/blob may not import internal/db"},
		{"internal/transfer/push.go", module + "/internal/catalog", ""},
		{"internal/catalog/query.go", module + "/internal/transfer", "internal/catalog may not import internal/transfer"},
		{"internal/device/session.go", module + "/internal/catalog", "internal/device may not import internal/catalog"},
		{"client/snapstore/client.go", module + "/client/auth", ""},
		{"client/snapstore/client.go", module + "/internal/store", "client may not import internal/store"},
		{"internal/dialect/snapdevice/find.go", module + "/internal/dialect/reply", ""},
		{"internal/dialect/snapdevice/find.go", module + "/internal/dialect/snapdevice/wire", ""},
		{"internal/dialect/snapdevice/find.go", module + "/internal/dialect/charmhub", "internal/dialect/snapdevice may not import internal/dialect/charmhub"},
		{"internal/dialect/snapdevice/find.go", module + "/internal/db", "internal/dialect/snapdevice may not import internal/db"},
		{"internal/dialect/snapdevice/find.go", "database/sql", "database/sql is for internal/db"},
		{"internal/dialect/reply/json.go", module + "/internal/catalog", "internal/dialect/reply may not import internal/catalog"},
		{"internal/authority/trust.go", module + "/roots", ""},
		{"internal/catalog/trust.go", module + "/roots", "internal/catalog may not import roots"},
		{"internal/cli/init.go", module + "/roots", ""},
		{"internal/cli/serve.go", module + "/internal/testservice", "internal/testservice is for tests"},
		{"internal/db/conformance_test.go", module + "/internal/testservice", ""},
		{"internal/catalog/catalog_test.go", module + "/internal/blob/fs", ""},
		{"internal/dialect/snapdevice/find_test.go", module + "/internal/db", ""},
		{"internal/store/channel_test.go", module + "/internal/db", "internal/store may not import internal/db"},
		{"cmd/larder/main.go", module + "/internal/cli", ""},
		{"cmd/larder/main.go", module + "/internal/server", "cmd/larder may not import internal/server"},
		{"assertion/openpgp.go", "github.com/ProtonMail/go-crypto/openpgp/packet", ""},
		{"assertion/openpgp.go", "golang.org/x/crypto/ed25519", "assertion may import only the standard library"},
		{"internal/store/epoch.go", "golang.org/x/text/collate", "internal/store may import only the standard library"},
		{"internal/upstream/source.go", module + "/client/snapstore", ""},
		{"internal/attic/box.go", "fmt", "internal/attic is in no room"},
		{"attic.go", "fmt", ". is in no room"},
		{"internal/store/property_test.go", "pgregory.net/rapid", ""},
		{"internal/catalog/query.go", module + "/internal/attic", "internal/attic is in no room"},
	}
	for _, tt := range tests {
		t.Run(tt.file+" imports "+tt.imports, func(t *testing.T) {
			tree := fstest.MapFS{
				tt.file:                     {Data: fmt.Appendf(nil, "package p\n\nimport _ %q\n", tt.imports)},
				"interop/go.mod":            {Data: []byte("module m\n")},
				"interop/oracle.go":         {Data: []byte("package p\n\nimport _ \"database/sql\"\n")},
				"internal/db/testdata/x.go": {Data: []byte("package p\n\nimport _ \"" + module + "/internal/cli\"\n")},
			}
			wrong, err := checkArrows(tree)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case tt.want == "" && len(wrong) > 0:
				t.Errorf("found %q in a right import", wrong)
			case tt.want != "" && len(wrong) != 1:
				t.Errorf("found %q, want one complaint with %q", wrong, tt.want)
			case tt.want != "" && !strings.Contains(wrong[0], tt.want):
				t.Errorf("found %q, want %q", wrong, tt.want)
			case tt.want != "" && !strings.Contains(tt.want, "in no room") && !strings.HasPrefix(wrong[0], tt.file+": "):
				t.Errorf("found %q, want it to begin with the file", wrong)
			}
		})
	}
}

// checkArrows reads the imports of every Go file of the module at the root of
// tree, under all build constraints, and returns one line for each that the
// tables do not allow, and one for each directory that is in no room. Other modules below it (interop, bench) are their own
// business. Test files are bound only in the ground rooms and client's.
func checkArrows(tree fs.FS) (wrong []string, err error) {
	err = fs.WalkDir(tree, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			if name != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || isModule(tree, name)) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		if from, _ := roomOf(path.Dir(name)); from == "" {
			if complaint := noRoom(path.Dir(name)); !slices.Contains(wrong, complaint) {
				wrong = append(wrong, complaint)
			}
			return nil
		}
		imports, err := importsOf(tree, name)
		if err != nil {
			return err
		}
		for _, imported := range imports {
			if rule := brokenRule(name, imported); rule != "" {
				wrong = append(wrong, fmt.Sprintf("%s: %s", name, rule))
			}
		}
		return nil
	})
	return wrong, err
}

func isModule(tree fs.FS, dir string) bool {
	_, err := fs.Stat(tree, path.Join(dir, "go.mod"))
	return err == nil
}

func importsOf(tree fs.FS, name string) ([]string, error) {
	src, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseFile(token.NewFileSet(), name, src, parser.ImportsOnly)
	if err != nil {
		return nil, fmt.Errorf("cannot read the imports of %s: %w", name, err)
	}
	var imports []string
	for _, spec := range file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("cannot read the imports of %s: %w", name, err)
		}
		imports = append(imports, imported)
	}
	return imports, nil
}

// brokenRule names the rule that file breaks by importing imported, or "".
func brokenRule(file, imported string) string {
	from, fromRow := roomOf(path.Dir(file))
	isTest := strings.HasSuffix(file, "_test.go")

	dir, ours := strings.CutPrefix(imported, module+"/")
	if !ours {
		if isTest {
			return ""
		}
		return brokenOutsideRule(from, imported)
	}
	to, _ := roomOf(dir)
	switch {
	case to == "":
		return noRoom(dir)
	case from == to:
		return ""
	case isTest && !boundInTests(from):
		return ""
	case slices.Contains(testsOnly, to):
		return fmt.Sprintf("%s is for tests: only _test.go files, interop and bench import it", to)
	case !slices.ContainsFunc(fromRow.mayImport, func(pattern string) bool { return matches(pattern, to) }):
		return fmt.Sprintf("%s may not import %s, only %q", from, to, fromRow.mayImport)
	}
	return ""
}

func brokenOutsideRule(from, imported string) string {
	if allowed, bound := standardLibraryOnly[from]; bound && !isStandard(imported) && !underAny(allowed, imported) {
		return fmt.Sprintf("imports %s, and %s may import only the standard library besides %q", imported, from, allowed)
	}
	for _, fence := range fences {
		if under(fence.outside, imported) && !slices.Contains(fence.rooms, from) {
			return fmt.Sprintf("%s is for %s, not for %s", fence.outside, strings.Join(fence.rooms, " and "), from)
		}
	}
	return ""
}

func noRoom(dir string) string {
	return dir + " is in no room: add a row for it to internal/house/rooms_test.go"
}

// boundInTests says whether a room's tests keep its arrows too: those that
// other people import must be testable without the server.
func boundInTests(room string) bool {
	_, ground := standardLibraryOnly[room]
	return ground || room == "client"
}

// roomOf returns the room that dir lies in, and its row. The first row that
// fits wins, so that reply stands before the dialects.
func roomOf(dir string) (string, room) {
	for _, row := range rooms {
		depth := strings.Count(row.dir, "/") + 1
		elements := strings.Split(dir, "/")
		if len(elements) < depth {
			continue
		}
		if candidate := path.Join(elements[:depth]...); matches(row.dir, candidate) {
			return candidate, row
		}
	}
	return "", room{}
}

func matches(pattern, dir string) bool {
	ok, err := path.Match(pattern, dir)
	return err == nil && ok
}

// isStandard goes by the rule that only the standard library has first
// elements without a dot.
func isStandard(imported string) bool {
	first, _, _ := strings.Cut(imported, "/")
	return !strings.Contains(first, ".")
}

func under(prefix, imported string) bool {
	return imported == prefix || strings.HasPrefix(imported, prefix+"/")
}

func underAny(prefixes []string, imported string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return under(p, imported) })
}
