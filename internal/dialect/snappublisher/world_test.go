package snappublisher

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/fs"
	"github.com/larder-store/larder/internal/blob/partial"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// world is a store with a root of its own on SQLite and the file system, some
// publishers, and this dialect before it. Its clock moves by hand.
type world struct {
	t       *testing.T
	now     time.Time
	db      *db.DB
	blobs   blob.Store
	auth    *authority.Authority
	catalog *catalog.Catalog
	people  *people
	terms   Terms
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

func newWorld(t *testing.T) *world {
	t.Helper()
	template.once.Do(func() {
		dir, err := os.MkdirTemp("", "snappublisher")
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

func openWorld(t *testing.T, dir string, secret authority.Secret, people *people) *world {
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
	pieces, err := partial.Open(filepath.Join(dir, "partial"), partial.Options{})
	w.must(err)
	w.catalog = catalog.New(catalog.Options{
		DB: w.db, Blobs: w.blobs, Authority: w.auth, Now: clock, Partial: pieces,
		Setting: func(_ context.Context, name string) (string, error) { return w.settings[name], nil },
	})
	w.api = New(Options{
		Catalog: w.catalog, Identity: w.people, Now: clock,
		Terms:   func(context.Context) (Terms, error) { return w.terms, nil },
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
	t *testing.T
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
	a.t.Helper()
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

func (p *people) User(_ context.Context, id string) (store.User, error) {
	if u, ok := p.users[id]; ok {
		return u, nil
	}
	return store.User{}, store.NotFoundf("user-not-found", "no such account can log in")
}

func (p *people) UsersByEmail(_ context.Context, emails []string) (found []store.User, err error) {
	for _, u := range p.users {
		if slices.Contains(emails, u.Email) {
			found = append(found, u)
		}
	}
	return found, nil
}

func (p *people) Agree(_ context.Context, who store.Principal) (store.User, error) {
	u := p.users[who.Account]
	u.AgreedAt = time.Now()
	p.users[who.Account] = u
	return u, nil
}

func (p *people) Rename(_ context.Context, who store.Principal, username string) (store.User, error) {
	u := p.users[who.Account]
	u.Account.Username = username
	p.users[who.Account] = u
	return u, nil
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
