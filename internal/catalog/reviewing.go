package catalog

import (
	"context"
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/inspect"
	"github.com/larder-store/larder/internal/store"
)

// Held is a revision with what was decided about it so far.
type Held struct {
	Package  store.Package   `json:"package"`
	Revision *store.Revision `json:"revision"`
	Reviews  []store.Review  `json:"reviews"` // oldest first
	// Channels that it is released to once it is approved.
	Channels []string `json:"channels"`
	// Plugs and Slots are the interfaces that it asks for and offers; a charm's are
	// those that it requires and provides.
	Plugs []string `json:"plugs"`
	Slots []string `json:"slots"`
	// Warnings are what a snap's metadata says that is odd but harmless.
	Warnings []string `json:"warnings"`
}

// maxHeld bounds how many held revisions are listed.
const maxHeld = 1000

// maxReason bounds what a reviewer says, bytes.
const maxReason = 4096

// mayReview returns nil when who may decide about a package's uploads: with
// PermReview, which reviewers have everywhere, or as a member with the role
// review of the store that the package is at home in. roles are those that
// rolesOf gives.
func mayReview(who store.Principal, roles map[string][]string, pkg *store.Package) error {
	refused := who.NeedOn(store.PermReview, pkg)
	if refused == nil || !slices.Contains(roles[pkg.StoreID], store.StoreRoleReview) {
		return refused
	}
	// What the token does not allow, the membership does not, either.
	who.Role = store.RoleReviewer
	return who.NeedOn(store.PermReview, pkg)
}

// Reviews lists the revisions that wait for a review, oldest first, of the
// packages that who may decide about.
func (c *Catalog) Reviews(ctx context.Context, who store.Principal) ([]Held, error) {
	if who.Role != store.RoleOperator && who.Account == "" {
		return nil, who.Need(store.PermReview)
	}
	list := []Held{}
	err := c.db.View(ctx, func(tx *db.Tx) error {
		list = list[:0]
		roles, err := rolesOf(tx, who)
		if err != nil {
			return err
		}
		revisions, err := tx.RevisionsInStatus(store.StatusPending, maxHeld)
		if err != nil {
			return err
		}
		packages := make(map[string]*store.Package)
		for _, rev := range revisions {
			pkg := packages[rev.PackageID]
			if pkg == nil {
				if pkg, err = tx.Package(rev.PackageID); err != nil {
					return err
				}
				packages[rev.PackageID] = pkg
			}
			if mayReview(who, roles, pkg) != nil {
				continue
			}
			h, err := held(tx, pkg, rev)
			if err != nil {
				return err
			}
			list = append(list, h)
		}
		return nil
	})
	return list, err
}

// ReviewOf returns a revision and what was decided about it. It needs what
// Approve needs.
func (c *Catalog) ReviewOf(ctx context.Context, who store.Principal, ns store.Namespace, name string, number int) (h Held, err error) {
	err = c.db.View(ctx, func(tx *db.Tx) error {
		pkg, rev, err := reviewable(tx, who, ns, name, number)
		if err == nil {
			h, err = held(tx, pkg, rev)
		}
		return err
	})
	return h, err
}

func reviewable(tx *db.Tx, who store.Principal, ns store.Namespace, name string, number int) (*store.Package, *store.Revision, error) {
	pkg, err := tx.PackageByName(ns, name)
	if err != nil {
		return nil, nil, err
	}
	roles, err := rolesOf(tx, who)
	if err != nil {
		return nil, nil, err
	}
	if err := mayReview(who, roles, pkg); err != nil {
		return nil, nil, err
	}
	rev, err := revisionOf(tx, pkg, number)
	return pkg, rev, err
}

func held(tx *db.Tx, pkg *store.Package, rev *store.Revision) (Held, error) {
	h := Held{Package: *pkg, Revision: rev, Channels: []string{}, Plugs: []string{}, Slots: []string{}, Warnings: []string{}}
	reviews, err := tx.Reviews(pkg.ID, rev.Number)
	if err != nil {
		return h, err
	}
	h.Reviews = append([]store.Review{}, reviews...)
	uploads, err := tx.UploadsOfRevision(pkg.ID, rev.Number)
	for _, u := range uploads {
		h.Channels = append(h.Channels, u.Wish.Channels...)
	}
	if charm := rev.Meta.Charm; charm != nil {
		h.Plugs, h.Slots = interfaces(charm.Requires), interfaces(charm.Provides)
		return h, err
	}
	if info, _ := inspect.ParseSnapYAML([]byte(rev.Manifest), inspect.Limits{}); info != nil {
		f := snapFacts(pkg, info, rev.Size)
		h.Plugs = append(h.Plugs, f.Plugs...)
		h.Slots = append(h.Slots, f.Slots...)
		h.Warnings = append(h.Warnings, f.Warnings...)
	}
	return h, err
}

// interfaces lists those of some relations, each once.
func interfaces(of map[string]store.Relation) []string {
	list := make([]string, 0, len(of))
	for _, r := range of {
		list = append(list, r.Interface)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Approve lets a held revision pass: it is signed, and released to the channels
// that its claim wished, as far as the claimer may. It needs PermReview, or the
// role review in the store that the package is at home in.
func (c *Catalog) Approve(ctx context.Context, who store.Principal, ns store.Namespace, name string, number int, reason string) (Held, error) {
	if err := validReason(reason); err != nil {
		return Held{}, err
	}
	s, err := c.lookAgain(ctx, who, ns, name, number)
	if err != nil {
		return Held{}, err
	}
	var jobs []*job
	err = c.change(ctx, who, func(tx *db.Tx) error {
		jobs = nil
		pkg, rev, err := pending(tx, who, ns, name, number)
		if err != nil {
			return err
		}
		rev.Status = store.StatusApproved
		if err := tx.SetRevisionStatus(pkg.ID, rev.Number, rev.Status); err != nil {
			return err
		}
		if err := review(tx, pkg, store.Review{
			PackageID: pkg.ID, Revision: rev.Number, At: tx.Now(), By: who.Name, Decision: store.Accept, Reason: reason,
		}); err != nil {
			return err
		}
		if err := s.approve(c, tx, pkg, rev); err != nil {
			return err
		}
		uploads, err := heldUploads(tx, pkg.ID, rev.Number)
		if err != nil {
			return err
		}
		for _, u := range uploads {
			// From here on it is a claim that is looked into already, so that
			// whoever comes after a crash releases it.
			u.Status, u.LeasedUntil = store.UploadProcessing, tx.Now().Add(leaseTime)
			if err := tx.UpdateUpload(u); err != nil {
				return err
			}
			jobs = append(jobs, &job{c: c, upload: u, until: u.LeasedUntil})
		}
		return nil
	})
	if err != nil {
		return Held{}, err
	}
	for _, j := range jobs {
		if err := c.process(ctx, j); err != nil {
			return Held{}, err
		}
	}
	return c.ReviewOf(ctx, who, ns, name, number)
}

// Reject refuses a held revision for good. It needs what Approve needs.
func (c *Catalog) Reject(ctx context.Context, who store.Principal, ns store.Namespace, name string, number int, reason string) (Held, error) {
	if err := validReason(reason); err != nil {
		return Held{}, err
	}
	err := c.change(ctx, who, func(tx *db.Tx) error {
		pkg, rev, err := pending(tx, who, ns, name, number)
		if err != nil {
			return err
		}
		if err := tx.SetRevisionStatus(pkg.ID, rev.Number, store.StatusRejected); err != nil {
			return err
		}
		if err := review(tx, pkg, store.Review{
			PackageID: pkg.ID, Revision: rev.Number, At: tx.Now(), By: who.Name, Decision: store.Reject, Reason: reason,
		}); err != nil {
			return err
		}
		uploads, err := heldUploads(tx, pkg.ID, rev.Number)
		if err != nil {
			return err
		}
		for _, u := range uploads {
			u.Problems = []store.UploadProblem{rejection(store.Review{By: who.Name, Reason: reason})}
			if err := conclude(tx, &u, store.UploadRejected); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Held{}, err
	}
	return c.ReviewOf(ctx, who, ns, name, number)
}

func validReason(reason string) error {
	if len(reason) > maxReason {
		return store.TooLargef("reason-too-long", "a reason has %d bytes at most", maxReason)
	}
	return nil
}

func pending(tx *db.Tx, who store.Principal, ns store.Namespace, name string, number int) (*store.Package, *store.Revision, error) {
	pkg, rev, err := reviewable(tx, who, ns, name, number)
	if err == nil && rev.Status != store.StatusPending {
		err = store.Conflictf("revision-decided", "revision %d of %s waits for no review: it is %s", rev.Number, pkg.Name, rev.Status)
	}
	return pkg, rev, err
}

// heldUploads are those that became a revision which waits; the uploads of
// components, which know the revision too, go with their snap's.
func heldUploads(tx *db.Tx, packageID string, revision int) ([]store.Upload, error) {
	uploads, err := tx.UploadsOfRevision(packageID, revision)
	if err != nil {
		return nil, err
	}
	parts := make(map[string]bool)
	for _, u := range uploads {
		for _, id := range u.Wish.Components {
			parts[id] = true
		}
	}
	return slices.DeleteFunc(uploads, func(u store.Upload) bool { return parts[u.ID] || u.Status != store.UploadHeld }), nil
}

// lookAgain inspects what a held revision came of.
func (c *Catalog) lookAgain(ctx context.Context, who store.Principal, ns store.Namespace, name string, number int) (seen, error) {
	var rev *store.Revision
	var uploads []store.Upload
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		var pkg *store.Package
		if pkg, rev, err = pending(tx, who, ns, name, number); err != nil {
			return err
		}
		uploads, err = heldUploads(tx, pkg.ID, rev.Number)
		return err
	})
	if err != nil {
		return nil, err
	}
	u := store.Upload{PackageID: rev.PackageID, Blob: rev.Blob}
	if len(uploads) > 0 {
		u.Wish.Components = uploads[0].Wish.Components
	}
	s, problems, err := c.lookInto(ctx, u)
	if err == nil && len(problems) > 0 {
		err = store.Conflictf("upload-lost", "cannot approve revision %d of %s: %s", number, name, problems[0].Message).
			Try("reject it, and have it uploaded again")
	}
	return s, err
}

// ReviewPolicy returns the review policy that counts in a store; "" is the
// operator's. It needs PermStore.
func (c *Catalog) ReviewPolicy(ctx context.Context, who store.Principal, storeID string) (policy store.ReviewPolicy, err error) {
	if err := who.Need(store.PermStore); err != nil {
		return policy, err
	}
	operators, err := c.setting(ctx, settingReviewPolicy)
	if err != nil {
		return policy, err
	}
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		policy, err = policyFor(tx, storeID, operators)
		return err
	})
	return policy, err
}

// SetReviewPolicy gives a store a review policy of its own; an empty text takes
// it away. It needs PermStore.
func (c *Catalog) SetReviewPolicy(ctx context.Context, who store.Principal, storeID, text string) error {
	if err := who.Need(store.PermStore); err != nil {
		return err
	}
	if _, err := store.ParseReviewPolicy(text); err != nil {
		return err
	}
	return c.change(ctx, who, func(tx *db.Tx) error {
		v, err := tx.View(storeID)
		if err != nil || v.ReviewPolicy == text {
			return err
		}
		v.ReviewPolicy = text
		return putView(tx, v)
	})
}
