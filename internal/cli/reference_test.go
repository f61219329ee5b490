package cli

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/larder-store/larder/internal/settings"
)

var update = flag.Bool("update", false, "write the generated pages of docs/reference")

// repository is the root of the tree, as seen from this package's tests.
const repository = "../.."

// The pages that are made from the program's own tables. Each says how to make
// it again.
var generated = []struct {
	page string
	make func(*testing.T) string
}{
	{"docs/reference/cli.md", commandPage},
	{"docs/reference/settings.md", settingsPage},
}

func TestGeneratedPagesAreCurrent(t *testing.T) {
	for _, g := range generated {
		t.Run(filepath.Base(g.page), func(t *testing.T) {
			want := g.make(t)
			file := filepath.Join(repository, g.page)
			if *update {
				if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			had, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if string(had) != want {
				t.Errorf("%s differs from the program at line %d; write it again with: go test ./internal/cli -run Generated -update",
					g.page, firstDifference(string(had), want))
			}
		})
	}
}

func firstDifference(a, b string) int {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return i + 1
		}
	}
	return min(len(as), len(bs)) + 1
}

// documentedRoot is the tree of commands as it is on a machine where nothing
// is configured.
func documentedRoot(t *testing.T) *cobra.Command {
	for _, name := range []string{"LARDER_DATA", "LARDER_LISTEN", "LARDER_DB", "LARDER_BLOBS", "LARDER_STORE"} {
		t.Setenv(name, "")
	}
	root := newRoot(&options{t: &terminal{in: strings.NewReader(""), out: io.Discard, err: io.Discard, program: "larder"}})
	root.InitDefaultHelpFlag()
	return root
}

func commandPage(t *testing.T) string {
	root := documentedRoot(t)
	var b bytes.Buffer
	b.WriteString(`# Commands

Made from the program; ` + "`larder VERB --help`" + ` says the same. Called as ` + "`snap-proxy`, `snap-store-proxy`\nor `enterprise-store`" + ` (a link to the binary), it is the same program under that name.

Commands work on the data directory, with or without a running server, and as any user who may
write there. ` + "`login`, `logout`, `whoami`, `export-login` and all of `snap`" + ` and ` + "`charm`" + ` are a publisher's: they ask a store over
HTTP, here or elsewhere, and need no data directory. What they keep lies in ` + "`$XDG_CONFIG_HOME/larder`" + `, else
` + "`~/.config/larder`" + `, apart from any store's data. [What they print as JSON](json.md) is a page of its own.

`)
	b.WriteString("| verb | what it does |\n| --- | --- |\n")
	verbs := leaves(root)
	for _, c := range verbs {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", c.CommandPath(), anchor(c.CommandPath()), cell(c.Short))
	}
	b.WriteString("\n## Flags of every command\n\n")
	flagTable(&b, root.PersistentFlags())
	b.WriteString(`
Where ` + "`--data`" + ` is not given, the data directory is ` + "`$LARDER_DATA`" + `, else ` + "`/var/lib/larder`" + ` for root, else
` + "`$XDG_DATA_HOME/larder`" + `, else ` + "`~/.local/share/larder`" + `. ` + "`LARDER_SECRET`" + ` stands in for the file ` + "`secret`" + ` in it
(base64 of 32 bytes), for nodes that share a database. A flag wins over its variable.

## Exit codes

| code | meaning |
| --- | --- |
`)
	for _, e := range exitMeanings {
		fmt.Fprintf(&b, "| %d | %s |\n", e.code, e.meaning)
	}
	for _, c := range verbs {
		fmt.Fprintf(&b, "\n## %s\n\n```text\n%s\n```\n\n", c.CommandPath(), c.UseLine())
		b.WriteString(prose(c) + "\n")
		if c.LocalNonPersistentFlags().HasFlags() {
			b.WriteString("\n")
			flagTable(&b, c.LocalNonPersistentFlags())
		}
		if c.HasExample() {
			fmt.Fprintf(&b, "\n```sh\n%s\n```\n", unindent(c.Example))
		}
	}
	return b.String()
}

// exitMeanings is what the reference says of exit codes.
var exitMeanings = []struct {
	code    int
	meaning string
}{
	{exitOK, "done, also when there was nothing to do"},
	{exitInternal, "anything that has no code of its own; the message says what"},
	{exitUsage, "the command line cannot be understood"},
	{exitNotFound, "what it is about does not exist: a store, a file, a snap, a revision, a setting"},
	{exitConflict, "it contradicts what is there"},
	{exitInvalid, "something given is invalid: a channel, a value, a snap, an assertion, an archive"},
	{exitForbidden, "not allowed"},
	{exitUnavailable, "something it needs does not answer or is full: database, blob store, disk, address"},
	{exitTooLarge, "something given is over a limit"},
	{exitDamage, "`fsck` found damage"},
	{exitRejected, "a store's review rejected what `snap upload` sent"},
	{exitHeld, "what `snap upload` sent is held until somebody has looked at it"},
	{exitInterrupted, "interrupted by SIGINT or SIGTERM"},
}

func TestEveryExitCodeIsDocumented(t *testing.T) {
	for kind, code := range exitByKind {
		if !slices.ContainsFunc(exitMeanings, func(e struct {
			code    int
			meaning string
		}) bool {
			return e.code == code
		}) {
			t.Errorf("exit code %d of errors of kind %s has no meaning in the reference", code, kind)
		}
	}
}

// leaves are the commands that do something, in the order of help.
func leaves(c *cobra.Command) []*cobra.Command {
	if !c.HasSubCommands() {
		return []*cobra.Command{c}
	}
	var all []*cobra.Command
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "help" && sub.Name() != "completion" {
			all = append(all, leaves(sub)...)
		}
	}
	return all
}

// prose is what help says of a command. Indented lines stay as they are.
func prose(c *cobra.Command) string {
	if c.Long == "" {
		return c.Short + "."
	}
	var out []string
	for _, paragraph := range strings.Split(strings.TrimSpace(c.Long), "\n\n") {
		var plain, indented []string
		for _, line := range strings.Split(paragraph, "\n") {
			if strings.HasPrefix(line, "  ") {
				indented = append(indented, line[2:])
			} else {
				plain = append(plain, line)
			}
		}
		if len(plain) > 0 {
			out = append(out, strings.Join(plain, "\n"))
		}
		if len(indented) > 0 {
			out = append(out, "```text\n"+strings.Join(indented, "\n")+"\n```")
		}
	}
	return strings.Join(out, "\n\n")
}

func unindent(example string) string {
	lines := strings.Split(example, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}

func flagTable(w io.Writer, flags *pflag.FlagSet) {
	fmt.Fprint(w, "| flag | value | default | meaning |\n| --- | --- | --- | --- |\n")
	flags.VisitAll(func(f *pflag.Flag) {
		if f.Name == "help" || f.Name == "version" {
			return
		}
		value, usage := pflag.UnquoteUsage(f)
		name := "`--" + f.Name + "`"
		if f.Shorthand != "" {
			name += ", `-" + f.Shorthand + "`"
		}
		def := f.DefValue
		switch {
		case f.Name == "data":
			def = "see below"
		case def == "" || def == "[]" || def == "false" || def == "0":
			def = ""
		default:
			def = "`" + def + "`"
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s |\n", name, cell(value), def, cell(usage))
	})
}

// cell is text as a table takes it.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// anchor is the fragment under which a heading is found.
func anchor(heading string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(heading) {
		switch {
		case r == ' ':
			b.WriteByte('-')
		case r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r > 0x7f && r != '…' && r != '·' && r != '→':
			b.WriteRune(r)
		}
	}
	return b.String()
}

var kindsOfSetting = map[settings.Kind]string{
	settings.Text:     "text",
	settings.Flag:     "True or False",
	settings.Number:   "whole number",
	settings.Port:     "port",
	settings.List:     "JSON list of strings",
	settings.Networks: "a list of networks",
	settings.URL:      "http(s) URL",
	settings.Issuer:   "http(s) URL, with its final slash or without",
	settings.Host:     "host name",
	settings.HostPort: "host name, with or without a port",
	settings.Registry: "host name with a dot or a port",
	settings.Secrets:  "secrets of 16 characters or more, newest first, with commas between them",
	settings.StoreID:  "store id",
	settings.Date:     "day",
	settings.Policy:   "review policy",
}

func settingsPage(t *testing.T) string {
	read := readSettings(t)
	var b bytes.Buffer
	b.WriteString(`# Settings

Made from the program's table. Settings live in the database and are shared by every node; a change
takes effect without a restart. ` + "`larder config`" + ` reads and changes them. Where the database and the blobs
are is not a setting: see [the flags of every command](cli.md#flags-of-every-command).

Names and defaults are those of the Snap Store Proxy and Enterprise Store, so that what
` + "`config --export-yaml`" + ` prints there can be imported here. Keys that steer parts larder does not have are
kept and shown, and nothing reads them. Keys that begin with ` + "`larder.`" + ` are larder's own.

- Secrets print as ` + "`" + settings.Redacted + "`" + ` unless they are asked for by name or exported.
- Values are written in one form: flags as ` + "`True`" + ` or ` + "`False`" + `, lists as JSON, URLs without a slash at the end.
- An empty value puts the default back. ` + "`" + `internal.store.id` + "`" + ` cannot be emptied.

`)
	for _, part := range []struct {
		title, intro string
		read         bool
	}{
		{"Read by larder", "Changing one of these changes what larder does.", true},
		{"Kept for other programs and later parts", "These can be set, shown, exported and imported. This version of larder does not read them.", false},
	} {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n| key | default | value | secret | meaning |\n| --- | --- | --- | --- | --- |\n", part.title, part.intro)
		for _, k := range settings.Keys() {
			if read[k.Name] != part.read {
				continue
			}
			def, secret := "", ""
			if k.Default != "" {
				def = "`" + cell(k.Default) + "`"
			}
			if k.Secret {
				secret = "yes"
			}
			kind, known := kindsOfSetting[k.Kind]
			if !known {
				t.Errorf("%s is of kind %d, which the reference has no words for", k.Name, k.Kind)
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", k.Name, def, kind, secret, cell(k.Help))
		}
		b.WriteString("\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// readSettings says which keys the program names anywhere but in their table.
func readSettings(t *testing.T) map[string]bool {
	read := make(map[string]bool)
	err := filepath.WalkDir(filepath.Join(repository, "internal"), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go") ||
			strings.HasSuffix(filepath.ToSlash(name), "internal/settings/keys.go") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for _, k := range settings.Keys() {
			if bytes.Contains(text, []byte(`"`+k.Name+`"`)) {
				read[k.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return read
}
