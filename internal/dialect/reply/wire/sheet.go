package wire

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"slices"
)

// baseMark stands in prepared JSON where the store's own URL goes, which
// depends on how the client reached it. JSON never holds this byte.
const baseMark = 0

// AppendOwnURL appends the URL of a path of this store, as prepared JSON.
func AppendOwnURL(b []byte, path string) []byte {
	b = append(b, '"', baseMark)
	b = AppendEscaped(b, path)
	return append(b, '"')
}

// AppendBased appends prepared JSON with base in place of every mark. Base is
// escaped as within a JSON string.
func AppendBased(b, prepared []byte, base string) []byte {
	for {
		i := bytes.IndexByte(prepared, baseMark)
		if i < 0 {
			return append(b, prepared...)
		}
		b = append(b, prepared[:i]...)
		b = append(b, base...)
		prepared = prepared[i+1:]
	}
}

// Sheet is prepared JSON of up to 64 members: every one as `"name":value,`, one
// after the other, and before them where each begins. So any choice of members
// is a few copies.
type Sheet []byte

// NewSheet prepares n members. Member appends the i-th, with its comma, or
// nothing.
func NewSheet(n int, member func(b []byte, i int) []byte) Sheet {
	head := 4 * (n + 1)
	b := make([]byte, head, head+2048)
	for i := range n {
		binary.LittleEndian.PutUint32(b[4*i:], uint32(len(b)))
		b = member(b, i)
	}
	binary.LittleEndian.PutUint32(b[4*n:], uint32(len(b)))
	return slices.Clip(b)
}

// AppendTo appends the members whose bits are set in want, each with its comma.
// There must be no bits beyond the members.
func (s Sheet) AppendTo(b []byte, want uint64, base string) []byte {
	for want != 0 {
		from := bits.TrailingZeros64(want)
		to := from + bits.TrailingZeros64(^want>>from)
		b = AppendBased(b, s[s.offset(from):s.offset(to)], base)
		want &= ^uint64(0) << to
	}
	return b
}

func (s Sheet) offset(i int) uint32 { return binary.LittleEndian.Uint32(s[4*i:]) }
