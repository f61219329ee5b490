package credential

import (
	"encoding/base64"
	"errors"
	"strings"
)

// ParseAuthorization reads the value of an Authorization header, in all the
// forms that clients send:
//
//	Macaroon root="R", discharge="D"[, discharge="D2"…]   quoted or not
//	Macaroon T, Bearer T                                  a macaroon, a slice or opaque text
//	Macaroon {"t": "macaroon", "v": "T"}                  as older craft-store kept T, and newer sends what was kept
//	Basic …
//
// The scheme and the names of the parameters may have any case.
func ParseAuthorization(value string) (Presented, error) {
	if len(value) > maxHeader {
		return Presented{}, errTooLarge
	}
	scheme, rest, ok := strings.Cut(strings.Trim(value, blanks), " ")
	rest = strings.Trim(rest, blanks)
	if !ok || rest == "" {
		return Presented{}, errMalformed
	}
	switch {
	case strings.EqualFold(scheme, "Basic"):
		return parseBasic(rest)
	case strings.EqualFold(scheme, "Bearer"):
		return parseSingle(rest)
	case !strings.EqualFold(scheme, "Macaroon"):
		return Presented{}, errMalformed
	case hasParameters(rest):
		return parsePair(rest)
	case rest[0] == '{':
		return parseEnvelope(rest)
	}
	return parseSingle(rest)
}

const blanks = " \t"

// hasParameters reports whether text begins with a name of the pair form. No
// base64 does: its padding never comes after these words.
func hasParameters(text string) bool {
	name, _, ok := strings.Cut(text, "=")
	name = strings.TrimRight(name, blanks)
	return ok && (strings.EqualFold(name, "root") || strings.EqualFold(name, "discharge"))
}

func parsePair(text string) (Presented, error) {
	var root Macaroon
	var discharges []Macaroon
	for part := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			return Presented{}, errMalformed
		}
		m, err := decodeOne(unquote(strings.Trim(value, blanks)))
		if err != nil {
			return Presented{}, unreadable(err)
		}
		switch name = strings.ToLower(strings.Trim(name, blanks)); {
		case name == "root" && root.IsZero():
			root = m
		case name == "discharge" && len(discharges) < maxDischarges:
			discharges = append(discharges, m)
		case name == "discharge":
			return Presented{}, errTooLarge
		default:
			return Presented{}, errMalformed
		}
	}
	if root.IsZero() {
		return Presented{}, errMalformed
	}
	pair := append(Slice{root}, discharges...)
	if err := pair.check(); err != nil {
		return Presented{}, err
	}
	return Presented{Kind: KindPair, Slices: []Slice{pair}}, nil
}

// unquote takes a pair of quotes off. A value has no escapes: it is base64.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// parseEnvelope reads a lone value in the envelope in which craft-store keeps it.
// That of a pair is none: its discharge is not bound yet.
func parseEnvelope(text string) (Presented, error) {
	var e struct {
		Type  string `json:"t"`
		Value string `json:"v"`
	}
	if err := unmarshalStrict(text, &e); err != nil || e.Type != "macaroon" || e.Value == "" {
		return Presented{}, errMalformed
	}
	return parseSingle(e.Value)
}

// parseSingle reads a lone value: a binary macaroon, else a bakery slice, else
// text that only its holder and a hash in the database know.
func parseSingle(text string) (Presented, error) {
	if strings.Trim(text, tokenAlphabet) != "" {
		return Presented{}, errMalformed // such as the JSON envelope of a pair
	}
	m, err := decodeOne(text)
	if err == nil {
		return Presented{Kind: KindSingle, Slices: []Slice{{m}}, Text: NewSecret(text)}, nil
	}
	var s Slice
	if !errors.Is(err, errTooLarge) {
		if s, err = parseSlice(text); err == nil {
			return Presented{Kind: KindSlices, Slices: []Slice{s}}, nil
		}
	}
	if errors.Is(err, errTooLarge) {
		return Presented{}, errTooLarge
	}
	return Presented{Kind: KindOpaque, Text: NewSecret(text)}, nil
}

// tokenAlphabet is what a bearer token is made of (RFC 7235, token68).
const tokenAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

func parseBasic(text string) (Presented, error) {
	raw, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(text, "="))
	if err != nil {
		return Presented{}, errMalformed
	}
	user, password, ok := strings.Cut(string(raw), ":")
	if !ok {
		return Presented{}, errMalformed
	}
	return Presented{Kind: KindBasic, User: user, Password: NewSecret(password)}, nil
}

// unreadable is the error for a macaroon that cannot be decoded. The cause may
// quote what was sent, so it goes no further.
func unreadable(err error) error {
	if errors.Is(err, errTooLarge) {
		return errTooLarge
	}
	return errMalformed
}
