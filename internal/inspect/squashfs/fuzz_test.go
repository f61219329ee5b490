package squashfs

import (
	"errors"
	"testing"
)

func FuzzInflate(f *testing.F) {
	for id, c := range codecs {
		f.Add(id, c.pack16(f))
	}
	f.Fuzz(func(t *testing.T, id uint16, block []byte) {
		c, ok := codecs[id]
		if !ok {
			return
		}
		dst := make([]byte, metadataSize)
		n, err := c.inflate(dst, block)
		if err != nil && !errors.Is(err, ErrCorrupt) && !errors.Is(err, ErrUnsupported) || n < 0 || n > len(dst) {
			t.Errorf("%s: %d bytes, %v", c.name, n, err)
		}
	})
}
