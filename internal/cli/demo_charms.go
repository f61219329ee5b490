package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/larder-store/larder/internal/inspect/charmbuild"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/transfer"
)

// The sample charm and the bundle around it.
var (
	demoCharm = charmbuild.Spec{
		Metadata: `name: pantry
display-name: Pantry
summary: Keeps jars
description: |
  A charm to look around with: it keeps jars on a shelf, which is a resource.
provides:
  jars:
    interface: jars
resources:
  shelf:
    type: file
    filename: shelf.txt
    description: what is on the shelf
`,
		Config: "options:\n  jars:\n    type: int\n    default: 3\n    description: how many jars there are\n",
		Bases: []charmbuild.Base{
			{Name: "ubuntu", Channel: "22.04", Architectures: []string{"amd64", "arm64"}},
			{Name: "ubuntu", Channel: "24.04", Architectures: []string{"amd64", "arm64"}},
		},
		Readme: "# Pantry\n\nKeeps jars.\n",
	}
	demoBundle = `name: kitchen
description: A pantry, and room for more.
applications:
  pantry:
    charm: pantry
    channel: stable
    num_units: 1
`
	demoShelf = "blackcurrant jam\npickled pears\n"
)

// fillDemoCharms pushes the sample charms, unless there is one of the name: an
// operator may have changed it since.
func (h *house) fillDemoCharms(ctx context.Context, dir string) error {
	_, err := h.catalog.Describe(ctx, h.who, store.Charm, "pantry")
	if store.KindOf(err) != store.KindNotFound {
		return err
	}
	files := map[string]func(w io.Writer) error{
		"pantry.charm": func(w io.Writer) error { _, err := charmbuild.Charm(w, demoCharm); return err },
		"kitchen.zip":  func(w io.Writer) error { _, err := charmbuild.Bundle(w, demoBundle, "# Kitchen\n"); return err },
		"shelf.txt":    func(w io.Writer) error { _, err := io.WriteString(w, demoShelf); return err },
	}
	for name, write := range files {
		if err := writeFile(filepath.Join(dir, name), write); err != nil {
			return fmt.Errorf("cannot make the demo charms: %w", err)
		}
	}
	pusher := transfer.CharmPusher{Catalog: h.catalog, Blobs: h.blobs}
	stable := store.Channel{Risk: store.Stable}
	_, err = pusher.Push(ctx, h.who, []string{filepath.Join(dir, "pantry.charm"), filepath.Join(dir, "kitchen.zip")}, transfer.CharmOptions{
		Register: true, Channels: []store.Channel{stable},
		Resources: []transfer.CharmResource{{Name: "shelf", Source: filepath.Join(dir, "shelf.txt")}},
	})
	return err
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := write(f); err != nil {
		return err
	}
	return f.Close()
}
