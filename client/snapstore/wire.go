package snapstore

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// required notices whether the store sent a member at all: an answer without it
// is no answer, not an empty one.
type required[T any] struct {
	value T
	sent  bool
}

func (r *required[T]) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	// A second answer replaces the first: decoding into old elements would mix
	// them.
	var fresh T
	if err := json.Unmarshal(data, &fresh); err != nil {
		return err
	}
	r.value, r.sent = fresh, true
	return nil
}

// get returns the value, and sets the error if there is none.
func (r *required[T]) get(err *error, url, member string) T {
	if *err == nil && !r.sent {
		*err = &InvalidResponseError{URL: url, Status: 200, Err: fmt.Errorf("it has no member %q", member)}
	}
	return r.value
}

// optional takes any JSON: what is not of the type is as good as nothing.
type optional[T any] struct{ value T }

func (o *optional[T]) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &o.value) != nil {
		var none T
		o.value = none
	}
	return nil
}

// flexibleText is a text or a number on the wire.
type flexibleText string

func (t *flexibleText) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(t))
	}
	var n json.Number
	if err := json.Unmarshal(data, &n); err != nil {
		return err
	}
	*t = flexibleText(n.String())
	return nil
}

// flexibleInt is a number or a text of one.
type flexibleInt int

func (i *flexibleInt) UnmarshalJSON(data []byte) error {
	var text flexibleText
	if err := text.UnmarshalJSON(data); err != nil {
		return err
	}
	if text == "" {
		*i = 0
		return nil
	}
	n, err := strconv.Atoi(string(text))
	*i = flexibleInt(n)
	return err
}
