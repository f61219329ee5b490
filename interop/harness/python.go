// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

const driveTimeout = 4 * time.Minute

// Python is a virtual environment with one version of craft-store.
type Python struct{ path, scripts string }

// FindPython finds the environment that is made from python/NAME.txt.
func FindPython(t testing.TB, name string) Python {
	t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	p := Python{
		path:    filepath.Join(root, ".tools", "python", name, "bin", "python"),
		scripts: filepath.Join(root, "interop", "python"),
	}
	if _, err := os.Stat(p.path); err != nil {
		t.Fatalf("cannot find the Python packages of python/%s.txt: %v; run .ci/tools python", name, err)
	}
	return p
}

// Browser is a command line, as the variable BROWSER takes it, of a person who
// fills in forms.
func (p Python) Browser() string { return p.path + " " + filepath.Join(p.scripts, "browse.py") + " %s" }

// Step is one line of what a driver did: see python/drive.py.
type Step struct {
	Name    string   `json:"step"`
	Answer  any      `json:"answer,omitempty"`
	Refused int      `json:"refused,omitempty"`
	Codes   []string `json:"codes,omitempty"`
	Raised  string   `json:"raised,omitempty"`
	Said    string   `json:"said,omitempty"`
	Absent  string   `json:"absent,omitempty"`
	Ask     string   `json:"ask,omitempty"`
}

// Drive runs a driver, such as drive.py, with a task. The environment is the given
// one, and a home without a keyring. The function answers what the driver asks.
func (p Python) Drive(t testing.TB, driver string, task any, env []string, operator func(what string) (line string)) []Step {
	t.Helper()
	line, err := json.Marshal(task)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), driveTimeout)
	defer cancel()
	home := t.TempDir()
	cmd := exec.CommandContext(ctx, p.path, "-B", filepath.Join(p.scripts, driver))
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"XDG_DATA_HOME=" + home,
		"PYTHON_KEYRING_BACKEND=keyring.backends.fail.Keyring",
		"CRAFT_STORE_RETRIES=0",
	}, env...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Write(append(line, '\n'))
	var steps []Step
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s Step
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Errorf("the driver printed %s", lines.Bytes())
			continue
		}
		if s.Ask != "" {
			in.Write([]byte(operator(s.Ask) + "\n"))
			continue
		}
		steps = append(steps, s)
	}
	in.Close()
	if err := cmd.Wait(); err != nil {
		t.Fatalf("%s: %v\n%s", driver, err, errs.String())
	}
	return steps
}
