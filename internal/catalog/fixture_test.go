package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/blobstore"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/inspect/snaptest"
	"github.com/larder-store/larder/internal/inspect/squashfs"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/testservice"
)

var operator = store.Host("tester")

// house is a store with everything real: database, blobs, authority.
type house struct {
	*Catalog
	url, blobDir string // blobDir is "" on S3
}

// inHouses runs a test in a store on SQLite and files, and in one on
// PostgreSQL and S3.
func inHouses(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("sqlite-fs", func(t *testing.T) { test(t, newHouse(t)) })
	t.Run("postgresql-s3", func(t *testing.T) {
		test(t, houseAt(t, testservice.PostgreSQL(t), testservice.S3(t)))
	})
}

func newHouse(t testing.TB) *house {
	dir := t.TempDir()
	h := houseAt(t, "sqlite:"+filepath.Join(dir, "larder.db"), "file:"+filepath.Join(dir, "blobs"))
	h.blobDir = filepath.Join(dir, "blobs")
	return h
}

func houseAt(t testing.TB, url, blobs string) *house {
	t.Helper()
	b, err := blobstore.Open(t.Context(), blobs, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	h := &house{url: url, Catalog: catalogAt(t, url, b, authority.New(authority.NewSecret()))}
	h.update(t, func(tx *db.Tx) error {
		v := store.View{ID: store.GlobalStore, Name: "Global", CreatedAt: tx.Now()}
		tx.Record(store.StorePut, "store/"+v.ID, nil)
		return tx.PutView(v)
	})
	return h
}

// catalogAt opens one more process' view of a store.
func catalogAt(t testing.TB, url string, blobs blob.Store, a *authority.Authority) *Catalog {
	t.Helper()
	d, err := db.Open(t.Context(), url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return New(Options{DB: d, Blobs: blobs, Authority: a})
}

// neighbour is another process on the same store.
func (h *house) neighbour(t testing.TB) *Catalog { return catalogAt(t, h.url, h.blobs, h.authority) }

func (h *house) update(t testing.TB, f func(*db.Tx) error) {
	t.Helper()
	if _, err := h.db.Update(t.Context(), "tester", f); err != nil {
		t.Fatal(err)
	}
}

// ownRoot gives the store a root of its own, called own.
func (h *house) ownRoot(t testing.TB) {
	t.Helper()
	root := assertiontest.NewRoot(t, "own", assertiontest.RootKey)
	installed, err := authority.ReadRoot(authority.RootFiles{
		AccountID: "own", Account: root.Account.Encoded(), AccountKey: root.Key.Encoded(),
		SigningKey: assertiontest.PEM(assertiontest.RootKey),
	})
	if err != nil {
		t.Fatal(err)
	}
	h.update(t, func(tx *db.Tx) error {
		if _, err := h.authority.InstallRoot(tx, installed, "tester"); err != nil {
			return err
		}
		return h.Absorb(tx, installed.Documents)
	})
}

// foreign is another store's authority that this one trusts.
func (h *house) foreign(t testing.TB) *assertiontest.Authority {
	t.Helper()
	root := assertiontest.NewRoot(t, "foreign", assertiontest.StoreKey)
	h.update(t, func(tx *db.Tx) error {
		_, _, err := h.authority.AddAnchor(tx, authority.Encode([]*assertion.Assertion{root.Account, root.Key}), "test", "tester")
		return err
	})
	return root
}

func snapYAML(name, version, more string) string {
	return fmt.Sprintf("name: %s\nversion: %q\nsummary: a snap called %s\ndescription: words about %s\nbase: core24\n%s", name, version, name, name, more)
}

// snap stages a snap and reads it.
func (h *house) snap(t testing.TB, yaml string, files ...squashfs.File) IncomingSnap {
	t.Helper()
	staged := stage(t, h.blobs, snaptest.Snap(t, yaml, files...))
	info, err := inspect.Snap(t.Context(), staged, staged.Digests().Size, inspect.Limits{})
	if info == nil {
		t.Fatal(err)
	}
	return IncomingSnap{Source: info.Name + ".snap", Staged: staged, Info: info, Problems: err}
}

func (h *house) component(t testing.TB, yaml string) IncomingComponent {
	t.Helper()
	staged := stage(t, h.blobs, snaptest.Component(t, yaml))
	info, err := inspect.Component(t.Context(), staged, staged.Digests().Size, inspect.Limits{})
	if info == nil {
		t.Fatal(err)
	}
	return IncomingComponent{Source: info.Name + ".comp", Staged: staged, Info: info, Problems: err}
}

func stage(t testing.TB, blobs blob.Store, path string) blob.Staged {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	staged, err := blobs.Stage(t.Context(), f, blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(staged.Discard)
	return staged
}

// push pushes what must succeed.
func (h *house) push(t testing.TB, in Incoming) Outcome {
	t.Helper()
	out, err := h.Push(t.Context(), operator, in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// pushBare pushes one snap without assertions, registering its name, and
// returns its revision.
func (h *house) pushBare(t testing.TB, yaml string, channels ...string) Pushed {
	t.Helper()
	s := h.snap(t, yaml)
	s.Channels = channelsOf(t, channels...)
	return h.push(t, Incoming{Snaps: []IncomingSnap{s}, Register: true}).Pushed[0]
}

func channelsOf(t testing.TB, names ...string) []store.Channel {
	t.Helper()
	var list []store.Channel
	for _, name := range names {
		list = append(list, channel(t, name))
	}
	return list
}

func channel(t testing.TB, name string) store.Channel {
	t.Helper()
	c, err := store.ParseChannel(name)
	if err != nil {
		t.Fatal(err)
	}
	return c.Normal()
}

// install asks what a fresh device gets; 0 is nothing.
func install(t testing.TB, c *Catalog, a Asker, name, ch, arch string) int {
	t.Helper()
	answers, err := c.Resolve(t.Context(), a, store.Snap, []Wish{{
		Ref:   store.Ref{Name: name},
		Query: store.Query{Action: store.ActionInstall, Channel: channel(t, ch), Architecture: arch, At: c.now()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if answers[0].Err != nil {
		if store.KindOf(answers[0].Err) != store.KindNotFound {
			t.Fatal(answers[0].Err)
		}
		return 0
	}
	return answers[0].Choice.Revision.Number
}

// publication is what a foreign store signs about one snap.
type publication struct {
	account, declaration, revision *assertion.Assertion
}

func (p publication) all() []*assertion.Assertion {
	return []*assertion.Assertion{p.revision, p.declaration, p.account}
}

// publish signs for a snap as root, with the publisher dev.
func publish(t testing.TB, root *assertiontest.Authority, s IncomingSnap, snapID, name string, revision int) publication {
	t.Helper()
	d := s.Staged.Digests()
	return publication{
		account:     root.Sign(t, assertiontest.AccountHeaders("dev"), nil),
		declaration: root.Sign(t, assertiontest.DeclarationHeaders(snapID, name, "dev"), nil),
		revision: root.Sign(t, assertiontest.RevisionHeaders(
			snapID, d.SHA3_384.Base64URL(), uint64(d.Size), revision, "dev"), nil),
	}
}

// wantCode fails the test unless err carries the code and says what to do.
func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	if store.CodeOf(err) != code {
		t.Fatalf("error %v, want code %s", err, code)
	}
}

// nothing fails the test if anything of a push can be seen.
func (h *house) nothing(t testing.TB) {
	t.Helper()
	var counts store.Counts
	err := h.db.View(t.Context(), func(tx *db.Tx) (err error) {
		counts, err = tx.Counts()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if counts.Packages+counts.Revisions+counts.Blobs > 0 {
		t.Errorf("a refused push left rows: %+v", counts)
	}
	if n := h.storedBlobs(t); n > 0 {
		t.Errorf("a refused push left %d blobs", n)
	}
	h.noneStaged(t)
}

func (h *house) storedBlobs(t testing.TB) int {
	t.Helper()
	n := 0
	for _, err := range h.blobs.List(context.WithoutCancel(t.Context())) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// noneStaged fails the test if staged bytes are left on disk.
func (h *house) noneStaged(t testing.TB) {
	t.Helper()
	if h.blobDir == "" {
		return
	}
	list, err := os.ReadDir(filepath.Join(h.blobDir, "tmp"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range list {
		inner, _ := os.ReadDir(filepath.Join(h.blobDir, "tmp", e.Name()))
		for _, f := range inner {
			if info, err := f.Info(); err == nil && info.Size() > 0 {
				t.Errorf("staged bytes are left: %s/%s", e.Name(), f.Name())
			}
		}
		if info, err := e.Info(); err == nil && !e.IsDir() && info.Size() > 0 {
			t.Errorf("staged bytes are left: %s", e.Name())
		}
	}
}

func revisions(out Outcome) []int {
	var list []int
	for _, p := range out.Pushed {
		list = append(list, p.Revision)
	}
	slices.Sort(list)
	return list
}
