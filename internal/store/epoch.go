package store

import "slices"

// Epoch says which data formats a revision reads and writes. The zero value
// is epoch 0: reads 0, writes 0.
type Epoch struct {
	Read  []uint32 `json:"read"`
	Write []uint32 `json:"write"`
}

// Normal returns e with the zero value written out as reading and writing 0.
func (e Epoch) Normal() Epoch {
	if len(e.Read) == 0 && len(e.Write) == 0 {
		return Epoch{Read: []uint32{0}, Write: []uint32{0}}
	}
	return e
}

// CanRead reports whether a revision of epoch e understands the data that one
// of epoch installed has written.
func (e Epoch) CanRead(installed Epoch) bool {
	e, installed = e.Normal(), installed.Normal()
	return slices.ContainsFunc(installed.Write, func(w uint32) bool { return slices.Contains(e.Read, w) })
}
