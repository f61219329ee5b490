package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// The media types of images, and what clients that know all of them accept.
const (
	typeIndex    = "application/vnd.oci.image.index.v1+json"
	typeManifest = "application/vnd.oci.image.manifest.v1+json"
	typeConfig   = "application/vnd.oci.image.config.v1+json"
	typeLayer    = "application/vnd.oci.image.layer.v1.tar"

	acceptManifests = "Accept: " + typeIndex + ", " + typeManifest
)

// content is bytes of which the first are at hand and the rest begin a file, so
// that the kernel can send those.
type content struct {
	head   []byte
	file   string
	rest   int64 // bytes of the file
	digest string
}

func (c content) size() int64 { return int64(len(c.head)) + c.rest }

func newContent(head []byte, file string, rest int64) (content, error) {
	c := content{head: head, file: file, rest: rest}
	sum := sha256.New()
	sum.Write(head)
	if rest > 0 {
		f, err := os.Open(file)
		if err != nil {
			return c, err
		}
		defer f.Close()
		if _, err := io.CopyN(sum, f, rest); err != nil {
			return c, err
		}
	}
	c.digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
	return c, nil
}

// image is an index of two manifests, which share their layers.
type image struct {
	blobs     []content // layers and configs
	manifests []content
	index     content
}

// The documents of an image.
type (
	descriptor struct {
		MediaType string    `json:"mediaType"`
		Digest    string    `json:"digest"`
		Size      int64     `json:"size"`
		Platform  *platform `json:"platform,omitempty"`
	}
	platform struct {
		Architecture string `json:"architecture"`
		OS           string `json:"os"`
	}
	manifest struct {
		SchemaVersion int          `json:"schemaVersion"`
		MediaType     string       `json:"mediaType"`
		Config        *descriptor  `json:"config,omitempty"`
		Layers        []descriptor `json:"layers,omitempty"`
		Manifests     []descriptor `json:"manifests,omitempty"`
	}
)

func (c content) described(mediaType string) descriptor {
	return descriptor{MediaType: mediaType, Digest: c.digest, Size: c.size()}
}

func document(v any) (content, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return content{}, err
	}
	return newContent(text, "", 0)
}

// newImage makes an image whose layers begin with the tag and go on as the file
// does, so that images with another tag share nothing with it.
func newImage(file, tag string, layers []int64) (image, error) {
	var i image
	var described []descriptor
	for n, size := range layers {
		head := fmt.Appendf(nil, "%s, layer %d\n", tag, n)
		layer, err := newContent(head, file, size)
		if err != nil {
			return i, err
		}
		i.blobs, described = append(i.blobs, layer), append(described, layer.described(typeLayer))
	}
	index := manifest{SchemaVersion: 2, MediaType: typeIndex}
	for _, architecture := range []string{"amd64", "arm64"} {
		runs := platform{architecture, "linux"}
		config, err := document(struct {
			platform
			Author string `json:"author"`
		}{runs, tag})
		if err != nil {
			return i, err
		}
		about := config.described(typeConfig)
		one, err := document(manifest{SchemaVersion: 2, MediaType: typeManifest, Config: &about, Layers: described})
		if err != nil {
			return i, err
		}
		i.blobs, i.manifests = append(i.blobs, config), append(i.manifests, one)
		entry := one.described(typeManifest)
		entry.Platform = &runs
		index.Manifests = append(index.Manifests, entry)
	}
	var err error
	i.index, err = document(index)
	return i, err
}

// size is the bytes of everything in the image.
func (i image) size() int64 {
	total := i.index.size()
	for _, list := range [][]content{i.blobs, i.manifests} {
		for _, c := range list {
			total += c.size()
		}
	}
	return total
}

// makeNoise writes a file that does not compress.
func makeNoise(dir string, size int64) (string, error) {
	path := filepath.Join(dir, "noise")
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	_, err = io.CopyN(f, rand.NewChaCha8([32]byte{1}), size)
	return path, errors.Join(err, f.Close())
}
