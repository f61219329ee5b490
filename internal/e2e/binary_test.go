package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// built is the program under test, built once for the test process.
var built = sync.OnceValues(buildBinary)

var scratch string // removed when the test process ends

func TestMain(m *testing.M) {
	os.Exit(func() int {
		var err error
		if scratch, err = os.MkdirTemp("", "larder-e2e-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(scratch)
		return m.Run()
	}())
}

// buildBinary builds what is shipped: static, without the race detector.
func buildBinary() (string, error) {
	path := filepath.Join(scratch, "bin", "larder")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-trimpath", "-o", path, "github.com/larder-store/larder/cmd/larder")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("cannot build larder: %w\n%s", err, &out)
	}
	return path, nil
}

func larderBinary(t testing.TB) string {
	t.Helper()
	path, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return path
}
