package charmhub

import (
	"testing"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// refusal is one request that must fail.
type refusal struct {
	why, token, method, path string
	body                     any
	status                   int
	code                     string
}

func (w *world) refuses(t *testing.T, cases []refusal) {
	t.Helper()
	for _, tt := range cases {
		t.Run(tt.why, func(t *testing.T) {
			t.Helper()
			a := w.Do(tt.token, tt.method, tt.path, tt.body)
			a.T = t
			if got := a.ErrorCode(tt.status); got != tt.code {
				t.Errorf("code %q, want %q: %s", got, tt.code, a.Body)
			}
		})
	}
}

// stored reads a package as it is now.
func (w *world) stored(id string) *store.Package {
	w.T.Helper()
	var pkg *store.Package
	w.Must(w.DB.View(w.T.Context(), func(tx *db.Tx) (err error) {
		pkg, err = tx.Package(id)
		return err
	}))
	return pkg
}
