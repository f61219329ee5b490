package s3

import (
	"bytes"
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/testservice"
)

// storeWithShortLeases is an empty store in which a dead deleter is given up
// within the patience of a test.
func storeWithShortLeases(t *testing.T) *Store {
	t.Helper()
	u, err := url.Parse(testservice.S3(t))
	if err != nil {
		t.Fatal(err)
	}
	secret, _ := u.User.Password()
	s, err := Open(t.Context(), Config{
		Endpoint:  u.Host,
		Bucket:    strings.Trim(u.Path, "/"),
		AccessKey: u.User.Username(),
		SecretKey: secret,
		SpoolDir:  t.TempDir(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.leases.life = 300 * time.Millisecond
	return s
}

func put(t *testing.T, s *Store, content string) blob.Digest {
	t.Helper()
	d, err := blob.Put(t.Context(), s, strings.NewReader(content), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return d.SHA3_384
}

// die leaves the lease of a deleter that died holding it.
func die(t *testing.T, s *Store, d blob.Digest) {
	t.Helper()
	if err := s.leases.put(t.Context(), d, minio.PutObjectOptions{}); err != nil {
		t.Fatal(err)
	}
}

func TestWriterWaitsForADeleter(t *testing.T) {
	s := storeWithShortLeases(t)
	s.leases.life = time.Hour
	d := put(t, s, "contested")
	err := s.leases.with(t.Context(), d, func(ctx context.Context) error {
		// Half-way through a delete: a put may not return before its end.
		ctx, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		defer cancel()
		_, err := blob.Put(ctx, s, strings.NewReader("contested"), blob.PutOptions{})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the put ended with %v, want it to wait", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, s, "contested")
}

func TestWriterOutlastsADeadDeleter(t *testing.T) {
	s := storeWithShortLeases(t)
	d := put(t, s, "contested")
	die(t, s, d)
	put(t, s, "contested")
	if _, err := s.Stat(t.Context(), d); err != nil {
		t.Error(err)
	}
}

func TestDeletersTakeOverFromADeadOneOneAfterTheOther(t *testing.T) {
	s := storeWithShortLeases(t)
	d := put(t, s, "contested")
	die(t, s, d)
	var inside sync.Mutex
	var deleters sync.WaitGroup
	for range 4 {
		deleters.Go(func() {
			err := s.leases.with(t.Context(), d, func(context.Context) error {
				if !inside.TryLock() {
					t.Error("two deleters hold the lease")
					return nil
				}
				defer inside.Unlock()
				return s.Check(t.Context()) // takes a while
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	deleters.Wait()
	if err := s.Delete(t.Context(), d, time.Time{}); err != nil {
		t.Error(err)
	}
	_, err := s.client.StatObject(t.Context(), s.bucket, leasePrefix+d.Hex(), minio.StatObjectOptions{})
	if !isStatus(err, 404) {
		t.Errorf("a lease is left: %v", err)
	}
}

func TestUnansweredDeleteKeepsItsLease(t *testing.T) {
	s := storeWithShortLeases(t)
	d := put(t, s, "contested")
	lost := errors.New("the network is gone")
	err := s.leases.with(t.Context(), d, func(context.Context) error { return errors.Join(errUnanswered, lost) })
	if !errors.Is(err, lost) {
		t.Errorf("got error %v, want %v", err, lost)
	}
	if _, err := s.client.StatObject(t.Context(), s.bucket, leasePrefix+d.Hex(), minio.StatObjectOptions{}); err != nil {
		t.Errorf("the lease is gone: %v", err)
	}
}

func TestCancelledDeleteReleasesItsLease(t *testing.T) {
	s := storeWithShortLeases(t)
	d := put(t, s, "contested")
	ctx, cancel := context.WithCancel(t.Context())
	err := s.leases.with(ctx, d, func(ctx context.Context) error {
		cancel()
		return ctx.Err()
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want %v", err, context.Canceled)
	}
	_, err = s.client.StatObject(t.Context(), s.bucket, leasePrefix+d.Hex(), minio.StatObjectOptions{})
	if !isStatus(err, 404) {
		t.Errorf("a lease is left: %v", err)
	}
}

func TestDamagedObjectIsQuarantinedAndHealed(t *testing.T) {
	s := storeWithShortLeases(t)
	const content = "sound bytes"
	d := put(t, s, content)
	for _, damaged := range []string{"sOund bytes", "sound", "sound bytes and more"} {
		_, err := s.client.PutObject(t.Context(), s.bucket, blobPrefix+d.Hex(), strings.NewReader(damaged), int64(len(damaged)), minio.PutObjectOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if err := blob.Verify(t.Context(), s, d, int64(len(content))); !errors.Is(err, blob.ErrCorrupt) {
			t.Fatalf("%q: got error %v, want %v", damaged, err, blob.ErrCorrupt)
		}
		if _, err := s.Open(t.Context(), d, int64(len(content))); !errors.Is(err, blob.ErrQuarantined) {
			t.Fatalf("%q: got error %v, want %v", damaged, err, blob.ErrQuarantined)
		}
		put(t, s, content)
		if err := blob.Verify(t.Context(), s, d, int64(len(content))); err != nil {
			t.Fatal(err)
		}
	}
}

func TestForeignObjectsAreNotListed(t *testing.T) {
	s := storeWithShortLeases(t)
	d := put(t, s, "mine")
	for _, key := range []string{"README", blobPrefix + "README", quarantinePrefix + d.Hex()} {
		if _, err := s.client.PutObject(t.Context(), s.bucket, key, bytes.NewReader([]byte("theirs")), 6, minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for info, err := range s.List(t.Context()) {
		if err != nil || info.Digest != d {
			t.Errorf("listed %+v, %v", info, err)
		}
	}
}

func TestWrongKeyIsRefusedWithoutTheSecret(t *testing.T) {
	s := storeWithShortLeases(t)
	_, err := Open(t.Context(), Config{
		Endpoint:  s.client.EndpointURL().Host,
		Bucket:    s.bucket,
		AccessKey: "larder",
		SecretKey: "hunter2hunter2",
		SpoolDir:  t.TempDir(),
	})
	if err == nil || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), s.bucket) {
		t.Errorf("got error %v, want one that names the bucket and no secret", err)
	}
}
