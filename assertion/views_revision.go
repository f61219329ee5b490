package assertion

import (
	"time"
)

// SnapRevision says which revision of which snap a file is.
type SnapRevision struct {
	SHA3_384    string // unpadded URL-safe base64
	Provenance  string
	SnapID      string
	Size        uint64 // bytes
	Revision    int
	DeveloperID string
	Timestamp   time.Time
	Integrity   []Integrity
}

func readSnapRevision(a *Assertion, h *fields) (any, error) {
	v := &SnapRevision{
		SHA3_384:    h.digest("snap-sha3-384"),
		Provenance:  h.matching("provenance", provenancePattern),
		SnapID:      h.text("snap-id"),
		Size:        h.size("snap-size"),
		Revision:    h.positive("snap-revision"),
		DeveloperID: h.text("developer-id"),
		Timestamp:   h.date("timestamp"),
		Integrity:   h.integrity(),
	}
	return v, h.err
}

// Integrity is data with which a device can check a file block by block. Only for
// the kind known here, dm-verity version 1, is more than Type set.
type Integrity struct {
	Type          string
	Version       int
	HashAlgorithm string
	DataBlockSize int // bytes
	HashBlockSize int // bytes
	Digest        string
	Salt          string
}

func (f *fields) integrity() []Integrity {
	var list []Integrity
	f.each("integrity", func(f *fields) {
		i := Integrity{Type: f.text("type")}
		if i.Type == "dm-verity" && f.values["version"] == "1" {
			i.Version = 1
			i.HashAlgorithm = f.text("hash-algorithm")
			i.DataBlockSize = f.positive("data-block-size")
			i.HashBlockSize = f.positive("hash-block-size")
			i.Digest = f.matching("digest", hexPattern)
			i.Salt = f.matching("salt", hexPattern)
		}
		list = append(list, i)
	})
	return list
}

// SnapResourceRevision says which revision of which component a file is.
type SnapResourceRevision struct {
	SnapID       string
	ResourceName string
	SHA3_384     string
	Provenance   string
	Size         uint64 // bytes
	Revision     int
	DeveloperID  string
	Timestamp    time.Time
	Integrity    []Integrity
}

func readSnapResourceRevision(a *Assertion, h *fields) (any, error) {
	v := &SnapResourceRevision{
		SnapID:       a.key[0],
		ResourceName: h.snapName("resource-name"),
		SHA3_384:     h.digest("resource-sha3-384"),
		Provenance:   h.matching("provenance", provenancePattern),
		Size:         h.size("resource-size"),
		Revision:     h.positive("resource-revision"),
		DeveloperID:  h.text("developer-id"),
		Timestamp:    h.date("timestamp"),
		Integrity:    h.integrity(),
	}
	return v, h.err
}

// SnapResourcePair says that a component's revision goes with a snap's.
type SnapResourcePair struct {
	SnapID           string
	ResourceName     string
	ResourceRevision int
	SnapRevision     int
	Provenance       string
	DeveloperID      string
	Timestamp        time.Time
}

func readSnapResourcePair(a *Assertion, h *fields) (any, error) {
	v := &SnapResourcePair{
		SnapID:           a.key[0],
		ResourceName:     h.snapName("resource-name"),
		ResourceRevision: h.positive("resource-revision"),
		SnapRevision:     h.positive("snap-revision"),
		Provenance:       h.matching("provenance", provenancePattern),
		DeveloperID:      h.text("developer-id"),
		Timestamp:        h.date("timestamp"),
	}
	return v, h.err
}

// SnapBuild is a developer's word on a file that was built.
type SnapBuild struct {
	SHA3_384  string
	SnapID    string
	Grade     string
	Size      uint64 // bytes
	Timestamp time.Time
}

func readSnapBuild(a *Assertion, h *fields) (any, error) {
	v := &SnapBuild{
		SHA3_384:  h.digest("snap-sha3-384"),
		SnapID:    h.text("snap-id"),
		Grade:     h.text("grade"),
		Size:      h.size("snap-size"),
		Timestamp: h.date("timestamp"),
	}
	return v, h.err
}
