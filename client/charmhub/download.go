package charmhub

import (
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"fmt"
	"hash"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/larder-store/larder/client/transport"
)

// Download fetches the file of a charm, bundle or resource and verifies its size
// and every digest that the store told; at least SHA-256 or SHA-384 must be. It
// is written beside its place, as NAME.partial, and renamed when it is whole and
// synced. A partial file of an earlier try is continued; after a failure that may
// pass the rest is asked for again.
//
// Credentials go to the store only, whatever the file's URL is. Progress may be
// nil. ErrWrongDigest if the content is not what was announced, even after one
// fresh start; nothing is left at the name then.
func (c *Consumer) Download(ctx context.Context, what Download, name string, progress func(Progress)) error {
	if what.SHA256 == "" && what.SHA384 == "" || what.Size < 0 {
		return invalidf("a download needs a size, and a SHA-256 or SHA-384 digest")
	}
	if u, err := url.Parse(what.URL); err != nil || u.Host == "" {
		return invalidf("the store gave no absolute URL for the download")
	}
	var digests []transport.Digest
	for _, d := range []transport.Digest{
		{New: sha256.New, Hex: what.SHA256}, {New: sha512.New384, Hex: what.SHA384}, {New: sha512.New, Hex: what.SHA512},
		{New: func() hash.Hash { return sha3.New384() }, Hex: what.SHA3_384},
	} {
		if d.Hex != "" {
			digests = append(digests, d)
		}
	}
	file := transport.File{URL: what.URL, Size: what.Size, Digests: digests, Authorize: c.authorize}
	return c.transport().Download(ctx, file, name, progress)
}

// FileName is what juju calls a downloaded charm or bundle: NAME_rREVISION.TYPE.
func (e Entity) FileName() string {
	return safeName(fmt.Sprintf("%s_r%d.%s", e.Name, e.Revision, e.Type))
}

// FileName is what juju calls a downloaded resource:
// resource_NAME_rREVISION[_FILENAME].
func (r DeployedResource) FileName() string {
	name := fmt.Sprintf("resource_%s_r%d", r.Name, r.Revision)
	if r.Filename != "" {
		name += "_" + r.Filename
	}
	return safeName(name)
}

// safeName keeps what a store says from naming another directory.
func safeName(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '/' || r == '\\' || r == ':' || r == filepath.Separator {
			return '_'
		}
		return r
	}, name)
	return strings.TrimLeft(name, ".-")
}
