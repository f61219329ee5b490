package snapstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// MaxAssertion bounds one assertion as a store serves it, in bytes.
const MaxAssertion = 4 << 20

// Assertion returns an assertion as the store serves it, encoded, by its type
// and primary key, for example "account" and an account id. What it says is not
// verified. ErrNotFound if the store has none; an *InvalidResponseError if the
// answer is longer than MaxAssertion.
func (d *Device) Assertion(ctx context.Context, typeName string, key ...string) ([]byte, error) {
	u := d.base() + "/v2/assertions" + path(append([]string{typeName}, key...)...)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, invalidf("%q has no address: %v", typeName, err)
	}
	req.Header = d.header()
	req.Header.Set("Accept", assertionType)
	resp, err := d.transport().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, MaxAssertion+1))
	switch {
	case err != nil:
		return nil, &NetworkError{Method: http.MethodGet, URL: u, Attempts: 1, Err: err}
	case len(text) == 0:
		err = errors.New("it is empty")
	case len(text) > MaxAssertion:
		err = fmt.Errorf("it is longer than %d bytes", MaxAssertion)
	default:
		return text, nil
	}
	return nil, &InvalidResponseError{Method: http.MethodGet, URL: u, Status: resp.StatusCode, Err: err}
}
