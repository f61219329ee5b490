package identity

import (
	"context"
	"crypto/sha3"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// adminPermissions are what an administrator's macaroon allows unless asked
// otherwise: all that clients of the dashboard can ask for.
var adminPermissions = []string{
	"edit_account", "modify_account_key", "package_access", "package_manage", "package_metrics", "package_push",
	"package_register", "package_release", "package_update", "package_upload_request", "store_admin", "store_review",
}

// The settings of an administrator whose macaroon another store has made.
const (
	settingForeignAdmin = "internal.airgap.store.admin.id"
	settingForeignHash  = "internal.airgap.store.admin.macaroon-sha3-384"
)

// methodOnce marks the row of an administrator's macaroon that is exchanged
// once.
const (
	methodOnce   = "admin-once"
	methodAlways = "admin"
	noncePurpose = "admin-macaroon"
)

// IssueAdminMacaroon makes the macaroon that a client exchanges without single
// sign-on, see ExchangeOffline. It belongs to an account and its address. It
// needs PermAccount, and not by a token, whose limits and end would not follow
// into the macaroon.
func (i *Identity) IssueAdminMacaroon(ctx context.Context, who store.Principal, accountID string, a Asked, once bool) (Issued, error) {
	if err := who.Need(store.PermAccount); err != nil {
		return Issued{}, err
	}
	if who.Session != "" {
		return Issued{}, store.Forbiddenf(store.CodePermission, "a token cannot make an administrator's macaroon").
			Try("make it on the store's host, with larder token create-admin")
	}
	if a.Permissions == nil {
		a.Permissions = adminPermissions
	}
	limits, err := a.limits()
	if err != nil {
		return Issued{}, err
	}
	expires, err := a.end(i.now(), maxLife)
	if err != nil {
		return Issued{}, err
	}
	u, err := i.User(ctx, accountID)
	if err != nil {
		return Issued{}, err
	}
	n := newToken{
		kind: KindAdmin, user: u, limits: []credential.Limits{limits}, client: u.Email, description: a.Description,
		method: methodAlways, lastAuth: later(i.now(), u.SessionsValidAfter), expires: expires,
	}
	if once {
		n.method = methodOnce
		n.before = func(tx *db.Tx, s store.Session) error { return tx.PutNonce(s.ID, noncePurpose, expires) }
	}
	return i.issue(ctx, who.Name, n)
}

// Offline is a wish to exchange an administrator's macaroon.
type Offline struct {
	Macaroon Secret
	Email    string // of whoever asks, where the client says; must be the account's
	Client   string
	Address  string
}

// ExchangeOffline makes a token of an administrator's macaroon: one of
// IssueAdminMacaroon, or the foreign one that the settings name. Failures are
// counted per address.
func (i *Identity) ExchangeOffline(ctx context.Context, o Offline) (Issued, error) {
	guess := checks{addressCheck(o.Address)}
	if err := i.mayTry(ctx, guess); err != nil {
		return Issued{}, err
	}
	issued, err := i.exchangeOffline(ctx, o)
	switch store.KindOf(err) {
	case store.KindUnauthorised, store.KindNotFound:
		i.note(ctx, guess)
		i.recordRefusal(ctx, o)
		return Issued{}, noCredentials(err)
	}
	return issued, err
}

func (i *Identity) recordRefusal(ctx context.Context, o Offline) {
	_, err := i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error {
		tx.Record(store.LoginFailed, "account/unknown", map[string]any{
			"reason": "admin-macaroon", "address": o.Address, "client": clip(o.Client),
		})
		return nil
	})
	if err != nil {
		i.log.WarnContext(ctx, "cannot note a refusal", "error", err)
	}
}

func (i *Identity) exchangeOffline(ctx context.Context, o Offline) (Issued, error) {
	n := newToken{kind: KindExchanged, client: o.Client, description: "for an administrator's macaroon"}
	foreign, err := i.foreignAdmin(ctx, o.Macaroon)
	switch {
	case err != nil:
		return Issued{}, err
	case foreign != "":
		u, err := i.User(ctx, foreign)
		if err != nil {
			return Issued{}, err
		}
		n.user, n.method, n.lastAuth = u, methodAlways, later(i.now(), u.SessionsValidAfter)
		n.limits, n.expires = []credential.Limits{{Permissions: adminPermissions}}, i.now().Add(defaultTTL)
	default:
		p, err := credential.ParseAuthorization("Macaroon " + strings.TrimSpace(o.Macaroon.Reveal()))
		if err != nil || p.Kind != credential.KindSingle {
			return Issued{}, noCredentials(err)
		}
		w, err := i.byMacaroon(ctx, p.Slices[0], credential.AdminRoot)
		if err != nil {
			return Issued{}, err
		}
		n.user, n.method, n.lastAuth = w.User, w.Session.Method, w.LastAuth
		n.limits, n.expires = w.verified.Limits, w.verified.RootExpires
		n.before = func(tx *db.Tx, _ store.Session) error {
			if w.Session.Method != methodOnce {
				return nil
			}
			good, err := tx.UseNonce(w.Session.ID, noncePurpose)
			if err == nil && !good {
				err = noCredentials(errRow) // it was exchanged already
			}
			return err
		}
	}
	if o.Email != "" && !strings.EqualFold(strings.TrimSpace(o.Email), n.user.Email) {
		return Issued{}, noCredentials(errRow)
	}
	return i.issue(ctx, n.user.Account.ID, n)
}

// foreignAdmin returns whose macaroon this is, if it is the one that the
// settings know by its hash; "" otherwise.
func (i *Identity) foreignAdmin(ctx context.Context, macaroon Secret) (accountID string, err error) {
	var want string
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		if want, err = i.setting(tx, settingForeignHash); err != nil || want == "" {
			return err
		}
		accountID, err = i.setting(tx, settingForeignAdmin)
		return err
	})
	if err != nil || want == "" || accountID == "" {
		return "", err
	}
	sum := sha3.Sum384([]byte(strings.TrimSpace(macaroon.Reveal())))
	// The hash is written in hexadecimal, or as assertions write digests.
	for _, text := range []string{hex.EncodeToString(sum[:]), base64.RawURLEncoding.EncodeToString(sum[:])} {
		if subtle.ConstantTimeCompare([]byte(text), []byte(strings.TrimSpace(want))) == 1 {
			return accountID, nil
		}
	}
	return "", nil
}

func (i *Identity) setting(tx *db.Tx, key string) (string, error) {
	row, err := tx.Setting(key)
	if store.KindOf(err) == store.KindNotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	text, _, err := i.authority.OpenSetting(row)
	return text, err
}
