// Package ziparchive reads and writes the zip archives that charms and bundles are.
//
// Reading takes the central directory as the truth, as Go's and Python's readers do,
// and refuses every archive that two readers could understand differently or that
// could write outside of the directory it is unpacked into. It holds the directory in
// memory, reads members one at a time, and unpacks nothing to disk.
package ziparchive
