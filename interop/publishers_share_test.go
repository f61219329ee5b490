// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"crypto/sha3"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/interop/harness"
)

// TestPublishersShareALogin passes logins between craft-store and the SDK, both
// ways, in the environment and in the file of one user.
func TestPublishersShareALogin(t *testing.T) {
	python := harness.FindPython(t, "craft-store-3")
	w := newPublisherWorld(t, python.Browser())
	home := t.TempDir()
	file := auth.File{Path: filepath.Join(home, sdkApplication, "credentials.json")}
	task := w.task("login", false, false, nil)
	task.Export = filepath.Join(t.TempDir(), "exported")
	env := append(task.env(""), "XDG_DATA_HOME="+home)
	client := func(store *auth.Store) *snapstore.Client {
		return &snapstore.Client{Endpoints: snapstore.At(w.URL), Credentials: store}
	}
	kept := &auth.Store{Application: sdkApplication, Host: auth.HostOf(w.URL), Backend: file}

	steps := python.Drive(t, "drive.py", task, env, w.operator)
	if len(steps) != 1 || steps[0].Raised != "" {
		t.Fatalf("craft-store cannot log in: %+v", steps)
	}
	if who, err := client(kept).Whoami(t.Context()); err != nil || who.Account.Email != w.person.Email {
		t.Errorf("with craft-store's file: %+v, %v", who, err)
	}
	exported, err := os.ReadFile(task.Export)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CRAFT_EXPORTED", string(exported))
	given, err := auth.Open(t.Context(), sdkApplication, w.URL, auth.FromEnvironment("CRAFT_EXPORTED"))
	if err != nil {
		t.Fatal(err)
	}
	if who, err := client(given).Whoami(t.Context()); err != nil || who.Account.Email != w.person.Email {
		t.Errorf("with what craft-store exported: %+v, %v", who, err)
	}

	if err := client(kept).Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	task.Flavour, task.Export = "whoami", ""
	if steps := python.Drive(t, "drive.py", task, env, w.operator); len(steps) != 1 || steps[0].Raised != "CredentialsUnavailable" {
		t.Errorf("after the SDK logged out: %+v", steps)
	}
	if _, err := client(kept).Login(t.Context(), auth.UbuntuOneLogin{Email: w.person.Email, Password: w.person.Password},
		auth.Grant{Permissions: dashboardWords, TTL: time.Hour}); err != nil {
		t.Fatal(err)
	}
	if steps := python.Drive(t, "drive.py", task, env, w.operator); len(steps) != 1 || steps[0].Raised != "" {
		t.Errorf("with the SDK's file: %+v", steps)
	}
}

// TestPublishersUploadALot uploads a snap of 64 MiB that does not compress, and
// counts what clients are told meanwhile.
func TestPublishersUploadALot(t *testing.T) {
	const size = 64 << 20
	path := harness.Snap{Name: publishedName, Version: "1.0", Confinement: "strict", Base: "core24", Ballast: size}.Build(t)
	want := digestOf(t, path)
	for _, name := range []string{"craft-store-2", "craft-store-3", "SDK"} {
		t.Run(name, func(t *testing.T) {
			python := harness.FindPython(t, "craft-store-3")
			if name != "SDK" {
				python = harness.FindPython(t, name)
			}
			w := newPublisherWorld(t, python.Browser())
			task := w.task("big", false, false, []string{path})
			var steps []harness.Step
			if name == "SDK" {
				steps = w.drive(task, w.operator)
			} else {
				steps = python.Drive(t, "drive.py", task, task.env(""), w.operator)
			}
			for _, s := range steps {
				if s.Raised != "" {
					t.Fatalf("%s: %s %s", s.Name, s.Raised, s.Said)
				}
			}
			uploaded, _ := steps[2].Answer.(map[string]any)
			if uploaded["rising"] != true || uploaded["complete"] != true {
				t.Errorf("uploaded %v", uploaded)
			}
			// A bar that moves less often than once per MiB seems to stand.
			if calls, _ := uploaded["calls"].(float64); calls < size>>20 {
				t.Errorf("%v calls for %d bytes", calls, size)
			}
			releases, _ := steps[len(steps)-1].Answer.(map[string]any)
			revisions, _ := releases["revisions"].([]any)
			if len(revisions) != 1 {
				t.Fatalf("the store has %v", releases)
			}
			if got := revisions[0].(map[string]any)["sha3-384"]; got != want {
				t.Errorf("the store has %v, not %s", got, want)
			}
		})
	}
}

func digestOf(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha3.New384()
	if _, err := io.Copy(h, f); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}
