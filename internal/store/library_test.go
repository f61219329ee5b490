package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

const libID = "0123456789abcdef0123456789abcdef"

// libraryText is the source of a library as charmcraft's create-lib begins it.
func libraryText(api, patch int, body string) string {
	return fmt.Sprintf(`"""A library.

LIBAPI = 77
"""

# The unique identifier, never change it
LIBID = "%s"

# Increment this major API version when introducing breaking changes
LIBAPI = %d

LIBPATCH = %d

PYDEPS = ["ops>=2"]
%s
`, libID, api, patch, body)
}

func libraryRevision(api, patch int, content string) LibraryRevision {
	return LibraryRevision{LibraryID: libID, API: api, Patch: patch, Content: content, Hash: LibraryHash(content)}
}

func TestValidLibraryName(t *testing.T) {
	for name, want := range map[string]bool{
		"database": true, "data_interfaces": true, "x": true, "v2": true, strings.Repeat("a", 100): true,
		"": false, "2v": false, "_x": false, "Data": false, "data-interfaces": false, "a.b": false, "é": false, "a\n": false,
		strings.Repeat("a", 101): false,
	} {
		if err := ValidLibraryName(name); (err == nil) != want {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

func TestNewLibraryIDIsWhatASourceMaySay(t *testing.T) {
	id := NewLibraryID(strings.NewReader(strings.Repeat("\xff\x00\x5c\x22", 4)))
	if id != "ff005c22ff005c22ff005c22ff005c22" {
		t.Fatalf("got %q", id)
	}
	if got := libraryFields(`LIBID = "` + id + `"`)["LIBID"]; got != id {
		t.Errorf("a source says %q", got)
	}
}

func TestLibraryHash(t *testing.T) {
	plain := func(s string) string { sum := sha256.Sum256([]byte(s)); return hex.EncodeToString(sum[:]) }
	for content, want := range map[string]string{
		"":                                    "",
		"a\nb\n":                              "a\nb\n",
		"a\r\nb\r\n":                          "a\nb\n",
		"a\rb":                                "a\rb",
		"a\nLIBAPI = 3\nb":                    "a\nb",
		"LIBPATCH = 3":                        "",
		"LIBID=x\r\nLIBPATCHES = []\r\nLIB\n": "LIB\n",
		" LIBAPI = 3\n":                       " LIBAPI = 3\n",
		"\n\n":                                "\n\n",
	} {
		if got := LibraryHash(content); got != plain(want) {
			t.Errorf("%q: not the hash of %q", content, want)
		}
	}
}

func TestLibraryHashPassesOverVersionsAndLineEnds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.StringMatching(`[a-z =#"L]{0,12}`)).Draw(t, "lines")
		content := strings.Join(append(lines, ""), "\n")
		at := rapid.IntRange(0, len(lines)).Draw(t, "at")
		field := rapid.SampledFrom([]string{"LIBAPI = 4", "LIBPATCH=1", "LIBID = 'x'"}).Draw(t, "field")
		more := strings.Join(append(slices.Insert(slices.Clone(lines), at, field), ""), "\n")
		if LibraryHash(more) != LibraryHash(content) {
			t.Fatalf("%q counts", field)
		}
		if LibraryHash(strings.ReplaceAll(content, "\n", "\r\n")) != LibraryHash(content) {
			t.Fatal("the ends of lines count")
		}
		if LibraryHash(content+"x") == LibraryHash(content) {
			t.Fatal("what is added does not count")
		}
	})
}

func TestNextLibraryRevision(t *testing.T) {
	tip := libraryRevision(2, 7, libraryText(2, 7, "old"))
	for _, c := range []struct {
		name   string
		tip    *LibraryRevision
		next   LibraryRevision
		spoil  func(*LibraryRevision)
		want   string
		detail string
	}{
		{name: "the next patch", tip: &tip, next: libraryRevision(2, 8, libraryText(2, 8, "new"))},
		{name: "the first of all", next: libraryRevision(0, 1, libraryText(0, 1, "new"))},
		{name: "the first of an api", next: libraryRevision(3, 0, libraryText(3, 0, "new"))},
		{name: "a first that has its history elsewhere", next: libraryRevision(5, 44, libraryText(5, 44, "new"))},
		{name: "Windows line ends", tip: &tip, next: libraryRevision(2, 8, strings.ReplaceAll(libraryText(2, 8, "new"), "\n", "\r\n"))},
		{name: "single quotes and a comment", next: libraryRevision(0, 1, "LIBID='"+libID+"' # mine\nLIBAPI=0\nLIBPATCH\t=  1#\n")},
		{name: "the last assignment counts", next: libraryRevision(0, 2, libraryText(0, 1, "LIBPATCH = 2"))},
		{name: "not one in a string", next: libraryRevision(0, 1, libraryText(0, 1, "HELP = '''it\\'''s \nLIBPATCH = 2\n'''"))},
		{name: "nor one that is indented", next: libraryRevision(0, 1, libraryText(0, 1, "if x:\n  LIBPATCH = 2"))},

		{name: "0.0", next: libraryRevision(0, 0, libraryText(0, 0, "new")), want: "invalid-library-version"},
		{name: "a negative api", next: libraryRevision(-1, 3, libraryText(-1, 3, "new")), want: "invalid-library-version"},
		{name: "a negative patch", next: libraryRevision(1, -3, libraryText(1, -3, "new")), want: "invalid-library-version"},
		{name: "a huge one", next: libraryRevision(1<<40, 1, libraryText(1<<40, 1, "new")), want: "invalid-library-version"},
		{name: "too much", next: libraryRevision(0, 1, libraryText(0, 1, strings.Repeat("#", MaxLibrary))), want: "library-too-large"},
		{name: "no UTF-8", next: libraryRevision(0, 1, libraryText(0, 1, "# \xff")), want: "invalid-library"},
		{name: "a zero byte", next: libraryRevision(0, 1, libraryText(0, 1, "# \x00")), want: "invalid-library"},
		{name: "no LIBID", next: libraryRevision(0, 1, "LIBAPI = 0\nLIBPATCH = 1\n"), want: "invalid-library", detail: "does not set LIBID"},
		{name: "a LIBID that is a number", next: libraryRevision(0, 1, "LIBID = 5\nLIBAPI = 0\nLIBPATCH = 1\n"), want: "invalid-library", detail: "does not set LIBID"},
		{name: "a LIBAPI that is text", next: libraryRevision(0, 1, "LIBID = \""+libID+"\"\nLIBAPI = \"0\"\nLIBPATCH = 1\n"), want: "invalid-library", detail: "does not set LIBAPI"},
		{name: "no LIBPATCH", next: libraryRevision(0, 1, "LIBID = \""+libID+"\"\nLIBAPI = 0\n"), want: "invalid-library", detail: "does not set LIBPATCH"},
		{name: "another library's LIBID", next: libraryRevision(0, 1, libraryText(0, 1, "")), spoil: func(r *LibraryRevision) { r.LibraryID = "other" }, want: "invalid-library", detail: "LIBID"},
		{name: "another LIBAPI", next: libraryRevision(1, 1, libraryText(0, 1, "")), want: "invalid-library", detail: "LIBAPI"},
		{name: "another LIBPATCH", next: libraryRevision(0, 2, libraryText(0, 1, "")), want: "invalid-library", detail: "LIBPATCH"},
		{name: "another hash", next: libraryRevision(0, 1, libraryText(0, 1, "")), spoil: func(r *LibraryRevision) { r.Hash = strings.Repeat("0", 64) }, want: "invalid-library-hash"},
		{name: "the tip again", tip: &tip, next: tip, want: "library-exists"},
		{name: "the tip with other content", tip: &tip, next: libraryRevision(2, 7, libraryText(2, 7, "new")), want: "library-version-conflict", detail: "set LIBPATCH to 8"},
		{name: "an older patch", tip: &tip, next: libraryRevision(2, 6, libraryText(2, 6, "new")), want: "library-version-conflict"},
		{name: "a patch too far", tip: &tip, next: libraryRevision(2, 9, libraryText(2, 9, "new")), want: "library-version-conflict"},
		{name: "the next patch of the same content", tip: &tip, next: libraryRevision(2, 8, libraryText(2, 8, "old")), want: "library-unchanged"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.spoil != nil {
				c.spoil(&c.next)
			}
			err := NextLibraryRevision(c.tip, c.next)
			if got := CodeOf(err); got != c.want || (err == nil) != (c.want == "") {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if err != nil && !strings.Contains(err.Error(), c.detail) {
				t.Errorf("%v does not say %q", err, c.detail)
			}
		})
	}
}

func TestPythonLines(t *testing.T) {
	for source, want := range map[string]string{
		"a\nb":                       "a|b",
		"a\r\nb\r\n":                 "a\r|b\r",
		"'''\nb\n'''\nc":             "'''|c",
		"\"\"\"'''\nb\n\"\"\"\nc":    "\"\"\"'''|c",
		"# it's\nb":                  "# it's|b",
		"x = '#'\nb":                 "x = '#'|b",
		"x = 'open\nb":               "x = 'open|b",
		"x = 'on \\\nb'\nc":          "x = 'on \\|c",
		"x = '''a\\'''\nb'''\nc":     "x = '''a\\'''|c",
		"x = ''\nb":                  "x = ''|b",
		"x = '' '''\nb''' ''\nc":     "x = '' '''|c",
		"x = '''a''' '''b\nc''' \nd": "x = '''a''' '''b|d",
		"x = 1 + \\\nb":              "x = 1 + \\|b",
		// The quote after the backslash does not end the string, raw as it is.
		"x = r'\\' '''\nb\n'''\nc":    "x = r'\\' '''|b|'''",
		"x = f'{y[\"a\"]}'\nb":        "x = f'{y[\"a\"]}'|b",
		"":                            "",
		"'''never closed\nLIBAPI = 3": "'''never closed",
	} {
		if got := strings.Join(slices.Collect(pythonLines(source)), "|"); got != want {
			t.Errorf("%q: got %q, want %q", source, got, want)
		}
	}
}
