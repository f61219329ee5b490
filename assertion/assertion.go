package assertion

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// Assertion is one signed document. It is immutable and safe for concurrent use;
// the byte slices its methods return are its own and must not be modified.
type Assertion struct {
	typ      *Type
	headers  map[string]any // with defaults of the primary key filled in
	format   int
	revision int
	key      []string
	view     any // what typ.read made of the headers; nil if it could not

	encoded []byte
	content int // encoded[:content] is what was signed
	body    int // encoded[body:content] is the body; equal to content if there is none
}

// Type is never nil.
func (a *Assertion) Type() *Type { return a.typ }

// Format is the version of the type's header rules, 0 being the first.
func (a *Assertion) Format() int { return a.format }

// Supported says whether the format is one whose rules this package knows, and
// which therefore were checked.
func (a *Assertion) Supported() bool { return a.format <= a.typ.MaxFormat }

// Revision starts at 0.
func (a *Assertion) Revision() int { return a.revision }

// AuthorityID is the account that signed; empty for types without authority.
func (a *Assertion) AuthorityID() string { return a.HeaderString("authority-id") }

// SignKeyID is the id of the key that signed.
func (a *Assertion) SignKeyID() string { return a.HeaderString("sign-key-sha3-384") }

// SignKeyRef names the account-key that signed. It reports false for types
// without authority, which are signed by keys that no account-key certifies.
func (a *Assertion) SignKeyRef() (Ref, bool) {
	if a.typ.NoAuthority {
		return Ref{}, false
	}
	return ref(accountKeyType, a.SignKeyID()), true
}

// Header returns a string, a []any or a map[string]any, or nil if there is no such
// header. Members of the primary key that were left out have their defaults.
func (a *Assertion) Header(name string) any { return cloneValue(a.headers[name]) }

// HeaderString returns the header if it is a string and "" otherwise.
func (a *Assertion) HeaderString(name string) string {
	s, _ := a.headers[name].(string)
	return s
}

// Headers returns a copy of all headers.
func (a *Assertion) Headers() map[string]any {
	return cloneValue(a.headers).(map[string]any)
}

// Body is empty for most types.
func (a *Assertion) Body() []byte { return a.encoded[a.body:a.content:a.content] }

// Content is what the signature covers: headers and body.
func (a *Assertion) Content() []byte { return a.encoded[:a.content:a.content] }

// Signature is the encoded signature without the blank line before it and the
// newline after it.
func (a *Assertion) Signature() []byte {
	return a.encoded[a.content+len(blankLine) : len(a.encoded)-1 : len(a.encoded)-1]
}

// Encoded is the whole assertion as it was received. Only the newline after the
// signature, which is framing, is put in where it was missing.
func (a *Assertion) Encoded() []byte { return a.encoded[:len(a.encoded):len(a.encoded)] }

// WriteTo writes Encoded.
func (a *Assertion) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(a.encoded)
	return int64(n), err
}

// Ref names the assertion.
func (a *Assertion) Ref() Ref { return ref(a.typ, slices.Clone(a.key)...) }

// Sequence is the number within its sequence, from 1, or 0 for types that form
// none.
func (a *Assertion) Sequence() int {
	if !a.typ.Sequence {
		return 0
	}
	return sequenceNumber(a.key)
}

// Supersedes says whether everyone who can use old, another edition of the same
// assertion, would rather have a: it is at least as new, and in no newer format. Of
// all editions, those that no other supersedes are the ones to keep.
func (a *Assertion) Supersedes(old *Assertion) bool {
	return a.format <= old.format && a.revision >= old.revision
}

// Timestamp is the time the assertion was made according to its signer, or zero
// if its type does not say.
func (a *Assertion) Timestamp() time.Time {
	t, _ := a.timestamp()
	return t
}

// timestamp tells the first moment of year 1 from no timestamp.
func (a *Assertion) timestamp() (t time.Time, dated bool) {
	if a.typ.Undated {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339, a.HeaderString("timestamp"))
	return t, err == nil
}

// Prerequisites names the assertions that must be known before this one can be
// believed, apart from the signing key ([Assertion.SignKeyRef]).
func (a *Assertion) Prerequisites() []Ref {
	if a.typ.prerequisites == nil {
		return nil
	}
	var refs []Ref
	for _, link := range a.typ.prerequisites(a) {
		refs = append(refs, link.ref)
	}
	return refs
}

// As reads an assertion as one of the typed views, such as [SnapDeclaration] or
// [AccountKey]. It fails if the assertion is of another type, or of a newer format
// in which the view's headers do not have the shape known here.
func As[V View](a *Assertion) (*V, error) {
	if v, ok := a.view.(*V); ok {
		return v, nil
	}
	if !a.Supported() && a.view == nil {
		return nil, &FormatError{Ref: a.Ref(), Format: a.format, Max: a.typ.MaxFormat}
	}
	return nil, fmt.Errorf("cannot read %s as %T", a.Ref(), *new(V))
}

// cloneValue copies a header value deeply.
func cloneValue(value any) any {
	switch v := value.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = cloneValue(v[i])
		}
		return list
	case map[string]any:
		m := make(map[string]any, len(v))
		for k := range v {
			m[k] = cloneValue(v[k])
		}
		return m
	}
	return value
}
