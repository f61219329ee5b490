package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/inspect/charmtest"
)

// TestJSONOfCharmPublishersIsAsDocumented runs commands one after the other
// against one server.
func TestJSONOfCharmPublishersIsAsDocumented(t *testing.T) {
	p := newPublisher(t)
	dir, tables := t.TempDir(), jsonTables(t)
	t.Chdir(dir)
	data := filepath.Join(dir, "data")
	at := served(t, data)
	file := func(name, text string) string {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	one, two := charmtest.Charm(t, pantry("")), charmtest.Charm(t, pantry("tags: [a]\n"))
	bad := charmtest.Charm(t, pantry("peers: 3\n"))
	tool := file("tool", "a tool")
	file("charmcraft.yaml", "name: pantry\ncharm-libs:\n- {lib: pantry.cooking, version: '0'}\n")
	host := func(args ...string) []string { return append([]string{"--data", data}, args...) }
	login := func(args ...string) []string {
		return append([]string{"charm", "login", "--store", at, "--email", "alice@example.com", "--password-stdin"}, args...)
	}
	for _, step := range []struct {
		section string // of the reference; empty for what other tests document
		args    []string
		in      string
		exit    int
	}{
		{args: host("account", "create", "alice@example.com", "--username", "alice", "--password-stdin"), in: testPassword},
		{section: "larder login", args: login(), in: testPassword},
		{section: "larder export-login", args: login("--export", "ci"), in: testPassword},
		{section: "larder charm whoami", args: []string{"charm", "whoami"}},
		{section: "larder charm register", args: []string{"charm", "register", "pantry"}},
		{args: []string{"charm", "register", "shed"}},
		{section: "larder charm unregister", args: []string{"charm", "unregister", "shed"}},
		{section: "larder charm names", args: []string{"charm", "names", "--include-collaborations"}},
		{section: "larder charm upload", args: []string{"charm", "upload", one}},
		{section: "larder charm upload", args: []string{"charm", "upload", bad, "--name", "pantry"}, exit: exitRejected},
		{section: "larder charm upload", args: []string{"charm", "upload-resource", "pantry", "tool", "--filepath", tool}},
		{section: "larder charm upload", args: []string{"charm", "upload", two, "--release", "edge", "--resource", "tool:1"}},
		{section: "larder charm revisions", args: []string{"charm", "revisions", "pantry"}},
		{section: "larder charm release", args: []string{"charm", "release", "pantry", "-r", "1", "-c", "beta/fix", "--resource", "tool:1"}},
		{section: "larder charm promote", args: []string{
			"charm", "promote", "--from-channel", "latest/edge", "--to-channel", "latest/stable", "--yes",
		}},
		{section: "larder charm status", args: []string{"charm", "status", "pantry"}},
		{section: "larder charm close", args: []string{"charm", "close", "pantry", "edge"}},
		{args: host("package", "track", "guardrail", "charm/pantry", "--add", ".*")},
		{section: "larder charm create-track", args: []string{"charm", "create-track", "--track", "2", "--automatic-phasing-percentage", "5"}},
		{section: "larder charm resources", args: []string{"charm", "resources", "pantry"}},
		{section: "larder charm resource-revisions", args: []string{"charm", "resource-revisions", "pantry", "tool"}},
		{section: "larder charm set-resource-architectures", args: []string{
			"charm", "set-resource-architectures", "pantry", "tool", "amd64", "--revision", "1",
		}},
		{section: "larder charm create-lib", args: []string{"charm", "create-lib", "cooking"}},
		{section: "larder charm publish-lib", args: []string{"charm", "publish-lib"}},
		{section: "larder charm publish-lib", args: []string{"charm", "publish-lib"}},
		{section: "larder charm list-lib", args: []string{"charm", "list-lib"}},
		{section: "larder charm list-lib", args: []string{"charm", "fetch-libs"}},
		{section: "larder charm publish-lib", args: []string{"charm", "fetch-lib"}},
		{section: "larder charm info", args: []string{"charm", "info", "pantry", "--config"}},
		{section: "larder charm find", args: []string{"charm", "find", "pantry"}},
		{section: "larder charm download", args: []string{"charm", "download", "pantry", "--resources", "--arch", "amd64"}},
		{section: "larder logout", args: []string{"charm", "logout"}},
		{section: "larder charm whoami", args: []string{"charm", "whoami"}},
	} {
		code, out, errOut := p.run(step.in, append([]string{"--format", "json"}, step.args...)...)
		if code != step.exit {
			t.Fatalf("%s exits with %d: %s", strings.Join(step.args, " "), code, errOut)
		}
		if step.section != "" {
			asDocumented(t, tables[step.section], strings.Join(step.args, " "), []byte(out))
		}
	}
}
