package credential

import (
	"crypto/rand"
	"encoding/binary"

	"golang.org/x/crypto/nacl/box"
)

// Versions 2 and 3 of a caveat are
//
//	version                1 byte
//	third party's key      its first 4 bytes
//	first party's key      32 bytes
//	nonce                  24 bytes
//	a NaCl box of
//	  version              1 byte
//	  root key             after its length as a varint
//	  namespace            after its length as a varint; version 3 only
//	  condition            the rest
const (
	keyPrefix  = 4
	nonceSize  = 24
	binaryHead = 1 + keyPrefix + len(BoxPublic{}) + nonceSize
)

func (c BakeryCaveat) sealBinary(from BoxKey, to BoxPublic) []byte {
	plain := []byte{byte(c.Version)}
	plain = appendCounted(plain, c.rootKey.bytes())
	if c.Version >= 3 {
		plain = appendCounted(plain, []byte(c.namespace))
	}
	plain = append(plain, c.Condition...)

	var nonce [nonceSize]byte
	rand.Read(nonce[:]) // never fails
	b := []byte{byte(c.Version)}
	b = append(b, to[:keyPrefix]...)
	b = append(b, from.public[:]...)
	b = append(b, nonce[:]...)
	return box.Seal(b, plain, &nonce, (*[32]byte)(&to), from.privateBytes())
}

func openBinaryCaveat(encoded []byte, key BoxKey) (c BakeryCaveat, ok bool) {
	if len(encoded) < binaryHead || !key.matches(encoded[1:1+keyPrefix]) {
		return c, false
	}
	c.Version = BakeryVersion(encoded[0])
	rest := encoded[1+keyPrefix:]
	rest = rest[copy(c.From[:], rest):]
	var nonce [nonceSize]byte
	rest = rest[copy(nonce[:], rest):]
	plain, ok := box.Open(nil, rest, &nonce, (*[32]byte)(&c.From), key.privateBytes())
	if !ok || len(plain) == 0 || plain[0] != encoded[0] {
		return c, false
	}
	rootKey, plain, ok := cutCounted(plain[1:])
	if !ok {
		return c, false
	}
	namespace := []byte(stdNamespace)
	if c.Version >= 3 {
		if namespace, plain, ok = cutCounted(plain); !ok {
			return c, false
		}
	}
	c.rootKey, c.namespace, c.Condition = NewSecret(rootKey), string(namespace), string(plain)
	return c, true
}

func appendCounted(b, value []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(value))), value...)
}

func cutCounted(b []byte) (value, rest []byte, ok bool) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	b = b[n:]
	return b[:size], b[size:], true
}
