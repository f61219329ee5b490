package s3_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/blobtest"
	"github.com/larder-store/larder/internal/blob/s3"
	"github.com/larder-store/larder/internal/testservice"
)

func TestStore(t *testing.T) {
	blobtest.Run(t, func(t testing.TB) blob.Store { return open(t, config(t)) })
}

// config describes a bucket of the test's own.
func config(t testing.TB) s3.Config {
	t.Helper()
	u, err := url.Parse(testservice.S3(t))
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := u.User.Password()
	return s3.Config{
		Endpoint:  u.Host,
		Bucket:    strings.Trim(u.Path, "/"),
		AccessKey: u.User.Username(),
		SecretKey: secret,
		SpoolDir:  t.TempDir(),
	}
}

func open(t testing.TB, c s3.Config) *s3.Store {
	t.Helper()
	s, err := s3.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
