// Package blob is the port for content-addressed storage: immutable bytes named
// by their SHA3-384 digest. The file system and S3 stand behind it, and one
// conformance suite holds both to the contract.
//
// A blob is written before the row that names it, in two steps: Stage receives
// the bytes and computes their digests, Commit makes them a blob that survives
// power loss. A caller looks at the staged bytes in between and may Discard
// them. What nobody committed is never visible; what was committed but got no
// row is garbage, and Sweep removes it after a grace time.
//
// It knows digests and bytes, never packages or revisions.
package blob
