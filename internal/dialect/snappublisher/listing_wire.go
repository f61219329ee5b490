package snappublisher

import (
	"net/http"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// onlySeries is what clients send, or not, and always get.
const onlySeries = "16"

// snapByID is the snap that a path under /dev/api/snaps/{id} is about.
func snapByID(r *http.Request) store.Ref { return store.Ref{ID: r.PathValue("id")} }

// microTime is a time as assertions and the dashboard write it.
func microTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
