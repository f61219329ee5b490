// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"bytes"
	"os"
	"testing"

	"github.com/snapcore/snapd/snap"
	"github.com/snapcore/snapd/snap/snapfile"
)

func TestBuiltSnapIsOneThatSnapdReads(t *testing.T) {
	path := Snap{Name: "made-up", Version: "1.2", Type: "os", Apps: []string{"run"}, CommonID: "org.example.made", Ballast: 1000}.Build(t)
	container, err := snapfile.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	info, err := snap.ReadInfoFromSnapFile(container, nil)
	if err != nil {
		t.Fatal(err)
	}
	if info.SnapName() != "made-up" || info.Version != "1.2" || info.Type() != snap.TypeOS ||
		info.Apps["run"].CommonID != "org.example.made" || info.Architectures[0] != Architecture {
		t.Errorf("got %+v", info)
	}
}

func TestSameDescriptionBuildsTheSameBallast(t *testing.T) {
	s := Snap{Name: "heavy", Ballast: 4096}
	if !bytes.Equal(s.ballast(), s.ballast()) {
		t.Error("the ballast is not a function of the description")
	}
	fi, err := os.Stat(s.Build(t))
	if err != nil {
		t.Fatal(err)
	}
	if fi.Size() < 4096 {
		t.Errorf("the snap of %d bytes does not carry its ballast", fi.Size())
	}
}
