package blobstore_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/blobstore"
	"github.com/larder-store/larder/internal/testservice"
)

func TestEveryKindOfURLOpensAStore(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, location := range []string{
		"file:blobs",
		"file:" + filepath.Join(dir, "with space%20and percent"),
		"file://" + filepath.Join(dir, "other"),
		testservice.S3(t),
	} {
		s, err := blobstore.Open(t.Context(), location, t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", blobstore.Redact(location), err)
			continue
		}
		if _, err := blob.Put(t.Context(), s, strings.NewReader("bytes"), blob.PutOptions{}); err != nil {
			t.Errorf("%s: %v", blobstore.Redact(location), err)
		}
	}
	for _, made := range []string{"blobs", "with space%20and percent", "other"} {
		if _, err := os.Stat(filepath.Join(dir, made, "quarantine")); err != nil {
			t.Error(err)
		}
	}
}

func TestWrongURLsAreRefusedWithoutTheSecret(t *testing.T) {
	for _, location := range []string{
		"",
		"file:",
		"file://host/dir",
		"ftp://key:hunter2@host/bucket",
		"s3:key:hunter2",
		"s3://host/bucket",
		"s3://key@host/bucket",
		"s3://:hunter2@host/bucket",
		"s3://key:hunter2@/bucket",
		"s3://key:hunter2@host",
		"s3://key:hunter2@host/",
		"s3://key:hunter2@host/bucket/below",
		"s3://key:hunter2@host/bucket?tls=maybe",
		"s3://key:hunter2@host/bucket?secret=hunter2",
		"s3://key:hunter2@host/bucket?tls=%zz",
		"s3://key:hunter2@host/bucket#part",
		"s3://key:hunter2/slash@host:9000/bucket",
		"s3://key:hunter2%@host/bucket",
		"s3://key:hunter2@host:port/bucket",
		"s3://key:hunter2#@host/bucket",
		"s3://key:hunter2@127.0.0.1:1/no_bucket_name?tls=0",
	} {
		_, err := blobstore.Open(t.Context(), location, t.TempDir())
		if err == nil {
			t.Errorf("%s: opened", location)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: the error holds the secret: %v", location, err)
		}
		if shown := blobstore.Redact(location); strings.Contains(shown, "hunter2") {
			t.Errorf("%s: shown as %s", location, shown)
		}
	}
}

func TestRedactKeepsWhatMayBeShown(t *testing.T) {
	for location, want := range map[string]string{
		"file:/srv/blobs":                    "file:/srv/blobs",
		"s3://key:s@host:9000/bucket?tls=0":  "s3://host:9000/bucket",
		"s3://key:a@b@host:9000/bucket":      "s3://host:9000/bucket",
		"postgresql://user:secret@host/base": "(unreadable blob store URL)",
	} {
		if got := blobstore.Redact(location); got != want {
			t.Errorf("Redact(%q) = %q, want %q", location, got, want)
		}
	}
}
