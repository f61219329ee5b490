package house

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// refusedLicences may not be linked, whatever else a file grants. Sentences are
// in lower case with single spaces, here and below.
var refusedLicences = []licence{
	{"gnu affero general public license", "AGPL"},
	{"gnu lesser general public license", "LGPL"},
	{"gnu library general public license", "LGPL"},
	{"gnu general public license", "GPL"},
	{"server side public license", "SSPL"},
	{"business source license", "BUSL"},
}

// permissiveLicences are known by sentences that only they have.
var permissiveLicences = []licence{
	{"mozilla public license version 2.0", "MPL-2.0"},
	{"mozilla public license, version 2.0", "MPL-2.0"},
	{"apache license version 2.0", "Apache-2.0"},
	{"redistribution and use in source and binary forms", "BSD"},
	{"permission is hereby granted, free of charge, to any person obtaining a copy", "MIT"},
	{"permission to use, copy, modify, and/or distribute this software for any purpose", "ISC"},
	{"permission to use, copy, modify, and distribute this software for any purpose", "ISC"},
	{"this is free and unencumbered software released into the public domain", "Unlicense"},
	{"the author disclaims copyright to this source code", "SQLite blessing"},
	{"sqlite is public domain", "SQLite"},
}

type licence struct{ sentence, name string }

// secondaryLicences is how the MPL defines a term; it grants or demands nothing.
const secondaryLicences = "either the gnu general public license, version 2.0, " +
	"the gnu lesser general public license, version 2.1, " +
	"the gnu affero general public license, version 3.0, or any later versions of those licenses"

// notOfCode are licence files of things that are not linked.
var notOfCode = []string{"license-logo", "license.docs"}

// TestEveryLinkedModuleMayBeLinked covers the binaries and the public
// libraries alike: everything that is no test.
func TestEveryLinkedModuleMayBeLinked(t *testing.T) {
	list := exec.Command("go", "list", "-deps",
		"-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}", "./...")
	list.Dir = filepath.Join("..", "..")
	list.Env = append(os.Environ(), "CGO_ENABLED=0")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		t.Fatalf("cannot list the linked modules: %v", err)
	}
	lines := strings.Fields(string(out))
	modules := make(map[string]string)
	for i := 0; i+1 < len(lines); i += 2 {
		modules[lines[i]] = lines[i+1]
	}
	for path, dir := range modules {
		if err := mayLink(dir); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestACopyleftOrUnknownLicenceIsRefused(t *testing.T) {
	tests := []struct {
		file, text string
		want       string // part of the error; none if empty
	}{
		{"LICENSE", "Apache License\n   Version 2.0, January 2004", ""},
		{"LICENCE.md", "Redistribution and use in source\nand binary forms, with or without", ""},
		{"COPYING", "Permission is hereby granted, free of charge, to any person\nobtaining a copy", ""},
		{"LICENSE", "Mozilla Public License Version 2.0\n1.12. \"Secondary License\" means either the GNU General Public\nLicense, Version 2.0, the GNU Lesser General Public License, Version 2.1,\nthe GNU Affero General Public License, Version 3.0, or any later versions of\nthose licenses.", ""},
		{"LICENSE", "Mozilla Public License Version 2.0\nor the GNU General Public License", "GPL"},
		{"COPYING", "GNU GENERAL PUBLIC LICENSE\nVersion 3", "GPL"},
		{"LICENSE", "Apache License Version 2.0\nor the GNU Lesser General\nPublic License", "LGPL"},
		{"LICENSE", "GNU AFFERO GENERAL PUBLIC LICENSE", "AGPL"},
		{"LICENSE", "All rights reserved.", "not one of the known"},
		{"README", "Apache License Version 2.0", "no licence file"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, tt.file), []byte(tt.text), 0o600); err != nil {
				t.Fatal(err)
			}
			err := mayLink(dir)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// mayLink reads every licence file at the top of a module; one that is not
// permissive is enough to refuse it.
func mayLink(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var read int
	for _, entry := range entries {
		if !isLicenceFile(entry) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		if err != nil {
			return err
		}
		if err := permissive(string(text)); err != nil {
			return fmt.Errorf("%s: %w", entry.Name(), err)
		}
		read++
	}
	if read == 0 {
		return fmt.Errorf("no licence file in %s", filepath.Base(dir))
	}
	return nil
}

func isLicenceFile(entry os.DirEntry) bool {
	name := strings.ToLower(entry.Name())
	return entry.Type().IsRegular() && !slices.Contains(notOfCode, name) && slices.ContainsFunc(
		[]string{"license", "licence", "copying", "unlicense"},
		func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

func permissive(text string) error {
	flat := strings.Join(strings.Fields(strings.ToLower(text)), " ")
	flat = strings.ReplaceAll(flat, secondaryLicences, "")
	has := func(l licence) bool { return strings.Contains(flat, l.sentence) }
	if i := slices.IndexFunc(refusedLicences, has); i >= 0 {
		return fmt.Errorf("%s may not be linked; it may serve as an oracle in interop", refusedLicences[i].name)
	}
	if !slices.ContainsFunc(permissiveLicences, has) {
		return errors.New("not one of the known permissive licences; read it, then add its sentence to the table")
	}
	return nil
}
