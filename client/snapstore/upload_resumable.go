package snapstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/larder-store/larder/client/transport"
)

// resumable sends what the store does not have yet until it has all. Tries
// count only while they bring nothing.
func (u *upload) resumable(ctx context.Context) (string, error) {
	policy := u.c.transport().Policy()
	failures, restarts := 0, 0
	for u.attempt = 1; ; u.attempt++ {
		before := u.sent
		id, err := u.resumeOnce(ctx)
		if err == nil && id != "" {
			return id, nil
		}
		if u.sent > before {
			failures = 0
		}
		var refused *StoreError
		switch {
		case err == nil:
			// The store took a part: go on at once.
			if u.sent > before {
				continue
			}
			err = errors.New("the store takes no more bytes")
		case errors.As(err, &refused) && refused.Status == http.StatusNotFound && u.id != "" && restarts < 2:
			// The store has forgotten the upload.
			u.id, u.sent = "", 0
			restarts++
			continue
		case errors.As(err, &refused) && refused.Status == http.StatusConflict:
			// The offset was wrong: ask again.
		case !transport.Passing(err) || ctx.Err() != nil:
			return "", u.failed(transport.WithContext(ctx, err))
		}
		if failures++; failures > policy.Times {
			return "", u.failed(err)
		}
		if waitErr := policy.PauseAfter(ctx, failures, err); waitErr != nil {
			return "", u.failed(fmt.Errorf("%w: %w", waitErr, err))
		}
	}
}

func (u *upload) failed(err error) error {
	return &UploadError{ResumeID: u.id, Sent: u.sent, Err: err}
}

const offsetHeader = "Upload-Offset"

// resumeOnce returns the upload's id once the store has everything, or "" after
// a part.
func (u *upload) resumeOnce(ctx context.Context) (string, error) {
	at := strings.TrimRight(u.c.storage(), "/") + "/resumable"
	if u.id == "" {
		var out struct {
			UploadID flexibleText `json:"upload_id"`
		}
		in := map[string]any{"filename": u.filename, "size": u.size}
		err := u.c.transport().JSON(ctx, transport.Call{Method: http.MethodPost, URL: at, In: in, Out: &out, Repeatable: true})
		if err != nil {
			return "", err
		}
		if out.UploadID == "" {
			return "", &InvalidResponseError{Method: http.MethodPost, URL: at, Status: http.StatusCreated, Err: errors.New("it has no upload_id")}
		}
		u.id, u.sent = string(out.UploadID), 0
	} else if err := u.askOffset(ctx, at+path(u.id)); err != nil {
		return "", err
	}
	at += path(u.id)
	req, err := http.NewRequestWithContext(ctx, http.MethodPatch, at, io.NopCloser(u.from(u.sent)))
	if err != nil {
		return "", err
	}
	req.ContentLength = u.size - u.sent
	if req.ContentLength == 0 {
		req.Body = http.NoBody
	}
	req.Header.Set("Content-Type", "application/offset+octet-stream")
	req.Header.Set("Accept", "application/json")
	req.Header.Set(offsetHeader, strconv.FormatInt(u.sent, 10))
	resp, err := u.c.transport().DoOnce(req)
	if err != nil || resp.StatusCode != http.StatusNoContent {
		return u.finish(resp, err)
	}
	defer resp.Body.Close()
	return "", u.setOffset(resp)
}

func (u *upload) askOffset(ctx context.Context, at string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, at, nil)
	if err != nil {
		return err
	}
	resp, err := u.c.transport().Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return u.setOffset(resp)
}

func (u *upload) setOffset(resp *http.Response) error {
	offset, err := strconv.ParseInt(resp.Header.Get(offsetHeader), 10, 64)
	if err != nil || offset < 0 || offset > u.size {
		return &InvalidResponseError{
			Method: resp.Request.Method, URL: u.c.storage(), Status: resp.StatusCode,
			Err: fmt.Errorf("%s is %.40q, not 0 to %d", offsetHeader, resp.Header.Get(offsetHeader), u.size),
		}
	}
	u.sent = offset
	return nil
}
