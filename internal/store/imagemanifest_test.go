package store

import (
	"strings"
	"testing"
)

func FuzzReadManifest(f *testing.F) {
	digest := "sha256:" + strings.Repeat("0", 64)
	for _, seed := range []string{
		"", "{}", "null", `{"schemaVersion":2}`,
		`{"schemaVersion":2,"config":{"digest":"` + digest + `"},"layers":[{"digest":"` + digest + `","size":3}]}`,
		`{"schemaVersion":2,"mediaType":"` + MediaOCIIndex + `","manifests":[{"digest":"` + digest + `"}],"subject":{"digest":"` + digest + `"}}`,
	} {
		f.Add(MediaOCIManifest, []byte(seed))
		f.Add(MediaOCIIndex, []byte(seed))
		f.Add("", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		m, doc, err := ReadManifest(contentType, body)
		if err != nil {
			if k := KindOf(err); k != KindInvalid && k != KindTooLarge {
				t.Errorf("%v", err)
			}
			return
		}
		isList, known := manifestTypes[m.MediaType]
		if !known || !ValidImageDigest(m.Digest) || m.Size != int64(len(body)) || isList != (doc.Config == nil) {
			t.Errorf("taken as %+v", m)
		}
		for _, p := range m.Parts {
			if !ValidImageDigest(p.Digest) || p.Manifest != isList {
				t.Errorf("part %+v", p)
			}
		}
	})
}

func TestLayersThatAreElsewhereAreNoParts(t *testing.T) {
	one, two := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	m, _, err := ReadManifest("", []byte(`{"schemaVersion":2,"mediaType":"`+MediaDockerManifest+`","config":{"digest":"`+one+`"},"layers":[
		{"digest":"`+one+`"},
		{"digest":"`+two+`","mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","urls":["https://example.com/x"]}]}`))
	if err != nil || len(m.Parts) != 1 || m.Parts[0].Digest != one {
		t.Errorf("parts %v, %v", m.Parts, err)
	}
}

func TestArchitecturesOfAListAreInTheWordsOfCharms(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0", 64)
	var list []string
	for _, a := range []string{"amd64", "arm", "ppc64le", "unknown", "amd64", "s390x"} {
		list = append(list, `{"digest":"`+digest+`","platform":{"architecture":"`+a+`","os":"linux"}}`)
	}
	_, doc, err := ReadManifest("", []byte(`{"schemaVersion":2,"mediaType":"`+MediaOCIIndex+`","manifests":[`+strings.Join(list, ",")+`]}`))
	if got := strings.Join(doc.Architectures(), " "); err != nil || got != "amd64 armhf ppc64el s390x" {
		t.Errorf("architectures %q, %v", got, err)
	}
}
