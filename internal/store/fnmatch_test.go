package store

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// What Python's fnmatch.fnmatchcase says, a line each: "match" or "other",
// the pattern, the name.
func TestFnmatchAgreesWithPython(t *testing.T) {
	file, err := os.Open(filepath.Join("testdata", "fnmatch.txt"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines, counts := bufio.NewScanner(file), map[string]int{}
	for lines.Scan() {
		var want, pattern, name string
		if _, err := fmt.Sscanf(lines.Text(), "%s %q %q", &want, &pattern, &name); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		counts[want]++
		if got := Fnmatch(pattern, name); got != (want == "match") {
			t.Errorf("%q against %q: got %v, want %s", pattern, name, got, want)
		}
	}
	if lines.Err() != nil || counts["match"] < 300 || counts["other"] < 300 {
		t.Fatalf("read %v, %v", counts, lines.Err())
	}
}

func TestMatchChannelKnowsEverySpelling(t *testing.T) {
	for _, c := range []struct {
		pattern, channel string
		want             bool
	}{
		{"edge", "latest/edge", true},
		{"edge", "edge", true},
		{"latest/edge", "edge", true},
		{"*/edge", "edge", true},
		{"edge", "2.0/edge", false},
		{"*edge", "2.0/edge", true},
		{"edge", "edge/fix", false},
		{"edge/*", "latest/edge/fix", true},
		{"edge*", "edge/fix", true},
		{"latest/edge/fix", "edge/fix", true},
		{"latest/*", "edge/fix", true},
		{"2.0/stable", "2.0/stable", true},
		{"2.0", "2.0/stable", true},
		{"2.0", "2.0/edge", false},
		{"2.0", "2.0/stable/fix", false},
		{"2.?/*", "2.1/beta", true},
		{"2.?/*", "2.10/beta", false},
		{"stable", "latest/stable", true},
		{"latest", "stable", true},
		{"latest", "edge", false},
		{"[!s]*", "stable", true}, // as latest/stable
		{"", "stable", false},
		{"EDGE", "edge", false},
		{"*", "1.0/candidate/x", true},
	} {
		if got := MatchChannel(c.pattern, ch(t, c.channel)); got != c.want {
			t.Errorf("%q against %s: got %v", c.pattern, c.channel, got)
		}
	}
}

func TestEverySpellingReadsAsTheChannel(t *testing.T) {
	for _, text := range []string{"stable", "edge/fix", "2.0/stable", "2.0/stable/x", "3/beta"} {
		c := ch(t, text).Normal()
		for _, name := range c.spellings() {
			if got := ch(t, name).Normal(); got != c {
				t.Errorf("%q is no spelling of %s", name, c)
			}
		}
	}
}

func TestFnmatchOfHostilePatternsIsQuick(t *testing.T) {
	const long = 20_000
	begin := time.Now()
	for _, pattern := range []string{
		strings.Repeat("*a", 500) + "b", strings.Repeat("*", long), strings.Repeat("[", long),
		strings.Repeat("[!", long/2), strings.Repeat("[]", long/2), strings.Repeat("*[!b]", 200) + "b",
	} {
		Fnmatch(pattern, strings.Repeat("a", long))
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

// FuzzFnmatch compares with a regular expression for patterns without sets.
func FuzzFnmatch(f *testing.F) {
	f.Add("*/edge", "latest/edge")
	f.Add("a*?b", "a\nxb")
	f.Add("[!a-z]", "é")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		got := Fnmatch(pattern, name)
		if !Fnmatch("*", name) || got && !Fnmatch("*"+pattern+"*", name) && !strings.Contains(pattern, "[") {
			t.Errorf("stars do not match %q as %q does", name, pattern)
		}
		if strings.Contains(pattern, "[") {
			return
		}
		quoted := regexp.QuoteMeta(string([]rune(pattern)))
		quoted = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(quoted)
		if re, err := regexp.Compile(`^(?s:` + quoted + `)$`); err == nil && re.MatchString(string([]rune(name))) != got {
			t.Errorf("%q against %q: got %v", pattern, name, got)
		}
	})
}
