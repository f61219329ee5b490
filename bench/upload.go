package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
)

// benchUploads sets uploads over HTTP beside the time that SHA3-384 alone takes
// over the same bytes, and measures the memory that large ones need, alone and
// many at once.
func benchUploads(ctx context.Context, b *lab) ([]row, error) {
	path, err := makeSnap(b.dir, "upload", 1, max(b.sizes.push, b.sizes.pushPeak, b.sizes.upload))
	if err != nil {
		return nil, err
	}
	defer os.Remove(path)
	beside, err := b.uploadBesideHash(ctx, path)
	if err != nil {
		return nil, err
	}
	rows := []row{{
		what:   "upload of " + megabytes(float64(b.sizes.push)) + " over HTTP",
		larder: bytesPerSecond(typical(beside.larder, sample.bytesPerSecond)),
		peer:   bytesPerSecond(typical(beside.peer, sample.bytesPerSecond)),
		beside: "SHA3-384 alone",
		ratio:  beside.ratio(sample.bytesPerSecond),
		goal:   goal{atLeast: 0.85},
	}}
	one, err := b.uploadMemory(ctx, "upload-one", path, 1, b.sizes.pushPeak)
	if err != nil {
		return rows, err
	}
	const limit = 16e6
	rows = append(rows, row{
		what:   "memory added by an upload of " + megabytes(float64(b.sizes.pushPeak)),
		larder: megabytes(float64(one)), peer: megabytes(limit), beside: "limit",
		ratio: float64(one) / limit, goal: goal{atMost: 1},
	})
	b.note("upload: %d at once…", b.sizes.uploads)
	many, err := b.uploadMemory(ctx, "upload-many", path, b.sizes.uploads, b.sizes.upload)
	if err != nil {
		return rows, err
	}
	return append(rows, row{
		what:   fmt.Sprintf("memory added by %d uploads of %s at once", b.sizes.uploads, megabytes(float64(b.sizes.upload))),
		larder: megabytes(float64(many)), peer: megabytes(float64(one)), beside: "one upload",
		ratio: float64(many) / float64(max(1<<20, one)), // less than a megabyte is noise
	}), nil
}

// uploadStore is a store that takes as many uploads as are measured; a normal
// one would turn them away, since nobody claims them.
func (b *lab) uploadStore(ctx context.Context, name string) (*larder, error) {
	l, err := b.newLarder(ctx, name)
	if err != nil {
		return nil, err
	}
	const plenty = "1000000" // MB
	return l, l.run(ctx, "config", "larder.uploads.max-size="+plenty,
		"larder.uploads.unclaimed-per-address="+plenty, "larder.uploads.unclaimed-total="+plenty)
}

func (b *lab) uploadBesideHash(ctx context.Context, path string) (r rounds, err error) {
	l, err := b.uploadStore(ctx, "upload")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(l.dir) // the next ones need the disk
	srv, err := l.serve(ctx, b.cores.all)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	if _, err := srv.upload(ctx, path, "warm", 1<<20); err != nil {
		return r, err
	}
	for n := range min(b.sizes.rounds, maxPushRounds) {
		hashed, err := hashStart(path, b.sizes.push)
		if err != nil {
			return r, err
		}
		took, err := srv.upload(ctx, path, fmt.Sprintf("round %d", n), b.sizes.push)
		if err != nil {
			return r, err
		}
		again, err := hashStart(path, b.sizes.push)
		if err != nil {
			return r, err
		}
		hashed.wall = (hashed.wall + again.wall) / 2 // before and after
		r.larder = append(r.larder, sample{requests: 1, bytes: b.sizes.push, wall: took})
		r.peer = append(r.peer, hashed)
	}
	return r, nil
}

// uploadMemory is how much more memory a server that has started takes while n
// files of a size come in at once.
func (b *lab) uploadMemory(ctx context.Context, store, path string, n int, size int64) (added int64, err error) {
	l, err := b.uploadStore(ctx, store)
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(l.dir)
	srv, err := l.serve(ctx, b.cores.all)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	first := func() error {
		_, err := srv.upload(ctx, path, "first", 4096)
		return err
	}
	return srv.memoryAdded(ctx, b.sizes.idle, first, func() error {
		group, all := errgroup.WithContext(ctx)
		for i := range n {
			group.Go(func() error {
				_, err := srv.upload(all, path, fmt.Sprintf("number %d", i), size)
				return err
			})
		}
		return group.Wait()
	})
}

// memoryAdded is how much more memory than while idle a server takes at most
// during work. What the first work of all takes is no part of it.
func (s *server) memoryAdded(ctx context.Context, idle time.Duration, first, work func() error) (int64, error) {
	if err := first(); err != nil {
		return 0, err
	}
	select {
	case <-time.After(idle):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	before, err := s.resident()
	if err != nil {
		return 0, err
	}
	if err := s.forgetPeak(); err != nil {
		return 0, err
	}
	if err := work(); err != nil {
		return 0, err
	}
	peak, err := s.peak()
	return max(0, peak-before), err
}

// The body of an upload around the file, as clients send it.
const (
	uploadBoundary = "4a0f7a51c1d84cd6a9bd9b1bdf5a1f4e"
	uploadHead     = "--" + uploadBoundary + "\r\nContent-Disposition: form-data; name=\"binary\"; filename=\"some.snap\"\r\n" +
		"Content-Type: application/octet-stream\r\n\r\n"
	uploadTail = "\r\n--" + uploadBoundary + "--\r\n"
)

const uploadTimeout = 15 * time.Minute

// upload sends the first bytes of a file, and returns how long it took until
// the store had acknowledged them. The tag goes before them, so that no two
// uploads have the same content. The kernel copies the bytes: sending costs
// little beside receiving.
func (s *server) upload(ctx context.Context, path, tag string, size int64) (time.Duration, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	begin := time.Now()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.SetDeadline(begin.Add(uploadTimeout)); err != nil {
		return 0, err
	}
	length := int64(len(uploadHead)+len(tag)+len(uploadTail)) + size
	_, err = fmt.Fprintf(conn, "POST /unscanned-upload/ HTTP/1.1\r\nHost: %s\r\n"+
		"Content-Type: multipart/form-data; boundary=%s\r\nContent-Length: %d\r\n\r\n%s%s",
		s.address, uploadBoundary, length, uploadHead, tag)
	if err != nil {
		return 0, err
	}
	if _, err := io.CopyN(conn, f, size); err != nil {
		return 0, fmt.Errorf("cannot send an upload: %w", err)
	}
	if _, err := io.WriteString(conn, uploadTail); err != nil {
		return 0, fmt.Errorf("cannot send an upload: %w", err)
	}
	_, err = load{status: http.StatusOK}.answer(bufio.NewReader(conn))
	if err != nil {
		return 0, fmt.Errorf("cannot upload: %w", err)
	}
	return time.Since(begin), nil
}
