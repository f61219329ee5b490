package charmhub

import (
	"cmp"
	"net/http"

	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// appendAttachment appends a resource revision of a package as juju reads it. Said
// is what a charm's metadata says of the resource, which may be nothing. Base is
// that of the asking client, as within a JSON string.
//
// juju refuses a resource whose SHA-384 is no hash, or that turns out not to have
// its size; of an image both are those of the document that stands for it.
func (a *api) appendAttachment(b []byte, r *http.Request, base string, pkg *store.Package,
	said store.DeclaredResource, res *store.ResourceRevision) ([]byte, error) {
	file := fileOf{size: res.Size, sha256: res.SHA256, sha384: res.SHA384, sha512: res.SHA512, sha3: res.Blob}
	d, err := a.document(r, pkg, res)
	if err != nil {
		return b, err
	}
	if d != nil {
		file = fileOf{size: int64(len(d.Text)), sha256: d.SHA256, sha384: d.SHA384, sha512: d.SHA512, sha3: d.SHA3_384}
	}
	b = append(b, `{"name":`...)
	b = wire.AppendString(b, res.Name)
	b = append(b, `,"type":`...)
	b = wire.AppendString(b, res.Type)
	b = append(b, `,"revision":`...)
	b = wire.AppendInt(b, int64(res.Revision))
	b = append(b, `,"filename":`...)
	b = wire.AppendString(b, said.Filename)
	b = append(b, `,"description":`...)
	b = wire.AppendString(b, cmp.Or(said.Description, res.Description))
	b = append(b, `,"created-at":`...)
	b = wire.AppendTime(b, res.CreatedAt)
	b = append(b, `,"download":`...)
	pin := store.ResourcePin{Name: res.Name, Revision: res.Revision}
	b = wire.AppendBased(b, file.append(nil, attachmentPath(pkg.ID, pin)), base)
	return append(b, '}'), nil
}

// appendAttachments appends those that go with a revision.
func (a *api) appendAttachments(b []byte, r *http.Request, base string, pkg *store.Package, rev *store.Revision,
	list []*store.ResourceRevision) (_ []byte, err error) {
	b = append(b, '[')
	for _, res := range list {
		if b, err = a.appendAttachment(b, r, base, pkg, declared(rev, res.Name), res); err != nil {
			return b, err
		}
		b = append(b, ',')
	}
	return wire.CloseArray(b), nil
}

// declared is what a revision's metadata says of a resource.
func declared(rev *store.Revision, name string) store.DeclaredResource {
	for _, d := range rev.Declares() {
		if d.Name == name {
			return d
		}
	}
	return store.DeclaredResource{}
}

// fileOf is what clients hold a download against. The hashes' names have hyphens
// between sha and the number, but for SHA-3.
type fileOf struct {
	size                   int64
	sha256, sha384, sha512 string // hex
	sha3                   store.Digest
}

// append appends the download object as prepared JSON.
func (f fileOf) append(b []byte, path string) []byte {
	b = append(b, `{"url":`...)
	b = wire.AppendOwnURL(b, path)
	b = append(b, `,"size":`...)
	b = wire.AppendInt(b, f.size)
	for _, hash := range [...]struct{ name, hex string }{
		{"hash-sha-256", f.sha256}, {"hash-sha-384", f.sha384}, {"hash-sha-512", f.sha512}, {"hash-sha3-384", f.sha3.Hex()},
	} {
		b = append(b, ',', '"')
		b = append(b, hash.name...)
		b = append(b, `":`...)
		b = wire.AppendString(b, hash.hex)
	}
	return append(b, '}')
}
