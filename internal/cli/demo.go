package cli

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/squashfs"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/transfer"
)

// demoSnap is one revision of one of the sample snaps. Equal rows make equal
// bytes, so filling a store twice changes nothing.
type demoSnap struct {
	yaml     string
	program  string // text of bin/<name>, a shell script
	tint     color.RGBA
	channels []string
}

// demoSnaps are pushed in this order, which makes their revisions 1, 2, 3…
var demoSnaps = []struct {
	name, category string
	revisions      []demoSnap
}{
	{"demo-base", "", []demoSnap{
		{yaml: "name: demo-base\nversion: '24'\ntype: base\nsummary: Base for the demo snaps\ndescription: Holds nothing; the demo snaps need a base to name.\narchitectures: [all]\n", tint: color.RGBA{90, 90, 90, 255}, channels: []string{"stable"}},
	}},
	{"hello", "utilities", []demoSnap{
		{demoYAML("hello", "1.0", "amd64"), "echo hello 1.0", color.RGBA{230, 126, 34, 255}, []string{"stable"}},
		{demoYAML("hello", "1.0", "arm64"), "echo hello 1.0", color.RGBA{230, 126, 34, 255}, []string{"stable"}},
		{demoYAML("hello", "1.1", "amd64"), "echo hello 1.1", color.RGBA{211, 84, 0, 255}, []string{"candidate", "beta"}},
		{demoYAML("hello", "1.1", "arm64"), "echo hello 1.1", color.RGBA{211, 84, 0, 255}, []string{"candidate"}},
		{demoYAML("hello", "2.0", "amd64"), "echo hello 2.0", color.RGBA{192, 57, 43, 255}, []string{"edge", "2.0/stable"}},
	}},
	{"notes", "productivity", []demoSnap{
		{demoYAML("notes", "0.9", "all"), "cat \"$SNAP_USER_DATA\"/notes 2>/dev/null", color.RGBA{41, 128, 185, 255}, []string{"stable"}},
		{demoYAML("notes", "1.0", "all"), "cat \"$SNAP_USER_DATA\"/*.md", color.RGBA{52, 152, 219, 255}, []string{"edge"}},
	}},
}

func demoYAML(name, version, arch string) string {
	words := map[string][2]string{
		"hello": {"Says hello", "A snap to look around with: it says hello, in several versions and for two\n  architectures."},
		"notes": {"Keeps short notes", "A second snap, the same for every architecture. It keeps notes in plain files."},
	}[name]
	return fmt.Sprintf(`name: %[1]s
title: %[2]s
version: '%[3]s'
summary: %[4]s
description: |
  %[5]s
base: demo-base
architectures: [%[6]s]
confinement: strict
grade: stable
license: Apache-2.0
apps:
  %[1]s:
    command: bin/%[1]s
    common-id: demo.larder.%[1]s
`, name, strings.ToUpper(name[:1])+name[1:], version, words[0], words[1], arch)
}

// fillDemo pushes the sample snaps and charms and returns a line about them.
func (h *house) fillDemo(ctx context.Context) (string, error) {
	dir, err := os.MkdirTemp("", "larder-demo-")
	if err != nil {
		return "", fmt.Errorf("cannot make the demo: %w", err)
	}
	defer os.RemoveAll(dir)
	pusher := transfer.Pusher{Catalog: h.catalog, Blobs: h.blobs, Parallel: 1}
	revisions := 0
	for _, s := range demoSnaps {
		for i, rev := range s.revisions {
			file := filepath.Join(dir, fmt.Sprintf("%s_%d.snap", s.name, i+1))
			if err := rev.build(file, s.name); err != nil {
				return "", fmt.Errorf("cannot make the demo snap %s: %w", s.name, err)
			}
			// An operator may have moved channels since: only what is new is released.
			o := transfer.PushOptions{Register: true, ReleaseNew: true}
			if o.Channels, err = parseChannels(rev.channels); err != nil {
				return "", err
			}
			if _, err := pusher.Push(ctx, h.who, []string{file}, o); err != nil {
				return "", err
			}
			revisions++
		}
		if s.category != "" {
			change := catalog.PackageChange{Categories: []string{s.category}, Featured: true}
			if _, err := h.catalog.ChangePackage(ctx, h.who, store.Snap, s.name, change); err != nil {
				return "", err
			}
		}
	}
	if err := h.fillDemoCharms(ctx, dir); err != nil {
		return "", err
	}
	return fmt.Sprintf("Demo: %d snaps, %d revisions, a charm and a bundle", len(demoSnaps), revisions), nil
}

func (d demoSnap) build(file, name string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer f.Close()
	icon, err := demoIcon(d.tint)
	if err != nil {
		return err
	}
	files := []squashfs.File{snapbuild.Text("meta/gui/icon.png", icon)}
	if d.program != "" {
		files = append(files, snapbuild.Program("bin/"+name, "#!/bin/sh\n"+d.program+"\n"))
	}
	if _, err := snapbuild.Snap(f, snapbuild.Spec{YAML: d.yaml, Files: files}); err != nil {
		return err
	}
	return f.Close()
}

// demoIcon is a disc.
func demoIcon(tint color.RGBA) (string, error) {
	const size, centre = 64, 32
	img := image.NewRGBA(image.Rect(0, 0, size, size))
	for y := range size {
		for x := range size {
			if dx, dy := x-centre, y-centre; dx*dx+dy*dy < (centre-2)*(centre-2) {
				img.SetRGBA(x, y, tint)
			}
		}
	}
	var b bytes.Buffer
	err := png.Encode(&b, img)
	return b.String(), err
}
