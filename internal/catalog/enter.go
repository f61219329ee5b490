package catalog

import (
	"context"
	"errors"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// settingReviewPolicy is the operator's review policy.
const settingReviewPolicy = "larder.review.policy"

// byPolicy is the actor of what the review policy decides.
const byPolicy = "review-policy"

// enterUpload makes the revision of an upload that was looked into, with the
// status that the review policy gives it. It reports whether nothing is left to
// do.
func (c *Catalog) enterUpload(ctx context.Context, j *job, s seen) (done bool, err error) {
	operators, err := c.setting(ctx, settingReviewPolicy)
	if err != nil {
		return false, err
	}
	// What could never be approved must not wait for a reviewer.
	err = j.update(ctx, func(tx *db.Tx, u *store.Upload) error {
		if err := c.enterWith(tx, u, s, store.Verdict{Decision: store.Accept}); err != nil {
			return err
		}
		return errTrial
	})
	if !errors.Is(err, errTrial) {
		return false, err
	}
	var had store.Upload
	err = j.update(ctx, func(tx *db.Tx, u *store.Upload) error {
		pkg, err := tx.Package(u.PackageID)
		if err != nil {
			return err
		}
		verdict, err := judge(tx, pkg, s, operators)
		if err != nil {
			return err
		}
		if err := c.enterWith(tx, u, s, verdict); err != nil {
			return err
		}
		switch {
		case verdict.Decision == store.Hold:
			err = conclude(tx, u, store.UploadHeld)
		case verdict.Decision == store.Reject:
			u.Problems = []store.UploadProblem{rejection(store.Review{By: byPolicy, Reason: plain(verdict.Reason)})}
			err = conclude(tx, u, store.UploadRejected)
		case len(u.Wish.Channels) == 0:
			err = conclude(tx, u, store.UploadApproved)
		default:
			err = tx.UpdateUpload(*u)
		}
		had = *u
		return err
	})
	if err == nil {
		j.upload = had
	}
	return had.Status != store.UploadProcessing, err
}

// CodeRejected is the code of the problem with what a review has rejected.
const CodeRejected = "review-rejected"

// rejection is what the uploader reads of a decision against a revision.
func rejection(v store.Review) store.UploadProblem {
	said := "a reviewer has rejected it"
	if v.By == byPolicy {
		said = "the review policy rejects it"
	}
	if v.Reason != "" {
		said += ": " + v.Reason
	}
	return store.UploadProblem{Code: CodeRejected, Message: said}
}

// judge asks the policy of the package's home, or else the operator's. One that
// cannot be read holds everything back.
func judge(tx *db.Tx, pkg *store.Package, s seen, operators string) (store.Verdict, error) {
	policy, err := policyFor(tx, pkg.StoreID, operators)
	if store.KindOf(err) == store.KindInvalid || store.KindOf(err) == store.KindTooLarge {
		return store.Verdict{Decision: store.Hold, Reason: "the review policy cannot be read"}, nil
	}
	if err != nil {
		return store.Verdict{}, err
	}
	return policy.Judge(s.facts(pkg)), nil
}

// policyFor is the review policy for packages at home in a store.
func policyFor(tx *db.Tx, storeID, operators string) (store.ReviewPolicy, error) {
	home, err := tx.View(storeID)
	if err != nil && store.KindOf(err) != store.KindNotFound {
		return store.ReviewPolicy{}, err
	}
	text := home.ReviewPolicy
	if text == "" {
		text = operators
	}
	if text == "" {
		text = store.DefaultReviewPolicy
	}
	return store.ParseReviewPolicy(text)
}

// statusOf is the status that a verdict gives a revision.
func statusOf(d store.Decision) string {
	switch d {
	case store.Accept:
		return store.StatusApproved
	case store.Hold:
		return store.StatusPending
	}
	return store.StatusRejected
}

// enterWith makes the revision of an upload as a verdict says.
func (c *Catalog) enterWith(tx *db.Tx, u *store.Upload, s seen, v store.Verdict) error {
	pkg, err := tx.Package(u.PackageID)
	if err != nil {
		return err
	}
	if err := s.belongs(tx, pkg); err != nil {
		return err
	}
	row := s.bytes()
	had, err := tx.RevisionsOfBlob(row.Digest)
	if err != nil {
		return err
	}
	for _, r := range had {
		if r.PackageID == pkg.ID {
			return errDuplicate(pkg, r)
		}
	}
	if _, err := tx.AddBlob(row); err != nil {
		return err
	}
	number, err := nextRevision(tx, pkg.ID)
	if err != nil {
		return err
	}
	rev := s.revision(number)
	rev.PackageID, rev.Status, rev.CreatedAt, rev.CreatedBy = pkg.ID, statusOf(v.Decision), tx.Now(), u.AccountID
	rev.Blob, rev.SHA256, rev.Size = row.Digest, row.SHA256, row.Size
	if err := tx.InsertRevision(rev); err != nil {
		return err
	}
	u.Revision = rev.Number
	tx.Record(store.RevisionAdded, "package/"+pkg.ID, map[string]any{
		"name": pkg.Name, "revision": rev.Number, "version": rev.Version, "sha3-384": rev.Blob.Hex(), "size": rev.Size,
		"status": rev.Status,
	})
	err = review(tx, pkg, store.Review{
		PackageID: pkg.ID, Revision: rev.Number, At: tx.Now(), By: byPolicy, Decision: v.Decision, Rule: v.Rule, Reason: plain(v.Reason),
	})
	if err != nil || rev.Status != store.StatusApproved {
		return err
	}
	return s.approve(c, tx, pkg, rev)
}

// errDuplicate names the revision that has the same bytes.
func errDuplicate(pkg *store.Package, had *store.Revision) error {
	field := ""
	if pkg.Namespace == store.Snap {
		field = "binary_sha3_384: " // as clients of snaps know it
	}
	return store.Conflictf("duplicate-upload", "%sa file with this exact same content has already been uploaded, as revision %d", field, had.Number)
}

// nextRevision is the number that the package's next revision gets.
func nextRevision(tx *db.Tx, packageID string) (int, error) {
	newest, err := tx.Revisions(packageID, 0, 1)
	if err != nil || len(newest) == 0 {
		return 1, err
	}
	return newest[0].Number + 1, nil
}

// review notes a decision about a revision.
func review(tx *db.Tx, pkg *store.Package, r store.Review) error {
	tx.Record(store.RevisionReviewed, "package/"+pkg.ID, map[string]any{
		"name": pkg.Name, "revision": r.Revision, "decision": string(r.Decision), "rule": r.Rule, "by": r.By,
	})
	return tx.AddReview(r)
}

// ownIcon makes the picture in a revision the package's, unless its publisher has
// set another.
func (p *push) ownIcon(pkg *store.Package, pic *icon, rev *store.Revision) error {
	if pic == nil || hasIcon(pkg) && !pkg.Listing.FollowsReleases {
		return nil
	}
	return p.icon(pkg, *pic, rev)
}

func hasIcon(pkg *store.Package) bool {
	for _, m := range pkg.Media {
		if m.Kind == "icon" {
			return true
		}
	}
	return false
}

// releaseUpload releases an approved revision to the channels that its claim
// wishes, as far as the claimer may, and concludes the upload. What could not be
// released is told to whoever uploaded it.
func (c *Catalog) releaseUpload(ctx context.Context, j *job) error {
	u := j.upload
	problems := u.Problems
	if len(u.Wish.Channels) > 0 {
		pkg, claimer, err := c.claimer(ctx, u)
		if err != nil {
			return err
		}
		for _, name := range u.Wish.Channels {
			err := c.releaseTo(ctx, claimer, pkg, u.Revision, name)
			switch kind := store.KindOf(err); {
			case err == nil:
			case kind == store.KindInternal || kind == store.KindUnavailable:
				return err
			default:
				for _, p := range problemsOf(err, "release-failed") {
					p.Message = "cannot release to " + name + ": " + p.Message
					problems = append(problems, p)
				}
			}
		}
	}
	return j.update(ctx, func(tx *db.Tx, u *store.Upload) error {
		u.Problems = problems
		return conclude(tx, u, store.UploadApproved)
	})
}

func (c *Catalog) releaseTo(ctx context.Context, who store.Principal, pkg *store.Package, revision int, name string) error {
	ch, err := store.ParseChannel(name)
	if err != nil {
		return err
	}
	if err := who.NeedChannels(ch); err != nil {
		return err
	}
	_, err = c.Release(ctx, who, pkg.Namespace, pkg.Name, revision, []Pointing{{Channel: ch}})
	return err
}

// claimer is who claimed an upload, as it is today and with the limits of the
// token that it claimed it with.
func (c *Catalog) claimer(ctx context.Context, u store.Upload) (pkg *store.Package, who store.Principal, err error) {
	err = c.db.View(ctx, func(tx *db.Tx) error {
		if pkg, err = tx.Package(u.PackageID); err != nil {
			return err
		}
		user, err := tx.User(u.AccountID)
		if err == nil {
			err = notRevoked(tx, u.Wish.Session)
		}
		switch {
		case store.KindOf(err) == store.KindNotFound, err == nil && user.State != store.UserActive:
			who = store.Principal{Name: u.AccountID} // may look, and no more
			return nil
		case err != nil:
			return err
		}
		who = store.Principal{Role: user.Role, Name: u.AccountID, Account: u.AccountID, Limits: u.Wish.Limits}
		return nil
	})
	return pkg, who, err
}

// notRevoked returns an error of kind not found when a token is gone or was
// revoked; that it has expired since takes nothing back. "" is a password.
func notRevoked(tx *db.Tx, session string) error {
	if session == "" {
		return nil
	}
	s, err := tx.Session(session)
	if err == nil && !s.RevokedAt.IsZero() {
		err = store.NotFoundf("session-not-found", "the token was revoked")
	}
	return err
}
