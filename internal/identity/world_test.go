package identity

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/testservice"
)

// world is an identity provider on a real database, with a clock that moves by
// hand.
type world struct {
	*Identity
	t    testing.TB
	url  string
	auth *authority.Authority
	logs *logs

	mu    sync.Mutex
	now   time.Time // owned by mu
	drawn int       // of readyPairs; owned by mu
}

// logs keeps everything that is logged.
type logs struct {
	mu   sync.Mutex
	text bytes.Buffer // owned by mu
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

var operator = store.Host("tester")

// cheap makes hashing fast: what it costs is not what most tests are about.
var cheap = Hashing{Memory: 64, Passes: 1, Parallel: 4, Waiting: 1000}

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

func newWorld(t testing.TB) *world { return newWorldAt(t, "sqlite:"+t.TempDir()+"/larder.db") }

func newWorldAt(t testing.TB, url string) *world {
	w := &world{
		t: t, url: url, logs: &logs{}, auth: authority.New(authority.NewSecret()),
		now: time.Date(2026, 5, 6, 7, 8, 9, 123456000, time.UTC),
	}
	w.Identity = w.node()
	return w
}

// node is another process on the same database.
func (w *world) node() *Identity {
	log := slog.New(slog.NewTextHandler(w.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	d, err := db.Open(w.t.Context(), w.url, db.Options{Now: w.clock, Log: log})
	w.must(err)
	w.t.Cleanup(func() { w.must(d.Close()) })
	i := New(Options{DB: d, Authority: w.auth, Now: w.clock, Log: log, Hashing: cheap})
	i.newPair = w.pairs
	return i
}

// pairs are the keys of the single sign-on, one after the other. They take long
// to find and nothing depends on their being fresh.
func (w *world) pairs() (*rsa.PrivateKey, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.drawn++
	if w.drawn > len(readyPairs) {
		return rsa.GenerateKey(rand.Reader, ssoKeyBits)
	}
	return readyPairs[w.drawn-1]()
}

var readyPairs = func() (ready [3]func() (*rsa.PrivateKey, error)) {
	for n := range ready {
		ready[n] = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, ssoKeyBits) })
	}
	return ready
}()

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

// wants fails the test unless err has the code.
func (w *world) wants(err error, code string) {
	w.t.Helper()
	if store.CodeOf(err) != code {
		w.t.Errorf("got error %v, want code %s", err, code)
	}
}

const testPassword = "correct horse battery"

// person makes an account whose password is testPassword.
func (w *world) person(name string, role store.Role) store.User {
	w.t.Helper()
	u, err := w.Create(w.t.Context(), operator, NewUser{
		Email: name + "@example.com", Username: name, Role: role, Password: NewSecret(testPassword),
	})
	w.must(err)
	return u
}

func (w *world) attempt(login, password string) Attempt {
	return Attempt{Login: login, Password: NewSecret(password), Address: "192.0.2.1", UserAgent: "test/1"}
}

func (w *world) update(f func(*db.Tx) error) {
	w.t.Helper()
	_, err := w.db.Update(w.t.Context(), "tester", f)
	w.must(err)
}

func (w *world) view(f func(*db.Tx) error) {
	w.t.Helper()
	w.must(w.db.View(w.t.Context(), f))
}

// kinds lists the kinds of all changes so far.
func (w *world) changes() []store.Change {
	w.t.Helper()
	all, err := w.db.Changes(w.t.Context(), 0, 0)
	w.must(err)
	return all
}
