package assertion

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"math/big"
	"strings"
)

const (
	armourBegin = "-----BEGIN PGP PRIVATE KEY BLOCK-----"
	armourEnd   = "-----END PGP PRIVATE KEY BLOCK-----"
)

// How a secret key packet is protected (RFC 4880, 5.5.3).
const (
	usageNone     = 0
	usageSHA1     = 254
	usageChecksum = 255
)

var errProtected = errors.New("the OpenPGP key is protected by a passphrase: give it, or export the key without one")

// parseArmoured reads one armoured block at the start of data.
func parseArmoured(data []byte, passphrase func() ([]byte, error)) (keys []*rsa.PrivateKey, rest []byte, err error) {
	block, rest, ok := bytes.Cut(data[len(armourBegin):], []byte(armourEnd))
	if !ok {
		return nil, nil, errors.New("the OpenPGP armour has no end")
	}
	packets, err := dearmour(string(block))
	if err != nil {
		return nil, nil, err
	}
	for len(packets) > 0 {
		tag, body, next, err := readPacket(packets)
		if err != nil {
			return nil, nil, err
		}
		packets = next
		if tag != tagSecretKey {
			continue
		}
		key, err := parseSecretKey(body, passphrase)
		if err != nil {
			return nil, nil, err
		}
		keys = append(keys, key)
	}
	return keys, rest, nil
}

// dearmour decodes what is between the armour's headers and its checksum.
func dearmour(block string) ([]byte, error) {
	lines := strings.Split(strings.ReplaceAll(block, "\r", ""), "\n")[1:]
	for len(lines) > 0 && strings.Contains(lines[0], ": ") {
		lines = lines[1:]
	}
	var text, checksum string
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "=") && len(line) == 5 {
			checksum = line[1:]
			break
		}
		text += line
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("the OpenPGP armour is not base64")
	}
	if checksum != "" {
		sum, err := base64.StdEncoding.DecodeString(checksum)
		want := crc24(raw)
		if err != nil || !bytes.Equal(sum, want[:]) {
			return nil, errors.New("the OpenPGP armour is damaged: its checksum does not match")
		}
	}
	return raw, nil
}

// crc24 is the checksum of armour (RFC 4880, 6.1).
func crc24(data []byte) [3]byte {
	crc := uint32(0xB704CE)
	for _, b := range data {
		crc ^= uint32(b) << 16
		for range 8 {
			crc <<= 1
			if crc&0x1000000 != 0 {
				crc ^= 0x1864CFB
			}
		}
	}
	return [3]byte{byte(crc >> 16), byte(crc >> 8), byte(crc)}
}

func parseSecretKey(body []byte, passphrase func() ([]byte, error)) (*rsa.PrivateKey, error) {
	r := &octets{in: body}
	public, err := readRSAPublicKey(r)
	if err != nil {
		return nil, err
	}
	secret, err := openSecret(r, passphrase)
	if err != nil {
		return nil, err
	}
	s := &octets{in: secret}
	d, p, q := s.mpi(), s.mpi(), s.mpi()
	s.mpi() // the inverse of p modulo q, which is computed anew
	if s.err != nil {
		return nil, s.err
	}
	key := &rsa.PrivateKey{PublicKey: *public, D: d, Primes: []*big.Int{p, q}}
	if err := key.Validate(); err != nil {
		return nil, fmt.Errorf("the OpenPGP key is not sound: %w", err)
	}
	key.Precompute()
	return key, nil
}

// openSecret returns the secret integers, without their checksum.
func openSecret(r *octets, passphrase func() ([]byte, error)) ([]byte, error) {
	usage := r.byte()
	if r.err != nil {
		return nil, r.err
	}
	if usage == usageNone {
		return checkSum(r.in)
	}
	if usage != usageSHA1 && usage != usageChecksum {
		return nil, fmt.Errorf("the OpenPGP key is protected in a way not known here (%d)", usage)
	}
	c := r.byte()
	derive, err := readS2K(r)
	if err != nil {
		return nil, err
	}
	keySize := map[byte]int{7: 16, 8: 24, 9: 32}[c]
	if keySize == 0 {
		return nil, fmt.Errorf("the OpenPGP key is protected with cipher %d: only AES is known here", c)
	}
	iv := r.take(aes.BlockSize)
	if r.err != nil {
		return nil, r.err
	}
	if passphrase == nil {
		return nil, errProtected
	}
	phrase, err := passphrase()
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(derive(phrase, keySize))
	if err != nil {
		return nil, err
	}
	plain := decryptCFB(block, iv, r.in)
	if usage == usageChecksum {
		return checkSum(plain)
	}
	split := len(plain) - sha1.Size
	if split < 0 {
		return nil, errTruncated
	}
	if sum := sha1.Sum(plain[:split]); subtle.ConstantTimeCompare(sum[:], plain[split:]) != 1 {
		return nil, errors.New("the passphrase of the OpenPGP key is wrong")
	}
	return plain[:split], nil
}

// decryptCFB is the mode OpenPGP uses. The checksum inside authenticates.
func decryptCFB(block cipher.Block, iv, in []byte) []byte {
	out := make([]byte, len(in))
	stream, previous := make([]byte, block.BlockSize()), iv
	for done := 0; done < len(in); done += len(stream) {
		block.Encrypt(stream, previous)
		previous = in[done:min(done+len(stream), len(in))]
		subtle.XORBytes(out[done:], previous, stream)
	}
	return out
}

// checkSum checks and cuts off a sum of all octets.
func checkSum(plain []byte) ([]byte, error) {
	split := len(plain) - 2
	if split < 0 {
		return nil, errTruncated
	}
	var sum uint16
	for _, b := range plain[:split] {
		sum += uint16(b)
	}
	if sum != uint16(plain[split])<<8|uint16(plain[split+1]) {
		return nil, errors.New("the OpenPGP key is damaged, or its passphrase wrong")
	}
	return plain[:split], nil
}

// readS2K reads how a passphrase becomes a key (RFC 4880, 3.7).
func readS2K(r *octets) (func(phrase []byte, size int) []byte, error) {
	kind, algorithm := r.byte(), r.byte()
	newHash := map[byte]func() hash.Hash{2: sha1.New, 8: sha256.New, 10: sha512.New}[algorithm]
	var salt []byte
	count := 0
	switch kind {
	case 0:
	case 1:
		salt = r.take(8)
	case 3:
		salt = r.take(8)
		c := r.byte()
		count = (16 + int(c&15)) << (c>>4 + 6)
	case 101:
		return nil, errors.New("the OpenPGP key is a stub: the private key is not in this file but on a card or offline")
	default:
		return nil, fmt.Errorf("the OpenPGP key is protected with passphrase method %d, which is not known here", kind)
	}
	if r.err != nil {
		return nil, r.err
	}
	if newHash == nil {
		return nil, fmt.Errorf("the OpenPGP key is protected with hash %d, which is not known here", algorithm)
	}
	return func(phrase []byte, size int) []byte {
		input := append(bytes.Clone(salt), phrase...)
		// Hashing takes salt and phrase over and over; in long pieces that is faster.
		repeated := bytes.Repeat(input, 1+4096/(len(input)+1))
		var key []byte
		for zeros := 0; len(key) < size; zeros++ {
			h := newHash()
			h.Write(make([]byte, zeros))
			for left := max(count, len(input)); left > 0; left -= len(repeated) {
				h.Write(repeated[:min(left, len(repeated))])
			}
			key = h.Sum(key)
		}
		return key[:size]
	}, nil
}
