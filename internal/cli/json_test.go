package cli

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/inspect/charmtest"
	"github.com/larder-store/larder/internal/inspect/snapbuild"
)

// jsonField is a row of a table in the reference of JSON.
type jsonField struct {
	types    string
	optional bool
	open     bool
}

var jsonRow = regexp.MustCompile("^\\| `([^`]+)` \\| ([^|]+) \\|")

// jsonTables reads the tables of the reference by the titles of their sections.
func jsonTables(t *testing.T) map[string]map[string]jsonField {
	text, err := os.ReadFile(filepath.Join(repository, "docs/reference/json.md"))
	if err != nil {
		t.Fatal(err)
	}
	tables := make(map[string]map[string]jsonField)
	section := ""
	for _, line := range strings.Split(string(text), "\n") {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			section = title
			tables[section] = make(map[string]jsonField)
		}
		if m := jsonRow.FindStringSubmatch(line); m != nil && section != "" {
			words := strings.Split(m[2], ",")
			f := jsonField{types: strings.TrimSpace(words[0])}
			for _, w := range words[1:] {
				f.optional = f.optional || strings.TrimSpace(w) == "optional"
				f.open = f.open || strings.TrimSpace(w) == "open"
			}
			tables[section][m[1]] = f
		}
	}
	return tables
}

// typesOf adds the types of everything in a value to found, by path.
func typesOf(v any, path string, open map[string]jsonField, found map[string]string) {
	switch v := v.(type) {
	case map[string]any:
		if open[path].open {
			found[path] = "object"
			return
		}
		for name, item := range v {
			typesOf(item, strings.TrimPrefix(path+"."+name, "."), open, found)
		}
	case []any:
		for _, item := range v {
			typesOf(item, path+"[]", open, found)
		}
	case string:
		found[path] = "text"
		if _, err := time.Parse(time.RFC3339Nano, v); err == nil {
			found[path] = "time"
		}
	case float64:
		found[path] = "number"
	case bool:
		found[path] = "bool"
	}
}

// TestJSONIsAsDocumented runs commands one after the other on one store.
func TestJSONIsAsDocumented(t *testing.T) {
	dir := t.TempDir()
	file := func(name string, text []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	root := assertiontest.NewRoot(t, "acme", assertiontest.RootKey)
	account, key := file("account", root.Account.Encoded()), file("key", root.Key.Encoded())
	signing := file("signing", assertiontest.PEM(assertiontest.RootKey))
	snap, backup := filepath.Join(dir, "hello_1.snap"), filepath.Join(dir, "backup.tar")
	image, err := os.Create(snap)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	_, err = snapbuild.Snap(image, snapbuild.Spec{YAML: "name: hello\nversion: '1'\nsummary: s\ndescription: d\nconfinement: strict\n"})
	if err != nil {
		t.Fatal(err)
	}
	charm := charmtest.Charm(t, pantry(""))
	data := filepath.Join(dir, "data")

	tables := jsonTables(t)
	for _, step := range []struct {
		section string // of the reference
		args    []string
		in      string // standard input
		exit    int
	}{
		{section: "Errors", args: []string{"status"}, exit: exitNotFound},
		{section: "larder init", args: []string{
			"init", "--authority", "acme", "--root-account", account, "--root-account-key", key, "--signing-key", signing,
		}},
		{section: "larder status", args: []string{"status"}},
		{section: "larder config", args: []string{"config"}},
		{section: "larder config", args: []string{"config", "proxy.domain=store.example"}},
		{section: "larder config", args: []string{"config", "proxy.domain"}},
		{section: "larder push-snap", args: []string{"push-snap", snap, "--register", "--channel", "stable"}},
		{section: "larder push-charm", args: []string{
			"push-charm", charm, "--register", "--channel", "edge", "--resource", "tool=" + snap,
		}},
		{section: "larder list-pushed-snaps", args: []string{"list-pushed-snaps"}},
		{section: "larder store create", args: []string{"store", "create", "kiosks", "--include", "ubuntu", "--package", "hello"}},
		{section: "larder store create", args: []string{"store", "show", "kiosks"}},
		{section: "larder store create", args: []string{"store", "set", "kiosks", "--name", "Kiosks"}},
		{section: "larder store members", args: []string{"store", "members", "kiosks"}},
		{section: "larder package list", args: []string{"package", "list"}},
		{section: "larder package show", args: []string{"package", "show", "hello"}},
		{section: "larder release", args: []string{"release", "hello", "1", "edge"}},
		{section: "larder release", args: []string{"close", "hello", "edge"}},
		{section: "larder package track add", args: []string{"package", "track", "add", "hello", "2.0", "--version-pattern", ".*", "--phasing", "10"}},
		{section: "larder package track guardrail", args: []string{"package", "track", "guardrail", "hello", "--add", "[0-9]+"}},
		{section: "larder package track list", args: []string{"package", "track", "list", "hello"}},
		{section: "larder override", args: []string{"override", "hello", "beta=1", "--reason", "r", "--expires", "2999-01-01"}},
		{section: "larder override", args: []string{"list-overrides"}},
		{section: "larder override", args: []string{"delete-override", "hello"}},
		{section: "larder account create", in: "correct horse battery\n", args: []string{
			"account", "create", "alice@example.com", "--username", "alice", "--password-stdin",
		}},
		{section: "larder account create", args: []string{"account", "create", "bob@example.com", "--username", "bob", "--link"}},
		{section: "larder account create", args: []string{"account", "reset", "bob"}},
		{section: "larder account create", in: "another good password\n", args: []string{"account", "set-password", "bob", "--password-stdin"}},
		{section: "larder account create", args: []string{"account", "set-role", "bob@example.com", "reviewer"}},
		{section: "larder account create", args: []string{"account", "disable", "bob"}},
		{section: "larder account create", args: []string{"account", "enable", "bob"}},
		{section: "larder account add-key", args: []string{
			"account", "add-key", "alice", "bkGcBVkYQAdzTnKOC9dz8dGaGV6s7gLGmzeQIXH2JyA=", "--kind", "agent", "--name", "robot",
		}},
		{section: "larder package collaborators add", args: []string{"package", "collaborators", "add", "hello", "bob@example.com"}},
		{section: "larder package collaborators list", args: []string{"package", "collaborators", "list", "hello"}},
		{section: "larder package collaborators remove", args: []string{"package", "collaborators", "remove", "hello", "bob@example.com"}},
		{section: "larder account list", args: []string{"account", "list"}},
		{section: "larder account show", args: []string{"account", "show", "alice"}},
		{section: "larder account add-key", args: []string{
			"account", "remove-key", "alice", "bkGcBVkYQAdzTnKOC9dz8dGaGV6s7gLGmzeQIXH2JyA=", "--kind", "agent",
		}},
		{section: "larder account enable-2fa", args: []string{"account", "enable-2fa", "alice"}},
		{section: "larder token create", args: []string{
			"token", "create", "alice", "--permission", "package_push", "--package", "snap/hello", "--channel", "edge", "--store", "ubuntu", "--description", "d",
		}},
		{section: "larder token create", args: []string{"token", "create-admin", "alice", "--once"}},
		{section: "larder token list", args: []string{"token", "list", "--account", "alice", "--all"}},
		{section: "larder token revoke", args: []string{"token", "revoke", "--account", "alice"}},
		{section: "larder token rotate-keys", args: []string{"token", "rotate-keys", "exchanged"}},
		{section: "larder trust list", args: []string{"trust", "list"}},
		{section: "larder assertion show", args: []string{"assertion", "show", "snap-declaration"}},
		{section: "larder fsck", args: []string{"fsck"}},
		{section: "larder gc", args: []string{"gc"}},
		{section: "larder backup", args: []string{"backup", backup, "--include-secret"}},
		{section: "larder backup", args: []string{"restore", backup, "--data", filepath.Join(dir, "restored")}},
		{section: "larder changes", args: []string{"changes"}},
	} {
		var out, errOut bytes.Buffer
		args := append([]string{"larder", "--data", data, "--format", "json"}, step.args...)
		if code := Main(args, strings.NewReader(step.in), &out, &errOut); code != step.exit {
			t.Fatalf("%s exits with %d: %s", strings.Join(step.args, " "), code, errOut.String())
		}
		if step.exit != exitOK {
			out = errOut
		}
		asDocumented(t, tables[step.section], strings.Join(step.args, " "), out.Bytes())
	}
}

// asDocumented fails the test unless what a command has printed is what a table
// of the reference says.
func asDocumented(t *testing.T, want map[string]jsonField, command string, out []byte) {
	t.Helper()
	var answer any
	if err := json.Unmarshal(out, &answer); err != nil {
		t.Fatalf("%s prints no JSON: %v", command, err)
	}
	if len(want) == 0 {
		t.Fatalf("the reference has no table for %s", command)
	}
	found := make(map[string]string)
	typesOf(answer, "", want, found)
	for _, path := range slices.Sorted(maps.Keys(found)) {
		switch f, documented := want[path]; {
		case !documented:
			t.Errorf("%s prints %s, which the reference lacks", command, path)
		case f.types != found[path] && !(f.types == "text" && found[path] == "time"):
			t.Errorf("%s prints %s as %s, and the reference says %s", command, path, found[path], f.types)
		}
	}
	for path, f := range want {
		if _, printed := found[path]; !printed && !f.optional {
			t.Errorf("%s does not print %s, which the reference has", command, path)
		}
	}
}
