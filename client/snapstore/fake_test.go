package snapstore

import (
	"testing"
	"time"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/internal/storetest"
)

// fakeStore is a store with this package's clients.
type fakeStore struct{ *storetest.Store }

func newFakeStore(t testing.TB) *fakeStore { return &fakeStore{storetest.New(t)} }

// client asks the fake store with one token and does not wait between tries.
func (s *fakeStore) client() *Client {
	return &Client{
		Endpoints: At(s.URL), Authorizer: auth.NewToken("tok-12345"), PollInterval: time.Nanosecond, HTTP: storetest.Quick(3),
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func ptr[T any](v T) *T { return &v }
