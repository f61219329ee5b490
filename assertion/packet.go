package assertion

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Keys and signatures are OpenPGP version 4 packets (RFC 4880) behind one version
// byte, in base64.
const encodingVersion = 0x01

// Packet tags.
const (
	tagSignature = 2
	tagSecretKey = 5
	tagPublicKey = 6
)

const (
	packetVersion = 4
	algorithmRSA  = 1
	hashSHA512    = 10
	binaryDoc     = 0x00
)

var errTruncated = errors.New("packet is cut short")

// decodeV1 reads the base64 text of exactly one packet.
func decodeV1(text []byte, tag int) (body []byte, err error) {
	raw := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
	n, err := base64.StdEncoding.Decode(raw, text)
	if err != nil {
		return nil, errors.New("not base64")
	}
	raw = raw[:n]
	if len(raw) == 0 {
		return nil, errors.New("empty")
	}
	if raw[0] != encodingVersion {
		return nil, fmt.Errorf("unknown encoding version %d", raw[0])
	}
	got, body, rest, err := readPacket(raw[1:])
	switch {
	case err != nil:
		return nil, err
	case got != tag:
		return nil, fmt.Errorf("packet has tag %d, not %d", got, tag)
	case len(rest) != 0:
		return nil, errors.New("something follows the packet")
	}
	return body, nil
}

// encodeV1 is base64 wrapped at 76 columns, without a final newline.
func encodeV1(packet []byte) string {
	const columns = 76
	text := base64.StdEncoding.EncodeToString(append([]byte{encodingVersion}, packet...))
	var out strings.Builder
	for len(text) > columns {
		out.WriteString(text[:columns] + "\n")
		text = text[columns:]
	}
	out.WriteString(text)
	return out.String()
}

// appendPacket writes a header of the new format and the body.
func appendPacket(out []byte, tag int, body []byte) []byte {
	out = append(out, 0xC0|byte(tag))
	switch n := len(body); {
	case n < 192:
		out = append(out, byte(n))
	case n < 8384:
		out = append(out, byte((n-192)>>8)+192, byte(n-192))
	default:
		out = append(out, 0xFF)
		out = binary.BigEndian.AppendUint32(out, uint32(n))
	}
	return append(out, body...)
}

// readPacket takes headers of both formats, but no lengths that are indefinite or
// partial.
func readPacket(in []byte) (tag int, body, rest []byte, err error) {
	r := &octets{in: in}
	head := r.byte()
	var length int
	switch {
	case head&0x80 == 0:
		return 0, nil, nil, errors.New("not an OpenPGP packet")
	case head&0x40 != 0:
		tag = int(head & 0x3F)
		length, err = r.newLength()
	default:
		tag = int(head >> 2 & 0x0F)
		switch head & 3 {
		case 0:
			length = int(r.byte())
		case 1:
			length = int(r.uint16())
		case 2:
			length = int(r.uint32())
		default:
			err = errors.New("packet of indefinite length")
		}
	}
	if err != nil {
		return 0, nil, nil, err
	}
	body = r.take(length)
	return tag, body, r.in, r.err
}

// octets reads big-endian values. Its error sticks.
type octets struct {
	in  []byte
	err error
}

func (r *octets) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.in) {
		if r.err == nil {
			r.err = errTruncated
		}
		return nil
	}
	taken := r.in[:n]
	r.in = r.in[n:]
	return taken
}

func (r *octets) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *octets) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *octets) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// newLength reads a length of the new format.
func (r *octets) newLength() (int, error) {
	switch first := r.byte(); {
	case r.err != nil:
		return 0, r.err
	case first < 192:
		return int(first), nil
	case first < 224:
		second := r.byte()
		return int(first-192)<<8 + int(second) + 192, r.err
	case first == 0xFF:
		n := r.uint32()
		return int(n), r.err
	}
	return 0, errors.New("partial length")
}

// mpi reads a multiprecision integer, which must have no leading zero bits beyond
// what its bit count says.
func (r *octets) mpi() *big.Int {
	bits := int(r.uint16())
	n := new(big.Int).SetBytes(r.take((bits + 7) / 8))
	if r.err == nil && n.BitLen() > bits {
		r.err = errors.New("integer is longer than its bit count")
	}
	return n
}

func appendMPI(out []byte, n *big.Int) []byte {
	out = binary.BigEndian.AppendUint16(out, uint16(n.BitLen()))
	return append(out, n.Bytes()...)
}
