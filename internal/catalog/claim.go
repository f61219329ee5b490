package catalog

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Claim says what an upload is, and what is to become of it.
type Claim struct {
	Name     string // of the package
	UploadID string
	// Size that the claimer believes it has, bytes; 0 is unknown.
	Size       int64
	Channels   []string          // to release it to once it is approved
	Components map[string]string // ids of uploads, by the component's name
	BuiltAt    string
	Delta      *store.UploadDelta
	// Resource is what it is a revision of; nil is the package itself.
	Resource *store.UploadResource
}

const (
	maxClaimChannels   = 50
	maxClaimComponents = 100
	maxBuiltAt         = 64 // bytes
)

// MayClaim returns nil when who may upload to a package. It needs PermPush on
// it.
func (c *Catalog) MayClaim(ctx context.Context, who store.Principal, ns store.Namespace, name string) error {
	return c.db.View(ctx, func(tx *db.Tx) error {
		_, err := mine(tx, who, store.PermPush, ns, name)
		return err
	})
}

// Claim makes an upload a package's and has it looked into, which goes on in
// the background: see RunUploads and UploadStatus. The same claim again answers
// the same. It needs PermPush on the package, and an account.
func (c *Catalog) Claim(ctx context.Context, who store.Principal, ns store.Namespace, cl Claim) (store.Upload, error) {
	var u store.Upload
	if err := who.Need(store.PermPush); err != nil {
		return u, err
	}
	if who.Account == "" {
		return u, errNoAccount
	}
	wish, err := cl.wish(who)
	if err != nil {
		return u, err
	}
	err = c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermPush, ns, cl.Name)
		if err != nil {
			return err
		}
		if u, err = tx.Upload(cl.UploadID); err != nil {
			return err
		}
		if u.PackageID == pkg.ID && u.AccountID == who.Account {
			return sameResource(u.Wish.Resource, wish.Resource)
		}
		if cl.Size != 0 && cl.Size != u.Size {
			return store.Invalidf("wrong-size", "cannot take the upload: it has %d bytes and not %d", u.Size, cl.Size).
				Try("upload it again")
		}
		if err := take(tx, &u, pkg, who, store.UploadProcessing, wish); err != nil {
			return err
		}
		for _, name := range slices.Sorted(maps.Keys(wish.Components)) {
			part, err := tx.Upload(wish.Components[name])
			if err != nil {
				return err
			}
			// It is not looked into by itself, and stays until the snap is done.
			if err := take(tx, &part, pkg, who, store.UploadHeld, store.UploadWish{}); err != nil {
				return err
			}
		}
		details := map[string]any{
			"name": pkg.Name, "sha3-384": u.Blob.Hex(), "size": u.Size, "channels": wish.Channels,
			"components": slices.Sorted(maps.Keys(wish.Components)),
		}
		if wish.Resource != nil {
			details["resource"] = wish.Resource.Name
		}
		tx.Record(store.UploadClaimed, "package/"+pkg.ID, details)
		return nil
	})
	if err == nil {
		c.wakeWorker()
	}
	return u, err
}

var errClaimed = store.Conflictf("upload-claimed", "the upload was claimed or forgotten already").Try("upload the file again")

// sameResource returns nil when a claim that is made again says the same of what
// the bytes are.
func sameResource(had, wanted *store.UploadResource) error {
	if resourceName(had) != resourceName(wanted) {
		return errClaimed
	}
	return nil
}

// resourceName is empty for the package itself.
func resourceName(r *store.UploadResource) string {
	if r == nil {
		return ""
	}
	return r.Name
}

// take binds an upload to a package.
func take(tx *db.Tx, u *store.Upload, pkg *store.Package, who store.Principal, as store.UploadStatus, wish store.UploadWish) error {
	if u.Status != store.UploadUnclaimed || !u.ExpiresAt.After(tx.Now()) {
		return errClaimed
	}
	if u.Size == 0 && wish.Resource == nil {
		return store.Invalidf("empty-upload", "cannot take the upload: it has no bytes")
	}
	u.PackageID, u.AccountID, u.ClaimedAt, u.Status, u.Wish = pkg.ID, who.Account, tx.Now(), as, wish
	return tx.UpdateUpload(*u)
}

// wish checks what a claim asks for.
func (cl Claim) wish(who store.Principal) (store.UploadWish, error) {
	w := store.UploadWish{Components: cl.Components, BuiltAt: clip(cl.BuiltAt, maxBuiltAt), Delta: cl.Delta, Limits: who.Limits, Session: who.Session, Resource: cl.Resource}
	if len(cl.Channels) > maxClaimChannels || len(cl.Components) > maxClaimComponents {
		return w, store.TooLargef("claim-too-large", "an upload can be released to %d channels and have %d components at most",
			maxClaimChannels, maxClaimComponents)
	}
	for _, name := range cl.Channels {
		ch, err := store.ParseChannel(name)
		if err != nil {
			return w, store.Invalidf("invalid-field", "%.100q is no channel", name).With("name", "channels").Because(err)
		}
		if s := ch.Normal().String(); !slices.Contains(w.Channels, s) {
			w.Channels = append(w.Channels, s)
		}
	}
	ids := []string{cl.UploadID}
	for _, id := range cl.Components {
		if slices.Contains(ids, id) {
			return w, store.Invalidf("invalid-field", "one upload cannot be two files").With("name", "components")
		}
		ids = append(ids, id)
	}
	return w, nil
}

// UploadState is what has become of a claimed upload.
type UploadState struct {
	store.Upload
	Package string // its name
}

// UploadStatus tells whoever knows an upload's id how far it is; an upload that
// nobody has claimed, or for another package, does not exist. PackageID "" is
// whichever.
func (c *Catalog) UploadStatus(ctx context.Context, packageID, id string) (UploadState, error) {
	var s UploadState
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		if s.Upload, err = tx.Upload(id); err != nil {
			return err
		}
		if s.Status == store.UploadUnclaimed || packageID != "" && s.PackageID != packageID {
			return store.NotFoundf("upload-not-found", "nothing was uploaded under this id for this package")
		}
		pkg, err := tx.Package(s.PackageID)
		if err == nil {
			s.Package = pkg.Name
		}
		return err
	})
	return s, err
}

// ReviewStatus is UploadStatus for those who may see the package's revisions.
// It needs PermSeeRevisions on the package.
func (c *Catalog) ReviewStatus(ctx context.Context, who store.Principal, ns store.Namespace, name, id string) (UploadState, error) {
	var pkg *store.Package
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		pkg, err = mine(tx, who, store.PermSeeRevisions, ns, name)
		return err
	})
	if err != nil {
		return UploadState{}, err
	}
	return c.UploadStatus(ctx, pkg.ID, id)
}

// problemsOf turns an error into what the uploader reads. Only what is written
// for people goes there.
func problemsOf(err error, code string) []store.UploadProblem {
	if store.KindOf(err) == store.KindInternal {
		return []store.UploadProblem{{Code: code, Message: "this failed inside of the store; the operator finds out why in its log"}}
	}
	if c := store.CodeOf(err); c != "" {
		code = c
	}
	return []store.UploadProblem{{Code: code, Message: sentence(err)}}
}

// sentence is what a person reads of an error, without its cause.
func sentence(err error) string {
	var e *store.Error
	if !errors.As(err, &e) {
		return "it failed"
	}
	return (&store.Error{Message: e.Message, Next: e.Next}).Error()
}
