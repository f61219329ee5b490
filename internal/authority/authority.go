package authority

import (
	"time"

	"github.com/larder-store/larder/internal/store"
)

// Authority decides what enters a shelf and signs what larder itself has to
// say. It is safe for concurrent use; the shelves it is given need not be.
type Authority struct {
	keys keyring
}

// New returns an Authority that seals private keys and secret settings under
// secret.
func New(secret Secret) *Authority {
	return &Authority{keys: keyring{secret: secret}}
}

// maxStream bounds the documents of one file of anchors or keys.
const maxStream = 1000

// timestamp is how headers write a time.
func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// recordAdded puts an assertion into the change log.
func recordAdded(shelf Shelf, a store.Assertion) {
	shelf.Record(store.AssertionAdded, "assertion/"+a.Type+"/"+a.PrimaryKey,
		map[string]any{"revision": a.Revision, "format": a.Format})
}
