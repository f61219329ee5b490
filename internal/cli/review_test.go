package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect/snaptest"
	"github.com/larder-store/larder/internal/store"
)

// publishing makes a store in which alice has two revisions held, released to
// stable once they are approved, and bob disputes the name.
func publishing(t *testing.T) (run func(exit int, args ...string) []byte, dispute string) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	run = func(exit int, args ...string) []byte {
		t.Helper()
		var out, errOut bytes.Buffer
		if code := Main(append([]string{"larder", "--data", data, "--format", "json"}, args...), strings.NewReader("hold # all\n"), &out, &errOut); code != exit {
			t.Fatalf("%s exits with %d: %s", strings.Join(args, " "), code, errOut.String())
		}
		return out.Bytes()
	}
	file := func(name string, text []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	root := assertiontest.NewRoot(t, "acme", assertiontest.RootKey)
	run(exitOK, "init", "--authority", "acme", "--root-account", file("account", root.Account.Encoded()),
		"--root-account-key", file("key", root.Key.Encoded()), "--signing-key", file("signing", assertiontest.PEM(assertiontest.RootKey)))
	run(exitOK, "review", "policy", "set", "-")

	o := &options{t: &terminal{program: "larder"}, data: data}
	h, err := o.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer h.close()
	people := map[string]store.Principal{}
	for _, name := range []string{"alice", "bob"} {
		_, err := h.db.Update(t.Context(), "tester", func(tx *db.Tx) error {
			tx.Record(store.UserPut, "account/"+name+"-id", nil)
			return tx.PutUser(store.User{
				Account: store.Account{ID: name + "-id", Username: name, DisplayName: name, Validation: "unproven", CreatedAt: tx.Now()},
				Email:   name + "@example.com", OpenID: name, Role: store.RolePublisher, State: store.UserActive, CreatedAt: tx.Now(),
			})
		})
		if err != nil {
			t.Fatal(err)
		}
		people[name] = store.Principal{Role: store.RolePublisher, Name: name + "-id", Account: name + "-id"}
	}
	if _, err := h.catalog.Register(t.Context(), people["alice"], catalog.Registration{Name: "hello"}); err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1", "2"} {
		f, err := os.Open(snaptest.Snap(t, "name: hello\nversion: '"+version+"'\nsummary: s\ndescription: d\nplugs: {network: null}\n"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		id, err := h.catalog.Receive(t.Context(), catalog.Sent{Address: "192.0.2.1"}, f)
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.catalog.Claim(t.Context(), people["alice"], store.Snap, catalog.Claim{Name: "hello", UploadID: id, Channels: []string{"stable"}})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.catalog.ProcessUploads(t.Context()); err != nil {
		t.Fatal(err)
	}
	d, err := h.catalog.Dispute(t.Context(), people["bob"], "hello", "it is mine")
	if err != nil {
		t.Fatal(err)
	}
	return run, d.ID
}

func TestAnOperatorReviewsAndDecides(t *testing.T) {
	run, dispute := publishing(t)
	tables := jsonTables(t)
	snap := snaptest.Snap(t, "name: hello\nversion: '3'\nsummary: s\ndescription: d\n")
	for _, step := range []struct {
		section, says string
		args          []string
	}{
		{"larder review list", `"revision": 1`, []string{"review", "list"}},
		{"larder review show", `"network"`, []string{"review", "show", "hello", "1"}},
		{"larder review policy show", `hold # all`, []string{"review", "policy", "show"}},
		{"larder review policy check", `"hold"`, []string{"review", "policy", "check", snap}},
		{"larder review show", `"approved"`, []string{"review", "approve", "hello", "1", "--reason", "fine"}},
		{"larder review show", `"rejected"`, []string{"review", "reject", "hello", "2", "--reason", "no"}},
		{"larder package show", `"latest/stable"`, []string{"package", "show", "hello"}},
		{"larder dispute list", `it is mine`, []string{"dispute", "list"}},
		{"larder dispute decide", `"granted"`, []string{"dispute", "decide", dispute, "--grant"}},
		{"larder dispute list", `"granted"`, []string{"dispute", "list", "--all"}},
	} {
		out := run(exitOK, step.args...)
		command := strings.Join(step.args, " ")
		asDocumented(t, tables[step.section], command, out)
		if !strings.Contains(string(out), step.says) {
			t.Errorf("%s does not say %s: %s", command, step.says, out)
		}
	}
	run(exitConflict, "review", "approve", "hello", "1")
	run(exitConflict, "dispute", "decide", dispute, "--refuse")
	run(exitNotFound, "review", "show", "hello", "9")
	run(exitNotFound, "review", "show", "nothing", "1")
	run(exitUsage, "review", "approve", "hello", "x")
	run(exitUsage, "dispute", "decide", dispute)
	run(exitInvalid, "review", "policy", "check", snap, "--policy", snap)
}
