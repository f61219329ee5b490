package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/larder-store/larder/internal/blob"
)

// S3 cannot delete an object on condition of its age in one step, so a deleter
// holds a lease, an object that only one can create, around its look and its
// delete. A writer needs no lease:
//
//	deleter   put lease, if there is none
//	          look at the blob's age: recent → give up
//	          delete the blob
//	          delete the lease
//	writer    put the blob
//	          wait until there is no lease
//	          look whether the blob is still there: no → begin again
//
// S3 orders all requests on an object. A deleter that looks after the writer's
// put finds the blob recent. One that looked before it held its lease then; once
// the writer sees no lease, that deleter's delete has hit the blob or never will.
//
// A deleter that dies leaves its lease. After leaseLife without a change the
// lease counts as none: writers ignore it, and the next deleter replaces it on
// condition that it is still the same one. No request of its holder can be on
// its way then, because the holder gives up after at most twice leaseUse.
const (
	leaseUse  = 10 * time.Second
	leaseLife = time.Minute
	leasePoll = 50 * time.Millisecond
)

// errUnanswered marks a delete of which it is unknown whether and when it takes
// effect. Its lease is left to expire, as the delete may still arrive.
var errUnanswered = errors.New("no answer to the delete")

type leases struct {
	client *minio.Client
	bucket string
	life   time.Duration // leaseLife, but for tests
}

// with runs f while it holds the lease of d.
func (l leases) with(ctx context.Context, d blob.Digest, f func(context.Context) error) error {
	for {
		var held minio.PutObjectOptions
		held.SetMatchETagExcept("*")
		err := l.put(ctx, d, held)
		if isStatus(err, http.StatusPreconditionFailed) {
			err = l.replaceExpired(ctx, d)
		}
		if err == nil {
			break
		}
		if !lost(err) {
			return err
		}
	}
	err := within(ctx, f)
	if errors.Is(err, errUnanswered) {
		return err
	}
	return errors.Join(err, within(context.WithoutCancel(ctx), func(ctx context.Context) error {
		return l.client.RemoveObject(ctx, l.bucket, leasePrefix+d.Hex(), minio.RemoveObjectOptions{})
	}))
}

// within runs one half of a lease's use.
func within(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, leaseUse)
	defer cancel()
	return f(ctx)
}

// put writes the lease under the condition of opts. Its random content gives
// every holder an ETag of its own.
func (l leases) put(ctx context.Context, d blob.Digest, opts minio.PutObjectOptions) error {
	holder := rand.Text()
	opts.DisableContentSha256 = true // as in upload
	_, err := l.client.PutObject(ctx, l.bucket, leasePrefix+d.Hex(), strings.NewReader(holder), int64(len(holder)), opts)
	return err
}

// lost reports that another deleter was faster.
func lost(err error) bool {
	return isStatus(err, http.StatusPreconditionFailed) || isStatus(err, http.StatusNotFound) || isStatus(err, http.StatusConflict)
}

// replaceExpired waits for the end of the present lease. If that came by expiry,
// it takes the lease over; otherwise lost is true of the error.
func (l leases) replaceExpired(ctx context.Context, d blob.Digest) error {
	expired, err := l.end(ctx, d)
	if err != nil {
		return err
	}
	if expired == "" {
		return minio.ErrorResponse{StatusCode: http.StatusNotFound}
	}
	var same minio.PutObjectOptions
	same.SetMatchETag(expired)
	return l.put(ctx, d, same)
}

// await returns when nobody holds the lease of d.
func (l leases) await(ctx context.Context, d blob.Digest) error {
	_, err := l.end(ctx, d)
	return err
}

// end waits until the lease is gone or has not changed for leaseLife; then it
// returns its ETag.
func (l leases) end(ctx context.Context, d blob.Digest) (expired string, err error) {
	poll := time.NewTicker(leasePoll)
	defer poll.Stop()
	var seen string
	var since time.Time
	for {
		lease, err := l.client.StatObject(ctx, l.bucket, leasePrefix+d.Hex(), minio.StatObjectOptions{})
		if isStatus(err, http.StatusNotFound) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		if lease.ETag != seen {
			seen, since = lease.ETag, time.Now()
		}
		if time.Since(since) > l.life {
			return seen, nil
		}
		select {
		case <-ctx.Done():
			return "", context.Cause(ctx)
		case <-poll.C:
		}
	}
}
