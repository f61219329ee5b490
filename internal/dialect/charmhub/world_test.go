package charmhub

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/dialect/publishertest"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// world is a publishers' store with this dialect before it.
type world struct{ *publishertest.World }

type answer = publishertest.Answer

func TestMain(m *testing.M) { publishertest.Main(m) }

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{publishertest.New(t)}
	w.API = New(Options{
		Catalog: w.Catalog, Identity: w.People, Registry: registry{},
		BaseURL: func(*http.Request) string { return publishertest.BaseURL },
	})
	return w
}

// registry gives credentials that say whose they are.
type registry struct{}

func (registry) UploadCredentials(_ context.Context, who store.Principal, repo store.ImageRepo) (username string, password identity.Secret, err error) {
	return who.Name, identity.NewSecret("push-" + repo.PackageID + "-" + repo.Resource), nil
}

func (registry) PullCredentials(_ context.Context, repo store.ImageRepo) (username string, password identity.Secret, err error) {
	return "puller", identity.NewSecret("pull-" + repo.PackageID + "-" + repo.Resource), nil
}

// register makes a package of alice's in the charms' namespace. typ is charm or
// bundle.
func (w *world) register(name, typ string) *store.Package {
	w.T.Helper()
	return w.registerFor("alice", name, typ)
}

// registerFor is register for somebody else.
func (w *world) registerFor(person, name, typ string) *store.Package {
	w.T.Helper()
	pkg := &store.Package{
		ID: fakeID(name), Namespace: store.Charm, Name: name, Type: typ, PublisherID: person + "-id", StoreID: store.GlobalStore, CreatedAt: w.Now,
	}
	w.Update(func(tx *db.Tx) (err error) {
		if err := tx.InsertPackage(pkg); err != nil {
			return err
		}
		tx.Record(store.PackageRegistered, "package/"+pkg.ID, nil)
		pkg, err = tx.Package(pkg.ID)
		return err
	})
	return pkg
}

// fakeID is a package id that tells its package.
func fakeID(name string) string {
	id := strings.ReplaceAll(name, "-", "0") + strings.Repeat("Id00", 8)
	return id[:32]
}

// blob keeps bytes, and returns all their digests.
func (w *world) blob(content []byte) (row store.Blob, hex384, hex512 string) {
	w.T.Helper()
	d, err := blob.Put(w.T.Context(), w.Blobs, bytes.NewReader(content), blob.PutOptions{})
	w.Must(err)
	row = store.Blob{Digest: d.SHA3_384, SHA256: hex.EncodeToString(d.SHA256[:]), Size: d.Size}
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.BlobAdded, "blob/"+row.Digest.Hex(), nil)
		_, err := tx.AddBlob(row)
		return err
	})
	long, longest := sha512.Sum384(content), sha512.Sum512(content)
	return row, hex.EncodeToString(long[:]), hex.EncodeToString(longest[:])
}

// revision enters an approved revision without the way over an upload: r as it
// is, with what it leaves out filled in. Its bytes are content.
func (w *world) revision(pkg *store.Package, content string, r store.Revision) *store.Revision {
	w.T.Helper()
	row, hex384, hex512 := w.blob([]byte(content))
	r.PackageID, r.CreatedBy, r.Blob, r.SHA256, r.Size = pkg.ID, pkg.PublisherID, row.Digest, row.SHA256, row.Size
	r.SHA384, r.SHA512, r.Provenance = hex384, hex512, "global-upload"
	r.Status, r.Version = cmp.Or(r.Status, store.StatusApproved), cmp.Or(r.Version, "1")
	r.Meta.Type = cmp.Or(r.Meta.Type, pkg.Type)
	if r.CreatedAt.IsZero() {
		r.CreatedAt = w.Now
	}
	if r.Manifest == "" {
		r.Manifest = "name: " + pkg.Name + "\nsummary: s\ndescription: d\n"
	}
	if r.Meta.Charm == nil {
		r.Meta.Charm = &store.CharmMeta{}
	}
	if r.Platforms == nil {
		r.Platforms = []store.Platform{base("24.04", "amd64")}
	}
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.RevisionAdded, "package/"+pkg.ID, nil)
		return tx.InsertRevision(&r)
	})
	return &r
}

// base is one of Ubuntu's.
func base(channel, arch string) store.Platform {
	return store.Platform{BaseName: "ubuntu", BaseChannel: channel, Architecture: arch}
}

// resource enters a revision of a resource without the way over an upload.
func (w *world) resource(pkg *store.Package, content string, r store.ResourceRevision) *store.ResourceRevision {
	w.T.Helper()
	row, hex384, hex512 := w.blob([]byte(content))
	r.PackageID, r.CreatedBy, r.Blob, r.SHA256, r.Size = pkg.ID, pkg.PublisherID, row.Digest, row.SHA256, row.Size
	r.SHA384, r.SHA512, r.Type = hex384, hex512, cmp.Or(r.Type, store.ResourceFile)
	if r.CreatedAt.IsZero() {
		r.CreatedAt = w.Now
	}
	if r.Platforms == nil {
		r.Platforms = []store.Platform{{BaseName: "all", BaseChannel: "all", Architecture: "all"}}
	}
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.ResourceAdded, "package/"+pkg.ID, nil)
		return tx.InsertResource(&r)
	})
	return &r
}

// release points channels at a revision on all its platforms, with pins such as
// "image=3".
func (w *world) release(pkg *store.Package, rev *store.Revision, channels string, pins ...string) {
	w.T.Helper()
	var facts []store.Release
	for _, name := range strings.Fields(channels) {
		ch, err := store.ParseChannel(name)
		w.Must(err)
		for _, p := range rev.Platforms {
			f := store.Release{PackageID: pkg.ID, At: w.Now, By: pkg.PublisherID, Channel: ch.Normal(), Platform: p, Revision: rev.Number}
			for _, pin := range pins {
				name, number, _ := strings.Cut(pin, "=")
				n, err := strconv.Atoi(number)
				w.Must(err)
				f.Resources = append(f.Resources, store.ResourcePin{Name: name, Revision: n})
			}
			facts = append(facts, f)
		}
	}
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.Released, "package/"+pkg.ID, nil)
		_, err := tx.AppendReleases(facts)
		return err
	})
}

// upload sends a file as /unscanned-upload does, and returns its id.
func (w *world) upload(content []byte) string {
	w.T.Helper()
	id, err := w.Catalog.Receive(w.T.Context(), catalog.Sent{Filename: "f", Address: "192.0.2.1"}, bytes.NewReader(content))
	w.Must(err)
	return id
}

// process looks into what was claimed.
func (w *world) process() {
	w.T.Helper()
	_, err := w.Catalog.ProcessUploads(w.T.Context())
	w.Must(err)
}
