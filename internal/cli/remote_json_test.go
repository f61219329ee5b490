package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/inspect/snapbuild"
)

const testPassword = "correct horse battery"

// served makes a store with a publisher, serves it until the test ends, and
// returns where it answers.
func served(t *testing.T, data string) string {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	said, out := io.Pipe()
	done := make(chan int)
	var log bytes.Buffer
	go func() {
		done <- run(ctx, []string{"larder", "--data", data, "serve", "--listen", "127.0.0.1:0", "--format", "json"}, strings.NewReader(""), out, &log)
		out.Close()
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
	var started struct {
		URL string `json:"url"`
	}
	if err := json.NewDecoder(said).Decode(&started); err != nil {
		t.Fatalf("serve says nothing: %v\n%s", err, &log)
	}
	go func() { _, _ = io.Copy(io.Discard, said) }()
	return started.URL
}

// publisher is a command line of somebody with a home of their own.
type publisher struct{ t *testing.T }

func newPublisher(t *testing.T) publisher {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	t.Setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path="+filepath.Join(home, "no-bus")) // no keyring
	for _, name := range []string{"LARDER_STORE", "CHARMCRAFT_AUTH", credentialsVariable, adminMacaroon} {
		t.Setenv(name, "")
	}
	return publisher{t}
}

func (p publisher) run(in string, args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = run(p.t.Context(), append([]string{"larder"}, args...), strings.NewReader(in), &o, &e)
	return code, o.String(), e.String()
}

func writeTestSnap(t *testing.T, file, name, version string) {
	t.Helper()
	image, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer image.Close()
	yaml := "name: " + name + "\nversion: '" + version + "'\nsummary: s\ndescription: d\nconfinement: strict\ngrade: stable\n"
	if _, err := snapbuild.Snap(image, snapbuild.Spec{YAML: yaml}); err != nil {
		t.Fatal(err)
	}
}

// TestJSONOfPublishersIsAsDocumented runs commands one after the other against
// one server.
func TestJSONOfPublishersIsAsDocumented(t *testing.T) {
	p := newPublisher(t)
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	at := served(t, data)
	one, two, bad := filepath.Join(dir, "one.snap"), filepath.Join(dir, "two.snap"), filepath.Join(dir, "bad.snap")
	writeTestSnap(t, one, "hello", "1")
	writeTestSnap(t, two, "hello", "2")
	writeTestSnap(t, bad, "bad", "1")
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	set := file("kiosk.yaml", "name: kiosk\nsnaps:\n  - name: hello\n    presence: required\n    revision: 1\n")
	icon := file("icon.svg", `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/></svg>`)
	policy := file("policy", "reject package=bad\naccept\n")
	host := func(args ...string) []string { return append([]string{"--data", data}, args...) }
	tables := jsonTables(t)
	token := ""
	for _, step := range []struct {
		section string // of the reference; empty for what other tests document
		args    []string
		in      string
		exit    int
	}{
		{args: host("account", "create", "alice@example.com", "--username", "alice", "--password-stdin"), in: testPassword},
		{args: host("account", "create", "bob@example.com", "--username", "bob", "--password-stdin"), in: testPassword},
		{section: "larder login", args: []string{"login", "--store", at, "--email", "alice@example.com", "--password-stdin"}, in: testPassword},
		{section: "larder login", args: []string{"whoami"}},
		{section: "larder export-login", args: []string{"export-login", "-", "--email", "alice@example.com", "--password-stdin"}, in: testPassword},
		{section: "larder export-login", args: []string{"export-login", filepath.Join(dir, "ci"), "--email", "alice@example.com", "--password-stdin"}, in: testPassword},
		{section: "larder snap register", args: []string{"snap", "register", "hello", "--dry-run"}},
		{section: "larder snap register", args: []string{"snap", "register", "hello"}},
		{args: []string{"snap", "register", "bad"}},
		{section: "larder snap names", args: []string{"snap", "names"}},
		{section: "larder snap upload", args: []string{"snap", "upload", one, "--release", "edge,stable"}},
		{section: "larder snap upload", args: []string{"snap", "upload", two}},
		{args: host("review", "policy", "set", policy)},
		{section: "larder snap upload", args: []string{"snap", "upload", bad}, exit: exitRejected},
		{section: "larder snap revisions", args: []string{"snap", "revisions", "hello"}},
		{section: "larder snap release", args: []string{"snap", "release", "hello", "2", "edge", "--progressive", "20", "--paused"}},
		{section: "larder snap release", args: []string{"snap", "release", "hello", "1", "beta/fix"}},
		{section: "larder snap promote", args: []string{"snap", "promote", "hello", "--from", "stable", "--to", "candidate"}},
		{args: host("package", "track", "guardrail", "hello", "--add", ".*")},
		{section: "larder snap tracks create", args: []string{"snap", "tracks", "create", "hello", "2.0", "--version-pattern", "2.*"}},
		{section: "larder snap tracks list", args: []string{"snap", "tracks", "list", "hello"}},
		{section: "larder snap tracks default", args: []string{"snap", "tracks", "default", "hello", "2.0"}},
		{section: "larder snap status", args: []string{"snap", "status", "hello"}},
		{section: "larder snap close", args: []string{"snap", "close", "hello", "candidate"}},
		{section: "larder snap metadata set", args: []string{"snap", "metadata", "set", "hello", "keywords=a,b"}},
		{section: "larder snap metadata icon", args: []string{"snap", "metadata", "icon", "hello", icon}},
		{section: "larder snap metadata show", args: []string{"snap", "metadata", "show", "hello"}},
		{section: "larder snap collaborators invite", args: []string{"snap", "collaborators", "invite", "hello", "bob@example.com", "eve@example.com"}},
		{section: "larder snap collaborators revoke", args: []string{"snap", "collaborators", "revoke", "hello", "eve@example.com"}},
		{section: "larder snap collaborators list", args: []string{"snap", "collaborators", "list", "hello"}},
		{section: "larder snap keys create", args: []string{"snap", "keys", "create"}},
		{section: "larder snap keys register", args: []string{"snap", "keys", "register", "--password-stdin"}, in: testPassword},
		{section: "larder snap keys list", args: []string{"snap", "keys", "list"}},
		{section: "larder snap validation-sets publish", args: []string{"snap", "validation-sets", "publish", set}},
		{section: "larder snap validation-sets list", args: []string{"snap", "validation-sets", "list"}},
		{section: "larder snap validation-sets show", args: []string{"snap", "validation-sets", "show", "kiosk"}},
		{section: "larder snap builds sign", args: []string{"snap", "builds", "sign", one}},
		{section: "larder snap metrics", args: []string{"snap", "metrics", "hello", "daily_device_change"}},
		{section: "larder snap find", args: []string{"snap", "find", "hello"}},
		{section: "larder snap info", args: []string{"snap", "info", "hello"}},
		{section: "larder snap download", args: []string{"snap", "download", "hello", "--channel", "latest/stable", "--dir", dir}},
		{section: "Errors", args: []string{"snap", "status", "nothing"}, exit: exitNotFound},
		{args: []string{"login", "--email", "bob@example.com", "--password-stdin"}, in: testPassword},
		{section: "larder snap collaborators accept", args: []string{"snap", "collaborators", "accept", "hello", "--token-stdin"}, in: "TOKEN"},
		{section: "larder logout", args: []string{"logout"}},
	} {
		in := strings.Replace(step.in, "TOKEN", token, 1)
		code, out, errOut := p.run(in, append([]string{"--format", "json"}, step.args...)...)
		if code != step.exit {
			t.Fatalf("%s exits with %d: %s", strings.Join(step.args, " "), code, errOut)
		}
		if step.section == "Errors" {
			out = errOut
		}
		if step.section != "" {
			asDocumented(t, tables[step.section], strings.Join(step.args, " "), []byte(out))
		}
		if step.section == "larder snap collaborators invite" {
			var made struct{ Invites []struct{ Token string } }
			if err := json.Unmarshal([]byte(out), &made); err != nil {
				t.Fatal(err)
			}
			token = made.Invites[0].Token
		}
	}
}
