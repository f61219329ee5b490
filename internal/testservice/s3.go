package testservice

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

const (
	accessKey = "larder"
	secretKey = "only-for-tests"
)

// gateway is the S3 server and the directory in which its buckets are.
type gateway struct {
	*service
	buckets string
}

var sharedGateway = sync.OnceValues(startGateway)

// S3 returns the URL of a bucket that nobody else uses, as --blobs takes it. The
// bucket does not exist yet; it is removed at the end of the test.
func S3(t testing.TB) string {
	t.Helper()
	g, err := sharedGateway()
	if err != nil {
		t.Fatalf("cannot start an S3 server: %v", err)
	}
	bucket := randomName()
	t.Cleanup(func() {
		if err := os.RemoveAll(filepath.Join(g.buckets, bucket)); err != nil {
			t.Errorf("cannot remove a test bucket: %v", err)
		}
	})
	return fmt.Sprintf("s3://%s:%s@127.0.0.1:%d/%s?tls=0", accessKey, secretKey, g.port, bucket)
}

func startGateway() (*gateway, error) {
	program, err := versitygw()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "larder-s3-")
	if err != nil {
		return nil, err
	}
	buckets := filepath.Join(dir, "buckets")
	if err := os.Mkdir(buckets, 0o700); err != nil {
		return nil, err
	}
	running, err := start(spec{
		dir: dir,
		command: func(port int) []string {
			return []string{program, "--port", fmt.Sprintf("127.0.0.1:%d", port), "--quiet", "--keep-alive", "posix", buckets}
		},
		env:    []string{"ROOT_ACCESS_KEY=" + accessKey, "ROOT_SECRET_KEY=" + secretKey},
		signal: "KILL",
		probe: func(ctx context.Context, port int) error {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/", port), nil)
			if err != nil {
				return err
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				return err
			}
			return resp.Body.Close()
		},
	})
	return &gateway{running, buckets}, err
}

// versitygw finds the S3 server, on the PATH or where make tools puts it.
func versitygw() (string, error) {
	if path, err := exec.LookPath("versitygw"); err == nil {
		return path, nil
	}
	if errRoot != nil {
		return "", errRoot
	}
	path := filepath.Join(root, ".tools", "bin", "versitygw")
	if _, err := os.Stat(path); err != nil {
		return "", errors.New("no versitygw on the PATH or in .tools/bin: run make tools")
	}
	return path, nil
}
