package upkeep

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/blobstore"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/snaptest"
	"github.com/larder-store/larder/internal/settings"
	"github.com/larder-store/larder/internal/store"
)

var operator = store.Host("tester")

// place is where a store's data is.
type place struct{ db, blobs string }

func newPlace(t testing.TB) place {
	dir := t.TempDir()
	return place{"sqlite:" + filepath.Join(dir, "larder.db"), "file:" + filepath.Join(dir, "blobs")}
}

// open is one process at a place. Several may share a secret.
func open(t testing.TB, p place, secret authority.Secret) *Upkeep {
	t.Helper()
	d, err := db.Open(t.Context(), p.db, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	blobs, err := blobstore.Open(t.Context(), p.blobs, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a := authority.New(secret)
	return &Upkeep{
		DB: d, Blobs: blobs, Authority: a, Settings: settings.New(d, a), Log: slog.New(slog.DiscardHandler),
		Catalog: catalog.New(catalog.Options{DB: d, Blobs: blobs, Authority: a}),
	}
}

// ownRoot is a root with a key that need not be searched for.
func ownRoot(t testing.TB, id string) *authority.Root {
	t.Helper()
	made := assertiontest.NewRoot(t, id, assertiontest.RootKey)
	root, err := authority.ReadRoot(authority.RootFiles{
		AccountID: id, Account: made.Account.Encoded(), AccountKey: made.Key.Encoded(), SigningKey: assertiontest.PEM(assertiontest.RootKey)})
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// found makes a store with a root of its own at a place.
func found(t testing.TB, p place, secret authority.Secret) *Upkeep {
	t.Helper()
	u := open(t, p, secret)
	if _, err := u.Found(t.Context(), operator, Founding{Root: ownRoot(t, "own")}); err != nil {
		t.Fatal(err)
	}
	return u
}

// push puts a snap in and releases it, and returns its digest.
func push(ctx context.Context, t testing.TB, u *Upkeep, name string, n int) (store.Digest, error) {
	t.Helper()
	f, err := os.Open(snaptest.Snap(t, fmt.Sprintf("name: %s\nversion: %q\nsummary: s\ndescription: d\n", name, fmt.Sprint(n)),
		snapbuild.Noise("noise", 5000, uint64(n))))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	staged, err := u.Blobs.Stage(ctx, f, blob.PutOptions{})
	if err != nil {
		return store.Digest{}, err
	}
	digest := staged.Digests().SHA3_384
	info, err := inspect.Snap(ctx, staged, staged.Digests().Size, inspect.Limits{})
	if err != nil {
		return digest, err
	}
	_, err = u.Catalog.Push(ctx, operator, catalog.Incoming{Register: true, Snaps: []catalog.IncomingSnap{
		{Source: name, Staged: staged, Info: info, Channels: []store.Channel{{Track: "latest"}}}}})
	return digest, err
}

func mustPush(t testing.TB, u *Upkeep, name string, n int) store.Digest {
	t.Helper()
	d, err := push(t.Context(), t, u, name, n)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// file is where the file system store keeps a blob.
func (p place) file(d store.Digest) string {
	return filepath.Join(p.blobs[len("file:"):], d.Hex()[:2], d.Hex()[2:4], d.Hex())
}

func fsck(t testing.TB, u *Upkeep) Report {
	t.Helper()
	r, err := u.Fsck(t.Context(), operator, FsckOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func clean(t testing.TB, u *Upkeep) Report {
	t.Helper()
	r := fsck(t, u)
	if len(r.Damage) > 0 {
		t.Errorf("damage: %+v", r.Damage)
	}
	return r
}

// served reads the newest revision of a snap as a device would.
func served(t testing.TB, u *Upkeep, name string) ([]byte, error) {
	t.Helper()
	answers, err := u.Catalog.Resolve(t.Context(), catalog.Asker{}, store.Snap, []catalog.Wish{{
		Ref: store.Ref{Name: name}, Query: store.Query{Action: store.ActionInstall, Channel: store.Channel{Track: "latest"}, Architecture: "amd64"}}})
	if err != nil {
		t.Fatal(err)
	}
	if answers[0].Err != nil {
		return nil, answers[0].Err
	}
	r := answers[0].Choice.Revision
	f, err := u.Catalog.Download(t.Context(), catalog.Asker{}, store.Snap, r.PackageID, r.Number)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}
