package db

import (
	"context"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// Pinned reads up to 256 resource revisions of one package with one query.
// Those that do not exist are left out; the order is any.
func (db *DB) Pinned(ctx context.Context, packageID string, pins []store.ResourcePin) (_ []*store.ResourceRevision, err error) {
	defer wrap(&err, "read %d resource revisions of package %q", len(pins), packageID)
	if len(pins) > maxRefs {
		return nil, store.TooLargef("too-many-resources", "%d resource revisions were asked for at once, at most %d can be", len(pins), maxRefs)
	}
	if len(pins) == 0 {
		return nil, nil
	}
	// The list is filled up by repeating the first, so that few texts differ.
	n := 1
	for n < len(pins) {
		n *= 4
	}
	args := make([]any, 0, 1+2*n)
	args = append(args, packageID)
	for i := range n {
		p := pins[0]
		if i < len(pins) {
			p = pins[i]
		}
		args = append(args, p.Name, p.Revision)
	}
	return all(db.query(ctx), scanResource, `
		SELECT `+resourceColumns+` FROM resource_revisions
		WHERE package_id = ? AND (name, revision) IN (VALUES `+
		strings.Repeat("(CAST(? AS TEXT), CAST(? AS BIGINT)), ", n-1)+`(CAST(? AS TEXT), CAST(? AS BIGINT)))`, args...)
}
