package upkeep

import (
	"context"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Status is what a store is and how it is.
type Status struct {
	StoreID   string `json:"store-id"`
	URL       string `json:"url,omitempty"` // "" when none is configured
	Authority string `json:"authority-id,omitempty"`
	// NoAuthority says why Authority is empty.
	NoAuthority string `json:"no-authority,omitempty"`
	DB          string `json:"db"` // "ok"
	Airgap      bool   `json:"airgap"`
	// Devices that were seen in the last 24 hours with a session.
	Devices  int       `json:"devices"`
	Services []Service `json:"services"`
	store.Counts
}

// Service is one part a store stands on.
type Service struct {
	Name    string `json:"name"`
	Problem string `json:"problem,omitempty"` // "" when it is well
}

// Status looks at the store as a whole. It needs PermStore. A database that
// does not answer is an error; a blob store that does not is part of the
// answer.
func (u *Upkeep) Status(ctx context.Context, who store.Principal) (Status, error) {
	var s Status
	if err := who.Need(store.PermStore); err != nil {
		return s, err
	}
	founded, err := u.Founded(ctx)
	if err != nil {
		return s, err
	}
	s.StoreID, s.Authority, s.DB = founded.StoreID, founded.Authority, "ok"
	if s.URL, err = u.URL(ctx); err != nil {
		return s, err
	}
	if s.Airgap, err = u.Settings.Flag(ctx, "proxy.airgap"); err != nil {
		return s, err
	}
	wanted, err := u.rootWanted(ctx)
	if err != nil {
		return s, err
	}
	switch {
	case s.Authority != "":
	case wanted:
		s.NoAuthority = "being made"
	default:
		s.NoAuthority = "none: this store signs nothing itself"
	}
	err = u.DB.View(ctx, func(tx *db.Tx) error {
		if s.Counts, err = tx.Counts(); err != nil {
			return err
		}
		s.Devices, err = tx.CountDevices(tx.Now().Add(-24 * time.Hour))
		return err
	})
	if err != nil {
		return s, err
	}
	blobs := Service{Name: "blobs"}
	if err := u.Blobs.Check(ctx); err != nil {
		blobs.Problem = err.Error()
	}
	s.Services = []Service{{Name: "database"}, blobs}
	return s, nil
}
