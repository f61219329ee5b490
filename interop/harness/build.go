// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// binary builds larder once per test process and returns its path. The build
// is the one operators get: static, without cgo.
var binary = sync.OnceValues(func() (string, error) {
	root, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/larder-store/larder").Output()
	if err != nil {
		return "", fmt.Errorf("cannot find larder's module: %w", err)
	}
	dir, err := os.MkdirTemp("", "larder-interop-")
	if err != nil {
		return "", err
	}
	buildDir = dir
	path := filepath.Join(dir, "larder")
	build := exec.Command("go", "build", "-o", path, "./cmd/larder")
	build.Dir = strings.TrimSpace(string(root))
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("cannot build larder: %w\n%s", err, out)
	}
	return path, nil
})

// buildDir is written once, inside binary, before it returns.
var buildDir string
