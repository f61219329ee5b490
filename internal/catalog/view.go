package catalog

import (
	"context"
	"sync"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// viewCache holds every store view; there are few.
type viewCache struct {
	mu    sync.Mutex
	byID  map[string]store.View // nil when not loaded; owned by mu
	epoch uint64                // counts forgets; owned by mu
}

func (v *viewCache) forget() {
	v.mu.Lock()
	v.byID, v.epoch = nil, v.epoch+1
	v.mu.Unlock()
}

// View returns the store with this id. A store nobody made is a view that
// shows only the essential snaps.
func (c *Catalog) View(ctx context.Context, id string) (store.View, error) {
	if err := c.catchUp(ctx); err != nil {
		return store.View{}, err
	}
	return c.view(ctx, id)
}

// view is View for callers that have caught up.
func (c *Catalog) view(ctx context.Context, id string) (store.View, error) {
	if id == "" {
		id = store.GlobalStore
	}
	c.views.mu.Lock()
	views, epoch := c.views.byID, c.views.epoch
	c.views.mu.Unlock()
	if views == nil {
		views = make(map[string]store.View)
		err := c.db.View(ctx, func(tx *db.Tx) error {
			list, err := tx.Views()
			for _, v := range list {
				views[v.ID] = v
			}
			return err
		})
		if err != nil {
			return store.View{}, err
		}
		c.views.mu.Lock()
		if c.views.epoch == epoch {
			c.views.byID = views
		}
		c.views.mu.Unlock()
	}
	if v, ok := views[id]; ok {
		return v, nil
	}
	return store.View{ID: id}, nil
}
