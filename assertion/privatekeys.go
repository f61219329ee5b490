package assertion

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
)

// ParsePrivateKeys reads RSA private keys from what people keep them in:
//
//   - ASCII-armoured OpenPGP secret keys, as gpg --export-secret-keys --armor
//     writes them. Primary keys only: subkeys do not sign assertions.
//   - PEM, PKCS #1 or PKCS #8.
//
// Several may follow each other. If a key is protected, passphrase is asked for its
// passphrase; nil means that protected keys are an error. A protected PEM key
// always is.
func ParsePrivateKeys(data []byte, passphrase func() ([]byte, error)) ([]*rsa.PrivateKey, error) {
	var keys []*rsa.PrivateKey
	for rest := data; ; {
		start := bytes.Index(rest, []byte("-----BEGIN "))
		if start < 0 {
			break
		}
		rest = rest[start:]
		var found []*rsa.PrivateKey
		var err error
		if bytes.HasPrefix(rest, []byte(armourBegin)) {
			found, rest, err = parseArmoured(rest, passphrase)
		} else {
			found, rest, err = parsePEM(rest)
		}
		if err != nil {
			return nil, fmt.Errorf("cannot read private key: %w", err)
		}
		keys = append(keys, found...)
	}
	if len(keys) == 0 {
		return nil, errors.New("cannot read private key: there is none, in OpenPGP armour or PEM")
	}
	return keys, nil
}

func parsePEM(data []byte) (keys []*rsa.PrivateKey, rest []byte, err error) {
	block, rest := pem.Decode(data)
	if block == nil {
		return nil, nil, errors.New("damaged PEM block")
	}
	var key any
	switch {
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return nil, nil, errors.New("the PEM key is protected by a passphrase: take that off first, with openssl pkcs8 or openssl rsa")
	case block.Type == "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case block.Type == "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	default:
		return nil, nil, fmt.Errorf("the PEM block is a %s and not a private key", quote(block.Type))
	}
	if err != nil {
		return nil, nil, err
	}
	k, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("the key is a %T and not RSA", key)
	}
	return []*rsa.PrivateKey{k}, rest, nil
}
