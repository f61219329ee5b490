package credential

import (
	"gopkg.in/macaroon.v2"
)

// decodeBase64 reads base64 of either alphabet, padded or not: clients send all
// four.
func decodeBase64(text string) ([]byte, error) { return macaroon.Base64Decode([]byte(text)) }

// DecodeBase64 reads a form field such as caveat64 or token64, in base64 of
// either alphabet, padded or not.
func DecodeBase64(text string) ([]byte, error) {
	if len(text) > maxHeader {
		return nil, errTooLarge
	}
	raw, err := decodeBase64(text)
	if err != nil {
		return nil, errMalformed
	}
	return raw, nil
}
