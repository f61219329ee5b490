package catalog

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// charmWith makes a charm whose next revision declares resources, such as
// "data:file" or "server:oci-image".
func (h *house) charmWith(t testing.TB, who store.Principal, name string, resources ...string) *store.Package {
	t.Helper()
	pkg := h.charmed(t, who, Registration{Name: name})
	h.declares(t, pkg, resources...)
	return pkg
}

// declares adds a revision of a charm, and returns its number.
func (h *house) declares(t testing.TB, pkg *store.Package, resources ...string) int {
	t.Helper()
	var list []store.DeclaredResource
	for _, text := range resources {
		name, kind, _ := strings.Cut(text, ":")
		list = append(list, store.DeclaredResource{Name: name, Type: kind, Filename: name + ".bin", Description: "words about " + name})
	}
	rev := &store.Revision{
		PackageID: pkg.ID, Status: store.StatusApproved, Version: "1", CreatedBy: pkg.PublisherID, Manifest: "name: " + pkg.Name,
		Platforms: []store.Platform{{Architecture: "amd64", BaseName: "ubuntu", BaseChannel: "24.04"}},
		Meta:      store.Meta{Type: store.TypeCharm, Charm: &store.CharmMeta{Resources: list}},
	}
	content := fmt.Sprintf("a charm called %s with %v", pkg.Name, resources)
	d, err := blob.Put(t.Context(), h.blobs, strings.NewReader(content), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	row := rowOf(d)
	rev.Blob, rev.SHA256, rev.Size = row.Digest, row.SHA256, row.Size
	h.update(t, func(tx *db.Tx) error {
		if _, err := tx.AddBlob(row); err != nil {
			return err
		}
		tx.Record(store.RevisionAdded, "package/"+pkg.ID, nil)
		return tx.InsertRevision(rev)
	})
	return rev.Number
}

// sentBytes uploads bytes as they are.
func (h *house) sentBytes(t testing.TB, content string) string {
	t.Helper()
	id, err := h.Receive(t.Context(), Sent{Filename: "a.bin", Address: "192.0.2.1"}, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// attached uploads a revision of a resource, and returns how that ended.
func (h *house) attached(t testing.TB, who store.Principal, charm, resource, content string, platforms ...store.Platform) UploadState {
	t.Helper()
	u, err := h.ClaimResource(t.Context(), who, ResourceClaim{
		Name: charm, Resource: resource, UploadID: h.sentBytes(t, content), Platforms: platforms,
	})
	if err != nil {
		t.Fatal(err)
	}
	return h.processed(t, u)
}

// resource returns a revision of a resource as it is kept.
func (h *house) resource(t testing.TB, pkg *store.Package, name string, number int) (res *store.ResourceRevision) {
	t.Helper()
	err := h.db.View(t.Context(), func(tx *db.Tx) (err error) {
		res, err = tx.Resource(pkg.ID, store.ResourcePin{Name: name, Revision: number})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func anyOn(architectures ...string) (list []store.Platform) {
	for _, a := range architectures {
		list = append(list, store.Platform{Architecture: a, BaseName: "all", BaseChannel: "all"})
	}
	return list
}

func TestAnUploadBecomesTheNextRevisionOfAResource(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		alice := h.person(t, "alice", store.RolePublisher)
		pkg := h.charmWith(t, alice, "hello", "data:file")
		for _, step := range []struct {
			why, content string
			platforms    []store.Platform
			revision     int
			want         []store.Platform
		}{
			{"the first is for everything", "one", nil, 1, anyOn("all")},
			{"no bytes at all are bytes", "", nil, 2, anyOn("all")},
			{"the same again is the same", "", nil, 2, anyOn("all")},
			{"the same for another architecture is not", "", anyOn("arm64", "amd64"), 3, anyOn("arm64", "amd64")},
			{"the same for the same is", "", anyOn("arm64", "amd64"), 3, anyOn("arm64", "amd64")},
			{"the same, and nothing said about bases, is", "", nil, 3, anyOn("arm64", "amd64")},
			{"and all says nothing", "", []store.Platform{{Architecture: "all"}}, 3, anyOn("arm64", "amd64")},
			{"what was before the newest is new again", "one", nil, 4, anyOn("all")},
		} {
			s := h.attached(t, alice, "hello", "data", step.content, step.platforms...)
			if s.Status != store.UploadApproved || s.Revision != step.revision || len(s.Problems) > 0 {
				t.Fatalf("%s: %s as revision %d, %v; want revision %d", step.why, s.Status, s.Revision, s.Problems, step.revision)
			}
			res := h.resource(t, pkg, "data", s.Revision)
			short, middle, long := sha256.Sum256([]byte(step.content)), sha512.Sum384([]byte(step.content)), sha512.Sum512([]byte(step.content))
			if res.SHA256 != hex.EncodeToString(short[:]) || res.SHA384 != hex.EncodeToString(middle[:]) || res.SHA512 != hex.EncodeToString(long[:]) ||
				res.Blob != s.Blob || res.Size != int64(len(step.content)) {
				t.Errorf("%s: digests or size of %+v", step.why, res)
			}
			if res.Type != store.ResourceFile || res.CreatedBy != alice.Account || res.Image != "" || !slices.Equal(res.Platforms, step.want) {
				t.Errorf("%s: %+v, want it for %v", step.why, res, step.want)
			}
		}
		list, err := h.ResourceRevisions(t.Context(), alice, "hello", "data")
		if err != nil || len(list) != 4 || list[0].Revision != 4 || list[3].Revision != 1 {
			t.Errorf("listed %v, %v", list, err)
		}
	})
}

// A revision keeps its bytes, whatever is forgotten of how they came.
func TestAResourceKeepsItsBlobAndItsImage(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		alice := h.person(t, "alice", store.RolePublisher)
		pkg := h.charmWith(t, alice, "hello", "data:file", "server:oci-image")
		image := h.image(t, pkg, "server", "amd64")
		h.attached(t, alice, "hello", "data", "bytes")
		if s := h.attached(t, alice, "hello", "server", h.documentOf(t, pkg, "server", image)); s.Revision != 1 {
			t.Fatalf("%+v", s)
		}
		h.update(t, func(tx *db.Tx) error {
			if n, err := tx.DropUploads(tx.Now().Add(1e9)); err != nil || n == 0 {
				t.Errorf("%d uploads were dropped, %v", n, err)
			}
			tx.Record(store.UploadProcessed, "package/"+pkg.ID, nil)
			for _, name := range []string{"data", "server"} {
				res, err := tx.Resource(pkg.ID, store.ResourcePin{Name: name, Revision: 1})
				if err != nil {
					return err
				}
				if live, err := tx.BlobLive(res.Blob); err != nil || !live {
					t.Errorf("the blob of %s lives: %t, %v", name, live, err)
				}
				if gone, err := tx.RemoveBlob(res.Blob); err != nil || gone {
					t.Errorf("the blob of %s is gone: %t, %v", name, gone, err)
				}
			}
			_, pinned, err := tx.ImageNeeded(store.ImageRepo{PackageID: pkg.ID, Resource: "server"}, image)
			if err == nil && !pinned {
				t.Error("nothing pins the image")
			}
			return err
		})
	})
}

func TestResourcesThatAreRefusedWhereTheyAreClaimed(t *testing.T) {
	h := newHouse(t)
	alice, bob := h.person(t, "alice", store.RolePublisher), h.person(t, "bob", store.RolePublisher)
	vera := h.person(t, "vera", store.RoleViewer)
	h.charmWith(t, alice, "hello", "data:file", "server:oci-image")
	h.charmWith(t, bob, "theirs", "data:file")
	bare := h.charmed(t, alice, Registration{Name: "bare"})
	reads, snaps := alice, alice
	reads.Limits = []store.Limits{{Permissions: store.WirePermissions([]string{"package-view-revisions"})}}
	snaps.Limits = []store.Limits{{Packages: []store.PackageLimit{{ID: bare.ID}}}}
	for _, c := range []struct {
		what string
		who  store.Principal
		cl   ResourceClaim
		code string
	}{
		{"an unknown charm", alice, ResourceClaim{Name: "nothing", Resource: "data"}, "package-not-found"},
		{"another's charm", alice, ResourceClaim{Name: "theirs", Resource: "data"}, store.CodeForeignPackage},
		{"somebody who only looks", vera, ResourceClaim{Name: "hello", Resource: "data"}, store.CodePermission},
		{"a token that only reads", reads, ResourceClaim{Name: "hello", Resource: "data"}, store.CodePermission},
		{"a token for another charm", snaps, ResourceClaim{Name: "hello", Resource: "data"}, store.CodeForeignPackage},
		{"the host's operator", operator, ResourceClaim{Name: "hello", Resource: "data"}, "no-account"},
		{"a charm without revisions", alice, ResourceClaim{Name: "bare", Resource: "data"}, "resource-not-found"},
		{"an undeclared resource", alice, ResourceClaim{Name: "hello", Resource: "dat"}, "resource-not-found"},
		{"a name of a megabyte", alice, ResourceClaim{Name: "hello", Resource: strings.Repeat("d", 1<<20)}, "resource-not-found"},
		{"another type", alice, ResourceClaim{Name: "hello", Resource: "data", Type: "oci-image"}, "wrong-resource-type"},
		{"a snap's type", alice, ResourceClaim{Name: "hello", Resource: "data", Type: "component/test"}, "wrong-resource-type"},
		{"no architecture", alice, ResourceClaim{Name: "hello", Resource: "data", Platforms: anyOn("vax")}, "invalid-bases"},
		{"a million bases", alice, ResourceClaim{Name: "hello", Resource: "data", Platforms: make([]store.Platform, 1_000_000)}, "too-many-bases"},
		{"no upload", alice, ResourceClaim{Name: "hello", Resource: "data", UploadID: "nothing"}, "upload-not-found"},
	} {
		if c.cl.UploadID == "" {
			c.cl.UploadID = h.sentBytes(t, "bytes")
		}
		if _, err := h.ClaimResource(t.Context(), c.who, c.cl); store.CodeOf(err) != c.code {
			t.Errorf("%s: error %v, want code %s", c.what, err, c.code)
		} else if len(err.Error()) > 1000 {
			t.Errorf("%s: an error of %d bytes", c.what, len(err.Error()))
		}
	}
	once := ResourceClaim{Name: "hello", Resource: "data", UploadID: h.sentBytes(t, "bytes")}
	u, err := h.ClaimResource(t.Context(), alice, once)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := h.ClaimResource(t.Context(), alice, once); err != nil || again.ID != u.ID {
		t.Errorf("the same claim again: %v, %v", again, err)
	}
	once.Resource = "server"
	if _, err := h.ClaimResource(t.Context(), alice, once); store.CodeOf(err) != "upload-claimed" {
		t.Errorf("a claim for something else: %v", err)
	}
}

// What a charm declares may change while an upload waits.
func TestAResourceKeepsItsType(t *testing.T) {
	h := newHouse(t)
	alice := h.person(t, "alice", store.RolePublisher)
	pkg := h.charmWith(t, alice, "hello", "data:file")
	h.attached(t, alice, "hello", "data", "bytes")
	u, err := h.ClaimResource(t.Context(), alice, ResourceClaim{Name: "hello", Resource: "data", UploadID: h.sentBytes(t, "more")})
	if err != nil {
		t.Fatal(err)
	}
	h.declares(t, pkg, "data:oci-image")
	if s := h.processed(t, u); s.Status != store.UploadFailed || len(s.Problems) != 1 || s.Problems[0].Code != "wrong-resource-type" {
		t.Errorf("a file for what is an image by now: %+v", s)
	}
	image := h.image(t, pkg, "data", "amd64")
	s := h.attached(t, alice, "hello", "data", h.documentOf(t, pkg, "data", image))
	if s.Status != store.UploadFailed || s.Problems[0].Code != "wrong-resource-type" {
		t.Errorf("an image where files are: %+v", s)
	}
}

func TestDeclaredResourcesAreListedByRevision(t *testing.T) {
	h := newHouse(t)
	alice := h.person(t, "alice", store.RolePublisher)
	pkg := h.charmWith(t, alice, "hello", "data:file")
	h.declares(t, pkg, "data:file", "server:oci-image")
	h.declares(t, pkg)
	rejected := h.declares(t, pkg, "never:file")
	h.update(t, func(tx *db.Tx) error {
		tx.Record(store.RevisionReviewed, "package/"+pkg.ID, nil)
		return tx.SetRevisionStatus(pkg.ID, rejected, store.StatusRejected)
	})
	list, err := h.Resources(t.Context(), alice, "hello")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, d := range list {
		got = append(got, fmt.Sprintf("%d %s %s", d.Revision, d.Name, d.Type))
	}
	if want := []string{"2 data file", "2 server oci-image", "1 data file"}; !slices.Equal(got, want) {
		t.Errorf("declared %q, want %q", got, want)
	}
	bob := h.person(t, "bob", store.RolePublisher)
	if _, err := h.Resources(t.Context(), bob, "hello"); store.KindOf(err) != store.KindForbidden {
		t.Errorf("another publisher sees them: %v", err)
	}
	if _, err := h.ResourceRevisions(t.Context(), alice, "hello", "never"); store.CodeOf(err) != "resource-not-found" {
		t.Errorf("the revisions of nothing: %v", err)
	}
	if list, err := h.ResourceRevisions(t.Context(), alice, "hello", "server"); err != nil || len(list) != 0 {
		t.Errorf("the revisions of what has none: %v, %v", list, err)
	}
}

func TestResourcePlatformsChangeTogether(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		alice, bob := h.person(t, "alice", store.RolePublisher), h.person(t, "bob", store.RolePublisher)
		pkg := h.charmWith(t, alice, "hello", "data:file", "other:file")
		foreign := h.charmWith(t, bob, "theirs", "data:file")
		for _, content := range []string{"one", "two"} {
			h.attached(t, alice, "hello", "data", content)
			h.attached(t, bob, "theirs", "data", content)
		}
		h.attached(t, bob, "theirs", "data", "three")
		reads := alice
		reads.Limits = []store.Limits{{Permissions: store.WirePermissions([]string{"package-view"})}}
		arm := anyOn("arm64")
		for _, c := range []struct {
			what, charm, resource string
			who                   store.Principal
			updates               []ResourceUpdate
			code                  string
		}{
			{"a revision that only another charm has", "hello", "data", alice, []ResourceUpdate{{1, arm}, {3, arm}}, "resource-not-found"},
			{"a resource without revisions", "hello", "other", alice, []ResourceUpdate{{1, arm}}, "resource-not-found"},
			{"revision 0", "hello", "data", alice, []ResourceUpdate{{0, arm}}, "resource-not-found"},
			{"one twice", "hello", "data", alice, []ResourceUpdate{{1, arm}, {1, arm}}, "duplicated-key"},
			{"a bad base after a good one", "hello", "data", alice, []ResourceUpdate{{1, arm}, {2, anyOn("vax")}}, "invalid-bases"},
			{"too many bases", "hello", "data", alice, []ResourceUpdate{{1, make([]store.Platform, 201)}}, "too-many-bases"},
			{"too many at once", "hello", "data", alice, make([]ResourceUpdate, 501), "too-many-updates"},
			{"another's", "theirs", "data", alice, []ResourceUpdate{{1, arm}}, store.CodeForeignPackage},
			{"a token that reads", "hello", "data", reads, []ResourceUpdate{{1, arm}}, store.CodePermission},
		} {
			if n, err := h.SetResourcePlatforms(t.Context(), c.who, c.charm, c.resource, c.updates); store.CodeOf(err) != c.code || n != 0 {
				t.Errorf("%s: %d, %v, want code %s", c.what, n, err, c.code)
			}
		}
		for _, p := range []*store.Package{pkg, foreign} {
			if res := h.resource(t, p, "data", 1); !slices.Equal(res.Platforms, anyOn("all")) || !res.UpdatedAt.IsZero() {
				t.Errorf("a refused change has changed %+v", res)
			}
		}
		since := h.seq(t)
		n, err := h.SetResourcePlatforms(t.Context(), alice, "hello", "data", []ResourceUpdate{{2, anyOn("s390x", "amd64")}, {1, nil}})
		if err != nil || n != 2 {
			t.Fatalf("%d, %v", n, err)
		}
		res := h.resource(t, pkg, "data", 2)
		if !slices.Equal(res.Platforms, anyOn("s390x", "amd64")) || res.UpdatedBy != alice.Account || res.UpdatedAt.IsZero() {
			t.Errorf("changed to %+v", res)
		}
		if kinds := h.kinds(t, since); !slices.Equal(kinds, []string{store.ResourceChanged}) {
			t.Errorf("changes %v", kinds)
		}
		if n, err := h.SetResourcePlatforms(t.Context(), alice, "hello", "data", nil); n != 0 || err != nil {
			t.Errorf("no change: %d, %v", n, err)
		}
	})
}

// image puts an image for some architectures into a resource's repository, and
// returns its digest.
func (h *house) image(t testing.TB, pkg *store.Package, resource string, architectures ...string) string {
	t.Helper()
	var parts []string
	for _, a := range architectures {
		parts = append(parts, fmt.Sprintf(`{"digest":"sha256:%064d","platform":{"architecture":%q,"os":"linux"}}`, len(parts), a))
	}
	text := []byte(fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"manifests":[%s],"annotations":{"of":%q}}`,
		store.MediaOCIIndex, strings.Join(parts, ","), pkg.Name))
	d, err := blob.Put(t.Context(), h.blobs, bytes.NewReader(text), blob.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	row := rowOf(d)
	m := store.ImageManifest{
		Repo: store.ImageRepo{PackageID: pkg.ID, Resource: resource}, Digest: "sha256:" + row.SHA256, MediaType: store.MediaOCIIndex,
		Blob: row.Digest, Size: row.Size, Depth: 1, PushedBy: "tester",
	}
	h.update(t, func(tx *db.Tx) error {
		if _, err := tx.AddBlob(row); err != nil {
			return err
		}
		tx.Record(store.ImagePushed, "image/"+m.Repo.String(), nil)
		_, err := tx.PutImageManifest(m)
		return err
	})
	return m.Digest
}

// documentOf is what a client uploads for an image.
func (h *house) documentOf(t testing.TB, pkg *store.Package, resource, image string) string {
	t.Helper()
	repository, err := store.ImageRepository(pkg.ID, resource)
	if err != nil {
		t.Fatal(err)
	}
	return string(store.BuildImageDocument("registry.example", repository, image, "someone", "a secret that must not be kept"))
}

func TestAnImageIsOneOfTheCharmsOwn(t *testing.T) {
	h := newHouse(t)
	alice := h.person(t, "alice", store.RolePublisher)
	pkg := h.charmWith(t, alice, "hello", "server:oci-image", "other:oci-image")
	second := h.charmWith(t, alice, "second", "server:oci-image")
	mine := h.image(t, pkg, "server", "arm", "amd64", "mips64le")
	others := h.image(t, second, "server", "amd64")
	absent := "sha256:" + strings.Repeat("a", 64)
	name := func(name string) string { return `{"ImageName":"` + name + `"}` }
	for _, c := range []struct{ what, document, code string }{
		{"nothing", "", "invalid-image-document"},
		{"no JSON", "\x00\xff", "invalid-image-document"},
		{"no object", "[]", "invalid-image-document"},
		{"null", "null", "invalid-image-document"},
		{"half of one", h.documentOf(t, pkg, "server", mine)[:40], "invalid-image-document"},
		{"no name", `{"Username":"u"}`, "invalid-image-document"},
		{"a name that is no text", `{"ImageName":{}}`, "invalid-image-document"},
		{"a tag without a digest", name("registry.example/charm/x/server:latest"), "invalid-image-document"},
		{"another digest", name("registry.example/charm/x/server@sha512:" + strings.Repeat("a", 128)), "invalid-image-document"},
		{"a URL", name("https://registry.example/server@" + mine), "invalid-image-document"},
		{"deep", strings.Repeat(`{"a":`, 10_000), "invalid-image-document"},
		{"a document of a megabyte", name(strings.Repeat("a", 1<<20)), "image-document-too-large"},
		{"an image that nobody pushed", h.documentOf(t, pkg, "server", absent), store.CodeManifestUnknown},
		{"an image of another charm", h.documentOf(t, pkg, "server", others), store.CodeManifestUnknown},
		{"another charm's repository", h.documentOf(t, second, "server", others), "foreign-image"},
		{"another resource's repository", h.documentOf(t, pkg, "other", mine), "foreign-image"},
		{"an image from elsewhere that is not here", name("docker.io/library/nginx@" + absent), store.CodeManifestUnknown},
	} {
		s := h.attached(t, alice, "hello", "server", c.document)
		if s.Status != store.UploadFailed || s.Revision != 0 || len(s.Problems) != 1 || s.Problems[0].Code != c.code {
			t.Errorf("%s: %s %d %v, want code %s", c.what, s.Status, s.Revision, s.Problems, c.code)
		} else if len(s.Problems[0].Message) > 1000 {
			t.Errorf("%s: %d bytes of message", c.what, len(s.Problems[0].Message))
		}
	}
	s := h.attached(t, alice, "hello", "server", h.documentOf(t, pkg, "server", mine))
	if s.Status != store.UploadApproved || s.Revision != 1 {
		t.Fatalf("%+v", s)
	}
	res := h.resource(t, pkg, "server", 1)
	if res.Image != mine || res.Type != store.ResourceImage || !slices.Equal(res.Platforms, anyOn("armhf", "amd64")) {
		t.Errorf("entered %+v", res)
	}
	f, err := h.DownloadResource(t.Context(), Asker{Who: alice}, store.Charm, pkg.ID, store.ResourcePin{Name: "server", Revision: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	kept, err := io.ReadAll(f)
	if d, parsed := store.ParseImageDocument(kept); err != nil || parsed != nil || d.Digest != mine || d.Password+d.Username+d.Host != "" {
		t.Errorf("kept %s, %v", kept, err)
	}
	again := h.attached(t, alice, "hello", "server", name("another.example:5000/mirror/server@"+mine))
	if again.Revision != 1 {
		t.Errorf("the same image from elsewhere became revision %d, %v", again.Revision, again.Problems)
	}
	if s := h.attached(t, alice, "hello", "server", h.documentOf(t, pkg, "server", mine), anyOn("amd64")...); s.Revision != 2 {
		t.Errorf("the same image for less became revision %d", s.Revision)
	}
}

func TestClientsSeeReleasedAttachments(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		alice := h.person(t, "alice", store.RolePublisher)
		pkg := h.charmWith(t, alice, "hello", "data:file", "later:file")
		const released = 23 // more than a snapshot holds
		for i := range released + 1 {
			h.attached(t, alice, "hello", "data", fmt.Sprint("content ", i))
			if i == released {
				break
			}
			h.update(t, func(tx *db.Tx) error {
				tx.Record(store.Released, "package/"+pkg.ID, nil)
				_, err := tx.AppendReleases([]store.Release{{
					PackageID: pkg.ID, At: tx.Now(), By: "alice", Channel: channel(t, "edge"), Revision: 1,
					Platform:  store.Platform{Architecture: "amd64", BaseName: "ubuntu", BaseChannel: "24.04"},
					Resources: []store.ResourcePin{{Name: "data", Revision: i + 1}},
				}})
				return err
			})
		}
		for _, name := range []string{"hello", pkg.ID} {
			found, err := h.Attachments(t.Context(), Asker{}, store.Charm, name, "data")
			if err != nil || len(found.Revisions) != released || found.Declared.Filename != "data.bin" {
				t.Fatalf("%d attachments of %s, %+v, %v", len(found.Revisions), name, found.Declared, err)
			}
			for i, r := range found.Revisions {
				if r.Revision != released-i || r.SHA384 == "" {
					t.Errorf("place %d has revision %d with SHA-384 %q", i, r.Revision, r.SHA384)
				}
			}
		}
		if found, err := h.Attachments(t.Context(), Asker{}, store.Charm, "hello", "later"); err != nil || len(found.Revisions) != 0 {
			t.Errorf("what has no revision: %v, %v", found, err)
		}
		for _, c := range []struct{ name, resource, code string }{
			{"hello", "nothing", "resource-not-found"}, {"nothing", "data", "name-not-found"},
			{strings.Repeat("x", 32), "data", "name-not-found"},
		} {
			if _, err := h.Attachments(t.Context(), Asker{}, store.Charm, c.name, c.resource); store.CodeOf(err) != c.code {
				t.Errorf("%s of %s: %v, want %s", c.resource, c.name, err, c.code)
			}
		}
		for _, c := range []struct {
			who      store.Principal
			revision int
			code     string
		}{
			{store.Principal{}, 1, ""}, {store.Principal{}, released, ""}, {store.Principal{}, released + 1, "resource-not-found"},
			{alice, released + 1, ""}, {alice, released + 2, "resource-not-found"},
		} {
			pin := store.ResourcePin{Name: "data", Revision: c.revision}
			f, err := h.DownloadResource(t.Context(), Asker{Who: c.who}, store.Charm, pkg.ID, pin)
			if store.CodeOf(err) != c.code {
				t.Errorf("revision %d for %q: %v, want code %q", c.revision, c.who.Name, err, c.code)
			}
			if err == nil {
				f.Close()
			}
		}
	})
}

// Nodes that work side by side give each upload a number of its own.
func TestTwoNodesNumberResourceRevisions(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		alice := h.person(t, "alice", store.RolePublisher)
		h.charmWith(t, alice, "hello", "data:file")
		const uploads = 20
		for i := range uploads {
			_, err := h.ClaimResource(t.Context(), alice, ResourceClaim{
				Name: "hello", Resource: "data", UploadID: h.sentBytes(t, fmt.Sprint("content ", i)),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		var working sync.WaitGroup
		for _, c := range []*Catalog{h.Catalog, h.neighbour(t)} {
			working.Go(func() {
				if _, err := c.ProcessUploads(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		working.Wait()
		list, err := h.ResourceRevisions(t.Context(), alice, "hello", "data")
		if err != nil || len(list) != uploads {
			t.Fatalf("%d revisions, %v", len(list), err)
		}
		blobs := make(map[store.Digest]bool)
		for i, r := range list {
			blobs[r.Blob] = true
			if r.Revision != uploads-i {
				t.Errorf("place %d has revision %d", i, r.Revision)
			}
		}
		if len(blobs) != uploads {
			t.Errorf("%d different contents of %d", len(blobs), uploads)
		}
	})
}
