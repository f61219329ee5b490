package charmhub

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestParseLibrary(t *testing.T) {
	const head = "LIBID = 'abc'\nLIBAPI = 1\nLIBPATCH = 2\n"
	right := LibrarySource{LibraryVersion: LibraryVersion{1, 2}, ID: "abc"}
	with := func(deps ...string) LibrarySource {
		s := right
		s.PythonDependencies = deps
		return s
	}
	tests := []struct {
		name, source string
		want         LibrarySource
	}{
		{"plain", head, right},
		{"DOS line ends", strings.ReplaceAll(head, "\n", "\r\n"), right},
		{"no line end", strings.TrimSpace(head), right},
		{"comments and blanks", "LIBID = \"abc\"  # who\nLIBAPI=1# major\nLIBPATCH   =   2\n", right},
		{"inside texts", "\"\"\"doc\nLIBAPI = 9\nLIBID = 'no'\n\"\"\"\nx = '''\nLIBPATCH = 7\n'''\n" + head, right},
		{"inside brackets", "f(\nLIBAPI = 9,\n)\n" + head, right},
		{"inside a block", "if True:\n    LIBAPI = 9\n" + head, right},
		{"quotes in texts", `x = "it's \" \\"` + "\n" + head, right},
		{"quotes in comments", "# don't\n" + head, right},
		{"other names", "LIBAPI_OLD = 9\nXLIBAPI = 8\nLIBAPI == 7\n" + head, right},
		{"continued line", "LIBID = \\\n  'abc'\nLIBAPI = 1\nLIBPATCH = 2\n", right},
		{"side by side", "LIBID = 'a' \"b\" r'c'\nLIBAPI = 1\nLIBPATCH = 2\n", right},
		{"no dependencies", head + "PYDEPS = []\n", with([]string{}...)},
		{"dependencies", head + "PYDEPS = ['a>=1', \"b ~= 2\",\n  # why\n  'c' 'd',\n]\n", with("a>=1", "b ~= 2", "cd")},
	}
	for _, tt := range tests {
		got, err := ParseLibrary([]byte(tt.source))
		if err != nil || got.LibraryVersion != tt.want.LibraryVersion || got.ID != tt.want.ID || !slices.Equal(got.PythonDependencies, tt.want.PythonDependencies) {
			t.Errorf("%s: %+v, %v", tt.name, got, err)
		}
	}
	wrong := map[string]string{
		"nothing":            "",
		"no id":              "LIBAPI = 1\nLIBPATCH = 2\n",
		"an empty id":        "LIBID = ''\nLIBAPI = 1\nLIBPATCH = 2\n",
		"a strange id":       "LIBID = 'ä'\nLIBAPI = 1\nLIBPATCH = 2\n",
		"an id that is made": "LIBID = f()\nLIBAPI = 1\nLIBPATCH = 2\n",
		"more than an id":    "LIBID = 'a' + 'b'\nLIBAPI = 1\nLIBPATCH = 2\n",
		"negative":           "LIBID = 'a'\nLIBAPI = -1\nLIBPATCH = 2\n",
		"a text as number":   "LIBID = 'a'\nLIBAPI = '1'\nLIBPATCH = 2\n",
		"both 0":             "LIBID = 'a'\nLIBAPI = 0\nLIBPATCH = 0\n",
		"twice":              head + "LIBAPI = 1\n",
		"a huge number":      "LIBID = 'a'\nLIBAPI = 99999999999999999999\nLIBPATCH = 2\n",
		"no end":             head + "x = '''abc\n",
		"no end of a line":   head + "x = 'abc\n",
		"deps not a list":    head + "PYDEPS = 'a'\n",
		"deps that run":      head + "PYDEPS = [__import__('os').system('x')]\n",
		"deps in a tuple":    head + "PYDEPS = ('a',)\n",
		"an empty dep":       head + "PYDEPS = ['']\n",
		"an annotation":      "LIBID: str = 'a'\nLIBAPI = 1\nLIBPATCH = 2\n",
		"deps open":          head + "PYDEPS = ['a'\n",
		"two statements":     "LIBID = 'a'\nLIBAPI = 1; x = 2\nLIBPATCH = 2\n",
		"too long":           head + strings.Repeat("#", MaxLibrary),
	}
	for name, source := range wrong {
		if got, err := ParseLibrary([]byte(source)); !errors.As(err, new(*RequestError)) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestContentHash leaves out what says which revision a file is, and how its
// lines end.
func TestContentHash(t *testing.T) {
	// printf 'x = 1\ny = 2\n' | sha256sum
	const want = "8353afe579a16d27abc038055bf713459ba6ef418c65b143b526a09dd529e500"
	for _, content := range []string{
		"x = 1\ny = 2\n",
		"LIBID = 'abc'\nx = 1\nLIBAPI = 1\nLIBPATCH = 2\ny = 2\n",
		"x = 1\r\nLIBPATCH = 7\r\ny = 2\r\n",
		"LIBAPIX\nx = 1\ny = 2\n", // a line counts by how it begins
	} {
		if got := ContentHash([]byte(content)); got != want {
			t.Errorf("%q hashes to %s", content, got)
		}
	}
	if ContentHash([]byte("x = 1\ny = 2")) == want || ContentHash([]byte(" LIBID = 1\nx = 1\ny = 2\n")) == want {
		t.Error("other content has the same hash")
	}
}

func FuzzParseLibrary(f *testing.F) {
	f.Add([]byte("LIBID = 'abc'\nLIBAPI = 1\nLIBPATCH = 2\nPYDEPS = ['a', (]\n"))
	f.Add([]byte("'''\\"))
	f.Add([]byte("LIBID: = r'\\\nLIBAPI=_\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		source, err := ParseLibrary(content)
		if err == nil && (source.ID == "" || source.API < 0 || source.Patch < 0 || len(source.Hash) != 64) {
			t.Errorf("took %q as %+v", content, source)
		}
	})
}
