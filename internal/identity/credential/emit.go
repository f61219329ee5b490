package credential

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"gopkg.in/macaroon.v2"
)

// Text is the macaroon in its binary form (V1 for what snapd and the single
// sign-on's clients hold), URL-safe base64 without padding: snapd refuses
// padding, and no such text is valid JSON, which craft-store relies on.
func (m Macaroon) Text() (Secret, error) {
	raw, err := m.binary()
	return NewSecret(base64.RawURLEncoding.EncodeToString(raw)), err
}

// Token64 is the binary form in standard base64 with padding, the one that
// Python's bakery client decodes in a wait-token answer.
func (m Macaroon) Token64() (Secret, error) {
	raw, err := m.binary()
	return NewSecret(base64.StdEncoding.EncodeToString(raw)), err
}

func (m Macaroon) binary() ([]byte, error) {
	raw, err := m.raw().MarshalBinary()
	if err != nil {
		return nil, fmt.Errorf("cannot write a macaroon: %w", err)
	}
	return raw, nil
}

// JSON is the macaroon as JSON of its own version, what bakery clients before
// version 3 and craft-store read.
func (m Macaroon) JSON() (Secret, error) {
	text, err := m.raw().MarshalJSON()
	if err != nil {
		return Secret{}, fmt.Errorf("cannot write a macaroon: %w", err)
	}
	return NewSecret(text), nil
}

// stdNamespace says that the standard caveats carry no prefix.
const stdNamespace = "std:"

// BakeryJSON is the macaroon as a bakery client of the given protocol version
// reads it: plain JSON before version 3, from there wrapped, with the data of
// those third-party caveats that do not hold it in their ids.
func (m Macaroon) BakeryJSON(version BakeryVersion, caveats ...ThirdParty) (Secret, error) {
	if version < 3 {
		return m.JSON()
	}
	if m.raw().Version() != macaroon.V2 {
		return Secret{}, fmt.Errorf("cannot write a %s macaroon for bakery version %d", m.raw().Version(), version)
	}
	inner, err := m.raw().MarshalJSON()
	if err != nil {
		return Secret{}, fmt.Errorf("cannot write a macaroon: %w", err)
	}
	wrapped := struct {
		M     json.RawMessage   `json:"m"`
		V     int               `json:"v"`
		Data  map[string]string `json:"cdata,omitempty"`
		Names string            `json:"ns"`
	}{M: inner, V: 3, Names: stdNamespace}
	for _, c := range caveats {
		if c.data == nil {
			continue
		}
		if wrapped.Data == nil {
			wrapped.Data = make(map[string]string)
		}
		wrapped.Data[base64.RawURLEncoding.EncodeToString(c.id)] = base64.RawURLEncoding.EncodeToString(c.data)
	}
	text, err := json.Marshal(wrapped)
	if err != nil {
		return Secret{}, fmt.Errorf("cannot write a macaroon: %w", err)
	}
	return NewSecret(text), nil
}

// EncodeHeader writes slices the way clients put one into a Macaroons header
// or a cookie.
func (s Slice) EncodeHeader() (Secret, error) {
	ms := make(macaroon.Slice, len(s))
	for i, m := range s {
		ms[i] = m.raw()
	}
	text, err := json.Marshal(ms)
	if err != nil {
		return Secret{}, fmt.Errorf("cannot write macaroons: %w", err)
	}
	return NewSecret(base64.URLEncoding.EncodeToString(text)), nil
}
