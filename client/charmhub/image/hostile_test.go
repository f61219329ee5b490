package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestHostileSources fail with a sentence, in bounded memory.
func TestHostileSources(t *testing.T) {
	plain := func(name, content string) *tar.Header {
		return &tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600}
	}
	write := func(members ...string) string {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for i := 0; i < len(members); i += 2 {
			must(t, w.WriteHeader(plain(members[i], members[i+1])))
			_, err := io.WriteString(w, members[i+1])
			must(t, err)
		}
		must(t, w.Close())
		file := filepath.Join(t.TempDir(), "image.tar")
		must(t, os.WriteFile(file, b.Bytes(), 0o600))
		return file
	}
	digest := "sha256:" + strings.Repeat("ab", 32)
	blob := "blobs/sha256/" + strings.Repeat("ab", 32)
	index := func(mediaType, digest string) string {
		return fmt.Sprintf(`{"schemaVersion":2,"manifests":[{"mediaType":%q,"digest":%q,"size":3}]}`, mediaType, digest)
	}
	const indexType, imageType = "application/vnd.oci.image.index.v1+json", "application/vnd.oci.image.manifest.v1+json"
	junk := filepath.Join(t.TempDir(), "junk")
	must(t, os.WriteFile(junk, bytes.Repeat([]byte("junk"), 1000), 0o600))
	// Within the content of a member: what breaks off between two is an archive.
	broken := write("index.json", strings.Repeat(" ", 4096))
	must(t, os.Truncate(broken, 512+100))
	// GNU's sparse format 1.0 declares 8 GiB of nothing.
	sparse := filepath.Join(t.TempDir(), "sparse.tar")
	must(t, os.WriteFile(sparse, sparseArchive(t), 0o600))

	for name, tt := range map[string]struct{ source, want string }{
		"no archive":              {junk, "no archive"},
		"broken off":              {broken, "unexpected EOF"},
		"empty archive":           {write(), "no index.json"},
		"neither kind":            {write("x", "y"), "no index.json"},
		"index of itself":         {write("index.json", index(indexType, digest), blob, index(indexType, digest)), "deep"},
		"long index":              {write("index.json", strings.Repeat(" ", maxManifest+1)), "longer than"},
		"long manifest":           {write("index.json", index(imageType, digest), blob, strings.Repeat(" ", maxManifest+1)), "longer than"},
		"missing manifest":        {write("index.json", index(imageType, digest)), "no such file"},
		"no JSON":                 {write("index.json", "x"), "cannot read index.json"},
		"digest that is a path":   {write("index.json", index(imageType, "sha256:../../../../etc/passwd")), "cannot read index.json"},
		"no image":                {write("index.json", index("text/plain", digest), blob, "x"), "text/plain"},
		"long docker manifest":    {write("manifest.json", strings.Repeat(" ", maxManifest+1)), "longer than"},
		"long docker config":      {write("config", strings.Repeat(" ", maxConfig+1), "manifest.json", `[{"Config":"config","Layers":[]}]`), "longer than"},
		"docker config elsewhere": {write("manifest.json", `[{"Config":"/etc/passwd","Layers":[]}]`), "not found in tar"},
		"long config": {write("index.json", index(imageType, digest), blob,
			`{"schemaVersion":2,"config":{"digest":"sha256:`+strings.Repeat("cd", 32)+`","size":1}}`, "blobs/sha256/"+strings.Repeat("cd", 32), strings.Repeat(" ", maxConfig+1)), "longer than"},
		"sparse":         {sparse, "longer than the archive"},
		"no layout":      {t.TempDir(), "index.json"},
		"no file":        {"./nothing.tar", "no such file"},
		"a daemon":       {"docker-daemon:bake:1", "save it to a file"},
		"a strange name": {"docker://UPPER/x y", "is no image"},
	} {
		temporary := t.TempDir()
		_, err := Open(t.Context(), tt.source, &Options{TempDir: temporary})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
			t.Errorf("%s left %v, %v", name, left, err)
		}
	}
	if _, err := Copy(t.Context(), pack(t, layoutOf(t, manyImages(t))), "dir:/nowhere", nil); err == nil || !strings.Contains(err.Error(), `"dir"`) {
		t.Errorf("to an unknown kind: %v", err)
	}
}

// sparseArchive is a small archive whose one blob claims to be long.
func sparseArchive(t *testing.T) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	must(t, w.WriteHeader(&tar.Header{Name: "index.json", Size: 2, Mode: 0o600}))
	_, err := io.WriteString(w, "{}")
	must(t, err)
	sparseMap := "1\n0\n0\n" // one piece: nothing at 0
	body := sparseMap + strings.Repeat("\x00", 512-len(sparseMap))
	must(t, w.WriteHeader(&tar.Header{
		Name: "GNUSparseFile.0/x", Size: int64(len(body)), Mode: 0o600, Format: tar.FormatPAX,
		PAXRecords: map[string]string{"LARDER.x": "y"},
	}))
	_, err = io.WriteString(w, body)
	must(t, err)
	must(t, w.Close())
	// The library writes no such records: they replace one of the same length.
	name := "blobs/sha256/" + strings.Repeat("ab", 32)
	records := ""
	for _, record := range []string{"GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.name=" + name, "GNU.sparse.realsize=8589934592"} {
		n := len(record) + 2
		n += len(fmt.Sprint(n + 2))
		records += fmt.Sprintf("%d %s\n", n, record)
	}
	archive := b.Bytes()
	i := bytes.Index(archive, []byte("LARDER.x=y"))
	start := i / 512 * 512
	copy(archive[start:], records+strings.Repeat("\x00", 512-len(records)))
	header := archive[start-512 : start]
	copy(header[124:136], fmt.Sprintf("%011o\x00", len(records)))
	copy(header[148:156], "        ")
	sum := 0
	for _, c := range header {
		sum += int(c)
	}
	copy(header[148:156], fmt.Sprintf("%06o\x00 ", sum))
	return archive
}
