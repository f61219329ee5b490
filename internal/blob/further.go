package blob

import (
	"context"
	"crypto/sha512"
	"encoding/hex"
	"io"
)

// Further are digests that Charmhub tells its clients and larder itself has no
// use for, in hex. They are computed in a pass of their own, so that what needs
// none does not wait for them.
type Further struct {
	SHA384 string
	SHA512 string
}

// MoreDigests reads r to its end and returns its further digests, computed side
// by side. Cancelling ctx stops it between two reads.
func MoreDigests(ctx context.Context, r io.Reader) (Further, error) {
	long, longest := sha512.New384(), sha512.New()
	if _, err := tee(ctx, r, long, longest); err != nil {
		return Further{}, err
	}
	return Further{SHA384: hex.EncodeToString(long.Sum(nil)), SHA512: hex.EncodeToString(longest.Sum(nil))}, nil
}
