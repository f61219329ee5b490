package oci

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/upkeep"
)

const grace = 24 * time.Hour

func (w *world) collect() upkeep.Collected {
	w.t.Helper()
	u := &upkeep.Upkeep{DB: w.db, Blobs: w.blobs, Authority: w.auth, Catalog: w.catalog}
	// The age of blobs goes by the clock of the disk, that of images by the world's.
	images, err := w.catalog.CollectImages(w.t.Context(), operator, grace)
	w.must(err)
	c, err := u.Collect(w.t.Context(), operator, 0)
	w.must(err)
	c.Images += images
	return c
}

func TestImagesThatNothingLeadsToAreCollected(t *testing.T) {
	onBoth(t, func(t *testing.T, w *world) {
		repo := name(redis, "server")
		at := "/v2/" + repo
		alice := w.person("alice")
		pinned := alice.push(repo, "latest", "amd64", "a pinned layer")
		old := alice.push(repo, "latest", "amd64", "an old layer")
		amd := alice.push(repo, "latest", "amd64", "a layer")
		list := index(map[string][]byte{"amd64": amd})
		w.wants(alice.put(repo, "latest", list), http.StatusCreated, "")
		signature := image([]byte("{}"), nil, descriptor{"subject": described(store.MediaOCIIndex, list)})
		alice.upload(repo, []byte("{}"))
		w.wants(alice.put(repo, digestOf(signature), signature), http.StatusCreated, "")
		stray := image([]byte("{}"), nil, descriptor{"subject": described(store.MediaOCIManifest, []byte("gone"))})
		w.wants(alice.put(repo, digestOf(stray), stray), http.StatusCreated, "")
		alice.upload(repo, []byte("a loose layer"))
		begun := w.wants(alice.do("POST", at+"/blobs/uploads/", nil), http.StatusAccepted, "")
		w.wants(alice.do("PATCH", begun.header.Get("Location"), []byte("half a layer")), http.StatusAccepted, "")
		_, err := w.db.Update(t.Context(), "tester", func(tx *db.Tx) error {
			m, err := tx.ImageManifest(store.ImageRepo{PackageID: redis, Resource: "server"}, digestOf(pinned))
			if err != nil {
				return err
			}
			tx.Record(store.ResourceAdded, "package/"+redis, nil)
			b, err := tx.Blob(m.Blob)
			if err != nil {
				return err
			}
			return tx.InsertResource(&store.ResourceRevision{
				PackageID: redis, Name: "server", Type: "oci-image", CreatedAt: tx.Now(),
				Blob: b.Digest, SHA256: b.SHA256, Size: b.Size, Image: digestOf(pinned),
			})
		})
		w.must(err)

		if n, err := w.catalog.CollectImages(t.Context(), operator, grace); err != nil || n != 0 {
			t.Fatalf("collected %d within the grace time, %v", n, err)
		}
		w.wants(alice.do("GET", begun.header.Get("Location"), nil), http.StatusNoContent, "")
		w.pass(grace + time.Second)
		if c := w.collect(); c.Images != 2 {
			t.Errorf("collected %+v, want 2 images", c)
		}
		for _, kept := range [][]byte{pinned, amd, list, signature} {
			w.wants(alice.do("GET", at+"/manifests/"+digestOf(kept), nil), http.StatusOK, "")
		}
		for _, gone := range [][]byte{old, stray} {
			w.wants(alice.do("GET", at+"/manifests/"+digestOf(gone), nil), http.StatusNotFound, "MANIFEST_UNKNOWN")
		}
		for _, layer := range []string{"a layer", "a pinned layer"} {
			w.wants(alice.do("GET", at+"/blobs/"+digestOf([]byte(layer)), nil), http.StatusOK, "")
		}
		for _, layer := range []string{"an old layer", "a loose layer", "half a layer"} {
			w.wants(alice.do("GET", at+"/blobs/"+digestOf([]byte(layer)), nil), http.StatusNotFound, "BLOB_UNKNOWN")
		}
		w.wants(alice.do("GET", begun.header.Get("Location"), nil), http.StatusNotFound, "BLOB_UPLOAD_UNKNOWN")
		stored := 0
		for _, err := range w.blobs.List(t.Context()) {
			w.must(err)
			stored++
		}
		if stored != 8 { // four manifests, two configs of which one is {}, and two layers
			t.Errorf("%d blobs are left", stored)
		}
		if problems, err := w.db.Fsck(t.Context()); err != nil || len(problems) != 0 {
			t.Errorf("fsck: %v, %v", problems, err)
		}
		w.wants(alice.do("DELETE", at+"/manifests/"+digestOf(pinned), nil), http.StatusConflict, "DENIED")
	})
}

func TestALayerWhoseBytesAreLostIsPushedAgain(t *testing.T) {
	w := newWorld(t)
	repo := name(redis, "server")
	alice := w.person("alice")
	digest := alice.upload(repo, []byte("a layer"))
	for info, err := range w.blobs.List(t.Context()) {
		w.must(err)
		w.must(w.blobs.Quarantine(t.Context(), info.Digest, time.Time{}))
	}
	w.wants(alice.do("HEAD", "/v2/"+repo+"/blobs/"+digest, nil), http.StatusNotFound, "")
	alice.upload(repo, []byte("a layer"))
	w.wants(alice.do("GET", "/v2/"+repo+"/blobs/"+digest, nil), http.StatusOK, "")
}

func TestNoRowPointsAtBytesThatAreNotThere(t *testing.T) {
	w := newWorld(t)
	repo := name(redis, "server")
	alice := w.person("alice")
	layer := []byte(strings.Repeat("a layer ", 500) + strings.Repeat("goes on ", 500))
	begun := w.wants(alice.do("POST", "/v2/"+repo+"/blobs/uploads/", nil), http.StatusAccepted, "")
	location := begun.header.Get("Location")
	w.wants(alice.do("PATCH", location, layer[:4000]), http.StatusAccepted, "")
	// Another process goes on where this one died.
	other := alice.on(w.start())
	a := w.wants(other.do("GET", location, nil), http.StatusNoContent, "")
	if a.header.Get("Range") != "0-3999" {
		t.Errorf("it goes on after %s", a.header.Get("Range"))
	}
	w.wants(other.do("PUT", location+"?digest="+digestOf(layer), layer[4000:]), http.StatusCreated, "")
	var rows []store.Blob
	w.must(w.db.View(t.Context(), func(tx *db.Tx) (err error) {
		rows, err = tx.Blobs(store.Digest{}, 100)
		return err
	}))
	if len(rows) != 3 { // two pieces and the whole
		t.Errorf("%d blobs have rows", len(rows))
	}
	for _, b := range rows {
		w.must(blob.Verify(t.Context(), w.blobs, b.Digest, b.Size))
	}
}
