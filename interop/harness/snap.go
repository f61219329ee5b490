// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Architecture is what every device of these tests runs on.
const Architecture = "amd64"

// Snap describes a snap to build. Fields left empty are left out of snap.yaml,
// except the version, the summary and the architecture.
type Snap struct {
	Name         string
	Version      string // "1.0" if empty
	Type         string
	Summary      string
	Architecture string // Architecture if empty
	Confinement  string
	Base         string
	Epoch        string
	CommonID     string
	Apps         []string
	Plugs        []string // the interfaces that every app plugs into
	Icon         []byte   // see [Icon]
	// Ballast is a number of incompressible bytes to carry. They depend on
	// name and version only, so that the same description gives the same
	// content. Much of it is not even tried to be compressed.
	Ballast int
}

const muchBallast = 16 << 20 // bytes

// Build makes the snap with mksquashfs and returns its path.
func (s Snap) Build(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	content := filepath.Join(dir, "content")
	if err := os.MkdirAll(filepath.Join(content, "meta"), 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(content, "meta", "snap.yaml"), []byte(s.yaml()))
	if err := os.MkdirAll(filepath.Join(content, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, app := range s.Apps {
		path := writeFile(t, filepath.Join(content, "bin", app), []byte("#!/bin/sh\n"))
		if err := os.Chmod(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if s.Icon != nil {
		if err := os.Mkdir(filepath.Join(content, "meta", "gui"), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(content, "meta", "gui", "icon.png"), s.Icon)
	}
	if s.Ballast > 0 {
		writeFile(t, filepath.Join(content, "ballast"), s.ballast())
	}
	path := filepath.Join(dir, fmt.Sprintf("%s_%s_%s.snap", s.Name, s.version(), s.architecture()))
	args := []string{content, path,
		"-quiet", "-no-progress", "-noappend", "-all-root", "-no-xattrs", "-comp", "xz", "-no-fragments"}
	if s.Ballast > muchBallast {
		args = append(args, "-noD")
	}
	cmd := exec.Command("mksquashfs", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("cannot make %s: %v\n%s", s.Name, err, out)
	}
	return path
}

// Icon is a small picture in PNG.
func Icon() []byte {
	picture := image.NewGray(image.Rect(0, 0, 64, 64))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(i)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func (s Snap) version() string {
	if s.Version == "" {
		return "1.0"
	}
	return s.Version
}

func (s Snap) architecture() string {
	if s.Architecture == "" {
		return Architecture
	}
	return s.Architecture
}

func (s Snap) yaml() string {
	var b strings.Builder
	field := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%s: %q\n", name, value)
		}
	}
	summary := s.Summary
	if summary == "" {
		summary = "The " + s.Name + " snap"
	}
	field("name", s.Name)
	field("version", s.version())
	field("summary", summary)
	field("description", "Made for a test.")
	field("type", s.Type)
	field("confinement", s.Confinement)
	field("base", s.Base)
	field("epoch", s.Epoch)
	fmt.Fprintf(&b, "architectures: [%s]\n", s.architecture())
	if len(s.Plugs) > 0 {
		fmt.Fprintf(&b, "plugs: {%s: null}\n", strings.Join(s.Plugs, ": null, "))
	}
	if len(s.Apps) > 0 {
		b.WriteString("apps:\n")
	}
	for i, app := range s.Apps {
		fmt.Fprintf(&b, "  %s:\n    command: bin/%s\n", app, app)
		if i == 0 && s.CommonID != "" {
			fmt.Fprintf(&b, "    common-id: %q\n", s.CommonID)
		}
	}
	return b.String()
}

func (s Snap) ballast() []byte {
	var seed [32]byte
	copy(seed[:], s.Name+" "+s.version())
	content := make([]byte, s.Ballast)
	rand.NewChaCha8(seed).Read(content)
	return content
}
