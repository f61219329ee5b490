package cli

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

func TestMembersOfAStore(t *testing.T) {
	data := t.TempDir()
	run := func(want int, args ...string) (string, string) {
		t.Helper()
		var out, errOut bytes.Buffer
		if code := Main(append([]string{"larder", "--data", data}, args...), strings.NewReader(""), &out, &errOut); code != want {
			t.Fatalf("%v exits with %d, want %d: %s", args, code, want, errOut.String())
		}
		return out.String(), errOut.String()
	}
	run(exitOK, "init")
	run(exitOK, "store", "create", "kiosks")
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(data, "larder.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, err = d.Update(t.Context(), "tester", func(tx *db.Tx) error {
		tx.Record(store.UserPut, "account/ann-id", nil)
		return tx.PutUser(store.User{
			Account: store.Account{ID: "ann-id", Username: "ann", Validation: "unproven", CreatedAt: time.Now()},
			Email:   "ann@example.com", EmailVerified: true, OpenID: "x", Role: store.RolePublisher, State: store.UserActive,
		})
	})
	if err != nil {
		t.Fatal(err)
	}

	out, _ := run(exitOK, "store", "members", "kiosks", "add", "Ann@example.com", "--role", "access", "--role", "admin")
	if !strings.Contains(out, "ann-id") || !strings.Contains(out, "admin,access") {
		t.Error(out)
	}
	if out, _ := run(exitOK, "store", "members", "kiosks", "--format", "json"); !strings.Contains(out, `"email": "ann@example.com"`) {
		t.Error(out)
	}
	if out, _ := run(exitOK, "changes"); !strings.Contains(out, "store-member-put") {
		t.Error(out)
	}
	if out, _ := run(exitOK, "store", "members", "kiosks", "remove", "ann@example.com"); strings.Contains(out, "ann-id") {
		t.Error(out)
	}
	for _, tt := range []struct {
		exit int
		says string
		args []string
	}{
		{exitNotFound, "no account has the address", []string{"kiosks", "add", "bob@example.com", "--role", "view"}},
		{exitNotFound, "larder store list", []string{"none"}},
		{exitNotFound, "larder store list", []string{"none", "remove", "ann@example.com"}},
		{exitInvalid, "no role in a store", []string{"kiosks", "add", "ann@example.com", "--role", "owner"}},
		{exitUsage, "--role", []string{"kiosks", "add", "ann@example.com"}},
		{exitUsage, "--help", []string{"kiosks", "promote", "ann@example.com"}},
		{exitUsage, "--help", []string{"kiosks", "remove", "ann@example.com", "--role", "view"}},
		{exitUsage, "--help", []string{"kiosks", "--role", "view"}},
		{exitUsage, "--help", []string{}},
	} {
		if _, got := run(tt.exit, append([]string{"store", "members"}, tt.args...)...); !strings.Contains(got, tt.says) {
			t.Errorf("%v: %s", tt.args, got)
		}
	}
}
