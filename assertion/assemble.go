package assertion

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// assemble checks what every type has in common, then the type's own headers, and
// makes the value. It owns all it is given; body is where the body starts.
func assemble(headers map[string]any, encoded []byte, content, body int) (*Assertion, error) {
	if !utf8.Valid(encoded[body:content]) {
		return nil, errors.New("body is not UTF-8")
	}
	h := &fields{values: headers}
	name := h.text("type")
	h.digest("sign-key-sha3-384")
	if h.err != nil {
		return nil, h.err
	}
	t := TypeByName(name)
	if t == nil {
		return nil, fmt.Errorf("%w %s", ErrUnknownType, quote(name))
	}
	a := &Assertion{
		typ:      t,
		headers:  headers,
		format:   h.countOr("format", 0),
		revision: h.countOr("revision", 0),
		encoded:  encoded,
		content:  content,
		body:     body,
	}
	if t.NoAuthority {
		h.absent("authority-id")
	} else {
		h.text("authority-id")
	}
	for _, member := range t.Key {
		if _, ok := headers[member.Name]; !ok && member.Default != "" {
			headers[member.Name] = member.Default
		}
		value := h.text(member.Name)
		if h.err == nil {
			if err := checkKeyValue(value); err != nil {
				h.fail(member.Name, "%w", err)
			}
		}
		a.key = append(a.key, value)
	}
	if t.Sequence {
		h.positive(t.Key[len(t.Key)-1].Name)
	}
	if h.err != nil {
		return nil, fmt.Errorf("%s: %w", t.Name, h.err)
	}
	if t.Authority == ByNamed {
		if named := a.namedSigner(); a.AuthorityID() != named {
			return nil, &AuthorityError{Ref: a.Ref(), AuthorityID: a.AuthorityID(), Reason: fmt.Sprintf("only account %q may sign this", named)}
		}
	}
	view, err := t.read(a, &fields{values: headers})
	switch {
	case err == nil:
		a.view = view
	case a.Supported():
		return nil, fmt.Errorf("%s: %w", t.Name, err)
	}
	return a, nil
}

// systemAccount owns the confdb-schemas that every device has; only the account
// that stands behind snapd signs for it.
const (
	systemAccount = "system"
	systemSigner  = "canonical"
)

// namedSigner is the account that must sign a type with ByNamed.
func (a *Assertion) namedSigner() string {
	named := a.HeaderString(a.typ.Signer)
	if a.typ.Name == "confdb-schema" && named == systemAccount {
		return systemSigner
	}
	return named
}

// bodyLength reads the one header that is needed to read on.
func bodyLength(headers map[string]any) (int, error) {
	h := &fields{values: headers}
	n := h.countOr("body-length", 0)
	return n, h.err
}

// parseInt reads an integer as headers write it. There is one way to write it, or
// one document could have several keys.
func parseInt(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || strconv.Itoa(n) != s {
		return 0, fmt.Errorf("must be an integer without leading zeros or plus: %s", quote(s))
	}
	return n, nil
}
