package snappublisher

import (
	"bytes"
	"encoding/hex"
	"testing"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// waiting is an upload under an id of the test's own.
func (w *world) waiting(id string, content []byte) {
	w.T.Helper()
	d, err := blob.Put(w.T.Context(), w.Blobs, bytes.NewReader(content), blob.PutOptions{})
	w.Must(err)
	w.Update(func(tx *db.Tx) error {
		row := store.Blob{Digest: d.SHA3_384, SHA256: hex.EncodeToString(d.SHA256[:]), Size: d.Size}
		if _, err := tx.AddBlob(row); err != nil {
			return err
		}
		tx.Record(store.BlobAdded, "blob/"+row.Digest.Hex(), nil)
		return tx.AddUpload(store.Upload{
			ID: id, Blob: row.Digest, Size: row.Size, CreatedAt: w.Now, ExpiresAt: w.Now.Add(store.UploadLife), Status: store.UploadUnclaimed,
		})
	})
}

// TestGoldenNamesAndUploads holds what snapcraft's register, names, register-key,
// upload and revisions ask for, on premises too, to what it gets.
func TestGoldenNamesAndUploads(t *testing.T) {
	w := newWorld(t)
	id := w.listed(1, "hello", "alice").ID
	w.listed(2, "theirs", "bob")
	w.Token("reading", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package_access"})})
	for _, name := range []string{
		"snapcraft-register-taken", "snapcraft-register-own", "snapcraft-register-reserved", "snapcraft-register-invalid",
		"snapcraft-register-no-permission", "snapcraft-upload-dry-run", "snapcraft-upload-dry-run-unknown",
		"snapcraft-upload-dry-run-foreign",
	} {
		w.golden(t, name)
	}
	request := inJSON(keyRequest(t, "alice-id", "laptop", assertiontest.Signer(assertiontest.BrandKey), nil))
	w.golden(t, "snapcraft-register-key", "request", request)
	w.golden(t, "snapcraft-register-key-again", "request", request)

	w.waiting("upload-one", w.snapFile(snapYAML("hello", "1", "")))
	w.golden(t, "snapcraft-upload-push")
	w.golden(t, "snapcraft-upload-status-at-first", "id", id)
	w.process()
	w.golden(t, "snapcraft-upload-status", "id", id)
	w.golden(t, "launchpad-upload-status")
	w.golden(t, "onprem-upload-status")
	w.waiting("upload-two", w.snapFile(snapYAML("hello", "2", "confinement: classic\n")))
	w.golden(t, "onprem-upload")
	w.waiting("upload-three", []byte("no snap"))
	w.Do("alice", "POST", "/v1/snap/hello/revisions", map[string]any{"upload-id": "upload-three"}).Object(200)
	w.process()
	w.golden(t, "snapcraft-upload-status-held", "id", id)
	w.golden(t, "snapcraft-upload-status-failed", "id", id)
	w.golden(t, "onprem-upload-status-failed")
	w.golden(t, "snapcraft-names")
	w.golden(t, "gateway-names")
	w.golden(t, "gateway-unregister-published")
}

func TestGoldenRevisionsOnPremises(t *testing.T) {
	w, _ := hello(t)
	w.released(1, "edge")
	w.golden(t, "onprem-revisions")
}
