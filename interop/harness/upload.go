// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/snapcore/snapd/asserts"
)

// Package is a snap's name in a store that is not under test.
type Package struct {
	Name, SnapID string

	root        *Authority
	developer   *Brand
	declaration asserts.Assertion
}

// Register gives a name to a developer, as a store with this root does.
func (a *Authority) Register(name, snapID string, developer *Brand) *Package {
	return &Package{
		Name: name, SnapID: snapID, root: a, developer: developer,
		declaration: a.Sign(asserts.SnapDeclarationType, map[string]any{
			"series":       "16",
			"snap-id":      snapID,
			"snap-name":    name,
			"publisher-id": developer.ID,
			"timestamp":    longAgo,
		}, nil),
	}
}

// Upload is one revision of a package, with what its store signed.
type Upload struct {
	*Package
	Revision int
	Channel  string // where it is released, as risk; empty for nowhere

	path string
	docs []asserts.Assertion
}

// Upload builds a revision, whose name is that of the package, and signs it.
func (p *Package) Upload(t testing.TB, made Snap, revision int, channel string) Upload {
	t.Helper()
	made.Name = p.Name
	path := made.Build(t)
	digest, size, err := asserts.SnapFileSHA3_384(path)
	if err != nil {
		t.Fatal(err)
	}
	return Upload{
		Package: p, Revision: revision, Channel: channel, path: path,
		docs: []asserts.Assertion{
			p.developer.Account,
			p.declaration,
			p.root.Sign(asserts.SnapRevisionType, map[string]any{
				"snap-sha3-384": digest,
				"snap-id":       p.SnapID,
				"snap-size":     fmt.Sprint(size),
				"snap-revision": fmt.Sprint(revision),
				"developer-id":  p.developer.ID,
				"timestamp":     longAgo,
			}, nil),
		},
	}
}

// Pair lays the upload out as `snap download` leaves it, NAME_REV.snap beside
// NAME_REV.assert, and returns the path of the snap. The assertions lack the
// root, since devices have it.
func (u Upload) Pair(t testing.TB) string {
	t.Helper()
	stem := filepath.Join(t.TempDir(), fmt.Sprintf("%s_%d", u.Name, u.Revision))
	WriteAssertions(t, stem+".assert", u.docs...)
	if err := os.Rename(u.path, stem+".snap"); err != nil {
		t.Fatal(err)
	}
	return stem + ".snap"
}

// Archive packs uploads of one snap into one file with their channel map, as
// an export tool makes it, and returns its path. The names of its members say
// nothing.
func Archive(t testing.TB, uploads ...Upload) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), uploads[0].Name+"-20260102T030405.tar.gz")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	w := tar.NewWriter(z)
	add := func(content []byte) {
		t.Helper()
		err := w.WriteHeader(&tar.Header{Name: fmt.Sprintf("member-%d", len(content)), Mode: 0o644, Size: int64(len(content))})
		if err == nil {
			_, err = w.Write(content)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	type entry map[string]any
	var channels []entry
	for _, u := range uploads {
		content, err := os.ReadFile(u.path)
		if err != nil {
			t.Fatal(err)
		}
		add(content)
		for _, a := range u.docs {
			add(asserts.Encode(a))
		}
		if u.Channel != "" {
			channels = append(channels, entry{"revision": u.Revision, "channel": entry{
				"track": "latest", "risk": u.Channel, "architecture": Architecture}})
		}
	}
	document, err := json.Marshal(entry{"name": uploads[0].Name, "snap-id": uploads[0].SnapID, "channel-map": channels})
	if err != nil {
		t.Fatal(err)
	}
	add(document)
	for _, c := range []interface{ Close() error }{w, z, f} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return name
}
