package transfer

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/blobstore"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect/snaptest"
	"github.com/larder-store/larder/internal/store"
)

var operator = store.Host("tester")

// site is a store that trusts the root of another, and the other's root.
type site struct {
	Pusher
	root    *assertiontest.Authority
	blobDir string
}

func newSite(t testing.TB) *site {
	t.Helper()
	dir := t.TempDir()
	d, err := db.Open(t.Context(), "sqlite:"+filepath.Join(dir, "larder.db"), db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	s := &site{blobDir: filepath.Join(dir, "blobs"), root: assertiontest.NewRoot(t, "foreign", assertiontest.StoreKey)}
	s.Blobs, err = blobstore.Open(t.Context(), "file:"+s.blobDir, "")
	if err != nil {
		t.Fatal(err)
	}
	a := authority.New(authority.NewSecret())
	s.Catalog = catalog.New(catalog.Options{DB: d, Blobs: s.Blobs, Authority: a})
	own := assertiontest.NewRoot(t, "own", assertiontest.RootKey)
	root, err := authority.ReadRoot(authority.RootFiles{
		AccountID: "own", Account: own.Account.Encoded(), AccountKey: own.Key.Encoded(), SigningKey: assertiontest.PEM(assertiontest.RootKey)})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Update(t.Context(), "tester", func(tx *db.Tx) error {
		v := store.View{ID: store.GlobalStore, Name: "Global", CreatedAt: tx.Now()}
		if err := tx.PutView(v); err != nil {
			return err
		}
		tx.Record(store.StorePut, "store/"+v.ID, nil)
		if _, err := a.InstallRoot(tx, root, "tester"); err != nil {
			return err
		}
		if err := s.Catalog.Absorb(tx, root.Documents); err != nil {
			return err
		}
		_, _, err := a.AddAnchor(tx, authority.Encode([]*assertion.Assertion{s.root.Account, s.root.Key}), "test", "tester")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func snapYAML(name, version, more string) string {
	return fmt.Sprintf("name: %s\nversion: %q\nsummary: s\ndescription: d\n%s", name, version, more)
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// revision is a snap's bytes and what the other store has signed about them.
func (s *site) revision(t testing.TB, name string, number int) (snap []byte, signed *assertion.Assertion) {
	t.Helper()
	snap = read(t, snaptest.Snap(t, snapYAML(name, fmt.Sprint(number), "architectures: [amd64, arm64]\n")))
	d, err := blob.Copy(t.Context(), io.Discard, bytes.NewReader(snap))
	if err != nil {
		t.Fatal(err)
	}
	return snap, s.root.Sign(t, assertiontest.RevisionHeaders(
		assertiontest.SnapID(len(name)), d.SHA3_384.Base64URL(), uint64(d.Size), number, "foreign"), nil)
}

func (s *site) declaration(t testing.TB, name string) *assertion.Assertion {
	t.Helper()
	return s.root.Sign(t, assertiontest.DeclarationHeaders(assertiontest.SnapID(len(name)), name, "foreign"), nil)
}

// member is a file of an archive; a header replaces name and size.
type member struct {
	name   string
	data   []byte
	header *tar.Header
}

func tarOf(t testing.TB, members ...member) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, m := range members {
		h := m.header
		if h == nil {
			h = &tar.Header{Name: m.name, Mode: 0o644, Size: int64(len(m.data))}
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m.data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// push pushes what must succeed and returns the results.
func (s *site) push(t testing.TB, o PushOptions, files ...string) []Result {
	t.Helper()
	results, err := s.Push(t.Context(), operator, files, o)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

// channels is the channel map of a package, as channel and architecture to revision.
func (s *site) channels(t testing.TB, name string) map[string]int {
	t.Helper()
	d, err := s.Catalog.Describe(t.Context(), operator, store.Snap, name)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]int{}
	for _, l := range d.Channels {
		m[l.Channel.String()+" "+l.Architecture] = l.Revision
	}
	return m
}

// nothing fails the test if blobs or staged bytes are left.
func (s *site) nothing(t testing.TB) {
	t.Helper()
	for info, err := range s.Blobs.List(context.WithoutCancel(t.Context())) {
		t.Errorf("a blob of %d bytes is left, %v", info.Size, err)
	}
	err := filepath.Walk(filepath.Join(s.blobDir, "tmp"), func(path string, info os.FileInfo, err error) error {
		if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
			t.Errorf("staged bytes are left: %s, %d bytes", filepath.Base(path), info.Size())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
