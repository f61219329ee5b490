package snapstore

import (
	"context"
	"crypto/sha3"
	"hash"
	"net/url"

	"github.com/larder-store/larder/client/transport"
)

// Download fetches a file and verifies its size and SHA3-384. It is written
// beside its place, as NAME.partial, and renamed when it is whole and synced. A
// partial file of an earlier try is continued; after a failure that may pass the
// rest is asked for again, as often as the device's Retry says.
//
// Credentials go to the device's store only, whatever the file's URL is.
// Progress may be nil. ErrWrongDigest if the content is not what was announced,
// even after one fresh start; nothing is left at the name then.
func (d *Device) Download(ctx context.Context, what Download, name string, progress func(Progress)) error {
	if what.URL == "" || len(what.SHA3_384) != 2*sha3Size || what.Size < 0 {
		return invalidf("a download needs a URL, a size and a SHA3-384 digest in hex")
	}
	if u, err := url.Parse(what.URL); err != nil || u.Host == "" {
		return invalidf("the store gave no absolute URL for the download")
	}
	return d.transport().Download(ctx, transport.File{
		URL: what.URL, Size: what.Size,
		Digests:   []transport.Digest{{New: func() hash.Hash { return sha3.New384() }, Hex: what.SHA3_384}},
		Header:    d.header(),
		Authorize: d.authorize,
	}, name, progress)
}

const sha3Size = 48
