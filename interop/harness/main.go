// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"os"
	"testing"

	"github.com/snapcore/snapd/dirs"
	"github.com/snapcore/snapd/release"
	"github.com/snapcore/snapd/snap"
)

// Main runs a package's tests and exits. It sets, once and before any test,
// what snapd keeps in package variables: where its files are, what system it
// runs on, and that nobody here cares for the rules of single interfaces. It
// removes the larder that the tests built.
func Main(m *testing.M) {
	root, err := os.MkdirTemp("", "snapd-root-")
	if err != nil {
		panic(err)
	}
	dirs.SetRootDir(root)
	release.OnClassic = true
	snap.MockSanitizePlugsSlots(func(*snap.Info) {})

	code := m.Run()
	if buildDir != "" {
		os.RemoveAll(buildDir)
	}
	os.RemoveAll(root)
	os.Exit(code)
}
