package credential

import (
	"bytes"
	"encoding/json"
	"strings"
)

// ParseMacaroons reads the values of all Macaroons headers of a request. Each
// holds one or more slices, separated by commas.
func ParseMacaroons(values []string) ([]Slice, error) {
	var slices []Slice
	size := 0
	for _, value := range values {
		if size += len(value); size > maxHeader {
			return nil, errTooLarge
		}
		for part := range strings.SplitSeq(value, ",") {
			if part = strings.Trim(part, blanks); part == "" {
				continue // an empty list element, as RFC 9110 allows
			}
			if len(slices) == maxSlices {
				return nil, errTooLarge
			}
			s, err := parseSlice(part)
			if err != nil {
				return nil, unreadable(err)
			}
			slices = append(slices, s)
		}
	}
	return slices, nil
}

// parseSlice reads the base64 of a JSON array of macaroons, or of one.
func parseSlice(text string) (Slice, error) {
	raw, err := decodeBase64(text)
	if err != nil {
		return nil, errMalformed
	}
	return decodeSliceJSON(raw)
}

func decodeSliceJSON(raw []byte) (Slice, error) {
	raw = bytes.TrimSpace(raw)
	parts := []json.RawMessage{raw}
	switch {
	case len(raw) == 0:
		return nil, errMalformed
	case raw[0] == '[':
		if err := json.Unmarshal(raw, &parts); err != nil {
			return nil, errMalformed
		}
	case raw[0] != '{':
		return nil, errMalformed // a string or a number is somebody's opaque token
	}
	switch {
	case len(parts) == 0:
		return nil, errMalformed
	case len(parts) > 1+maxDischarges:
		return nil, errTooLarge
	}
	s := make(Slice, len(parts))
	for i, part := range parts {
		m, err := decodeJSON(part)
		if err != nil {
			return nil, unreadable(err)
		}
		s[i] = m
	}
	return s, s.check()
}
