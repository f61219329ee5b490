package db

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"

	"github.com/larder-store/larder/internal/store"
)

// DumpedBlobs calls yield with the digest and size of every blob that a dump
// names, reading it from the start.
func DumpedBlobs(dump io.ReadSeeker, yield func(store.Blob) error) error {
	if _, err := dump.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("cannot read the dump: %w", err)
	}
	lines := bufio.NewScanner(dump)
	lines.Buffer(make([]byte, 0, 64<<10), maxDumpLine)
	digest, size := -1, -1 // columns, once within the table
	for lines.Scan() {
		line := lines.Bytes()
		if line[0] == '{' {
			var t dumpTable
			if err := json.Unmarshal(line, &t); err != nil {
				return fmt.Errorf("cannot read the dump: %w", err)
			}
			if digest >= 0 {
				return nil
			}
			if t.Table == "blobs" {
				digest, size = slices.Index(t.Columns, "sha3_384"), slices.Index(t.Columns, "size")
			}
			continue
		}
		if digest < 0 {
			continue
		}
		b, err := dumpedBlob(line, digest, size)
		if err == nil {
			err = yield(b)
		}
		if err != nil {
			return err
		}
	}
	return lines.Err()
}

func dumpedBlob(line []byte, digest, size int) (b store.Blob, err error) {
	var row []json.RawMessage
	if err := json.Unmarshal(line, &row); err != nil {
		return b, fmt.Errorf("cannot read the dump: %w", err)
	}
	if err := json.Unmarshal(row[digest], &b.Digest); err != nil {
		return b, fmt.Errorf("cannot read the dump: %w", err)
	}
	return b, json.Unmarshal(row[size], &b.Size)
}
