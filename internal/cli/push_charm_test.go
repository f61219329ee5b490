package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/inspect/charmtest"
	"github.com/larder-store/larder/internal/store"
)

// charmHost is a store with a root of its own, whose commands are run on the host.
type charmHost struct {
	t    *testing.T
	data string
}

func newCharmHost(t *testing.T) *charmHost {
	dir := t.TempDir()
	h := &charmHost{t, filepath.Join(dir, "data")}
	file := func(name string, text []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	root := assertiontest.NewRoot(t, "acme", assertiontest.RootKey)
	h.run(exitOK, "init", "--authority", "acme", "--root-account", file("account", root.Account.Encoded()),
		"--root-account-key", file("key", root.Key.Encoded()), "--signing-key", file("signing", assertiontest.PEM(assertiontest.RootKey)))
	return h
}

// run returns what a command prints, on either stream.
func (h *charmHost) run(exit int, args ...string) string {
	h.t.Helper()
	var out, errOut bytes.Buffer
	if code := Main(append([]string{"larder", "--data", h.data}, args...), strings.NewReader("hold type=charm\n"), &out, &errOut); code != exit {
		h.t.Fatalf("%s exits with %d, want %d: %s", strings.Join(args, " "), code, exit, errOut.String())
	}
	return out.String() + errOut.String()
}

func pantry(more string) charmbuild.Spec {
	return charmbuild.Spec{
		Metadata: "name: pantry\nsummary: s\ndescription: d\nresources: {tool: {type: file, filename: t}, image: {type: oci-image, optional: true}}\n" + more,
		Bases:    []charmbuild.Base{{Name: "ubuntu", Channel: "24.04", Architectures: []string{"amd64"}}},
	}
}

func TestCharmsArePushedOnTheHost(t *testing.T) {
	h := newCharmHost(t)
	charm, bundle := charmtest.Charm(t, pantry("")), charmtest.Bundle(t, charmtest.BundleYAML)
	tool := filepath.Join(t.TempDir(), "tool.bin")
	if err := os.WriteFile(tool, []byte("a tool"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, refused := range []struct {
		exit int
		says string
		args []string
	}{
		{exitUsage, "at least one FILE", nil},
		{exitUsage, "NAME=FILE", []string{charm, "--resource", "tool"}},
		{exitUsage, "NAME=FILE", []string{charm, "--resource", "/tool=x"}},
		{exitUsage, "NAME=FILE", []string{charm, "--resource", "=x"}},
		{exitNotFound, "push it with --register", []string{charm}},
		{exitInvalid, "--resource tool=FILE", []string{charm, "--register", "--channel", "edge"}},
		{exitInvalid, "no charm of this push declares the resource other", []string{charm, "--register", "--resource", "other=" + tool}},
		{exitNotFound, "cannot open", []string{charm, filepath.Join(h.data, "nothing.charm"), "--register"}},
	} {
		if said := h.run(refused.exit, append([]string{"push-charm"}, refused.args...)...); !strings.Contains(said, refused.says) {
			t.Errorf("%v does not say %q: %s", refused.args, refused.says, said)
		}
	}
	args := []string{"push-charm", charm, bundle, "--register", "--channel", "edge", "--channel", "2.0/stable", "--resource", "tool=" + tool}
	said := h.run(exitOK, args...)
	for _, line := range []string{
		"[charm pantry] Registered with id ",
		"[charm pantry] Uploaded revision 1\n",
		"[charm kitchen] Uploaded revision 1\n",
		"[charm pantry] Uploaded resource tool revision 1\n",
		"[charm pantry] Released revision 1 to latest/edge (ubuntu@24.04 amd64) with tool 1\n",
		"[charm kitchen] Released revision 1 to 2.0/stable (every base)\n",
	} {
		if !strings.Contains(said, line) {
			t.Errorf("it does not say %q: %s", line, said)
		}
	}
	said = h.run(exitOK, args...)
	if !strings.Contains(said, "[charm pantry] Already has revision 1\n") || !strings.HasSuffix(said, "nothing changed\n") {
		t.Errorf("the same again: %s", said)
	}
	var out catalog.CharmOutcome
	if err := json.Unmarshal([]byte(h.run(exitOK, append(args, "--format", "json")...)), &out); err != nil || len(out.Pushed) != 3 || out.Changed() {
		t.Errorf("%+v, %v", out, err)
	}
	if said := h.run(exitOK, "review", "policy", "check", charm); !strings.Contains(said, "accept") {
		t.Errorf("the policy: %s", said)
	}
}

func TestHeldCharmsAreDecidedOnTheHost(t *testing.T) {
	h := newCharmHost(t)
	h.run(exitOK, "review", "policy", "set", "-")
	charm := charmtest.CharmBytes(t, pantry("requires: {db: {interface: postgresql}}\n"))
	h.upload(charm)
	if said := h.run(exitOK, "review", "list"); !strings.Contains(said, "pantry") || !strings.Contains(said, "charm") {
		t.Errorf("the list: %s", said)
	}
	h.run(exitNotFound, "review", "show", "pantry", "1")
	for _, step := range []struct{ says, verb string }{{"status: pending", "show"}, {"status: approved", "approve"}} {
		said := h.run(exitOK, "review", step.verb, "charm/pantry", "1")
		for _, line := range []string{step.says, "type: charm\n", "bases: ubuntu@24.04 amd64\n", "requires: postgresql\n"} {
			if !strings.Contains(said, line) {
				t.Errorf("%s does not say %q: %s", step.verb, line, said)
			}
		}
		if strings.Contains(said, "confinement") {
			t.Errorf("a charm has no confinement: %s", said)
		}
	}
	h.run(exitConflict, "review", "reject", "charm/pantry", "1")
}

// upload has a publisher upload a charm, which the store looks into.
func (h *charmHost) upload(content []byte) {
	h.t.Helper()
	o := &options{t: &terminal{program: "larder"}, data: h.data}
	open, err := o.open(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	defer open.close()
	alice := store.Principal{Role: store.RolePublisher, Name: "alice-id", Account: "alice-id"}
	_, err = open.db.Update(h.t.Context(), "tester", func(tx *db.Tx) error {
		tx.Record(store.UserPut, "account/alice-id", nil)
		return tx.PutUser(store.User{
			Account: store.Account{ID: "alice-id", Username: "alice", DisplayName: "alice", Validation: "unproven", CreatedAt: tx.Now()},
			Email:   "alice@example.com", OpenID: "alice", Role: store.RolePublisher, State: store.UserActive, CreatedAt: tx.Now(),
		})
	})
	if err == nil {
		_, err = open.catalog.Register(h.t.Context(), alice, catalog.Registration{Namespace: store.Charm, Name: "pantry"})
	}
	var id string
	if err == nil {
		id, err = open.catalog.Receive(h.t.Context(), catalog.Sent{Address: "192.0.2.1"}, bytes.NewReader(content))
	}
	if err == nil {
		_, err = open.catalog.Claim(h.t.Context(), alice, store.Charm, catalog.Claim{Name: "pantry", UploadID: id})
	}
	if err == nil {
		_, err = open.catalog.ProcessUploads(h.t.Context())
	}
	if err != nil {
		h.t.Fatal(err)
	}
}
