// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Charmcraft is charmcraft on the machine of one person, who has a terminal and
// whose keyring is a file: see python/charmcraft_drive.py.
type Charmcraft struct {
	// Home is the person's home directory.
	Home string
	// Env is added to the environment of what runs next.
	Env map[string]string
	// In is where commands run. NewCharmcraft makes it an empty folder.
	In string

	// T is the test that runs now, which NewCharmcraft sets.
	T testing.TB

	driver *driver
}

// NewCharmcraft gives somebody a charmcraft that knows the store at a URL.
func NewCharmcraft(t testing.TB, url string) *Charmcraft {
	t.Helper()
	python := FindPython(t, "charmcraft")
	c := &Charmcraft{Home: t.TempDir(), In: t.TempDir(), Env: map[string]string{}, T: t}
	c.At(url)
	run := filepath.Join(c.Home, "run")
	if err := os.Mkdir(run, 0o700); err != nil {
		t.Fatal(err)
	}
	c.driver = drive(t, []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + c.Home, "XDG_DATA_HOME=" + c.Home, "XDG_RUNTIME_DIR=" + run,
		"PYTHONPATH=" + python.scripts, "PYTHON_KEYRING_BACKEND=pocket.Keyring",
		"CRAFT_STORE_RETRIES=0", "COLUMNS=200",
	}, python.path, "-B", filepath.Join(python.scripts, "charmcraft_drive.py"))
	return c
}

// At says where the store is from now on. Its registry is where the store says.
func (c *Charmcraft) At(url string) {
	c.Env["CHARMCRAFT_STORE_API_URL"] = url
	c.Env["CHARMCRAFT_UPLOAD_URL"] = url
	c.Env["CHARMCRAFT_STORE_SSO_URL"] = url
	_, host, _ := strings.Cut(url, "://")
	TrustRegistry(c.T, c.Home, host)
}

// TrustRegistry lets skopeo and its kin, run with a home directory, speak plain
// HTTP with registries.
func TrustRegistry(t testing.TB, home string, hosts ...string) {
	t.Helper()
	var text strings.Builder
	for _, host := range hosts {
		text.WriteString("[[registry]]\nlocation = \"" + host + "\"\ninsecure = true\n")
	}
	dir := filepath.Join(home, ".config", "containers")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "registries.conf"), []byte(text.String()))
}

// Say is what a person types when a prompt comes up.
type Say [2]string

// Login is what to type after charmcraft login.
func (p *Person) Login() []Say {
	return []Say{{"Email address: ", p.Email}, {"Password: ", p.Password}}
}

// Ended is how a command ended, or a call.
type Ended struct {
	Code   int             `json:"code"`
	Out    string          `json:"out"`
	Err    string          `json:"err"`
	Answer json.RawMessage `json:"answer"`
	Raised string          `json:"raised"`
}

// Try runs a command of charmcraft.
func (c *Charmcraft) Try(says []Say, args ...string) (e Ended) {
	c.T.Helper()
	c.driver.ask(c.T, map[string]any{"args": args, "in": c.In, "env": c.Env, "says": says}, &e)
	return e
}

// Run is Try for a command that must do it, and needs nobody at the terminal. It
// returns what the command printed.
func (c *Charmcraft) Run(args ...string) string {
	c.T.Helper()
	e := c.Try(nil, args...)
	if e.Code != 0 {
		c.T.Fatalf("charmcraft %s ended with %d\n%s%s", strings.Join(args, " "), e.Code, e.Out, e.Err)
	}
	return e.Out
}

// Read is Run with --format json, and reads what it printed.
func (c *Charmcraft) Read(into any, args ...string) {
	c.T.Helper()
	out := c.Run(append(args, "--format", "json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		c.T.Fatalf("charmcraft %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// Call calls a method of charmcraft's store facade or, if of is "service", of its
// store service.
func (c *Charmcraft) Call(of, method string, with ...any) (e Ended) {
	c.T.Helper()
	c.driver.ask(c.T, map[string]any{"call": of, "method": method, "with": with, "in": c.In, "env": c.Env}, &e)
	return e
}

// Get is Call for what must do it, and reads the answer.
func (c *Charmcraft) Get(into any, of, method string, with ...any) {
	c.T.Helper()
	e := c.Call(of, method, with...)
	if e.Code != 0 {
		c.T.Fatalf("%s.%s(%v) raised %s: %s", of, method, with, e.Raised, e.Err)
	}
	if err := json.Unmarshal(e.Answer, into); into != nil && err != nil {
		c.T.Fatalf("%s.%s: %v in %s", of, method, err, e.Answer)
	}
}
