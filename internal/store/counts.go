package store

// Counts says how much a store holds.
type Counts struct {
	Packages   int   `json:"packages"`
	Revisions  int   `json:"revisions"`
	Blobs      int   `json:"blobs"`
	Bytes      int64 `json:"bytes"` // of the blobs
	Assertions int   `json:"assertions"`
}
