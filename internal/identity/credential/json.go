package credential

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"gopkg.in/macaroon.v2"
)

// macaroonJSON is the union of the JSON forms: V1 has the long names, V2 the
// short ones; the bakery wraps V2 in "m". A name that ends in 64 holds base64.
type macaroonJSON struct {
	Location     string       `json:"location"`
	Identifier   string       `json:"identifier"`
	Identifier64 string       `json:"identifier64"`
	Signature    string       `json:"signature"` // hexadecimal
	Caveats      []caveatJSON `json:"caveats"`

	L   string       `json:"l"`
	I   string       `json:"i"`
	I64 string       `json:"i64"`
	S   string       `json:"s"`
	S64 string       `json:"s64"`
	C   []caveatJSON `json:"c"`

	M json.RawMessage `json:"m"`
}

type caveatJSON struct {
	CID   string `json:"cid"`
	CID64 string `json:"cid64"`
	VID   string `json:"vid"` // base64 in V1
	VID64 string `json:"vid64"`
	CL    string `json:"cl"`

	I   string `json:"i"`
	I64 string `json:"i64"`
	V   string `json:"v"`
	V64 string `json:"v64"`
	L   string `json:"l"`
}

// decodeJSON reads one macaroon: V1 or V2 JSON, the bakery's wrapper around
// it, or a string with the base64 of the binary form.
func decodeJSON(text []byte) (Macaroon, error) { return decodeJSONIn(text, true) }

func decodeJSONIn(text []byte, mayWrap bool) (Macaroon, error) {
	if text = bytes.TrimSpace(text); len(text) > 0 && text[0] == '"' {
		var s string
		if err := json.Unmarshal(text, &s); err != nil {
			return Macaroon{}, err
		}
		return decodeOne(s)
	}
	var j *macaroonJSON
	if err := json.Unmarshal(text, &j); err != nil {
		return Macaroon{}, err
	}
	switch {
	case j == nil:
		return Macaroon{}, errors.New("no macaroon")
	case j.M != nil && mayWrap:
		return decodeJSONIn(j.M, false)
	case j.M != nil:
		return Macaroon{}, errors.New("a wrapper in a wrapper")
	}
	raw, err := j.binary()
	if err != nil {
		return Macaroon{}, err
	}
	s, err := decodeBinary(raw)
	if err != nil {
		return Macaroon{}, err
	}
	return s[0], nil
}

// The fields of the V2 binary form.
const (
	fieldEnd        = 0
	fieldLocation   = 1
	fieldIdentifier = 2
	fieldVerifier   = 4
	fieldSignature  = 6
)

// binary writes the macaroon in V2 binary form, which holds what any JSON form
// does: signatures do not depend on the form.
func (j *macaroonJSON) binary() ([]byte, error) {
	id, err := oneOf(j.Identifier, j.Identifier64, j.I, j.I64)
	if err != nil {
		return nil, fmt.Errorf("identifier: %w", err)
	}
	signature, err := hex.DecodeString(j.Signature)
	if err != nil {
		return nil, errors.New("the signature is not hexadecimal")
	}
	if len(signature) == 0 {
		if signature, err = oneOf("", "", j.S, j.S64); err != nil {
			return nil, fmt.Errorf("signature: %w", err)
		}
	}
	b := []byte{2}
	b = appendField(b, fieldLocation, []byte(j.Location+j.L))
	b = appendField(b, fieldIdentifier, id)
	b = append(b, fieldEnd)
	for _, c := range append(j.Caveats, j.C...) {
		id, err := oneOf(c.CID, c.CID64, c.I, c.I64)
		if err != nil {
			return nil, fmt.Errorf("caveat: %w", err)
		}
		vid, err := oneOf("", c.VID+c.VID64, c.V, c.V64)
		if err != nil {
			return nil, fmt.Errorf("caveat: %w", err)
		}
		if len(vid) > 0 {
			b = appendField(b, fieldLocation, []byte(c.CL+c.L))
		}
		b = appendField(b, fieldIdentifier, id)
		if len(vid) > 0 {
			b = appendField(b, fieldVerifier, vid)
		}
		b = append(b, fieldEnd)
	}
	b = append(b, fieldEnd)
	return appendField(b, fieldSignature, signature), nil
}

func appendField(b []byte, field byte, value []byte) []byte {
	if field == fieldLocation && len(value) == 0 {
		return b
	}
	b = append(b, field)
	b = binary.AppendUvarint(b, uint64(len(value)))
	return append(b, value...)
}

// oneOf returns the one value that is given, out of plain and base64 forms.
func oneOf(plain1, base1, plain2, base2 string) ([]byte, error) {
	var value []byte
	given := 0
	for _, v := range []struct {
		text   string
		base64 bool
	}{{plain1, false}, {base1, true}, {plain2, false}, {base2, true}} {
		if v.text == "" {
			continue
		}
		given++
		value = []byte(v.text)
		if v.base64 {
			var err error
			if value, err = macaroon.Base64Decode(value); err != nil {
				return nil, err
			}
		}
	}
	if given > 1 {
		return nil, errors.New("given more than once")
	}
	return value, nil
}
