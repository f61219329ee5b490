package charmhub

import (
	"fmt"

	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/client/transport"
)

// Errors of the store; declared in packages transport and snapstore for all
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
	// RequestError is a request that was not sent because it cannot succeed.
	RequestError = snapstore.RequestError
	// ReviewError says that the store did not take an upload.
	ReviewError = snapstore.ReviewError
	// UploadError says how far an upload came.
	UploadError = snapstore.UploadError
)

// What a refusal means, for errors.Is; declared in package transport.
var (
	ErrUnauthorized    = transport.ErrUnauthorized
	ErrForbidden       = transport.ErrForbidden
	ErrNotFound        = transport.ErrNotFound
	ErrConflict        = transport.ErrConflict
	ErrTooManyRequests = transport.ErrTooManyRequests
	ErrWrongDigest     = transport.ErrWrongDigest
)

func invalidf(format string, args ...any) error {
	return &RequestError{Problem: fmt.Sprintf(format, args...)}
}

// notFoundError is ErrNotFound where no 404 says so.
type notFoundError struct {
	text  string
	cause error // may be nil
}

func (e *notFoundError) Error() string        { return e.text }
func (e *notFoundError) Is(target error) bool { return target == ErrNotFound }
func (e *notFoundError) Unwrap() error        { return e.cause }

// missing is the error for an answer without a member it must have.
func missing(method, url, member string) error {
	return &InvalidResponseError{Method: method, URL: url, Status: 200, Err: fmt.Errorf("it has no member %q", member)}
}
