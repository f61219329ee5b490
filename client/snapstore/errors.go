package snapstore

import (
	"errors"
	"fmt"

	"github.com/larder-store/larder/client/transport"
)

// Errors of the store; see package transport, where they are declared for all
// clients.
type (
	// StoreError is an answer that is no success; use errors.As and HasCode.
	StoreError = transport.StoreError
	// ErrorList is what the store listed in it.
	ErrorList = transport.ErrorList
	// ErrorItem is one entry of the list.
	ErrorItem = transport.ErrorItem
	// NetworkError says that no answer came.
	NetworkError = transport.NetworkError
	// InvalidResponseError is a success with an unusable body.
	InvalidResponseError = transport.InvalidResponseError
)

// What a refusal means, for errors.Is; declared in package transport.
var (
	ErrUnauthorized    = transport.ErrUnauthorized
	ErrForbidden       = transport.ErrForbidden
	ErrNotFound        = transport.ErrNotFound
	ErrConflict        = transport.ErrConflict
	ErrTooManyRequests = transport.ErrTooManyRequests
)

// ErrNotOffered: the store has no such call in this namespace.
var ErrNotOffered = errors.New("the store does not offer this")

// ErrWrongDigest: a downloaded file is not the one that was announced.
var ErrWrongDigest = transport.ErrWrongDigest

// A RequestError is a request that was not sent because it cannot succeed.
type RequestError struct{ Problem string }

// Error says why nothing was sent.
func (e *RequestError) Error() string { return "invalid request: " + e.Problem }

func invalidf(format string, args ...any) error {
	return &RequestError{Problem: fmt.Sprintf(format, args...)}
}

// A ReviewError says that the store did not take an upload.
type ReviewError struct {
	// Review is the store's last word.
	Review Review
}

// Error lists what the store said.
func (e *ReviewError) Error() string {
	text := "the store did not accept the upload (" + e.Review.Status + ")"
	switch len(e.Review.Errors) {
	case 0:
		return text
	case 1:
		return text + ": " + e.Review.Errors[0].String()
	}
	return text + ":\n" + e.Review.Errors.String()
}

// An UploadError says how far an upload came.
type UploadError struct {
	// ResumeID, if not empty, continues it: see UploadOptions.
	ResumeID string
	// Sent is how many bytes the store has.
	Sent int64
	Err  error
}

// Error says how far it came and why it ended.
func (e *UploadError) Error() string {
	return fmt.Sprintf("cannot upload (%d bytes arrived): %v", e.Sent, e.Err)
}

// Unwrap returns the last failure.
func (e *UploadError) Unwrap() error { return e.Err }
