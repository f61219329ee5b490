package upkeep

import (
	"context"
	"crypto/rand"
	"log/slog"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/settings"
	"github.com/larder-store/larder/internal/store"
)

// Upkeep looks after one store. All fields are required.
type Upkeep struct {
	DB        *db.DB
	Blobs     blob.Store
	Authority *authority.Authority
	Catalog   *catalog.Catalog
	Settings  *settings.Settings
	Log       *slog.Logger
}

// Founding says what a new store is to be.
type Founding struct {
	// Root is the store's own root of trust, as authority.ReadRoot makes it
	// from files; nil generates one.
	Root *authority.Root
	// Trust are documents of further anchors to trust.
	Trust []authority.Documents
	// NoRoot founds a store without an authority of its own: it serves only
	// what others have signed.
	NoRoot bool
	// RootLater leaves the generated root to EnsureRoot, so that serving need
	// not wait for a key to be found.
	RootLater bool
}

// Founded says what a store is.
type Founded struct {
	StoreID   string `json:"store-id"`
	Authority string `json:"authority-id,omitempty"` // "" when it has none, or not yet
	New       bool   `json:"new"`                    // false: it was founded before
}

// Settings that only founding writes.
const (
	keyStoreID    = "internal.store.id"
	keyRootWanted = "internal.root.wanted"
)

// Founded returns what this store is. It fails with kind not found before it
// is founded.
func (u *Upkeep) Founded(ctx context.Context) (Founded, error) {
	id, err := u.Settings.Get(ctx, keyStoreID)
	if err != nil {
		return Founded{}, err
	}
	if id == "" {
		return Founded{}, store.NotFoundf("no-store", "there is no store here yet")
	}
	f := Founded{StoreID: id}
	err = u.DB.View(ctx, func(tx *db.Tx) (err error) {
		f.Authority, err = u.own(tx)
		return err
	})
	return f, err
}

// Found makes the store: its id, the global view, its anchors and its root, in
// one transaction. Founding again answers what is there, and adds a root or
// anchors that are asked for and missing. It needs PermStore.
func (u *Upkeep) Found(ctx context.Context, who store.Principal, f Founding) (Founded, error) {
	if err := who.Need(store.PermStore); err != nil {
		return Founded{}, err
	}
	had, err := u.Founded(ctx)
	if err != nil && store.KindOf(err) != store.KindNotFound {
		return Founded{}, err
	}
	root := f.Root
	wanted := root == nil && !f.NoRoot && had.Authority == ""
	if wanted && !f.RootLater {
		if root, err = newRoot(ctx); err != nil {
			return Founded{}, err
		}
	}
	out := Founded{}
	_, err = u.DB.Update(ctx, who.Name, func(tx *db.Tx) (err error) {
		out = Founded{}
		if out.StoreID, out.New, err = u.foundID(tx, who); err != nil {
			return err
		}
		if len(f.Trust) > 0 {
			if _, err := u.trust(tx, f.Trust, who); err != nil {
				return err
			}
		}
		if out.Authority, err = u.own(tx); err != nil {
			return err
		}
		switch {
		case f.Root == nil && out.Authority != "":
			return nil // somebody else was quicker
		case root != nil:
			out.Authority = root.AccountID
			return u.install(tx, root, who)
		case wanted && f.RootLater:
			return u.wantRoot(tx, true, who)
		}
		return nil
	})
	return out, err
}

// own is the account this store signs as, "" when it has none.
func (u *Upkeep) own(tx *db.Tx) (string, error) {
	id, err := u.Authority.Own(tx)
	if store.KindOf(err) == store.KindNotFound {
		return "", nil
	}
	return id, err
}

// wantRoot notes whether a root is still to be made.
func (u *Upkeep) wantRoot(tx *db.Tx, wanted bool, who store.Principal) error {
	noted, err := u.Settings.Read(tx, keyRootWanted)
	if err != nil || (noted != "") == wanted {
		return err
	}
	value := ""
	if wanted {
		value = "True"
	}
	return u.Settings.Write(tx, keyRootWanted, value, who.Name)
}

// foundID gives the store its id and the global view, unless it has them.
func (u *Upkeep) foundID(tx *db.Tx, who store.Principal) (id string, fresh bool, err error) {
	id, err = u.Settings.Read(tx, keyStoreID)
	if err != nil || id != "" {
		return id, false, err
	}
	id = store.NewStoreID(rand.Reader)
	if err := u.Settings.Write(tx, keyStoreID, id, who.Name); err != nil {
		return "", false, err
	}
	global := store.View{
		ID: store.GlobalStore, Name: "Global", Includes: []string{}, Packages: []string{}, CreatedAt: tx.Now(),
	}
	if err := tx.PutView(global); err != nil {
		return "", false, err
	}
	tx.Record(store.StorePut, "store/"+global.ID, global)
	return id, true, nil
}

// newRoot searches for a key, which takes from a third of a second to several.
func newRoot(ctx context.Context) (*authority.Root, error) {
	return authority.NewRoot(ctx, authority.RootOptions{})
}

// install makes root the one this store signs with, and its account one the
// catalog knows. No other is wanted then.
func (u *Upkeep) install(tx *db.Tx, root *authority.Root, who store.Principal) error {
	if _, err := u.Authority.InstallRoot(tx, root, who.Name); err != nil {
		return err
	}
	if err := u.Catalog.Absorb(tx, root.Documents); err != nil {
		return err
	}
	return u.wantRoot(tx, false, who)
}

// EnsureRoot makes the root that Found left for later, if nobody has yet. Any
// number of processes may try at once: the first to commit wins, and a process
// killed on the way leaves the wish to the next.
func (u *Upkeep) EnsureRoot(ctx context.Context, who store.Principal) error {
	wanted, err := u.rootWanted(ctx)
	if err != nil || !wanted {
		return err
	}
	root, err := newRoot(ctx)
	if err != nil {
		return err
	}
	_, err = u.DB.Update(ctx, who.Name, func(tx *db.Tx) error {
		noted, err := u.Settings.Read(tx, keyRootWanted)
		if err != nil || noted == "" {
			return err
		}
		if own, err := u.own(tx); err != nil {
			return err
		} else if own != "" {
			return u.wantRoot(tx, false, who)
		}
		return u.install(tx, root, who)
	})
	return err
}

func (u *Upkeep) rootWanted(ctx context.Context) (bool, error) {
	var wanted bool
	err := u.DB.View(ctx, func(tx *db.Tx) error {
		noted, err := u.Settings.Read(tx, keyRootWanted)
		wanted = noted != ""
		return err
	})
	return wanted, err
}

// AddTrust trusts the anchors in files, all or none. It needs PermAccount.
func (u *Upkeep) AddTrust(ctx context.Context, who store.Principal, files []authority.Documents) ([]authority.Anchor, error) {
	if err := who.Need(store.PermAccount); err != nil {
		return nil, err
	}
	var anchors []authority.Anchor
	_, err := u.DB.Update(ctx, who.Name, func(tx *db.Tx) (err error) {
		anchors, err = u.trust(tx, files, who)
		return err
	})
	return anchors, err
}

// maxDocuments bounds the assertions in one file of anchors.
const maxDocuments = 1000

// trust makes anchors of documents, and accounts of what they say.
func (u *Upkeep) trust(tx *db.Tx, files []authority.Documents, who store.Principal) ([]authority.Anchor, error) {
	anchors, _, err := u.Authority.AddAnchors(tx, files, who.Name)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		docs, err := authority.ParseStream(f.Text, maxDocuments)
		if err != nil {
			return nil, err
		}
		if err := u.Catalog.Absorb(tx, docs); err != nil {
			return nil, err
		}
	}
	return anchors, nil
}

// Anchors lists what is trusted. It needs PermAccount.
func (u *Upkeep) Anchors(ctx context.Context, who store.Principal) ([]authority.Anchor, error) {
	if err := who.Need(store.PermAccount); err != nil {
		return nil, err
	}
	var anchors []authority.Anchor
	err := u.DB.View(ctx, func(tx *db.Tx) (err error) {
		anchors, err = u.Authority.Anchors(tx)
		return err
	})
	return anchors, err
}

// RemoveTrust stops trusting an anchor, named by its account or its key. With
// force also when something in the store hangs on it. It needs PermAccount.
func (u *Upkeep) RemoveTrust(ctx context.Context, who store.Principal, id string, force bool) error {
	if err := who.Need(store.PermAccount); err != nil {
		return err
	}
	_, err := u.DB.Update(ctx, who.Name, func(tx *db.Tx) error {
		return u.Authority.RemoveAnchor(tx, id, who.Name, force)
	})
	return err
}
