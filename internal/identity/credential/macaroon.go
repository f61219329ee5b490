package credential

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"gopkg.in/macaroon.v2"
)

// Limits of what is read.
const (
	maxHeader     = 32 << 10 // bytes of a request's credentials together
	maxCaveats    = 100      // of a root and its discharges together
	maxDischarges = 8        // of one root
	maxSlices     = 8        // roots in one request
)

// Macaroon is one macaroon. Whoever holds it may use it, so it prints as a
// placeholder; the methods of emit.go write it for a client.
type Macaroon struct {
	// Of a field that is not exported fmt asks no methods, and for some verbs
	// it prints what a pointer points to; what a pointer to a pointer points
	// to, it does not.
	hidden **macaroon.Macaroon
}

func wrap(m *macaroon.Macaroon) Macaroon { return Macaroon{&m} }

func (m Macaroon) raw() *macaroon.Macaroon {
	if m.hidden == nil {
		return nil
	}
	return *m.hidden
}

// Slice is a root macaroon and the discharges of its third-party caveats,
// bound to it.
type Slice []Macaroon

// IsZero reports whether there is no macaroon.
func (m Macaroon) IsZero() bool { return m.raw() == nil }

// Location is the hint of where the macaroon comes from. No signature covers
// it: nothing may be decided by it.
func (m Macaroon) Location() string {
	if m.raw() == nil {
		return ""
	}
	return m.raw().Location()
}

// ID is the macaroon's identifier: what Mint wrote, or for a discharge the id
// of the caveat it discharges.
func (m Macaroon) ID() []byte {
	if m.raw() == nil {
		return nil
	}
	return m.raw().Id()
}

// Format keeps the macaroon out of logs and errors, whatever the verb.
func (Macaroon) Format(f fmt.State, _ rune) { io.WriteString(f, hidden) }

// String is a placeholder.
func (Macaroon) String() string { return hidden }

// GoString is a placeholder.
func (Macaroon) GoString() string { return hidden }

// LogValue is a placeholder.
func (Macaroon) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalJSON writes a placeholder; JSON writes the macaroon.
func (Macaroon) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// decodeBinary reads macaroons in binary form, V1 or V2, one after another.
func decodeBinary(raw []byte) (Slice, error) {
	if len(raw) > maxHeader {
		return nil, errTooLarge
	}
	var ms macaroon.Slice
	if err := ms.UnmarshalBinary(raw); err != nil {
		return nil, err
	}
	if len(ms) == 0 {
		return nil, errors.New("no macaroon")
	}
	s := make(Slice, len(ms))
	for i, m := range ms {
		s[i] = wrap(m)
	}
	return s, s.check()
}

// decodeOne reads exactly one macaroon in the base64 of its binary form, in
// any of the four alphabets.
func decodeOne(text string) (Macaroon, error) {
	raw, err := decodeBase64(text)
	if err != nil {
		return Macaroon{}, err
	}
	s, err := decodeBinary(raw)
	if err != nil {
		return Macaroon{}, err
	}
	if len(s) != 1 {
		return Macaroon{}, fmt.Errorf("%d macaroons where one belongs", len(s))
	}
	return s[0], nil
}

// check holds a slice to the limits.
func (s Slice) check() error {
	caveats := 0
	for _, m := range s {
		if m.IsZero() {
			return errMalformed
		}
		caveats += len(m.raw().Caveats())
	}
	if len(s) > 1+maxDischarges || caveats > maxCaveats {
		return errTooLarge
	}
	return nil
}

func (s Slice) discharges() []*macaroon.Macaroon {
	var ds []*macaroon.Macaroon
	for _, m := range s[1:] {
		ds = append(ds, m.raw())
	}
	return ds
}

// appendCaveats appends first-party caveats. The library leaves out, and says
// nothing of it, what a V1 macaroon cannot hold: a limit that is not UTF-8
// would be no limit.
func appendCaveats(m *macaroon.Macaroon, caveats ...string) error {
	if err := validText(caveats); err != nil {
		return errors.New("cannot write a caveat: it is not UTF-8")
	}
	for _, c := range caveats {
		if err := m.AddFirstPartyCaveat([]byte(c)); err != nil {
			return fmt.Errorf("cannot write a caveat: %w", err)
		}
	}
	return nil
}
