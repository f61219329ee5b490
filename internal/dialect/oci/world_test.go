package oci

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/fs"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/testservice"
)

// world is a store with some charms and people, and the registry before it. Its
// clock moves by hand.
type world struct {
	*node
	t    *testing.T
	url  string
	dir  string
	auth *authority.Authority

	mu  sync.Mutex
	now time.Time // owned by mu
	// settings are those that an operator has set.
	settings map[string]string
}

// node is one process of the store.
type node struct {
	db       *db.DB
	blobs    blob.Store
	catalog  *catalog.Catalog
	identity *identity.Identity
	server   *httptest.Server
}

const password = "correct horse battery"

var operator = store.Host("tester")

// The charms: two of alice, of which bob looks after one and the other is private,
// and one of mallory.
var (
	redis  = strings.Repeat("r", 32)
	hidden = strings.Repeat("h", 32)
	evil   = strings.Repeat("e", 32)
)

// onBoth runs a test on each kind of database.
func onBoth(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		test(t, newWorld(t))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(t, newWorldAt(t, testservice.PostgreSQL(t)))
	})
}

func newWorld(t *testing.T) *world {
	return newWorldAt(t, "sqlite:"+filepath.Join(t.TempDir(), "larder.db"))
}

func newWorldAt(t *testing.T, url string) *world {
	t.Helper()
	w := &world{
		t: t, url: url, dir: t.TempDir(), auth: authority.New(authority.NewSecret()), settings: map[string]string{},
		now: time.Date(2026, 5, 6, 7, 8, 9, 123456000, time.UTC),
	}
	w.node = w.start()
	ids := make(map[string]string)
	for name, role := range map[string]store.Role{
		"alice": store.RolePublisher, "bob": store.RolePublisher, "mallory": store.RolePublisher, "vera": store.RoleViewer,
	} {
		u, err := w.identity.Create(t.Context(), operator, identity.NewUser{
			Email: name + "@example.com", Username: name, Role: role, Password: identity.NewSecret(password),
		})
		w.must(err)
		ids[name] = u.Account.ID
	}
	_, err := w.db.Update(t.Context(), "tester", func(tx *db.Tx) error {
		for id, owner := range map[string]string{redis: "alice", hidden: "alice", evil: "mallory"} {
			pkg := &store.Package{
				ID: id, Namespace: store.Charm, Name: "charm-" + id[:1], PublisherID: ids[owner],
				StoreID: store.GlobalStore, Private: id == hidden, CreatedAt: tx.Now(),
			}
			if err := tx.InsertPackage(pkg); err != nil {
				return err
			}
			tx.Record(store.PackageRegistered, "package/"+id, nil)
		}
		tx.Record(store.CollaboratorPut, "package/"+redis, nil)
		return tx.PutCollaborator(store.Collaborator{PackageID: redis, Account: store.Account{ID: ids["bob"]}, CreatedAt: tx.Now(), CreatedBy: ids["alice"]})
	})
	w.must(err)
	return w
}

// start runs another process on the same data.
func (w *world) start() *node {
	w.t.Helper()
	n := &node{}
	var err error
	log := slog.New(slog.DiscardHandler)
	n.db, err = db.Open(w.t.Context(), w.url, db.Options{Now: w.clock, Log: log})
	w.must(err)
	w.t.Cleanup(func() { w.must(n.db.Close()) })
	n.blobs, err = fs.Open(filepath.Join(w.dir, "blobs"))
	w.must(err)
	n.catalog = catalog.New(catalog.Options{DB: n.db, Blobs: n.blobs, Authority: w.auth, Now: w.clock, Log: log, Setting: w.setting})
	n.identity = identity.New(identity.Options{
		DB: n.db, Authority: w.auth, Now: w.clock, Log: log, Hashing: identity.Hashing{Memory: 64, Passes: 1, Parallel: 4, Waiting: 1000},
	})
	n.server = httptest.NewServer(New(Options{Catalog: n.catalog, Identity: n.identity}))
	w.t.Cleanup(n.server.Close)
	return n
}

func (w *world) setting(_ context.Context, name string) (string, error) { return w.settings[name], nil }

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// name is a repository as clients write it.
func name(packageID, resource string) string {
	n, err := store.ImageRepository(packageID, resource)
	if err != nil {
		panic(err)
	}
	return n
}

// answer is what came of a request.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// code is the registry's of an error.
func (a answer) code() string {
	var v struct {
		Errors []struct{ Code, Message string } `json:"errors"`
	}
	if json.Unmarshal(a.body, &v) != nil || len(v.Errors) != 1 || v.Errors[0].Message == "" {
		return fmt.Sprintf("no error: %.200s", a.body)
	}
	return v.Errors[0].Code
}

// client asks as somebody.
type client struct {
	w    *world
	n    *node
	auth string // Authorization
}

// as is a client with a name and a password on every request.
func (w *world) as(user, password string) *client {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return &client{w, w.node, r.Header.Get("Authorization")}
}

func (w *world) person(name string) *client { return w.as(name, password) }

// on is the same client at another process.
func (c *client) on(n *node) *client { return &client{c.w, n, c.auth} }

// do sends a request. Headers are pairs.
func (c *client) do(method, path string, body []byte, headers ...string) answer {
	c.w.t.Helper()
	return c.send(method, path, bytes.NewReader(body), headers...)
}

func (c *client) send(method, path string, body io.Reader, headers ...string) answer {
	c.w.t.Helper()
	r, err := http.NewRequestWithContext(c.w.t.Context(), method, c.n.server.URL+path, body)
	c.w.must(err)
	if c.auth != "" {
		r.Header.Set("Authorization", c.auth)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	c.w.must(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	c.w.must(err)
	if response.Header.Get("Docker-Distribution-Api-Version") != "registry/2.0" {
		c.w.t.Errorf("%s %s: no version of the API", method, path)
	}
	return answer{response.StatusCode, response.Header, text}
}

// wants fails the test unless an answer has a status, and for errors a code.
func (w *world) wants(a answer, status int, code string) answer {
	w.t.Helper()
	if a.status != status || code != "" && a.code() != code {
		w.t.Errorf("got %d %.300s, want %d %s", a.status, a.body, status, code)
	}
	return a
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// upload pushes a blob as skopeo does: one piece, then its digest.
func (c *client) upload(repo string, b []byte) string {
	c.w.t.Helper()
	begun := c.w.wants(c.do("POST", "/v2/"+repo+"/blobs/uploads/", nil), http.StatusAccepted, "")
	more := c.w.wants(c.do("PATCH", begun.header.Get("Location"), b, "Content-Type", "application/octet-stream"), http.StatusAccepted, "")
	digest := digestOf(b)
	done := c.w.wants(c.do("PUT", more.header.Get("Location")+"?digest="+url.QueryEscape(digest), nil), http.StatusCreated, "")
	if got := done.header.Get("Location"); got != "/v2/"+repo+"/blobs/"+digest {
		c.w.t.Errorf("the blob is at %q", got)
	}
	return digest
}

type descriptor map[string]any

func described(mediaType string, b []byte) descriptor {
	return descriptor{"mediaType": mediaType, "digest": digestOf(b), "size": len(b)}
}

func asJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}

// image is a manifest over a config and layers, with more members.
func image(config []byte, layers [][]byte, more descriptor) []byte {
	list := []any{}
	for _, l := range layers {
		list = append(list, described("application/vnd.oci.image.layer.v1.tar+gzip", l))
	}
	m := descriptor{
		"schemaVersion": 2, "mediaType": store.MediaOCIManifest,
		"config": described("application/vnd.oci.image.config.v1+json", config), "layers": list,
	}
	for k, v := range more {
		m[k] = v
	}
	return asJSON(m)
}

// index is a list of manifests for architectures.
func index(manifests map[string][]byte) []byte {
	list := []any{}
	for arch, m := range manifests {
		d := described(store.MediaOCIManifest, m)
		if strings.Contains(string(m), store.MediaOCIIndex) {
			d["mediaType"] = store.MediaOCIIndex
		}
		d["platform"] = map[string]string{"architecture": arch, "os": "linux"}
		list = append(list, d)
	}
	return asJSON(descriptor{"schemaVersion": 2, "mediaType": store.MediaOCIIndex, "manifests": list})
}

// put pushes a manifest.
func (c *client) put(repo, reference string, m []byte) answer {
	c.w.t.Helper()
	var v struct{ MediaType string }
	c.w.must(json.Unmarshal(m, &v))
	return c.do("PUT", "/v2/"+repo+"/manifests/"+reference, m, "Content-Type", v.MediaType)
}

// push pushes an image for an architecture, with one layer, and returns its
// manifest.
func (c *client) push(repo, tag, arch, layer string) []byte {
	c.w.t.Helper()
	config := asJSON(map[string]string{"architecture": arch, "os": "linux"})
	c.upload(repo, config)
	c.upload(repo, []byte(layer))
	m := image(config, [][]byte{[]byte(layer)}, nil)
	c.w.wants(c.put(repo, tag, m), http.StatusCreated, "")
	return m
}

// token asks for a token as docker does, and returns a client with it.
func (c *client) token(scopes ...string) *client {
	c.w.t.Helper()
	a := c.w.wants(c.do("GET", "/v2/token?"+url.Values{"scope": scopes, "service": {"any"}}.Encode(), nil), http.StatusOK, "")
	var v struct{ Token string }
	c.w.must(json.Unmarshal(a.body, &v))
	return &client{c.w, c.n, "Bearer " + v.Token}
}
