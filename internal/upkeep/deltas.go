package upkeep

import (
	"context"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/delta"
	"github.com/larder-store/larder/internal/store"
)

// dropDeltas removes the deltas that have outlived their use, of packages
// without releases too. Their blobs are garbage then.
func (u *Upkeep) dropDeltas(ctx context.Context, who store.Principal, c *Collected) error {
	after := ""
	for {
		var ids []string
		err := u.DB.View(ctx, func(tx *db.Tx) (err error) {
			ids, err = tx.DeltaPackages(after, page)
			return err
		})
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			after = id
			dropped := 0
			_, err := u.DB.Update(ctx, who.Name, func(tx *db.Tx) (err error) {
				dropped, err = delta.Drop(tx, id)
				return err
			})
			if err != nil {
				return err
			}
			c.Deltas += dropped
		}
	}
}
