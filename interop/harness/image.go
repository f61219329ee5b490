// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Image is an image for several architectures, in a folder of the layout that the
// OCI image specification gives.
type Image struct {
	Dir string
	// Digest is that of the index, and Manifests are those for each architecture.
	Digest    string
	Manifests map[string]string
	// Blobs are the bytes of everything, by digest.
	Blobs map[string][]byte
}

// The media types of what an image consists of.
const (
	IndexType    = "application/vnd.oci.image.index.v1+json"
	ManifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

type descriptor struct {
	MediaType string    `json:"mediaType"`
	Digest    string    `json:"digest"`
	Size      int       `json:"size"`
	Platform  *platform `json:"platform,omitempty"`
}

type platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
}

// NewImage makes an image whose layers hold the given text and one file for each
// architecture, which are in Go's words.
func NewImage(t testing.TB, text string, architectures ...string) *Image {
	t.Helper()
	i := &Image{Dir: t.TempDir(), Manifests: map[string]string{}, Blobs: map[string][]byte{}}
	shared, sharedDiff := i.layer(t, "etc/motd", text)
	var index struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Manifests     []descriptor `json:"manifests"`
	}
	index.SchemaVersion, index.MediaType = 2, IndexType
	for _, a := range architectures {
		own, ownDiff := i.layer(t, "etc/architecture", text+a)
		config := i.put(configType, mustJSON(t, map[string]any{
			"architecture": a, "os": "linux", "config": map[string]any{"Cmd": []string{"/bin/true"}},
			"rootfs": map[string]any{"type": "layers", "diff_ids": []string{sharedDiff, ownDiff}},
		}))
		m := i.put(ManifestType, mustJSON(t, map[string]any{
			"schemaVersion": 2, "mediaType": ManifestType, "config": config, "layers": []descriptor{shared, own},
		}))
		m.Platform = &platform{Architecture: a, OS: "linux"}
		i.Manifests[a] = m.Digest
		index.Manifests = append(index.Manifests, m)
	}
	top := i.put(IndexType, mustJSON(t, index))
	i.Digest = top.Digest
	index.Manifests = []descriptor{top}
	writeFile(t, filepath.Join(i.Dir, "index.json"), mustJSON(t, index))
	writeFile(t, filepath.Join(i.Dir, "oci-layout"), []byte(`{"imageLayoutVersion":"1.0.0"}`))
	blobs := filepath.Join(i.Dir, "blobs", "sha256")
	if err := os.MkdirAll(blobs, 0o755); err != nil {
		t.Fatal(err)
	}
	for digest, content := range i.Blobs {
		writeFile(t, filepath.Join(blobs, digest[len("sha256:"):]), content)
	}
	return i
}

// Archive packs the folder into a file, as rocks are.
func (i *Image) Archive(t testing.TB) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.AddFS(os.DirFS(i.Dir)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return writeFile(t, filepath.Join(t.TempDir(), "image.rock"), b.Bytes())
}

func (i *Image) put(mediaType string, content []byte) descriptor {
	sum := sha256.Sum256(content)
	digest := "sha256:" + hex.EncodeToString(sum[:])
	i.Blobs[digest] = content
	return descriptor{MediaType: mediaType, Digest: digest, Size: len(content)}
}

// layer makes a layer of one file and says what it is packed and unpacked.
func (i *Image) layer(t testing.TB, name, text string) (packed descriptor, diffID string) {
	t.Helper()
	var plain bytes.Buffer
	w := tar.NewWriter(&plain)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(plain.Bytes())
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(plain.Bytes()); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return i.put(layerType, b.Bytes()), "sha256:" + hex.EncodeToString(sum[:])
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
