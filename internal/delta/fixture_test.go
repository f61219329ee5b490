package delta

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/blobstore"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/inspect/snapbuild"
	"github.com/larder-store/larder/internal/inspect/snaptest"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/testservice"
)

var operator = store.Host("tester")

// house is a store that signs for itself.
type house struct {
	url, blobs, dir string
	db              *db.DB
	store           blob.Store
	catalog         *catalog.Catalog
	authority       *authority.Authority
}

// inHouses runs a test in a store on SQLite and files, and in one on
// PostgreSQL and S3.
func inHouses(t *testing.T, test func(t *testing.T, h *house)) {
	t.Run("sqlite-fs", func(t *testing.T) { test(t, newHouse(t)) })
	t.Run("postgresql-s3", func(t *testing.T) {
		test(t, houseAt(t, testservice.PostgreSQL(t), testservice.S3(t), t.TempDir()))
	})
}

func newHouse(t testing.TB) *house {
	dir := t.TempDir()
	return houseAt(t, "sqlite:"+filepath.Join(dir, "larder.db"), "file:"+filepath.Join(dir, "blobs"), dir)
}

func houseAt(t testing.TB, url, blobs, dir string) *house {
	t.Helper()
	h := &house{url: url, blobs: blobs, dir: dir}
	h.db, h.store = h.open(t)
	a := authority.New(authority.NewSecret())
	h.authority = a
	h.catalog = catalog.New(catalog.Options{DB: h.db, Blobs: h.store, Authority: a})
	root := assertiontest.NewRoot(t, "own", assertiontest.RootKey)
	installed, err := authority.ReadRoot(authority.RootFiles{
		AccountID: "own", Account: root.Account.Encoded(), AccountKey: root.Key.Encoded(),
		SigningKey: assertiontest.PEM(assertiontest.RootKey),
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = h.db.Update(t.Context(), "tester", func(tx *db.Tx) error {
		v := store.View{ID: store.GlobalStore, Name: "Global", CreatedAt: tx.Now()}
		tx.Record(store.StorePut, "store/"+v.ID, nil)
		if err := tx.PutView(v); err != nil {
			return err
		}
		if _, err := a.InstallRoot(tx, installed, "tester"); err != nil {
			return err
		}
		return h.catalog.Absorb(tx, installed.Documents)
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// open opens database and blobs as one more process does.
func (h *house) open(t testing.TB) (*db.DB, blob.Store) {
	t.Helper()
	d, err := db.Open(context.WithoutCancel(t.Context()), h.url, db.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	b, err := blobstore.Open(t.Context(), h.blobs, filepath.Join(h.dir, "spool"))
	if err != nil {
		t.Fatal(err)
	}
	return d, b
}

func openBlobs(ctx context.Context, url string) (blob.Store, error) {
	return blobstore.Open(ctx, url, "")
}

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }

// maker is one more node's maker.
func (h *house) maker(t testing.TB, change ...func(*Options)) *Maker {
	t.Helper()
	o := Options{Every: time.Millisecond, Program: xdelta3(t)}
	o.DB, o.Blobs = h.open(t)
	for _, f := range change {
		f(&o)
	}
	return New(o)
}

// makerLater is the maker of a node whose clock is ahead.
func (h *house) makerLater(t testing.TB, ahead time.Duration) *Maker {
	t.Helper()
	return h.maker(t, func(o *Options) {
		d, err := db.Open(t.Context(), h.url, db.Options{Now: func() time.Time { return time.Now().Add(ahead) }})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		o.DB = d
	})
}

func xdelta3(t testing.TB) string {
	t.Helper()
	path, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// tool is a program of a test's own in place of xdelta3.
func tool(t testing.TB, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tool")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

const noiseSize = 300_000

// push pushes a snap whose bytes, but for a little, are noise of the seed, and
// releases it.
func (h *house) push(t testing.TB, name, version string, seed uint64, channels ...string) catalog.Pushed {
	t.Helper()
	yaml := fmt.Sprintf("name: %s\nversion: %q\nsummary: a snap\ndescription: words\nbase: core24\narchitectures: [amd64]\n", name, version)
	f, err := os.Open(snaptest.Snap(t, yaml, snapbuild.Noise("noise", noiseSize, seed)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	staged, err := h.store.Stage(t.Context(), f, blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer staged.Discard()
	info, err := inspect.Snap(t.Context(), staged, staged.Digests().Size, inspect.Limits{})
	in := catalog.IncomingSnap{Source: name, Staged: staged, Info: info, Problems: err}
	for _, c := range channels {
		in.Channels = append(in.Channels, channel(t, c))
	}
	out, err := h.catalog.Push(t.Context(), operator, catalog.Incoming{Snaps: []catalog.IncomingSnap{in}, Register: true})
	if err != nil {
		t.Fatal(err)
	}
	return out.Pushed[0]
}

func channel(t testing.TB, name string) store.Channel {
	t.Helper()
	c, err := store.ParseChannel(name)
	if err != nil {
		t.Fatal(err)
	}
	return c.Normal()
}

func (h *house) release(t testing.TB, name string, revision int, to string) {
	t.Helper()
	_, err := h.catalog.Release(t.Context(), operator, store.Snap, name, revision, []catalog.Pointing{{Channel: channel(t, to)}})
	if err != nil {
		t.Fatal(err)
	}
}

// catchUp lets m follow the log to its end, once its node has heard of that.
func (h *house) catchUp(t testing.TB, m *Maker) {
	t.Helper()
	newest, err := h.db.Fresh(t.Context())
	for heard := int64(-1); err == nil && heard < newest; {
		heard, err = m.opts.DB.Fresh(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := m.catchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// ways lists the deltas, and the refused ones, as "source-target".
func (h *house) ways(t testing.TB, packageID string) (made, refused []string) {
	t.Helper()
	list := func(ds []store.Delta) (ways []string) {
		for _, d := range ds {
			ways = append(ways, fmt.Sprintf("%d-%d", d.Source, d.Target))
		}
		return ways
	}
	err := h.db.View(t.Context(), func(tx *db.Tx) error {
		ds, err := tx.Deltas(packageID)
		if err != nil {
			return err
		}
		made = list(ds)
		ds, err = tx.RefusedDeltas(packageID)
		refused = list(ds)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return made, refused
}

func wantWays(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s are %v, want %v", what, got, want)
	}
}

// wantApplies fails unless each delta makes its target, as a device would.
func (h *house) wantApplies(t testing.TB, packageID string) {
	t.Helper()
	err := h.db.View(t.Context(), func(tx *db.Tx) error {
		deltas, err := tx.Deltas(packageID)
		if err != nil {
			return err
		}
		for _, d := range deltas {
			source, err := tx.Revision(packageID, d.Source)
			if err != nil {
				return err
			}
			target, err := tx.Revision(packageID, d.Target)
			if err != nil {
				return err
			}
			if row, err := tx.Blob(d.Blob); err != nil || row.Size != d.Size {
				return fmt.Errorf("the delta's blob is %+v, %w", row, err)
			}
			dir := t.TempDir()
			from, with := filepath.Join(dir, "source"), filepath.Join(dir, "delta")
			h.save(t, from, source.Blob, source.Size)
			h.save(t, with, d.Blob, d.Size)
			got, err := exec.Command(xdelta3(t), "-d", "-c", "-s", from, with).Output()
			if err != nil {
				return err
			}
			if want := h.read(t, target.Blob, target.Size); !bytes.Equal(got, want) {
				t.Errorf("delta %d-%d makes %d other bytes", d.Source, d.Target, len(got))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) read(t testing.TB, d store.Digest, size int64) []byte {
	t.Helper()
	r, err := h.store.Open(t.Context(), d, size)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (h *house) save(t testing.TB, path string, d store.Digest, size int64) {
	t.Helper()
	if err := os.WriteFile(path, h.read(t, d, size), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantNothingStaged fails if temporary files are left.
func (h *house) wantNothingStaged(t testing.TB) {
	t.Helper()
	for _, pattern := range []string{"blobs/tmp/*", "spool/*"} {
		left, err := filepath.Glob(filepath.Join(h.dir, pattern))
		if err != nil || len(left) > 0 {
			t.Errorf("left are %v, %v", left, err)
		}
	}
}

func (h *house) countBlobs(t testing.TB) (n int) {
	t.Helper()
	for _, err := range h.store.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}
