package store

import (
	"errors"
	"fmt"
	"maps"
)

// Kind says what sort of failure an Error is. Each dialect maps the kinds to
// its own statuses and bodies in one table.
type Kind uint8

// The kinds of failure the domain knows.
const (
	KindInternal     Kind = iota // a defect or a broken machine; never shown to clients in detail
	KindNotFound                 // what was asked for does not exist, or may not be seen
	KindConflict                 // it exists already, or changed under the caller
	KindInvalid                  // the request itself is wrong
	KindUnauthorised             // no or stale credentials
	KindForbidden                // valid credentials that do not allow this
	KindUnavailable              // something needed is out of reach; trying again may help
	KindTooLarge                 // over a limit
)

var kindNames = [...]string{
	KindInternal:     "internal",
	KindNotFound:     "not found",
	KindConflict:     "conflict",
	KindInvalid:      "invalid",
	KindUnauthorised: "unauthorised",
	KindForbidden:    "forbidden",
	KindUnavailable:  "unavailable",
	KindTooLarge:     "too large",
}

func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return fmt.Sprintf("kind(%d)", uint8(k))
}

// Error is a failure a person can act on: what kind it is, a code that
// programs match, a sentence, and the next step where there is one.
type Error struct {
	Kind    Kind
	Code    string // such as "name-not-found"; stable
	Message string // a sentence without a final stop, lower case
	Next    string // what to do about it; may be empty
	Err     error  // the cause, for the log only
	// Extra is what programs need besides, as the wire calls it.
	Extra map[string]any
	// Also are further failures of the same request and kind, where a client
	// should hear of all of them.
	Also []*Error
}

func (e *Error) Error() string {
	s := e.Message
	if e.Next != "" {
		s += " (" + e.Next + ")"
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// Because returns a copy of e that carries cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Err = cause
	return &c
}

// Try returns a copy of e that names the next step.
func (e *Error) Try(next string) *Error {
	c := *e
	c.Next = next
	return &c
}

// With returns a copy of e that says more to programs.
func (e *Error) With(key string, value any) *Error {
	c := *e
	c.Extra = maps.Clone(e.Extra)
	if c.Extra == nil {
		c.Extra = make(map[string]any)
	}
	c.Extra[key] = value
	return &c
}

// Together makes one error of all; nil when there are none. The first counts
// where only one can.
func Together(all []*Error) error {
	if len(all) == 0 {
		return nil
	}
	first := *all[0]
	first.Also = all[1:]
	return &first
}

// NotFoundf reports that something does not exist or may not be seen.
func NotFoundf(code, format string, args ...any) *Error {
	return errorf(KindNotFound, code, format, args)
}

// Conflictf reports that something exists already or changed meanwhile.
func Conflictf(code, format string, args ...any) *Error {
	return errorf(KindConflict, code, format, args)
}

// Invalidf reports that the request itself is wrong.
func Invalidf(code, format string, args ...any) *Error {
	return errorf(KindInvalid, code, format, args)
}

// Unauthorisedf reports missing or stale credentials.
func Unauthorisedf(code, format string, args ...any) *Error {
	return errorf(KindUnauthorised, code, format, args)
}

// Forbiddenf reports valid credentials that do not allow this.
func Forbiddenf(code, format string, args ...any) *Error {
	return errorf(KindForbidden, code, format, args)
}

// Unavailablef reports that something needed is out of reach for now.
func Unavailablef(code, format string, args ...any) *Error {
	return errorf(KindUnavailable, code, format, args)
}

// TooLargef reports that a limit was passed.
func TooLargef(code, format string, args ...any) *Error {
	return errorf(KindTooLarge, code, format, args)
}

func errorf(kind Kind, code, format string, args []any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// KindOf returns the kind of err: that of the first Error in its chain, or
// KindInternal.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return KindInternal
}

// CodeOf returns the code of the first Error in err's chain, or "".
func CodeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
