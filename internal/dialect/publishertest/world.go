// Package publishertest is a store for the tests of publishers' dialects: with a
// root, with people whose tokens are their names, and with a clock that moves by
// hand.
package publishertest

import (
	"context"
	"maps"
	"net/http"
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
	"github.com/larder-store/larder/internal/store"
)

// World is a store with a root of its own on SQLite and the file system, some
// publishers, and a dialect before it. Its clock moves by hand.
type World struct {
	T       testing.TB
	Now     time.Time
	DB      *db.DB
	Blobs   blob.Store
	Auth    *authority.Authority
	Catalog *catalog.Catalog
	People  *People
	Dir     string
	API     http.Handler // of the dialect, which sets it
	// Settings are those that an operator has set.
	Settings map[string]string
}

// BaseURL is where the store says that it is.
const BaseURL = "https://store.example"

// Operator is whoever works on the host.
var Operator = store.Host("tester")

// template is a world that was made once, as files, since every account in it is
// signed for. Every test gets a copy.
var template struct {
	once   sync.Once
	dir    string
	secret authority.Secret
	people *People
}

// Main runs the tests of a package whose tests make worlds.
func Main(m *testing.M) {
	code := m.Run()
	if template.dir != "" {
		os.RemoveAll(template.dir)
	}
	os.Exit(code)
}

// New returns a world of its own for a test, without a dialect.
func New(t testing.TB) *World {
	t.Helper()
	template.once.Do(func() {
		dir, err := os.MkdirTemp("", "publishertest")
		if err != nil {
			t.Fatal(err)
		}
		secret := authority.NewSecret()
		w := open(t, dir, secret, &People{Users: map[string]store.User{}, Principals: map[string]store.Principal{}})
		w.root()
		w.Person("alice", store.RolePublisher)
		w.Person("bob", store.RolePublisher)
		w.Person("rita", store.RoleReviewer)
		w.Person("adam", store.RoleAdmin)
		w.Person("vera", store.RoleViewer)
		w.Must(w.DB.Close())
		template.dir, template.secret, template.people = dir, secret, w.People
	})
	if template.people == nil {
		t.Fatal("there is no world to copy")
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(template.dir)); err != nil {
		t.Fatal(err)
	}
	w := open(t, dir, template.secret, &People{
		Users: maps.Clone(template.people.Users), Principals: maps.Clone(template.people.Principals),
	})
	t.Cleanup(func() { w.Must(w.DB.Close()) })
	return w
}

func open(t testing.TB, dir string, secret authority.Secret, people *People) *World {
	t.Helper()
	w := &World{
		T: t, Now: time.Date(2026, 2, 3, 4, 5, 6, 789000000, time.UTC), Dir: dir, People: people, Settings: map[string]string{},
	}
	clock := func() time.Time { return w.Now }
	var err error
	w.DB, err = db.Open(t.Context(), "sqlite:"+filepath.Join(dir, "larder.db"), db.Options{Now: clock})
	w.Must(err)
	w.Blobs, err = fs.Open(filepath.Join(dir, "blobs"))
	w.Must(err)
	w.Auth = authority.New(secret)
	pieces, err := partial.Open(filepath.Join(dir, "partial"), partial.Options{})
	w.Must(err)
	w.Catalog = catalog.New(catalog.Options{
		DB: w.DB, Blobs: w.Blobs, Authority: w.Auth, Now: clock, Partial: pieces,
		Setting: func(_ context.Context, name string) (string, error) { return w.Settings[name], nil },
	})
	return w
}

// root gives the store a root of its own, called own, and the global store.
func (w *World) root() {
	root := assertiontest.NewRoot(w.T, "own", assertiontest.RootKey)
	files, err := authority.ReadRoot(authority.RootFiles{
		AccountID: "own", Account: root.Account.Encoded(), AccountKey: root.Key.Encoded(),
		SigningKey: assertiontest.PEM(assertiontest.RootKey),
	})
	w.Must(err)
	w.Update(func(tx *db.Tx) error {
		if _, err := w.Auth.InstallRoot(tx, files, "tester"); err != nil {
			return err
		}
		return w.Catalog.Absorb(tx, files.Documents)
	})
	_, _, err = w.Catalog.MakeView(w.T.Context(), Operator, store.View{ID: store.GlobalStore, Name: "Global"}, nil)
	w.Must(err)
}

// Person makes an account whose token is its name.
func (w *World) Person(name string, role store.Role) store.User {
	w.T.Helper()
	u := store.User{
		Account: store.Account{
			ID: name + "-id", Username: name, DisplayName: strings.ToUpper(name[:1]) + name[1:],
			Validation: "unproven", CreatedAt: w.Now,
		},
		Email: name + "@example.com", EmailVerified: true, OpenID: name + "-openid",
		Role: role, State: store.UserActive, AgreedAt: w.Now, CreatedAt: w.Now,
	}
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.UserPut, "account/"+u.Account.ID, nil)
		if err := tx.PutUser(u); err != nil {
			return err
		}
		_, _, err := w.Auth.SignAccount(tx, u.Account)
		return err
	})
	w.People.Users[u.Account.ID] = u
	w.People.Principals[name] = store.Principal{Role: role, Name: u.Account.ID, Account: u.Account.ID}
	return u
}

// Token lets somebody in under another name, with limits.
func (w *World) Token(token, name string, limits ...store.Limits) {
	p := w.People.Principals[name]
	p.Limits = append(slices.Clone(p.Limits), limits...)
	w.People.Principals[token] = p
}

func (w *World) Update(f func(*db.Tx) error) {
	w.T.Helper()
	_, err := w.DB.Update(w.T.Context(), "tester", f)
	w.Must(err)
}

func (w *World) Must(err error) {
	w.T.Helper()
	if err != nil {
		w.T.Fatal(err)
	}
}

// Releases are all that a package had.
func (w *World) Releases(packageID string) (list []store.Release) {
	w.T.Helper()
	w.Must(w.DB.View(w.T.Context(), func(tx *db.Tx) (err error) {
		list, err = tx.Releases(packageID)
		return err
	}))
	return list
}

// Collaborate lets another account publish a package, too.
func (w *World) Collaborate(packageID, accountID string) {
	w.T.Helper()
	w.Update(func(tx *db.Tx) error {
		tx.Record(store.CollaboratorPut, "package/"+packageID, nil)
		return tx.PutCollaborator(store.Collaborator{
			PackageID: packageID, Account: store.Account{ID: accountID}, CreatedAt: w.Now, CreatedBy: "tester", UpdatedAt: w.Now,
		})
	})
}
