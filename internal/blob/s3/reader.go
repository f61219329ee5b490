package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/minio/minio-go/v7"
)

// A reader asks for windows of the object that double in length, so that a
// short range costs a short answer and a long read few requests.
const (
	firstWindow = 1 << 20  // bytes
	lastWindow  = 64 << 20 // bytes
)

// reader reads one object. Except for ReadAt it belongs to one goroutine.
type reader struct {
	ctx    context.Context // of Open; a reader does not outlive it
	core   minio.Core
	bucket string
	key    string
	size   int64

	at     int64         // the position of the next Read
	body   io.ReadCloser // the open window, at position at; nil if none
	left   int64         // bytes left in body
	window int64         // length of the last window; 0 after a Seek
	closed bool
}

// Size implements blob.Reader.
func (r *reader) Size() int64 { return r.size }

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	if r.closed {
		return 0, fs.ErrClosed
	}
	if len(p) == 0 {
		return 0, nil
	}
	if r.at >= r.size {
		return 0, io.EOF
	}
	if r.left == 0 {
		if err := r.next(); err != nil {
			return 0, err
		}
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.left)])
	r.at += int64(n)
	r.left -= int64(n)
	switch {
	case r.left == 0:
		return n, r.drop()
	case err == io.EOF:
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return n, fmt.Errorf("cannot read object %s: %w", r.key, err)
	}
	return n, nil
}

// next opens the window at the present position.
func (r *reader) next() error {
	r.window = min(max(firstWindow, 2*r.window), lastWindow)
	n := min(r.window, r.size-r.at)
	body, err := r.get(r.at, n)
	if err != nil {
		return err
	}
	r.body, r.left = body, n
	return nil
}

func (r *reader) get(off, n int64) (io.ReadCloser, error) {
	var opts minio.GetObjectOptions
	if err := opts.SetRange(off, off+n-1); err != nil {
		return nil, err
	}
	body, _, _, err := r.core.GetObject(r.ctx, r.bucket, r.key, opts)
	if err != nil {
		return nil, fmt.Errorf("cannot read object %s: %w", r.key, err)
	}
	return body, nil
}

// drop closes the open window.
func (r *reader) drop() error {
	if r.body == nil {
		return nil
	}
	err := r.body.Close()
	r.body, r.left = nil, 0
	return err
}

// ReadAt implements io.ReaderAt, with one request per call.
func (r *reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errNegative
	}
	if off >= r.size {
		return 0, io.EOF
	}
	want := min(int64(len(p)), r.size-off)
	if want == 0 {
		return 0, nil
	}
	body, err := r.get(off, want)
	if err != nil {
		return 0, err
	}
	defer body.Close()
	n, err := io.ReadFull(body, p[:want])
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err == nil && n < len(p) {
		err = io.EOF
	}
	return n, err
}

var errNegative = errors.New("position before the start of the blob")

// Seek implements io.Seeker. It asks for nothing before the next Read.
func (r *reader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.size
	}
	if offset < 0 {
		return 0, errNegative
	}
	if offset != r.at {
		if err := r.drop(); err != nil {
			return 0, err
		}
		r.at, r.window = offset, 0
	}
	return offset, nil
}

// Close implements io.Closer.
func (r *reader) Close() error {
	r.closed = true
	return r.drop()
}
