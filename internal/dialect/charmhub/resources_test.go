package charmhub

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// waiting is an upload under an id of the test's own.
func (w *world) waiting(id, content string) {
	w.T.Helper()
	row, _, _ := w.blob([]byte(content))
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.BlobAdded, "blob/"+row.Digest.Hex(), nil)
		return tx.AddUpload(store.Upload{
			ID: id, Blob: row.Digest, Size: row.Size, CreatedAt: w.Now, ExpiresAt: w.Now.Add(store.UploadLife), Status: store.UploadUnclaimed,
		})
	})
}

// image puts an image for some architectures into a resource's repository, and
// returns its digest.
func (w *world) image(pkg *store.Package, resource string, architectures ...string) string {
	w.T.Helper()
	var parts []string
	for _, a := range architectures {
		parts = append(parts, fmt.Sprintf(`{"digest":"sha256:%064d","platform":{"architecture":%q,"os":"linux"}}`, len(parts), a))
	}
	text := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[%s]}`, store.MediaOCIIndex, strings.Join(parts, ","))
	d, err := blob.Put(w.T.Context(), w.Blobs, strings.NewReader(text), blob.PutOptions{})
	w.Must(err)
	m := store.ImageManifest{
		Repo: store.ImageRepo{PackageID: pkg.ID, Resource: resource}, Digest: "sha256:" + hex.EncodeToString(d.SHA256[:]),
		MediaType: store.MediaOCIIndex, Blob: d.SHA3_384, Size: d.Size, Depth: 1, PushedBy: "tester",
	}
	w.Update(func(tx *db.Tx) error {
		if _, err := tx.AddBlob(store.Blob{Digest: d.SHA3_384, SHA256: hex.EncodeToString(d.SHA256[:]), Size: d.Size}); err != nil {
			return err
		}
		tx.Record(store.ImagePushed, "image/"+m.Repo.String(), nil)
		_, err := tx.PutImageManifest(m)
		return err
	})
	return m.Digest
}

// declaring is a charm of alice's that takes a file and an image.
func (w *world) declaring(name string) (*store.Package, *store.Revision) {
	w.T.Helper()
	pkg := w.register(name, store.TypeCharm)
	return pkg, w.revision(pkg, "the charm "+name, store.Revision{Number: 1, Meta: store.Meta{Charm: &store.CharmMeta{
		Resources: []store.DeclaredResource{
			{Name: "data", Type: store.ResourceFile, Filename: "data.tar.gz", Description: "words <&> data", Optional: true},
			{Name: "server", Type: store.ResourceImage, Description: "the server"},
		},
	}}})
}

// attach uploads a revision of a resource, and returns its number.
func (w *world) attach(charm, resource, content string) int {
	w.T.Helper()
	var claimed struct {
		StatusURL string `json:"status-url"`
	}
	w.Do("alice", "POST", "/v1/charm/"+charm+"/resources/"+resource+"/revisions",
		map[string]any{"upload-id": w.upload([]byte(content))}).Into(200, &claimed)
	w.process()
	var reviewed struct {
		Revisions []struct {
			Status   string
			Revision int
			Errors   any
		}
	}
	w.Do("alice", "GET", claimed.StatusURL, nil).Into(200, &reviewed)
	if len(reviewed.Revisions) != 1 || reviewed.Revisions[0].Status != "approved" {
		w.T.Fatalf("the resource %s: %+v", resource, reviewed)
	}
	return reviewed.Revisions[0].Revision
}

// attachImage does what charmcraft does after it has pushed an image.
func (w *world) attachImage(charm, resource, digest string) int {
	w.T.Helper()
	a := w.Do("alice", "POST", "/v1/charm/"+charm+"/resources/"+resource+"/oci-image/blob", map[string]any{"image-digest": digest})
	if a.Code != 200 {
		w.T.Fatalf("%d %s", a.Code, a.Body)
	}
	return w.attach(charm, resource, a.Body.String())
}

// TestGoldenResources holds what charmcraft's resources, upload-resource,
// resource-revisions and set-resource-architectures ask for, and juju's listing,
// to what they get.
func TestGoldenResources(t *testing.T) {
	w := newWorld(t)
	pkg, rev := w.declaring("hello")
	w.Token("reading", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package-view"})})
	for _, name := range []string{
		"charmcraft-resources", "charmcraft-resource-revisions-none", "charmcraft-resource-revisions-undeclared",
		"charmcraft-upload-resource-undeclared", "charmcraft-upload-resource-no-permission", "juju-resource-revisions-unknown",
	} {
		w.golden(t, name)
	}
	w.waiting("upload-one", "")
	w.golden(t, "charmcraft-upload-resource")
	w.golden(t, "charmcraft-upload-resource-status-at-first")
	w.process()
	w.golden(t, "charmcraft-upload-resource-status")
	w.waiting("upload-again", "")
	w.golden(t, "charmcraft-upload-resource-again")
	w.process()
	w.golden(t, "charmcraft-upload-resource-again-status")
	w.waiting("upload-two", "an image? no")
	w.golden(t, "charmcraft-upload-image-failing")
	w.process()
	w.golden(t, "charmcraft-upload-image-status-failed")

	digest := w.image(pkg, "server", "amd64", "arm")
	w.golden(t, "charmcraft-image-credentials")
	w.golden(t, "charmcraft-image-blob", "digest", digest)
	w.golden(t, "charmcraft-image-blob-unknown")
	w.attachImage("hello", "server", digest)
	w.golden(t, "charmcraft-resource-revisions")
	w.golden(t, "charmcraft-resource-revisions-image")
	w.golden(t, "charmcraft-set-resource-architectures")
	w.golden(t, "charmcraft-set-resource-architectures-unknown")
	w.golden(t, "charmcraft-resource-revisions-updated")
	w.release(pkg, rev, "stable", "data=1", "server=1")
	w.golden(t, "juju-resource-revisions")
	w.golden(t, "juju-resource-revisions-image")
}

func TestResourcesAreRefused(t *testing.T) {
	w := newWorld(t)
	pkg, _ := w.declaring("hello")
	w.registerFor("bob", "theirs", store.TypeCharm)
	w.Token("reading", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package-view"})})
	w.attach("hello", "data", "bytes")
	digest := w.image(pkg, "data", "amd64")
	const revisions, blob = "/v1/charm/hello/resources/data/revisions", "/v1/charm/hello/resources/server/oci-image/blob"
	manyBases := map[string]any{"name": "all", "channel": "all", "architectures": slices.Repeat([]string{"amd64"}, 1000)}
	update := func(revision any, bases any) map[string]any {
		return map[string]any{"resource-revision-updates": []any{map[string]any{"revision": revision, "bases": bases}}}
	}
	for _, c := range []struct {
		what, token, method, path string
		body                      any
		status                    int
		code                      string
	}{
		{"nobody", "", "GET", "/v1/charm/hello/resources", nil, 401, "macaroon-authorization-required"},
		{"another", "bob", "GET", "/v1/charm/hello/resources", nil, 403, store.CodeForeignPackage},
		{"another", "bob", "GET", revisions, nil, 403, store.CodeForeignPackage},
		{"no charm", "alice", "GET", "/v1/charm/nothing/resources", nil, 404, "resource-not-found"},
		{"no resource", "alice", "GET", "/v1/charm/hello/resources/nothing/revisions", nil, 404, "resource-not-found"},
		{"no JSON", "alice", "POST", revisions, "{", 400, "api-error"},
		{"too much", "alice", "POST", revisions, strings.Repeat(" ", maxResourcePush+1), 413, "request-too-large"},
		{"too deep", "alice", "POST", revisions, strings.Repeat(`{"bases":[`, 100), 400, "api-error"},
		{"an id that is none", "alice", "POST", revisions, map[string]any{"upload-id": []string{}}, 400, "api-error"},
		{"an unknown upload", "alice", "POST", revisions, map[string]any{"upload-id": "nothing"}, 404, "resource-not-found"},
		{"another's upload path", "bob", "POST", revisions, map[string]any{"upload-id": "nothing"}, 403, store.CodeForeignPackage},
		{"a wrong type", "alice", "POST", revisions, map[string]any{"upload-id": "x", "type": "oci-image"}, 400, "wrong-resource-type"},
		{"a wrong base", "alice", "POST", revisions, map[string]any{"upload-id": "x", "bases": []any{map[string]any{"name": "../.."}}}, 400, "invalid-bases"},
		{"many bases", "alice", "POST", revisions, map[string]any{"upload-id": "x", "bases": []any{manyBases}}, 413, "too-many-bases"},
		{"a reader", "reading", "PATCH", revisions, update(1, nil), 403, store.CodePermission},
		{"another", "bob", "PATCH", revisions, update(1, nil), 403, store.CodeForeignPackage},
		{"a foreign revision", "alice", "PATCH", revisions, update(2, nil), 404, "resource-not-found"},
		{"a revision in words", "alice", "PATCH", revisions, update("1", nil), 400, "api-error"},
		{"a revision that is no number", "alice", "PATCH", revisions, update(1.5, nil), 400, "api-error"},
		{"a negative one", "alice", "PATCH", revisions, update(-1, nil), 404, "resource-not-found"},
		{"many bases", "alice", "PATCH", revisions, update(1, []any{manyBases}), 413, "too-many-bases"},
		{"too much", "alice", "PATCH", revisions, strings.Repeat(" ", maxResourceUpdates+1), 413, "request-too-large"},
		{"credentials for a file", "alice", "GET", "/v1/charm/hello/resources/data/oci-image/upload-credentials", nil, 400, "wrong-resource-type"},
		{"credentials for nobody", "", "GET", "/v1/charm/hello/resources/server/oci-image/upload-credentials", nil, 401, "macaroon-authorization-required"},
		{"credentials for a reader", "reading", "GET", "/v1/charm/hello/resources/server/oci-image/upload-credentials", nil, 403, store.CodePermission},
		{"credentials for another", "bob", "GET", "/v1/charm/hello/resources/server/oci-image/upload-credentials", nil, 403, store.CodeForeignPackage},
		{"no digest", "alice", "POST", blob, map[string]any{}, 400, "digest-invalid"},
		{"a digest with a path", "alice", "POST", blob, map[string]any{"image-digest": "sha256:../../etc/passwd"}, 400, "digest-invalid"},
		{"the image of another resource", "alice", "POST", blob, map[string]any{"image-digest": digest}, 404, "manifest-unknown"},
		{"the pull password for a reader", "reading", "POST", blob, map[string]any{"image-digest": digest}, 403, store.CodePermission},
		{"the pull password for another", "bob", "POST", blob, map[string]any{"image-digest": digest}, 403, store.CodeForeignPackage},
		{"a method that nobody has", "alice", "DELETE", revisions, nil, 405, "method-not-allowed"},
	} {
		a := w.Do(c.token, c.method, c.path, c.body)
		if code := a.ErrorCode(c.status); code != c.code {
			t.Errorf("%s: %s %s: code %s, want %s: %s", c.what, c.method, c.path, code, c.code, a.Body)
		}
	}
}

// The worst names that a charm can give a resource stay themselves on the way
// through every path.
func TestNamesOfResourcesStayThemselves(t *testing.T) {
	w := newWorld(t)
	names := []string{"a.b_1", "_2", "data_3.tar.gz", "a b", "ü", "100%", "a?b#c", "x--y", "UPPER", strings.Repeat("n", 200)}
	var declared []store.DeclaredResource
	for _, name := range names {
		declared = append(declared, store.DeclaredResource{Name: name, Type: store.ResourceFile, Filename: "f"})
	}
	pkg := w.register("hello", store.TypeCharm)
	rev := w.revision(pkg, "the charm", store.Revision{Number: 1, Meta: store.Meta{Charm: &store.CharmMeta{Resources: declared}}})
	var pins []string
	for i, name := range names {
		path := attachmentPath(pkg.ID, store.ResourcePin{Name: name, Revision: i + 1})
		encoded := strings.TrimSuffix(strings.TrimPrefix(path, attachmentPrefix+attachmentKind+pkg.ID+"."), fmt.Sprintf("_%d", i+1))
		if n := w.attach("hello", encoded, "content of "+name); n != 1 {
			t.Errorf("%q became revision %d", name, n)
		}
		pins = append(pins, name+"=1")
	}
	w.release(pkg, rev, "stable", pins...)
	for _, name := range names {
		a := w.Do("", "GET", attachmentPath(pkg.ID, store.ResourcePin{Name: name, Revision: 1}), nil)
		if a.Code != 200 || !bytes.Equal(a.Body.Bytes(), []byte("content of "+name)) {
			t.Errorf("%q: %d %s", name, a.Code, a.Body)
		}
	}
}
