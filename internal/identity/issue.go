package identity

import (
	"context"
	"slices"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// IssueAPIToken makes a token for automation, of the account that asks, or of
// another when it may look after accounts. Whoever asks with a token gets one
// that allows no more, and ends no later.
func (i *Identity) IssueAPIToken(ctx context.Context, who store.Principal, accountID string, a Asked) (Issued, error) {
	if err := mayEdit(who, accountID); err != nil {
		return Issued{}, err
	}
	return i.issueFor(ctx, who, accountID, KindAPIToken, a)
}

// uploadLife is how long a token for one package's uploads is good for, unless
// asked otherwise.
const uploadLife = 24 * time.Hour

// IssueUploadToken makes a token with which another service uploads one
// package, and releases it to the channels. It needs PermDelegate.
func (i *Identity) IssueUploadToken(ctx context.Context, who store.Principal, a Asked) (Issued, error) {
	if err := who.Need(store.PermDelegate); err != nil {
		return Issued{}, err
	}
	if who.Account == "" {
		return Issued{}, store.Forbiddenf(store.CodePermission, "only an account may do this")
	}
	if len(a.Packages) != 1 {
		return Issued{}, badAsk("exactly one package is needed at /packages")
	}
	if len(a.Permissions) != 1 || a.Permissions[0] != "package_upload" {
		return Issued{}, badAsk("only package_upload can be asked for at /permissions")
	}
	if a.TTL == nil && a.Expires.IsZero() {
		a.Expires = i.now().Add(uploadLife)
	}
	return i.issueFor(ctx, who, who.Account, KindUploadToken, a)
}

func (i *Identity) issueFor(ctx context.Context, who store.Principal, accountID, kind string, a Asked) (Issued, error) {
	limits, err := a.limits()
	if err != nil {
		return Issued{}, err
	}
	expires, err := a.end(i.now(), defaultTTL)
	if err != nil {
		return Issued{}, err
	}
	u, err := i.User(ctx, accountID)
	if err != nil {
		return Issued{}, err
	}
	n := newToken{
		kind: kind, user: u, limits: []credential.Limits{limits}, description: a.Description, method: "by " + who.Name,
		lastAuth: later(i.now(), u.SessionsValidAfter), expires: expires,
	}
	if who.Session != "" {
		if kind != KindUploadToken { // which delegating is about
			if err := within(who, a.Permissions); err != nil {
				return Issued{}, err
			}
		}
		for _, l := range who.Limits {
			n.limits = append(n.limits, credential.Limits{Packages: l.Packages, Channels: l.Channels, Stores: l.Stores})
		}
		n.expires = earlier(n.expires, who.Expires)
		if isSelf(who, accountID) {
			parent, err := i.session(ctx, who.Session)
			if err != nil {
				return Issued{}, err
			}
			n.lastAuth = parent.LastAuth
		}
	}
	return i.issue(ctx, who.Name, n)
}

// within lets through permissions that the token of who has all of.
func within(who store.Principal, names []string) error {
	for _, perm := range store.WirePermissions(names) {
		for _, l := range who.Limits {
			if l.Permissions != nil && !slices.Contains(l.Permissions, perm) {
				return store.Forbiddenf(store.CodePermission, "a token cannot make one that may do more than itself: it lacks %s", perm).
					With("permission", string(perm))
			}
		}
	}
	return nil
}

func (i *Identity) session(ctx context.Context, id string) (s store.Session, err error) {
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		s, err = tx.Session(id)
		return err
	})
	return s, err
}
