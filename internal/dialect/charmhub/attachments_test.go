package charmhub

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/dialect/publishertest"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// offered is a resource revision as juju reads it.
type offered struct {
	Name, Type, Filename, Description string
	Revision                          int
	Download                          struct {
		URL    string
		Size   int64
		SHA256 string `json:"hash-sha-256"`
		SHA384 string `json:"hash-sha-384"`
		SHA512 string `json:"hash-sha-512"`
		SHA3   string `json:"hash-sha3-384"`
	}
}

// offers are the revisions of a resource, as nobody in particular sees them.
func offers(t *testing.T, api http.Handler, charm, resource string) []offered {
	t.Helper()
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, httptest.NewRequest("GET", "/v2/charms/resources/"+charm+"/"+resource+"/revisions", nil))
	var list struct{ Revisions []offered }
	if err := json.Unmarshal(rec.Body.Bytes(), &list); err != nil || rec.Code != 200 {
		t.Fatalf("%d %s, %v", rec.Code, rec.Body, err)
	}
	return list.Revisions
}

// refreshed is the resource that comes with a charm in stable.
func refreshed(t *testing.T, api http.Handler, charm, resource string) offered {
	t.Helper()
	rec := httptest.NewRecorder()
	api.ServeHTTP(rec, httptest.NewRequest("POST", "/v2/charms/refresh", strings.NewReader(`{"context": [], "actions": [{
		"action": "install", "instance-key": "key", "name": "`+charm+`", "channel": "stable",
		"base": {"architecture": "amd64", "name": "ubuntu", "channel": "24.04"}}], "fields": ["resources"]}`)))
	var answer struct {
		Results []struct {
			Charm struct{ Resources []offered }
		}
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil || rec.Code != 200 || len(answer.Results) != 1 {
		t.Fatalf("%d %s, %v", rec.Code, rec.Body, err)
	}
	for _, one := range answer.Results[0].Charm.Resources {
		if one.Name == resource {
			return one
		}
	}
	t.Fatalf("no resource %s: %s", resource, rec.Body)
	return offered{}
}

// keeps fails the test unless the bytes are what was offered.
func (o offered) keeps(t *testing.T, got []byte) {
	t.Helper()
	short, middle, long, other := sha256.Sum256(got), sha512.Sum384(got), sha512.Sum512(got), sha3.Sum384(got)
	d := o.Download
	if d.SHA256 != hex.EncodeToString(short[:]) || d.SHA384 != hex.EncodeToString(middle[:]) || d.SHA512 != hex.EncodeToString(long[:]) ||
		d.SHA3 != hex.EncodeToString(other[:]) || d.Size != int64(len(got)) {
		t.Errorf("revision %d of %s is offered as %+v, and is %d bytes with SHA-384 %x", o.Revision, o.Name, d, len(got), middle)
	}
}

// Ground rule 2: juju counts what it has read against Content-Length, and takes
// neither chunks nor a body that was compressed for it.
func TestRule2DownloadsOfResourcesHaveALengthAndAreNotCompressed(t *testing.T) {
	w := newWorld(t)
	pkg, rev := w.declaring("hello")
	content := strings.Repeat("bytes that compress well ", 100_000)
	w.attach("hello", "data", content)
	w.attach("hello", "data", "")
	w.attachImage("hello", "server", w.image(pkg, "server", "amd64"))
	w.release(pkg, rev, "stable", "data=1", "server=1")
	w.release(pkg, rev, "stable", "data=2", "server=1")
	server := httptest.NewServer(w.API)
	defer server.Close()
	for _, one := range append(offers(t, w.API, "hello", "data"), offers(t, w.API, "hello", "server")...) {
		path := strings.TrimPrefix(one.Download.URL, publishertest.BaseURL)
		for _, method := range []string{"GET", "HEAD"} {
			r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
			w.Must(err)
			res, err := server.Client().Do(r) // which asks for gzip by itself
			w.Must(err)
			body, err := io.ReadAll(res.Body)
			w.Must(err)
			w.Must(res.Body.Close())
			if res.StatusCode != 200 || res.ContentLength != one.Download.Size || res.Uncompressed || res.Header.Get("Content-Encoding") != "" ||
				len(res.TransferEncoding) > 0 {
				t.Errorf("%s %s: %d, length %d of %d, %v", method, path, res.StatusCode, res.ContentLength, one.Download.Size, res.Header)
			}
			if method == "GET" {
				one.keeps(t, body)
			}
		}
	}
	for _, name := range []string{"data_1", "server_1"} {
		path := attachmentPrefix + attachmentKind + pkg.ID + "." + name
		whole := w.Do("", "GET", path, nil).Body.Bytes()
		part := w.Do("", "GET", path, nil, "Range", "bytes=7-11")
		if part.Code != 206 || !bytes.Equal(part.Body.Bytes(), whole[7:12]) {
			t.Errorf("a range of %s: %d %q", name, part.Code, part.Body)
		}
	}
}

func TestNoBrowserRunsWhatPublishersUploaded(t *testing.T) {
	w := newWorld(t)
	pkg := w.register("hello", "charm")
	rev := w.revision(pkg, "<!doctype html><script>alert(1)</script>", store.Revision{Number: 1})
	for _, resource := range []string{"page", `a"b; c`, "gruß"} {
		w.resource(pkg, "<!doctype html><script>alert(1)</script>", store.ResourceRevision{Name: resource})
	}
	w.release(pkg, rev, "stable", "page=1", `a"b; c=1`, "gruß=1")
	for _, path := range []string{
		charmPath(pkg.ID, 1), attachmentPath(pkg.ID, store.ResourcePin{Name: "page", Revision: 1}),
		attachmentPath(pkg.ID, store.ResourcePin{Name: `a"b; c`, Revision: 1}), attachmentPath(pkg.ID, store.ResourcePin{Name: "gruß", Revision: 1}),
	} {
		a := w.Do("", "GET", path, nil)
		kind, parameters, err := mime.ParseMediaType(a.Header().Get("Content-Disposition"))
		if a.Code != 200 || err != nil || kind != "attachment" || !strings.HasPrefix(parameters["filename"], pkg.ID) ||
			a.Header().Get("X-Content-Type-Options") != "nosniff" || a.Header().Get("Content-Type") != "application/octet-stream" {
			t.Errorf("%s: %d %v", path, a.Code, a.Header())
		}
	}
}

// Ground rule 7: clients are told hashes by these names, and SHA-384 must be one.
func TestRule7HashesOfResourcesHaveCharmhubsNames(t *testing.T) {
	w := newWorld(t)
	pkg, rev := w.declaring("hello")
	w.attach("hello", "data", "bytes")
	w.attachImage("hello", "server", w.image(pkg, "server", "amd64"))
	w.release(pkg, rev, "stable", "data=1", "server=1")
	for _, resource := range []string{"data", "server"} {
		var list struct {
			Revisions []struct{ Download map[string]any }
		}
		w.Do("", "GET", "/v2/charms/resources/hello/"+resource+"/revisions", nil).Into(200, &list)
		for name, digits := range map[string]int{"hash-sha-256": 64, "hash-sha-384": 96, "hash-sha-512": 128, "hash-sha3-384": 96} {
			hash, _ := list.Revisions[0].Download[name].(string)
			if b, err := hex.DecodeString(hash); err != nil || len(b)*2 != digits {
				t.Errorf("%s of %s is %q", name, resource, hash)
			}
		}
		if len(list.Revisions[0].Download) != 6 {
			t.Errorf("%s is offered with %v", resource, list.Revisions[0].Download)
		}
	}
}

// renewed gives other pull credentials after each revocation.
type renewed struct {
	registry
	revoked int
}

func (g *renewed) PullCredentials(ctx context.Context, repo store.ImageRepo) (string, identity.Secret, error) {
	username, password, err := g.registry.PullCredentials(ctx, repo)
	return username, identity.NewSecret(fmt.Sprint(password.Reveal(), "-", g.revoked)), err
}

// node is another process that serves the same store.
func (w *world) node(r Registry) http.Handler {
	c := catalog.New(catalog.Options{
		DB: w.DB, Blobs: w.Blobs, Authority: w.Auth,
		Setting: func(_ context.Context, name string) (string, error) { return w.Settings[name], nil },
	})
	return New(Options{Catalog: c, Identity: w.People, Registry: r, BaseURL: func(*http.Request) string { return publishertest.BaseURL }})
}

// juju reads the digests of an image's document from one answer, and downloads it
// with another request, which another node may serve, after a restart or much
// later. Kubernetes pulls with it again whenever a pod moves.
func TestTheDocumentOfAnImageStaysTheSame(t *testing.T) {
	w := newWorld(t)
	pkg, rev := w.declaring("hello")
	digest := w.image(pkg, "server", "amd64")
	w.attachImage("hello", "server", digest)
	w.release(pkg, rev, "stable", "server=1")
	registry := &renewed{}
	nodes := []http.Handler{w.node(registry), w.node(registry)}
	path := attachmentPath(pkg.ID, store.ResourcePin{Name: "server", Revision: 1})
	download := func(api http.Handler) []byte {
		rec := httptest.NewRecorder()
		api.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		if rec.Code != 200 || rec.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v %s", rec.Code, rec.Header(), rec.Body)
		}
		return rec.Body.Bytes()
	}
	first := download(nodes[0])
	for i := range 50 {
		if i%10 == 9 { // one starts anew
			nodes[i%2] = w.node(registry)
			w.attach("hello", "data", fmt.Sprint("something else ", i))
		}
		got := download(nodes[(i+1)%2])
		refreshed(t, nodes[i%2], "hello", "server").keeps(t, got)
		offers(t, nodes[i%2], "hello", "server")[0].keeps(t, got)
		if !bytes.Equal(got, first) {
			t.Fatalf("asked for the %dth time it is %s, and was %s", i, got, first)
		}
	}
	d, err := store.ParseImageDocument(first)
	repository, _ := store.ImageRepository(pkg.ID, "server")
	if err != nil || d.Host != "store.example" || d.Repository != repository || d.Digest != digest || d.Username != "puller" {
		t.Errorf("the document says %+v, %v", d, err)
	}

	for _, revoke := range []func(){
		func() { w.Must(w.Catalog.RevokeImagePulls(t.Context(), w.People.Principals["alice"], "hello")) },
		func() { // the key that all pull credentials are made with was exchanged
			w.Update(func(tx *db.Tx) error {
				tx.Record(store.TokenKeyAdded, "token-key/image-pull", nil)
				return nil
			})
		},
	} {
		before := download(nodes[0])
		revoke()
		registry.revoked++
		after := download(nodes[0])
		if bytes.Equal(after, before) {
			t.Error("a revocation changed nothing")
		}
		refreshed(t, nodes[1], "hello", "server").keeps(t, after)
	}
}

func TestTheOperatorsRegistryStandsInDocuments(t *testing.T) {
	w := newWorld(t)
	pkg, rev := w.declaring("hello")
	digest := w.image(pkg, "server", "amd64")
	w.attachImage("hello", "server", digest)
	w.release(pkg, rev, "stable", "server=1")
	own := "pull-" + pkg.ID + "-server"
	for _, c := range []struct {
		settings                 map[string]string
		host, username, password string
	}{
		{map[string]string{}, "store.example", "puller", own},
		{map[string]string{"proxy.oci-registry.domain": "images.example:5000"}, "images.example:5000", "puller", own},
		{map[string]string{"proxy.oci-registry.username": "u", "proxy.oci-registry.password": "p"}, "store.example", "u", "p"},
		{map[string]string{
			"proxy.oci-registry.domain": "images.example", "proxy.oci-registry.username": "u", "proxy.oci-registry.password": "p",
		}, "images.example", "u", "p"},
	} {
		w.Settings = c.settings
		one := refreshed(t, w.API, "hello", "server")
		got := w.Do("", "GET", strings.TrimPrefix(one.Download.URL, publishertest.BaseURL), nil).Body.Bytes()
		one.keeps(t, got)
		repository, _ := store.ImageRepository(pkg.ID, "server")
		want := store.ImageDocument{Host: c.host, Repository: repository, Digest: digest, Username: c.username, Password: c.password}
		if d, err := store.ParseImageDocument(got); err != nil || d != want {
			t.Errorf("with %v: %+v, %v", c.settings, d, err)
		}
		var pushed struct {
			Name string `json:"image-name"`
		}
		w.Do("alice", "GET", "/v1/charm/hello/resources/server/oci-image/upload-credentials", nil).Into(200, &pushed)
		if pushed.Name != "store.example/"+repository {
			t.Errorf("with %v images are pushed to %s", c.settings, pushed.Name)
		}
	}
}

func TestWhatIsDownloadedOfResources(t *testing.T) {
	w := newWorld(t)
	pkg, rev := w.declaring("hello")
	w.attach("hello", "data", "released")
	w.attach("hello", "data", "not released")
	w.attachImage("hello", "server", w.image(pkg, "server", "amd64"))
	w.release(pkg, rev, "stable", "data=1")
	hidden, hiddenRev := w.declaring("hidden")
	w.attach("hidden", "data", "secret")
	w.release(hidden, hiddenRev, "stable", "data=1")
	w.Update(func(tx *db.Tx) error {
		hidden.Private = true
		tx.Record(store.PackageUpdated, "package/"+hidden.ID, nil)
		return tx.UpdatePackage(hidden)
	})
	file := func(name string) string { return attachmentPrefix + attachmentKind + name }
	for _, c := range []struct {
		token, path string
		status      int
	}{
		{"", file(pkg.ID + ".data_1"), 200},
		{"", file(pkg.ID + ".data_2"), 404},
		{"bob", file(pkg.ID + ".data_2"), 404},
		{"alice", file(pkg.ID + ".data_2"), 200},
		{"", file(pkg.ID + ".server_1"), 404},
		{"alice", file(pkg.ID + ".server_1"), 200},
		{"alice", file(pkg.ID + ".data_3"), 404},
		{"", file(hidden.ID + ".data_1"), 404},
		{"bob", file(hidden.ID + ".data_1"), 404},
		{"alice", file(hidden.ID + ".data_1"), 200},
		{"no token of anybody", file(pkg.ID + ".data_1"), 200},
		{"", file(pkg.ID + ".data_01"), 404},
		{"", file(pkg.ID + ".data_+1"), 404},
		{"", file(pkg.ID + ".data_0"), 404},
		{"", file(pkg.ID + ".data_-1"), 404},
		{"", file(pkg.ID + ".data_99999999999"), 404},
		{"", file(pkg.ID + "._1"), 404},
		{"", file(pkg.ID + "data_1"), 404},
		{"", file(".data_1"), 404},
		{"", file(strings.Repeat("x", 10_000)), 404},
		{"", file(""), 404},
		{"", attachmentPrefix + pkg.ID + ".data_1", 404},
		{"", attachmentPrefix, 404},
		{"", "/v2/charms/resources/hidden/data/revisions", 404},
		{"bob", "/v2/charms/resources/hidden/data/revisions", 404},
		{"alice", "/v2/charms/resources/hidden/data/revisions", 200},
		{"", "/v2/charms/resources/" + hidden.ID + "/data/revisions", 404},
		{"", "/v2/charms/resources/" + pkg.ID + "/data/revisions", 200},
		{"", "/v2/charms/resources/hello/%2e%2e/revisions", 404},
	} {
		a := w.Do(c.token, "GET", c.path, nil)
		if a.Code != c.status {
			t.Errorf("%q gets %d for %.200s, want %d: %.200s", c.token, a.Code, c.path, c.status, a.Body)
			continue
		}
		if c.status == 404 {
			a.ErrorCode(404) // JSON, of that very type, or juju takes it for another server
		}
	}
}

func TestPathsOfAttachmentsAreReadAsTheyAreWritten(t *testing.T) {
	const id = "0123456789abcdefghijABCDEFGHIJKL"
	for _, pin := range []store.ResourcePin{
		{Name: "data", Revision: 1}, {Name: "a.b_1", Revision: 2}, {Name: "_", Revision: 3}, {Name: ".", Revision: 4},
		{Name: "..", Revision: 5}, {Name: "charm_x.y_6", Revision: 1 << 30}, {Name: "x_", Revision: 7},
	} {
		file := strings.TrimPrefix(attachmentPath(id, pin), attachmentPrefix)
		if gotID, got, ok := parseAttachment(file); !ok || gotID != id || got != pin {
			t.Errorf("%s reads as %s %+v, %t", file, gotID, got, ok)
		}
	}
}
