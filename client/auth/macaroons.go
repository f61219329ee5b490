package auth

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"gopkg.in/macaroon.v2"
)

const (
	// maxMacaroon bounds the text of one macaroon, in bytes. Real pairs have
	// under 4 KiB.
	maxMacaroon = 256 << 10
	maxCaveats  = 1000
)

// decodeMacaroon reads a macaroon in any serialisation: base64 of either
// alphabet, padded or not, of either binary version, or JSON of either version.
func decodeMacaroon(text string) (*macaroon.Macaroon, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return nil, errors.New("it is empty")
	}
	if len(text) > maxMacaroon {
		return nil, fmt.Errorf("it is longer than %d bytes", maxMacaroon)
	}
	var m macaroon.Macaroon
	if text[0] == '{' {
		b, err := decodeBakery([]byte(text))
		if err != nil {
			return nil, err
		}
		m = *b.macaroon
	} else {
		data, err := macaroon.Base64Decode([]byte(text))
		if err != nil {
			return nil, errors.New("it is not base64")
		}
		if err := m.UnmarshalBinary(data); err != nil {
			return nil, errors.New("it is no macaroon")
		}
	}
	if len(m.Caveats()) > maxCaveats {
		return nil, fmt.Errorf("it has more than %d caveats", maxCaveats)
	}
	return &m, nil
}

// encodeMacaroon keeps the macaroon's version. Clients of the public store need
// base64 for URLs without padding.
func encodeMacaroon(m *macaroon.Macaroon) (string, error) {
	data, err := m.MarshalBinary()
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(data), nil
}

// thirdParty are the caveats that somebody else must discharge.
func thirdParty(m *macaroon.Macaroon) []macaroon.Caveat {
	return slices.DeleteFunc(slices.Clone(m.Caveats()), func(c macaroon.Caveat) bool { return len(c.VerificationId) == 0 })
}

// identityCaveat picks the caveat for the identity service: the only one
// whatever its location, else the one for that host, else the first with a
// location. The location is a hint of the store, no part of the signature.
func identityCaveat(root *macaroon.Macaroon, serviceURL string) (macaroon.Caveat, error) {
	caveats := thirdParty(root)
	switch len(caveats) {
	case 0:
		return macaroon.Caveat{}, ErrNoDischarge
	case 1:
		return caveats[0], nil
	}
	want := hosts(serviceURL)
	for _, c := range caveats {
		for _, host := range hosts(c.Location) {
			if slices.Contains(want, host) {
				return c, nil
			}
		}
	}
	for _, c := range caveats {
		if c.Location != "" {
			return c, nil
		}
	}
	return macaroon.Caveat{}, ErrNoDischarge
}

// hosts are the ways to write the host of a URL or of a bare location: with the
// port and without.
func hosts(location string) []string {
	if u, err := url.Parse(location); err == nil && u.Host != "" {
		location = u.Host
	}
	location = strings.ToLower(location)
	if host, _, err := net.SplitHostPort(location); err == nil {
		return []string{location, host}
	}
	return []string{location}
}
