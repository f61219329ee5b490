package assertion

import (
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha3"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
)

// All keys are written as if created at the start of 2016, so that one key has one
// id: 2016-01-01T00:00:00Z as Unix time.
const keyCreation = 1451606400

// Bounds of the modulus, in bits: below, signatures can be forged; above, checking
// one takes too long.
const (
	minKeyBits = 1024
	maxKeyBits = 16384
)

// PublicKey is an RSA key that signs assertions.
type PublicKey struct {
	rsa    *rsa.PublicKey
	packet []byte
	id     string
}

// NewPublicKey wraps an RSA key of 1024 to 16384 bits. Keys for signing should have
// 4096 bits or more.
func NewPublicKey(k *rsa.PublicKey) (*PublicKey, error) {
	if bits := k.N.BitLen(); bits < minKeyBits || bits > maxKeyBits {
		return nil, fmt.Errorf("RSA key of %d bits: must have %d to %d", bits, minKeyBits, maxKeyBits)
	}
	if k.E < 3 || k.E%2 == 0 {
		return nil, fmt.Errorf("RSA key with exponent %d", k.E)
	}
	packet := appendPacket(nil, tagPublicKey, publicKeyBody(k))
	sum := sha3.Sum384(append([]byte{encodingVersion}, packet...))
	return &PublicKey{rsa: k, packet: packet, id: base64.RawURLEncoding.EncodeToString(sum[:])}, nil
}

func publicKeyBody(k *rsa.PublicKey) []byte {
	body := []byte{packetVersion}
	body = binary.BigEndian.AppendUint32(body, keyCreation)
	body = append(body, algorithmRSA)
	body = appendMPI(body, k.N)
	return appendMPI(body, big.NewInt(int64(k.E)))
}

// ParsePublicKey reads a key as the body of an account-key or a device-key header
// has it.
func ParsePublicKey(text []byte) (*PublicKey, error) {
	body, err := decodeV1(text, tagPublicKey)
	if err != nil {
		return nil, fmt.Errorf("cannot read public key: %w", err)
	}
	r := &octets{in: body}
	k, err := readRSAPublicKey(r)
	if err == nil && len(r.in) != 0 {
		err = errors.New("something follows the key in its packet")
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read public key: %w", err)
	}
	p, err := NewPublicKey(k)
	if err != nil {
		return nil, fmt.Errorf("cannot read public key: %w", err)
	}
	return p, nil
}

// readRSAPublicKey reads what public and secret key packets have in common.
func readRSAPublicKey(r *octets) (*rsa.PublicKey, error) {
	version := r.byte()
	r.uint32() // creation time: whatever it is, the id is that of keyCreation
	algorithm := r.byte()
	switch {
	case r.err != nil:
		return nil, r.err
	case version != packetVersion:
		return nil, fmt.Errorf("key packet of version %d, not %d", version, packetVersion)
	case algorithm != algorithmRSA:
		return nil, fmt.Errorf("key for algorithm %d, not RSA", algorithm)
	}
	n, e := r.mpi(), r.mpi()
	if r.err != nil {
		return nil, r.err
	}
	if !e.IsInt64() || e.Int64() > math.MaxInt32 {
		return nil, errors.New("RSA exponent is too large")
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// ID is the key's SHA3-384 digest in unpadded URL-safe base64, 64 characters.
func (k *PublicKey) ID() string { return k.id }

// RSA returns the key for use with crypto/rsa. It must not be modified.
func (k *PublicKey) RSA() *rsa.PublicKey { return k.rsa }

// Encode writes the key as the body of an account-key or a device-key header has
// it.
func (k *PublicKey) Encode() []byte { return []byte(encodeV1(k.packet)) }

// MarshalPacket returns the OpenPGP public key packet.
func (k *PublicKey) MarshalPacket() []byte { return append([]byte(nil), k.packet...) }

// openPGPKeyID is the id that signatures name their issuer by.
func (k *PublicKey) openPGPKeyID() []byte {
	body := publicKeyBody(k.rsa)
	h := sha1.New()
	h.Write(binary.BigEndian.AppendUint16([]byte{0x99}, uint16(len(body))))
	h.Write(body)
	return h.Sum(nil)[12:]
}
