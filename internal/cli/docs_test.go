package cli

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/delta"
	"github.com/larder-store/larder/internal/dialect/candid"
	"github.com/larder-store/larder/internal/dialect/charmhub"
	"github.com/larder-store/larder/internal/dialect/oci"
	"github.com/larder-store/larder/internal/dialect/snapdevice"
	"github.com/larder-store/larder/internal/dialect/snappublisher"
	"github.com/larder-store/larder/internal/dialect/sso"
	"github.com/larder-store/larder/internal/server"
	"github.com/larder-store/larder/internal/store"
)

// page is a Markdown file of the repository.
type page struct {
	name  string // below the repository, with slashes
	lines []string
}

// pages reads every Markdown file that is part of the project.
func pages(t *testing.T) []page {
	t.Helper()
	var all []page
	err := filepath.WalkDir(repository, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case ".git", ".tools", "bin", "dist", "larder-data", "testdata":
				return fs.SkipDir
			}
			return nil
		}
		if filepath.Ext(name) != ".md" {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(repository, name)
		all = append(all, page{filepath.ToSlash(below), strings.Split(string(text), "\n")})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 10 {
		t.Fatalf("found %d pages, which cannot be all", len(all))
	}
	return all
}

// prose calls yield with the lines of a page that stand outside of fences.
func (p page) prose(yield func(number int, line string)) {
	fenced := false
	for i, line := range p.lines {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if !fenced {
			yield(i+1, line)
		}
	}
}

// anchors are the fragments that links into the page may name.
func (p page) anchors() map[string]bool {
	found := make(map[string]bool)
	p.prose(func(_ int, line string) {
		if title := strings.TrimLeft(line, "#"); title != line && strings.HasPrefix(title, " ") {
			found[anchor(strings.TrimSpace(strings.ReplaceAll(title, "`", "")))] = true
		}
	})
	return found
}

var linkPattern = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksOfTheDocumentationLeadSomewhere(t *testing.T) {
	all := pages(t)
	byName := make(map[string]page)
	for _, p := range all {
		byName[p.name] = p
	}
	for _, p := range all {
		p.prose(func(number int, line string) {
			for _, m := range linkPattern.FindAllStringSubmatch(line, -1) {
				target, fragment, _ := strings.Cut(m[1], "#")
				if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
					continue
				}
				at := p.name
				if target != "" {
					at = path.Join(path.Dir(p.name), target)
				}
				if _, err := os.Stat(filepath.Join(repository, at)); err != nil {
					t.Errorf("%s:%d: %s is not there", p.name, number, m[1])
					continue
				}
				if to, isPage := byName[at]; fragment != "" && isPage && !to.anchors()[fragment] {
					t.Errorf("%s:%d: %s has no heading for #%s", p.name, number, at, fragment)
				}
			}
		})
	}
}

// commandLine is a call of larder in a page.
type commandLine struct {
	where string
	text  string
	args  []string // after the program's name
}

// commandLines are the calls in ```sh fences, and those after a "$ " in
// ```console fences, which hold answers too.
func (p page) commandLines() (calls []commandLine, err error) {
	fence := ""
	for i := 0; i < len(p.lines); i++ {
		line := strings.TrimSpace(p.lines[i])
		if info, ok := strings.CutPrefix(line, "```"); ok {
			if fence == "" {
				fence = info + " "
			} else {
				fence = ""
			}
			continue
		}
		switch fence {
		case "sh ":
		case "console ":
			var prompted bool
			if line, prompted = strings.CutPrefix(line, "$ "); !prompted {
				continue
			}
		default:
			continue
		}
		where := fmt.Sprintf("%s:%d", p.name, i+1)
		words, err := shellWords(line)
		for goesOn(line, err) && i+1 < len(p.lines) && !strings.HasPrefix(p.lines[i+1], "```") {
			i++
			line = strings.TrimSuffix(line, `\`) + " " + strings.TrimPrefix(strings.TrimSpace(p.lines[i]), "> ")
			words, err = shellWords(line)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", where, err)
		}
		calls = append(calls, callsOf(where, line, words)...)
	}
	return calls, nil
}

// goesOn reports whether a shell would ask for another line.
func goesOn(line string, err error) bool {
	return err != nil || strings.HasSuffix(line, `\`) || strings.HasSuffix(line, "|")
}

// programs are the names under which pages call the program.
var programs = map[string]bool{
	"larder": true, "bin/larder": true, "./bin/larder": true, "/usr/local/bin/larder": true, "snap-proxy": true,
}

// callsOf finds the calls in the words of a line, which end at what ends a
// command for a shell.
func callsOf(where, line string, words []string) (calls []commandLine) {
	for i := 0; i < len(words); i++ {
		first := i == 0 || words[i-1] == "|" || words[i-1] == "&&" || words[i-1] == ";" ||
			words[i-1] == "sudo" || strings.Contains(words[i-1], "=")
		if !first || !programs[words[i]] {
			continue
		}
		c := commandLine{where: where, text: line}
		for i++; i < len(words); i++ {
			switch w := words[i]; {
			case w == "|" || w == "&&" || w == ";" || w == "&":
				calls = append(calls, c)
				c = commandLine{}
			case w == ">" || w == "<" || w == ">>" || w == "2>":
				i++ // the file
				continue
			default:
				c.args = append(c.args, w)
				continue
			}
			break
		}
		if c.where != "" {
			calls = append(calls, c)
		}
	}
	return calls
}

// shellWords splits a line as a shell does, as far as pages need it: quotes,
// comments, and operators that stand alone.
func shellWords(line string) (words []string, err error) {
	var word strings.Builder
	var quote rune
	open, parens := false, 0
	for _, r := range line {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			} else {
				word.WriteRune(r)
			}
		case r == '\'' || r == '"':
			quote, open = r, true
		case r == '(':
			parens++
			word.WriteRune(r)
		case r == ')':
			parens--
			word.WriteRune(r)
		case (r == ' ' || r == '\t') && parens == 0:
			if open || word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
			open = false
		case r == '#' && word.Len() == 0 && !open:
			return words, nil
		case r == ';' && parens == 0:
			words = append(words, word.String(), ";")
			word.Reset()
			open = false
		default:
			word.WriteRune(r)
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote is left open in %q", line)
	}
	if open || word.Len() > 0 {
		words = append(words, word.String())
	}
	return words, nil
}

func TestCommandLinesInTheDocumentationAreAccepted(t *testing.T) {
	checked := 0
	for _, p := range pages(t) {
		calls, err := p.commandLines()
		if err != nil {
			t.Error(err)
		}
		for _, c := range calls {
			checked++
			if err := accepts(t, c.args); err != nil {
				t.Errorf("%s: %s: %v", c.where, c.text, err)
			}
		}
	}
	if checked < 50 {
		t.Errorf("checked %d command lines, which cannot be all", checked)
	}
}

// accepts parses a command line without running it.
func accepts(t *testing.T, args []string) error {
	root := documentedRoot(t)
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if help, err := cmd.Flags().GetBool("help"); err == nil && help {
		return nil
	}
	if cmd.HasSubCommands() {
		if len(args) == 1 && strings.HasPrefix(args[0], "--") {
			return nil // --version
		}
		return fmt.Errorf("%s does nothing by itself", cmd.CommandPath())
	}
	return cmd.ValidateArgs(cmd.Flags().Args())
}

func TestWrongCommandLinesAreRefused(t *testing.T) {
	for _, line := range []string{
		"larder frobnicate",
		"larder status --nonsense",
		"larder trust",
		"larder backup",
		"larder override hello",
		"true && larder release hello 1",
		"sudo larder store make x | cat",
	} {
		words, err := shellWords(line)
		if err != nil {
			t.Fatal(err)
		}
		calls := callsOf("here", line, words)
		if len(calls) != 1 {
			t.Errorf("%s: found %d calls, want 1", line, len(calls))
			continue
		}
		if accepts(t, calls[0].args) == nil {
			t.Errorf("%s is accepted", line)
		}
	}
}

// placeholders are words that stand for what is still to be written.
var placeholders = regexp.MustCompile(`^\s*(TOUR|TBD|XXX|LOREM)\b`)

func TestNoPageHasAPlaceholder(t *testing.T) {
	for _, p := range pages(t) {
		p.prose(func(number int, line string) {
			if placeholders.MatchString(line) {
				t.Errorf("%s:%d: %q is a placeholder", p.name, number, line)
			}
		})
	}
}

var createTable = regexp.MustCompile(`(?m)^CREATE (?:VIRTUAL )?TABLE (\w+)`)

func TestEveryTableAndKindOfChangeIsDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "docs/reference/files.md"))
	if err != nil {
		t.Fatal(err)
	}
	files := string(text)
	migrations, err := filepath.Glob(filepath.Join(repository, "internal/db/migrations/*/*.sql"))
	if err != nil || len(migrations) < 2 {
		t.Fatalf("found the migrations %v (%v)", migrations, err)
	}
	for _, m := range migrations {
		sql, err := os.ReadFile(m)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range createTable.FindAllSubmatch(sql, -1) {
			if !strings.Contains(files, "`"+string(table[1])+"`") {
				t.Errorf("docs/reference/files.md lacks the table %s", table[1])
			}
		}
	}
	for _, k := range store.ChangeKinds {
		if row := fmt.Sprintf("| `%s` | `%s/…` | %s |\n", k.Name, k.Subject, k.Says); !strings.Contains(files, row) {
			t.Errorf("docs/reference/files.md lacks the row %s", row)
		}
	}
}

// referenceRow is a row of the tables of routes in the reference.
var referenceRow = regexp.MustCompile("(?m)^\\| `((?:GET|POST|PUT|PATCH|DELETE|OPTIONS) /[^`]*)` \\|")

func TestReferenceNamesEveryRoute(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "docs/reference/http.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for _, m := range referenceRow.FindAllSubmatch(text, -1) {
		if documented[string(m[1])] {
			t.Errorf("the reference has %s twice", m[1])
		}
		documented[string(m[1])] = true
	}
	routes := slices.Concat(
		[]string{"GET /", "GET /_status/ping", "GET /_status/check", "GET /metrics"}, // the server's own
		snapdevice.Patterns(), snappublisher.Patterns(), sso.Patterns(), candid.Patterns(), oci.Patterns(), charmhub.Patterns(),
	)
	for _, pattern := range routes {
		if !documented[pattern] {
			t.Errorf("the reference lacks %s", pattern)
		}
		delete(documented, pattern)
	}
	for row := range documented {
		t.Errorf("the reference has %s, and no API does", row)
	}
}

// roleRow and wordRow are rows of the tables of permissions in the explanation.
var (
	roleRow = regexp.MustCompile("(?m)^\\| `([a-z-]+)` \\| [^|]* \\| ([^|]*) \\| ([^|]*) \\|$")
	wordRow = regexp.MustCompile("(?m)^\\| `([a-z_-]+)` \\| ([^|]*) \\|$")
)

func TestExplanationSaysWhoMayDoWhat(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "docs/explanation/identity.md"))
	if err != nil {
		t.Fatal(err)
	}
	own, foreign := make(map[string]string), make(map[string]string)
	for _, m := range roleRow.FindAllSubmatch(text, -1) {
		own[string(m[1])], foreign[string(m[1])] = string(m[2]), string(m[3])
	}
	another := &store.Package{Namespace: store.Snap, Name: "another", PublisherID: "another"}
	for _, p := range store.Permissions() {
		may := func(allowed func(store.Principal) bool) string {
			var roles []string
			for _, role := range store.UserRoles {
				if allowed(store.Principal{Role: role, Account: "me"}) {
					roles = append(roles, string(role))
				}
			}
			if len(roles) == len(store.UserRoles) {
				return "all"
			}
			return cmp.Or(strings.Join(roles, ", "), "–")
		}
		if want := may(func(who store.Principal) bool { return who.Need(p) == nil }); own[string(p)] != want {
			t.Errorf("docs/explanation/identity.md says that %s is for %q, it is for %q", p, own[string(p)], want)
		}
		if want := may(func(who store.Principal) bool { return who.NeedOn(p, another) == nil }); foreign[string(p)] != want {
			t.Errorf("docs/explanation/identity.md says that %s on others' is for %q, it is for %q", p, foreign[string(p)], want)
		}
		delete(own, string(p))
	}
	for name := range own {
		t.Errorf("docs/explanation/identity.md has the permission %s, and the program does not", name)
	}

	words := make(map[string]string)
	for _, m := range wordRow.FindAllSubmatch(text, -1) {
		words[string(m[1])] = string(m[2])
	}
	for _, word := range store.WirePermissionNames() {
		var meant []string
		all, _ := store.WirePermission(word)
		for _, p := range all {
			meant = append(meant, "`"+string(p)+"`")
		}
		if want := cmp.Or(strings.Join(meant, ", "), "nothing"); words[word] != want {
			t.Errorf("docs/explanation/identity.md says that %s means %q, it means %q", word, words[word], want)
		}
		delete(words, word)
	}
	for word := range words {
		t.Errorf("docs/explanation/identity.md has the word %s, and the program does not", word)
	}
}

func TestEveryMetricIsDocumented(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repository, "docs/how-to/monitoring.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for _, m := range regexp.MustCompile("(?m)^\\| `(larder_\\w+)` \\|").FindAllSubmatch(text, -1) {
		documented[string(m[1])] = true
	}
	registry := (&house{catalog: catalog.New(catalog.Options{}), deltas: delta.New(delta.Options{})}).metrics()
	server.New(server.Options{Metrics: registry})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		name := f.GetName()
		if !strings.HasPrefix(name, "larder_") {
			continue
		}
		if !documented[name] {
			t.Errorf("docs/how-to/monitoring.md lacks %s", name)
		}
		delete(documented, name)
	}
	for name := range documented {
		t.Errorf("docs/how-to/monitoring.md has %s, and the program does not", name)
	}
}

func TestProgramsInTheDocumentationCompile(t *testing.T) {
	programs := 0
	for _, p := range pages(t) {
		text := strings.Join(p.lines, "\n")
		for _, fence := range regexp.MustCompile("(?ms)^```go\n(.*?)^```").FindAllStringSubmatch(text, -1) {
			programs++
			file := filepath.Join(t.TempDir(), "main.go")
			if err := os.WriteFile(file, []byte(fence[1]), 0o600); err != nil {
				t.Fatal(err)
			}
			vet := exec.Command("go", "vet", file)
			vet.Dir = repository
			if out, err := vet.CombinedOutput(); err != nil {
				t.Errorf("%s: %v\n%s", p.name, err, out)
			}
		}
	}
	if programs == 0 {
		t.Error("found no program")
	}
}
