package charmhub

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/fs"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// world is a store with a root of its own on SQLite and the file system, some
// publishers, and this dialect before it. Its clock moves by hand.
type world struct {
	t       testing.TB
	now     time.Time
	db      *db.DB
	blobs   blob.Store
	auth    *authority.Authority
	catalog *catalog.Catalog
	people  *people
	dir     string
	api     http.Handler
	// settings are those that an operator has set.
	settings map[string]string
}

const baseURL = "https://store.example"

var operator = store.Host("tester")

// template is a world that was made once, as files, since every account in it is
// signed for. Every test gets a copy.
var template struct {
	once   sync.Once
	dir    string
	secret authority.Secret
	people *people
}

func TestMain(m *testing.M) {
	code := m.Run()
	if template.dir != "" {
		os.RemoveAll(template.dir)
	}
	os.Exit(code)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	template.once.Do(func() {
		dir, err := os.MkdirTemp("", "charmhub")
		if err != nil {
			t.Fatal(err)
		}
		secret := authority.NewSecret()
		w := openWorld(t, dir, secret, &people{users: map[string]store.User{}, principals: map[string]store.Principal{}})
		w.root()
		w.person("alice", store.RolePublisher)
		w.person("bob", store.RolePublisher)
		w.person("rita", store.RoleReviewer)
		w.person("adam", store.RoleAdmin)
		w.person("vera", store.RoleViewer)
		w.must(w.db.Close())
		template.dir, template.secret, template.people = dir, secret, w.people
	})
	if template.people == nil {
		t.Fatal("there is no world to copy")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(template.dir)); err != nil {
		t.Fatal(err)
	}
	w := openWorld(t, dir, template.secret, &people{
		users: maps.Clone(template.people.users), principals: maps.Clone(template.people.principals),
	})
	t.Cleanup(func() { w.must(w.db.Close()) })
	return w
}

func openWorld(t testing.TB, dir string, secret authority.Secret, people *people) *world {
	t.Helper()
	w := &world{
		t: t, now: time.Date(2026, 2, 3, 4, 5, 6, 789000000, time.UTC), dir: dir, people: people, settings: map[string]string{},
	}
	clock := func() time.Time { return w.now }
	var err error
	w.db, err = db.Open(t.Context(), "sqlite:"+filepath.Join(dir, "larder.db"), db.Options{Now: clock})
	w.must(err)
	w.blobs, err = fs.Open(filepath.Join(dir, "blobs"))
	w.must(err)
	w.auth = authority.New(secret)
	w.catalog = catalog.New(catalog.Options{
		DB: w.db, Blobs: w.blobs, Authority: w.auth, Now: clock,
		Setting: func(_ context.Context, name string) (string, error) { return w.settings[name], nil },
	})
	w.api = New(Options{
		Catalog: w.catalog, Identity: w.people, Registry: registry{},
		BaseURL: func(*http.Request) string { return baseURL },
	})
	return w
}

// root gives the store a root of its own, called own, and the global store.
func (w *world) root() {
	root := assertiontest.NewRoot(w.t, "own", assertiontest.RootKey)
	files, err := authority.ReadRoot(authority.RootFiles{
		AccountID: "own", Account: root.Account.Encoded(), AccountKey: root.Key.Encoded(),
		SigningKey: assertiontest.PEM(assertiontest.RootKey),
	})
	w.must(err)
	w.update(func(tx *db.Tx) error {
		if _, err := w.auth.InstallRoot(tx, files, "tester"); err != nil {
			return err
		}
		return w.catalog.Absorb(tx, files.Documents)
	})
	_, _, err = w.catalog.MakeView(w.t.Context(), operator, store.View{ID: store.GlobalStore, Name: "Global"}, nil)
	w.must(err)
}

// person makes an account whose token is its name.
func (w *world) person(name string, role store.Role) store.User {
	w.t.Helper()
	u := store.User{
		Account: store.Account{
			ID: name + "-id", Username: name, DisplayName: strings.ToUpper(name[:1]) + name[1:],
			Validation: "unproven", CreatedAt: w.now,
		},
		Email: name + "@example.com", EmailVerified: true, OpenID: name + "-openid",
		Role: role, State: store.UserActive, AgreedAt: w.now, CreatedAt: w.now,
	}
	w.update(func(tx *db.Tx) error {
		tx.Record(store.UserPut, "account/"+u.Account.ID, nil)
		if err := tx.PutUser(u); err != nil {
			return err
		}
		_, _, err := w.auth.SignAccount(tx, u.Account)
		return err
	})
	w.people.users[u.Account.ID] = u
	w.people.principals[name] = store.Principal{Role: role, Name: u.Account.ID, Account: u.Account.ID}
	return u
}

// token lets somebody in under another name, with limits.
func (w *world) token(token, name string, limits ...store.Limits) {
	p := w.people.principals[name]
	p.Limits = append(slices.Clone(p.Limits), limits...)
	w.people.principals[token] = p
}

func (w *world) update(f func(*db.Tx) error) {
	w.t.Helper()
	_, err := w.db.Update(w.t.Context(), "tester", f)
	w.must(err)
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	t testing.TB
}

// do asks as whoever the token names; "" shows no credentials. The body is sent
// as it is when it is text or bytes, and as JSON otherwise.
func (w *world) do(token, method, path string, body any, headers ...string) answer {
	w.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	case []byte:
		reader = bytes.NewReader(b)
	case io.Reader:
		reader = b
	default:
		encoded, err := json.Marshal(b)
		w.must(err)
		reader = bytes.NewReader(encoded)
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, path, reader)
	if token != "" {
		r.Header.Set("Authorization", "Macaroon "+token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.api.ServeHTTP(rec, r)
	return answer{rec, w.t}
}

// json decodes the body, which must have the status.
func (a answer) json(status int, into any) {
	a.t.Helper()
	if a.Code != status {
		a.t.Fatalf("status %d, want %d: %s", a.Code, status, a.Body)
	}
	if got := a.Header().Get("Content-Type"); got != reply.ContentJSON {
		a.t.Fatalf("content type %q", got)
	}
	if err := json.Unmarshal(a.Body.Bytes(), into); err != nil {
		a.t.Fatalf("%v in %s", err, a.Body)
	}
}

// object is json into a map.
func (a answer) object(status int) map[string]any {
	a.t.Helper()
	var v map[string]any
	a.json(status, &v)
	return v
}

// code is the code of the first error, in either spelling of the list.
func (a answer) code(status int) string {
	a.t.Helper()
	var v struct {
		V1 []struct{ Code, Message string } `json:"error_list"`
		V2 []struct{ Code, Message string } `json:"error-list"`
	}
	a.json(status, &v)
	list := append(v.V1, v.V2...)
	if len(list) == 0 || list[0].Message == "" {
		a.t.Fatalf("no error list: %s", a.Body)
	}
	return list[0].Code
}

// people is an identity provider whose tokens are names.
type people struct {
	users      map[string]store.User
	principals map[string]store.Principal // by token
}

func (p *people) Authenticate(_ context.Context, e identity.Evidence) (store.Principal, error) {
	if len(e.Authorization) == 1 {
		if _, token, ok := strings.Cut(e.Authorization[0], " "); ok {
			if who, known := p.principals[token]; known {
				return who, nil
			}
		}
	}
	return store.Principal{}, store.Unauthorisedf(identity.CodeNoCredentials, "log in first")
}

// registry gives credentials that say whose they are.
type registry struct{}

func (registry) UploadCredentials(_ context.Context, who store.Principal, repo store.ImageRepo) (username string, password identity.Secret, err error) {
	return who.Name, identity.NewSecret("push-" + repo.PackageID + "-" + repo.Resource), nil
}

func (registry) PullCredentials(_ context.Context, repo store.ImageRepo) (username string, password identity.Secret, err error) {
	return "puller", identity.NewSecret("pull-" + repo.PackageID + "-" + repo.Resource), nil
}

// releases are all that a package had.
func (w *world) releases(packageID string) (list []store.Release) {
	w.t.Helper()
	w.must(w.db.View(w.t.Context(), func(tx *db.Tx) (err error) {
		list, err = tx.Releases(packageID)
		return err
	}))
	return list
}

// collaborate lets another account publish a package, too.
func (w *world) collaborate(packageID, accountID string) {
	w.t.Helper()
	w.update(func(tx *db.Tx) error {
		tx.Record(store.CollaboratorPut, "package/"+packageID, nil)
		return tx.PutCollaborator(store.Collaborator{
			PackageID: packageID, Account: store.Account{ID: accountID}, CreatedAt: w.now, CreatedBy: "tester", UpdatedAt: w.now,
		})
	})
}

// register makes a package of alice's in the charms' namespace. typ is charm or
// bundle.
func (w *world) register(name, typ string) *store.Package {
	w.t.Helper()
	return w.registerFor("alice", name, typ)
}

// registerFor is register for somebody else.
func (w *world) registerFor(person, name, typ string) *store.Package {
	w.t.Helper()
	pkg := &store.Package{
		ID: fakeID(name), Namespace: store.Charm, Name: name, Type: typ, PublisherID: person + "-id", StoreID: store.GlobalStore, CreatedAt: w.now,
	}
	w.update(func(tx *db.Tx) (err error) {
		if err := tx.InsertPackage(pkg); err != nil {
			return err
		}
		tx.Record(store.PackageRegistered, "package/"+pkg.ID, nil)
		pkg, err = tx.Package(pkg.ID)
		return err
	})
	return pkg
}

// fakeID is a package id that tells its package.
func fakeID(name string) string {
	id := strings.ReplaceAll(name, "-", "0") + strings.Repeat("Id00", 8)
	return id[:32]
}

// blob keeps bytes, and returns all their digests.
func (w *world) blob(content []byte) (row store.Blob, hex384, hex512 string) {
	w.t.Helper()
	d, err := blob.Put(w.t.Context(), w.blobs, bytes.NewReader(content), blob.PutOptions{})
	w.must(err)
	row = store.Blob{Digest: d.SHA3_384, SHA256: hex.EncodeToString(d.SHA256[:]), Size: d.Size}
	w.update(func(tx *db.Tx) error {
		tx.Record(store.BlobAdded, "blob/"+row.Digest.Hex(), nil)
		_, err := tx.AddBlob(row)
		return err
	})
	long, longest := sha512.Sum384(content), sha512.Sum512(content)
	return row, hex.EncodeToString(long[:]), hex.EncodeToString(longest[:])
}

// revision enters an approved revision without the way over an upload: r as it
// is, with what it leaves out filled in. Its bytes are content.
func (w *world) revision(pkg *store.Package, content string, r store.Revision) *store.Revision {
	w.t.Helper()
	row, hex384, hex512 := w.blob([]byte(content))
	r.PackageID, r.CreatedBy, r.Blob, r.SHA256, r.Size = pkg.ID, pkg.PublisherID, row.Digest, row.SHA256, row.Size
	r.SHA384, r.SHA512, r.Provenance = hex384, hex512, "global-upload"
	r.Status, r.Version = cmp.Or(r.Status, store.StatusApproved), cmp.Or(r.Version, "1")
	r.Meta.Type = cmp.Or(r.Meta.Type, pkg.Type)
	if r.CreatedAt.IsZero() {
		r.CreatedAt = w.now
	}
	if r.Manifest == "" {
		r.Manifest = "name: " + pkg.Name + "\nsummary: s\ndescription: d\n"
	}
	if r.Meta.Charm == nil {
		r.Meta.Charm = &store.CharmMeta{}
	}
	if r.Platforms == nil {
		r.Platforms = []store.Platform{base("24.04", "amd64")}
	}
	w.update(func(tx *db.Tx) error {
		tx.Record(store.RevisionAdded, "package/"+pkg.ID, nil)
		return tx.InsertRevision(&r)
	})
	return &r
}

// base is one of Ubuntu's.
func base(channel, arch string) store.Platform {
	return store.Platform{BaseName: "ubuntu", BaseChannel: channel, Architecture: arch}
}

// resource enters a revision of a resource without the way over an upload.
func (w *world) resource(pkg *store.Package, content string, r store.ResourceRevision) *store.ResourceRevision {
	w.t.Helper()
	row, hex384, hex512 := w.blob([]byte(content))
	r.PackageID, r.CreatedBy, r.Blob, r.SHA256, r.Size = pkg.ID, pkg.PublisherID, row.Digest, row.SHA256, row.Size
	r.SHA384, r.SHA512, r.Type = hex384, hex512, cmp.Or(r.Type, store.ResourceFile)
	if r.CreatedAt.IsZero() {
		r.CreatedAt = w.now
	}
	if r.Platforms == nil {
		r.Platforms = []store.Platform{{BaseName: "all", BaseChannel: "all", Architecture: "all"}}
	}
	w.update(func(tx *db.Tx) error {
		tx.Record(store.ResourceAdded, "package/"+pkg.ID, nil)
		return tx.InsertResource(&r)
	})
	return &r
}

// release points channels at a revision on all its platforms, with pins such as
// "image=3".
func (w *world) release(pkg *store.Package, rev *store.Revision, channels string, pins ...string) {
	w.t.Helper()
	var facts []store.Release
	for _, name := range strings.Fields(channels) {
		ch, err := store.ParseChannel(name)
		w.must(err)
		for _, p := range rev.Platforms {
			f := store.Release{PackageID: pkg.ID, At: w.now, By: pkg.PublisherID, Channel: ch.Normal(), Platform: p, Revision: rev.Number}
			for _, pin := range pins {
				name, number, _ := strings.Cut(pin, "=")
				n, err := strconv.Atoi(number)
				w.must(err)
				f.Resources = append(f.Resources, store.ResourcePin{Name: name, Revision: n})
			}
			facts = append(facts, f)
		}
	}
	w.update(func(tx *db.Tx) error {
		tx.Record(store.Released, "package/"+pkg.ID, nil)
		_, err := tx.AppendReleases(facts)
		return err
	})
}

// upload sends a file as /unscanned-upload does, and returns its id.
func (w *world) upload(content []byte) string {
	w.t.Helper()
	id, err := w.catalog.Receive(w.t.Context(), catalog.Sent{Filename: "f", Address: "192.0.2.1"}, bytes.NewReader(content))
	w.must(err)
	return id
}

// process looks into what was claimed.
func (w *world) process() {
	w.t.Helper()
	_, err := w.catalog.ProcessUploads(w.t.Context())
	w.must(err)
}
