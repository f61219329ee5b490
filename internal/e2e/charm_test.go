package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/inspect/ziparchive"
)

// charm FILE NAME VERSION makes a charm for ubuntu@24.04 on amd64, which needs the
// file recipes and may have the image server.
func scriptCharm(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: charm FILE NAME VERSION")
	}
	ts.Check(writeCharm(ts.MkAbs(args[0]), args[1], args[2]))
}

func writeCharm(path, name, version string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = charmbuild.Charm(f, charmbuild.Spec{
		Metadata: fmt.Sprintf("name: %s\nsummary: Made for a test\ndescription: Made for a test.\nresources:\n"+
			"  recipes: {type: file, filename: recipes.tgz}\n  server: {type: oci-image, optional: true}\n", name),
		Bases:   []charmbuild.Base{{Name: "ubuntu", Channel: "24.04", Architectures: []string{"amd64"}}},
		Config:  "options:\n  salt: {type: int, default: 1, description: How much}\n",
		Version: version,
	})
	return err
}

// makeCharm is writeCharm to a file of dir, whose path it returns.
func makeCharm(t testing.TB, dir, name, version string) string {
	t.Helper()
	path := filepath.Join(dir, name+"_"+version+".charm")
	if err := writeCharm(path, name, version); err != nil {
		t.Fatal(err)
	}
	return path
}

// bundle FILE NAME CHARM makes a bundle of one charm.
func scriptBundle(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: bundle FILE NAME CHARM")
	}
	ts.Check(writeBundle(ts.MkAbs(args[0]), args[1], args[2]))
}

func writeBundle(path, name, charm string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = charmbuild.Bundle(f, fmt.Sprintf("name: %s\napplications:\n  %s:\n    charm: %[2]s\n", name, charm), "# A bundle\n")
	return err
}

// makeBundle is writeBundle to a file of dir, whose path it returns.
func makeBundle(t testing.TB, dir, name, charm string) string {
	t.Helper()
	path := filepath.Join(dir, name+".zip")
	if err := writeBundle(path, name, charm); err != nil {
		t.Fatal(err)
	}
	return path
}

// layout DIR TEXT makes an OCI layout of one index, for amd64 and arm64, with a
// layer of its own for each and TEXT for both.
func scriptLayout(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: layout DIR TEXT")
	}
	ts.Check(writeLayout(filepath.Clean(ts.MkAbs(args[0])), args[1]))
}

func writeLayout(dir, text string) error {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, arch := range []string{"amd64", "arm64"} {
		image, err := mutate.ConfigFile(mutate.MediaType(empty.Image, types.OCIManifestSchema1), &v1.ConfigFile{Architecture: arch, OS: "linux"})
		if err != nil {
			return err
		}
		for _, content := range []string{text, text + " on " + arch} {
			if image, err = mutate.AppendLayers(image, static.NewLayer([]byte(content), types.OCIUncompressedLayer)); err != nil {
				return err
			}
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	to, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	return to.AppendIndex(index)
}

func TestAPersonPublishesACharmOnATerminal(t *testing.T) {
	n := newStore(t, place{})
	s := n.serve()
	n.withPublisher()
	screen, exit := n.typist(n.command("charm", "login", "--store", s.url), [2]string{"E-mail: ", "alice@example.com"}, [2]string{"Password: ", password})
	if exit != 0 || !strings.Contains(screen, "Logged in to "+s.url+" as alice") || strings.Contains(screen, password) {
		t.Fatalf("exit code %d, on the screen is %s", exit, screen)
	}
	file := filepath.Join(t.TempDir(), "pantry.charm")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// What does not shrink takes long enough for a bar to be seen.
	if _, err := charmbuild.Charm(f, charmbuild.Spec{
		Metadata: "name: pantry\nsummary: s\ndescription: d\n",
		Bases:    []charmbuild.Base{{Name: "ubuntu", Channel: "24.04", Architectures: []string{"amd64"}}},
		Files:    []ziparchive.File{charmbuild.Text("src/noise", noiseText(1<<20))},
	}); err != nil {
		t.Fatal(err)
	}
	n.must("charm", "register", "pantry")
	out, screen, exit := n.onTerminal("charm", "upload", file, "--release", "edge")
	if exit != 0 || !strings.Contains(out, "Revision 1 of pantry created") || !strings.Contains(screen, "\x1b[") {
		t.Errorf("exit code %d, printed %q, showed %q", exit, out, screen)
	}

	promote := []string{"charm", "promote", "--name", "pantry", "--from-channel", "edge", "--to-channel", "stable"}
	for _, answer := range []struct {
		typed, says string
		exit        int
	}{{"n", "nothing was promoted", 4}, {"", "nothing was promoted", 4}, {"y", "1 revision promoted from edge to stable", 0}} {
		screen, exit := n.typist(n.command(promote...), [2]string{"Release this to stable? [y/N] ", answer.typed})
		if exit != answer.exit || !strings.Contains(screen, answer.says) || !strings.Contains(screen, "ubuntu 24.04 (amd64)") {
			t.Errorf("%q: exit code %d, on the screen is %s", answer.typed, exit, screen)
		}
	}
}

// noiseText does not shrink.
func noiseText(size int) string {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, size)
	_, _ = r.Read(b) // it never fails
	return string(b)
}
