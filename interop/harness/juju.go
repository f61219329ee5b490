// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// jujuBinary builds interop/juju once per test process.
var jujuBinary = sync.OnceValues(func() (string, error) {
	if _, err := binary(); err != nil { // makes the folder
		return "", err
	}
	path := filepath.Join(buildDir, "juju")
	build := exec.Command("go", "build", "-o", path, ".")
	build.Dir = "juju"
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", errors.New("cannot build juju: " + err.Error() + "\n" + string(out))
	}
	return path, nil
})

// Juju asks a store with juju's own code: see juju/main.go.
type Juju struct {
	// T is the test that runs now, which NewJuju sets.
	T testing.TB

	driver *driver
}

// NewJuju starts a juju for the store at a URL.
func NewJuju(t testing.TB, url string) *Juju {
	t.Helper()
	path, err := jujuBinary()
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	return &Juju{T: t, driver: drive(t, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home}, path, url)}
}

// JujuCall is one call of juju's: which fields count depends on Call.
type JujuCall struct {
	Call      string            `json:"call"`
	Name      string            `json:"name,omitempty"`
	ID        string            `json:"id,omitempty"`
	Channel   string            `json:"channel,omitempty"`
	Revision  int               `json:"revision,omitempty"`
	Base      JujuBase          `json:"base"`
	Filters   map[string]string `json:"filters,omitempty"`
	Resource  string            `json:"resource,omitempty"`
	Resources []JujuPin         `json:"resources,omitempty"`
	Actions   []JujuCall        `json:"actions,omitempty"`
	URL       string            `json:"url,omitempty"`
	To        string            `json:"to,omitempty"`
	Metrics   bool              `json:"metrics,omitempty"`
}

// JujuBase is what a charm is to run on. Empty words are not known yet.
type JujuBase struct {
	Architecture string `json:"architecture"`
	Name         string `json:"name"`
	Channel      string `json:"channel"`
}

// JujuPin is a revision of a resource.
type JujuPin struct {
	Name     string `json:"name"`
	Revision int    `json:"revision"`
}

// Ask makes one call and reads the answer. What juju says instead is an error.
func (j *Juju) Ask(c JujuCall, answer any) error {
	j.T.Helper()
	var told struct {
		Answer json.RawMessage
		Error  string
	}
	j.driver.ask(j.T, c, &told)
	if told.Error != "" {
		return errors.New(told.Error)
	}
	if answer == nil {
		return nil
	}
	if err := json.Unmarshal(told.Answer, answer); err != nil {
		j.T.Fatalf("juju %s: %v in %s", c.Call, err, told.Answer)
	}
	return nil
}

// Get is Ask for what must not fail.
func (j *Juju) Get(c JujuCall, answer any) {
	j.T.Helper()
	if err := j.Ask(c, answer); err != nil {
		j.T.Fatalf("juju %s %s: %v", c.Call, c.Name, err)
	}
}
