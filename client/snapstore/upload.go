package snapstore

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/larder-store/larder/client/transport"
)

// Progress tells how far an upload or a download is; see package transport.
type Progress = transport.Progress

// ResumeMode says whether an upload may continue where it broke off.
type ResumeMode int

const (
	// ResumeAuto asks the store when the file is at least ResumeFrom bytes
	// long, and uploads in one piece if it says no.
	ResumeAuto ResumeMode = iota
	// ResumeNever uploads in one piece, as every store can.
	ResumeNever
	// ResumeAlways asks the store whatever the size is.
	ResumeAlways
)

// ResumeFrom is the size in bytes from which ResumeAuto asks the store.
const ResumeFrom = 4 << 20

// UploadOptions change how a file is uploaded.
type UploadOptions struct {
	// Progress is called as bytes are sent, by one goroutine at a time; it must
	// not block for long. Nil calls nothing.
	Progress func(Progress)
	Resume   ResumeMode
	// ResumeID continues an upload that failed, by its UploadError.ResumeID;
	// if the store has forgotten it, the upload starts again.
	ResumeID string
}

// UploadFile uploads a file and returns the upload's id, for NotifyRevision,
// PushResource or Dashboard.Push. The file is read as it is sent and not held
// in memory. An upload that fails for a passing reason starts again, or
// continues where the store can, as often as the client's Retry says.
//
// No credentials are sent: what is uploaded belongs to nobody until it is
// notified. Errors: *UploadError around the last failure. Options may be nil.
func (c *Client) UploadFile(ctx context.Context, name string, o *UploadOptions) (uploadID string, err error) {
	file, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("cannot upload: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("cannot upload: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("cannot upload %s: it is no regular file", name)
	}
	return c.Upload(ctx, filepath.Base(name), file, info.Size(), o)
}

// Upload is UploadFile for any content that can be read again from any place.
func (c *Client) Upload(ctx context.Context, filename string, content io.ReaderAt, size int64, o *UploadOptions) (uploadID string, err error) {
	c.setUp()
	if o == nil {
		o = &UploadOptions{}
	}
	u := &upload{c: c, filename: filename, content: content, size: size, notify: o.Progress, id: o.ResumeID}
	if o.ResumeID != "" || o.Resume == ResumeAlways || o.Resume == ResumeAuto && size >= ResumeFrom {
		if o.ResumeID != "" || c.takesResumable(ctx) {
			return u.resumable(ctx)
		}
	}
	return u.whole(ctx)
}

// storage is the address of uploads; its final slash matters to some stores.
func (c *Client) storage() string { return c.endpoints.StorageURL + c.endpoints.UploadPath }

// longestQuestion is how long an answer is waited for before the file is sent in
// one piece.
const longestQuestion = 10 * time.Second

// takesResumable asks the store once; a store that does not answer the question
// does not.
func (c *Client) takesResumable(ctx context.Context) bool {
	if known, ok := c.resume.Load(c.storage()); ok {
		return known.(bool)
	}
	ctx, cancel := context.WithTimeout(ctx, longestQuestion)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodOptions, c.storage(), nil)
	if err != nil {
		return false
	}
	resp, err := c.transport().DoOnce(req)
	if err != nil {
		var refused *StoreError
		if errors.As(err, &refused) {
			c.resume.Store(c.storage(), false)
		}
		return false
	}
	_ = resp.Body.Close()
	takes := strings.EqualFold(resp.Header.Get("Larder-Upload"), "resume")
	c.resume.Store(c.storage(), takes)
	return takes
}

// upload is one call of Upload.
type upload struct {
	c        *Client
	filename string
	content  io.ReaderAt
	size     int64
	notify   func(Progress)
	mu       sync.Mutex // one call of notify at a time
	attempt  int

	id   string // of a resumable upload, once the store gave one
	sent int64  // what the store said it has of it
}

// whole sends one multipart body, again from the start after a failure. It is
// safe to repeat: an upload that nobody notifies is forgotten.
func (u *upload) whole(ctx context.Context) (string, error) {
	policy := u.c.transport().Policy()
	for u.attempt = 1; ; u.attempt++ {
		id, err := u.wholeOnce(ctx)
		if err == nil {
			return id, nil
		}
		if u.attempt > policy.Times || !transport.Passing(err) || ctx.Err() != nil {
			return "", &UploadError{Err: transport.WithContext(ctx, err)}
		}
		if waitErr := policy.PauseAfter(ctx, u.attempt, err); waitErr != nil {
			return "", &UploadError{Err: fmt.Errorf("%w: %w", waitErr, err)}
		}
	}
}

func (u *upload) wholeOnce(ctx context.Context) (string, error) {
	var frame bytes.Buffer
	form := multipart.NewWriter(&frame)
	header := textproto.MIMEHeader{
		"Content-Disposition": {multipart.FileContentDisposition("binary", u.filename)},
		"Content-Type":        {"application/octet-stream"},
	}
	if _, err := form.CreatePart(header); err != nil {
		return "", err
	}
	start := frame.Len()
	if err := form.Close(); err != nil {
		return "", err
	}
	head, tail := frame.Bytes()[:start], frame.Bytes()[start:]
	body := io.MultiReader(bytes.NewReader(head), u.from(0), bytes.NewReader(tail))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.c.storage(), io.NopCloser(body))
	if err != nil {
		return "", err
	}
	req.ContentLength = int64(len(head)) + u.size + int64(len(tail))
	req.Header.Set("Content-Type", form.FormDataContentType())
	req.Header.Set("Accept", "application/json")
	return u.finish(u.c.transport().DoOnce(req))
}

// finish reads the answer to the last byte.
func (u *upload) finish(resp *http.Response, err error) (string, error) {
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var answer struct {
		Successful bool         `json:"successful"`
		UploadID   flexibleText `json:"upload_id"`
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return "", &NetworkError{Method: resp.Request.Method, URL: u.c.storage(), Attempts: 1, Err: err}
	}
	if err := json.Unmarshal(body, &answer); err != nil || !answer.Successful || answer.UploadID == "" {
		if err == nil {
			err = fmt.Errorf("the store did not take the file: %.200s", body)
		}
		return "", &InvalidResponseError{Method: resp.Request.Method, URL: u.c.storage(), Status: resp.StatusCode, Err: err}
	}
	return string(answer.UploadID), nil
}

// from reads the content from an offset to its end and tells the progress.
func (u *upload) from(offset int64) io.Reader {
	return &uploadReader{upload: u, r: io.NewSectionReader(u.content, offset, u.size-offset), at: offset}
}

type uploadReader struct {
	*upload
	r  *io.SectionReader
	at int64
}

func (r *uploadReader) Read(p []byte) (int, error) {
	n, err := r.r.Read(p)
	r.at += int64(n)
	if n > 0 && r.notify != nil {
		r.mu.Lock()
		r.notify(Progress{Done: r.at, Total: r.size, Attempt: r.attempt})
		r.mu.Unlock()
	}
	switch {
	case err == io.EOF && r.at < r.size:
		return n, &transport.LocalError{Err: fmt.Errorf("the file became shorter than %d bytes", r.size)}
	case err != nil && err != io.EOF:
		return n, &transport.LocalError{Err: err}
	}
	return n, err
}
