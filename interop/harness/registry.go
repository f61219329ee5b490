// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const toolTimeout = time.Minute

// Login is a name and a password of a registry.
type Login struct{ Username, Password string }

// Registries is somebody's machine with skopeo and crane on it, and a home
// directory for what they know of registries.
type Registries struct {
	Home string

	t testing.TB
}

// NewRegistries makes a machine that speaks plain HTTP with a host.
func NewRegistries(t testing.TB, host string) *Registries {
	t.Helper()
	r := &Registries{Home: t.TempDir(), t: t}
	TrustRegistry(t, r.Home, host)
	return r
}

// Skopeo runs skopeo.
func (r *Registries) Skopeo(args ...string) (string, error) {
	r.t.Helper()
	return r.run("skopeo", append([]string{"--insecure-policy"}, args...)...)
}

// Crane runs crane as who has logged in at a host; with the zero Login, as nobody.
func (r *Registries) Crane(host string, who Login, args ...string) (string, error) {
	r.t.Helper()
	config := filepath.Join(r.Home, ".docker")
	if err := os.MkdirAll(config, 0o700); err != nil {
		r.t.Fatal(err)
	}
	auths := map[string]any{}
	if who != (Login{}) {
		auths[host] = map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(who.Username + ":" + who.Password))}
	}
	writeFile(r.t, filepath.Join(config, "config.json"), mustJSON(r.t, map[string]any{"auths": auths}))
	return r.run("crane", args...)
}

// Another starts an empty registry of crane's, which anybody may use and whose host
// it returns. It ends with the test.
func (r *Registries) Another() (host string) {
	r.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "crane", "registry", "serve", "--address", "127.0.0.1:0")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.Home}
	said, err := cmd.StderrPipe()
	if err != nil {
		r.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		stop()
		r.t.Fatalf("%v; see .ci/tools", err)
	}
	lines := bufio.NewScanner(said)
	for host == "" && lines.Scan() {
		if _, port, ok := strings.Cut(lines.Text(), "serving on port "); ok {
			host = "127.0.0.1:" + port
		}
	}
	go func() { // it must not wait for somebody to read
		for lines.Scan() {
		}
	}()
	r.t.Cleanup(func() {
		stop()
		cmd.Wait()
	})
	if host == "" {
		r.t.Fatalf("crane names no port: %v", lines.Err())
	}
	return host
}

func (r *Registries) run(program string, args ...string) (string, error) {
	r.t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		r.t.Fatalf("%v; see .ci/tools", err)
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), toolTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + r.Home, "XDG_RUNTIME_DIR=" + r.Home, "TMPDIR=" + r.Home}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s", program, args[0], err, errs.String())
	}
	return out.String(), nil
}
