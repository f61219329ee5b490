package assertion

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha512"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"time"
)

// Subpackets of signatures.
const (
	subpacketCreation = 2
	subpacketIssuer   = 16
	subpacketCritical = 0x80
)

// signature is a parsed signature packet.
type signature struct {
	hashed    []byte // what of the packet is signed along with the content
	hashStart uint16 // first two bytes of the digest
	value     *big.Int
}

func parseSignature(text []byte) (*signature, error) {
	body, err := decodeV1(text, tagSignature)
	if err != nil {
		return nil, err
	}
	r := &octets{in: body}
	version, kind, algorithm, hash := r.byte(), r.byte(), r.byte(), r.byte()
	hashedLength := int(r.uint16())
	hashed := r.take(hashedLength)
	unhashed := r.take(int(r.uint16()))
	hashStart := r.uint16()
	value := r.mpi()
	switch {
	case r.err != nil:
		return nil, r.err
	case len(r.in) != 0:
		return nil, errors.New("something follows the signature in its packet")
	case version != packetVersion:
		return nil, fmt.Errorf("signature packet of version %d, not %d", version, packetVersion)
	case kind != binaryDoc:
		return nil, fmt.Errorf("signature of type %#02x, not of a document", kind)
	case algorithm != algorithmRSA:
		return nil, fmt.Errorf("signature by algorithm %d, not RSA", algorithm)
	case hash != hashSHA512:
		return nil, fmt.Errorf("signature over hash %d, not SHA-512", hash)
	}
	created, err := checkSubpackets(hashed)
	if err != nil {
		return nil, err
	}
	if !created {
		return nil, errors.New("signature without creation time")
	}
	if _, err := checkSubpackets(unhashed); err != nil {
		return nil, err
	}
	return &signature{hashed: body[:6+hashedLength], hashStart: hashStart, value: value}, nil
}

// checkSubpackets says whether there is a creation time. It refuses subpackets
// that claim to be critical and are not known here.
func checkSubpackets(area []byte) (created bool, err error) {
	for r := (&octets{in: area}); len(r.in) > 0; {
		length, err := r.newLength()
		if err != nil {
			return false, err
		}
		sub := r.take(length)
		if r.err != nil {
			return false, r.err
		}
		if len(sub) == 0 {
			return false, errors.New("empty signature subpacket")
		}
		switch kind := sub[0] &^ subpacketCritical; {
		case kind == subpacketCreation && len(sub) == 5:
			created = true
		case kind == subpacketIssuer && len(sub) == 9:
		case kind == subpacketCreation, kind == subpacketIssuer:
			return false, fmt.Errorf("signature subpacket %d has a wrong length", kind)
		case sub[0]&subpacketCritical != 0:
			return false, fmt.Errorf("unknown critical signature subpacket %d", kind)
		}
	}
	return created, nil
}

// digestFor is what RSA signs: the content and the signed part of the packet.
func digestFor(content, hashed []byte) []byte {
	h := sha512.New()
	h.Write(content)
	h.Write(hashed)
	h.Write([]byte{packetVersion, 0xFF})
	h.Write(binary.BigEndian.AppendUint32(nil, uint32(len(hashed))))
	return h.Sum(nil)
}

// VerifySignature says whether text, a signature as assertions carry it, is k's
// over content. It says nothing about trust in k.
func (k *PublicKey) VerifySignature(content, text []byte) error {
	s, err := parseSignature(text)
	if err != nil {
		return err
	}
	digest := digestFor(content, s.hashed)
	if binary.BigEndian.Uint16(digest) != s.hashStart {
		return errors.New("the content is not what was signed")
	}
	if s.value.BitLen() > k.rsa.N.BitLen() {
		return errors.New("the signature does not fit the key")
	}
	value := s.value.FillBytes(make([]byte, k.rsa.Size()))
	if err := rsa.VerifyPKCS1v15(k.rsa, crypto.SHA512, digest, value); err != nil {
		return errors.New("it was not made with this key")
	}
	return nil
}

// signContent makes the signature text, without a final newline.
func signContent(content []byte, s Signer, now time.Time) (string, error) {
	key := s.PublicKey()
	hashed := []byte{packetVersion, binaryDoc, algorithmRSA, hashSHA512, 0, 6, 5, subpacketCreation}
	hashed = binary.BigEndian.AppendUint32(hashed, uint32(now.Unix()))
	digest := digestFor(content, hashed)
	value, err := s.SignDigest(digest)
	if err != nil {
		return "", fmt.Errorf("cannot sign with key %s: %w", key.ID(), err)
	}
	body := append(hashed, 0, 10, 9, subpacketIssuer)
	body = append(body, key.openPGPKeyID()...)
	body = append(body, digest[:2]...)
	body = appendMPI(body, new(big.Int).SetBytes(value))
	text := encodeV1(appendPacket(nil, tagSignature, body))
	// A token that holds another key than it says would produce documents that
	// nobody can verify.
	if err := key.VerifySignature(content, []byte(text)); err != nil {
		return "", fmt.Errorf("cannot sign with key %s: the signer's answer does not verify: %w", key.ID(), err)
	}
	return text, nil
}
