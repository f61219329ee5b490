// Package charmbuild makes small real charms and bundles without charmcraft: for the
// demo store, benchmarks and tests.
//
// It packs what it is given, in the shape that charmcraft gives an archive; whether that
// is valid is for package inspect to say.
package charmbuild

import (
	"fmt"
	"io"
	"strings"

	"github.com/larder-store/larder/internal/inspect/ziparchive"
)

// Base is a base that a charm runs on, as its manifest says; without architectures it
// is any.
type Base struct {
	Name, Channel string
	Architectures []string
}

// Spec is what goes into a charm. Empty texts are members that it does not have.
type Spec struct {
	Metadata   string // metadata.yaml
	Bases      []Base // of manifest.yaml, which there is none of without bases
	Manifest   string // manifest.yaml as it is, in place of Bases
	Config     string
	Actions    string
	Charmcraft string // charmcraft.yaml
	LXDProfile string
	Metrics    string
	Version    string
	Readme     string
	Icon       string // SVG
	// Files are added as they are.
	Files []ziparchive.File
}

// Charm writes a charm to w and returns its size. Equal specs give equal bytes.
func Charm(w io.Writer, spec Spec) (int64, error) {
	manifest := spec.Manifest
	if manifest == "" && len(spec.Bases) > 0 {
		manifest = Manifest(spec.Bases)
	}
	files := texts(
		"README.md", spec.Readme, "actions.yaml", spec.Actions, "charmcraft.yaml", spec.Charmcraft, "config.yaml", spec.Config,
	)
	files = append(files, Program("dispatch", "#!/bin/sh\n\nJUJU_DISPATCH_PATH=\"${JUJU_DISPATCH_PATH:-$0}\" PYTHONPATH=lib:venv /usr/bin/env python3 ./src/charm.py\n"))
	files = append(files, texts(
		"icon.svg", spec.Icon, "lxd-profile.yaml", spec.LXDProfile, "manifest.yaml", manifest, "metadata.yaml", spec.Metadata,
		"metrics.yaml", spec.Metrics,
	)...)
	files = append(files, Program("src/charm.py", "#!/usr/bin/env python3\nimport ops\n\nops.main(ops.CharmBase)\n"))
	files = append(files, texts("version", spec.Version)...)
	return ziparchive.Write(w, append(files, spec.Files...))
}

// Bundle writes a bundle from the text of its bundle.yaml to w and returns its size.
func Bundle(w io.Writer, yaml, readme string, more ...ziparchive.File) (int64, error) {
	files := texts("README.md", readme, "bundle.yaml", yaml, "manifest.yaml", Manifest(nil))
	return ziparchive.Write(w, append(files, more...))
}

// Manifest is the text of a manifest.yaml.
func Manifest(bases []Base) string {
	var b strings.Builder
	b.WriteString("charmcraft-version: 3.4.0\ncharmcraft-started-at: '2024-01-01T00:00:00.000000Z'\nbases:")
	if len(bases) == 0 {
		b.WriteString(" []")
	}
	for _, base := range bases {
		fmt.Fprintf(&b, "\n- name: %s\n  channel: '%s'", base.Name, base.Channel)
		if len(base.Architectures) > 0 {
			b.WriteString("\n  architectures:")
		}
		for _, a := range base.Architectures {
			fmt.Fprintf(&b, "\n  - %s", a)
		}
	}
	b.WriteString("\nanalysis:\n  attributes:\n  - name: language\n    result: python\n  - name: framework\n    result: operator\n")
	return b.String()
}

// Text is a file of mode 0644.
func Text(path, content string) ziparchive.File {
	return ziparchive.File{Path: path, Content: []byte(content)}
}

// Program is a file of mode 0755, such as a hook.
func Program(path, content string) ziparchive.File {
	f := Text(path, content)
	f.Mode = 0o755
	return f
}

// texts makes files of names and contents in turn, without the empty ones.
func texts(pairs ...string) []ziparchive.File {
	var files []ziparchive.File
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			files = append(files, Text(pairs[i], pairs[i+1]))
		}
	}
	return files
}
