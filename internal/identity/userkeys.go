package identity

import (
	"context"
	"strings"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// maxUserKeys bounds the keys of one account.
const maxUserKeys = 100

// AddKey gives an account a key: an agent's, an SSH key, or the subject of an
// OpenID provider. It needs PermAccount, or for the own account
// PermAccountEdit and a fresh login.
func (i *Identity) AddKey(ctx context.Context, who store.Principal, k store.UserKey) (store.UserKey, error) {
	if err := mayGuard(who, k.AccountID); err != nil {
		return k, err
	}
	key, err := normalKey(k.Kind, k.Key)
	if err != nil {
		return k, err
	}
	k.Key, k.Name = key, clip(k.Name)
	_, err = i.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		if _, err := tx.User(k.AccountID); err != nil {
			return err
		}
		had, err := tx.UserKeys(k.AccountID)
		if err != nil {
			return err
		}
		if len(had) >= maxUserKeys {
			return store.TooLargef("too-many-keys", "the account has %d keys already", len(had)).Try("remove one first")
		}
		k.CreatedAt = tx.Now()
		tx.Record(store.UserKeyAdded, "account/"+k.AccountID, map[string]any{"kind": k.Kind, "key": k.Key, "name": k.Name})
		return tx.AddUserKey(k)
	})
	return k, err
}

// RemoveKey takes a key from an account. It needs what AddKey needs.
func (i *Identity) RemoveKey(ctx context.Context, who store.Principal, k store.UserKey) error {
	if err := mayGuard(who, k.AccountID); err != nil {
		return err
	}
	if key, err := normalKey(k.Kind, k.Key); err == nil {
		k.Key = key
	}
	_, err := i.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		existed, err := tx.RemoveUserKey(k.AccountID, k.Kind, k.Key)
		if err != nil {
			return err
		}
		if !existed {
			return store.NotFoundf("user-key-not-found", "the account has no %s key like this", k.Kind).
				Try("larder account show lists its keys and their kinds")
		}
		tx.Record(store.UserKeyRemoved, "account/"+k.AccountID, map[string]any{"kind": k.Kind, "key": k.Key})
		return nil
	})
	return err
}

// Keys lists an account's keys of a kind; all kinds for "". Public keys are no
// secret of their account, but that it exists may be: who may ask is for the
// caller to decide.
func (i *Identity) Keys(ctx context.Context, accountID, kind string) (keys []store.UserKey, err error) {
	err = i.db.View(ctx, func(tx *db.Tx) error {
		keys = nil
		all, err := tx.UserKeys(accountID)
		for _, k := range all {
			if kind == "" || k.Kind == kind {
				keys = append(keys, k)
			}
		}
		return err
	})
	return keys, err
}

// sshTypes are the kinds of SSH keys that clients of today accept.
var sshTypes = map[string]bool{
	"ssh-rsa": true, "ssh-ed25519": true, "ecdsa-sha2-nistp256": true, "ecdsa-sha2-nistp384": true,
	"ecdsa-sha2-nistp521": true, "sk-ssh-ed25519@openssh.com": true, "sk-ecdsa-sha2-nistp256@openssh.com": true,
}

// normalKey checks a key and returns its one form.
func normalKey(kind, key string) (string, error) {
	bad := store.Invalidf(codeInvalidKey, "this is no key of kind %.20q", kind)
	key = strings.TrimSpace(key)
	if len(key) > 16<<10 || strings.ContainsFunc(key, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", bad
	}
	switch kind {
	case store.UserKeyAgent:
		public, err := credential.ParseBoxPublic(key)
		return public.String(), err
	case store.UserKeySSH:
		fields := strings.Fields(key)
		if len(fields) < 2 || !sshTypes[fields[0]] {
			return "", bad.Try("give it as a line of authorized_keys without options")
		}
		raw, err := credential.DecodeBase64(fields[1])
		// The key names its type again.
		if err != nil || len(raw) < 4+len(fields[0]) || string(raw[4:4+len(fields[0])]) != fields[0] {
			return "", bad.Try("give it as a line of authorized_keys without options")
		}
		return strings.Join(fields, " "), nil
	case store.UserKeyOIDC:
		issuer, subject, ok := strings.Cut(key, " ")
		if !ok || subject == "" || !strings.HasPrefix(issuer, "https://") && !strings.HasPrefix(issuer, "http://") {
			return "", bad.Try("give it as the issuer's URL, a blank, and the subject")
		}
		return key, nil
	}
	return "", bad.Try("the kinds are agent, ssh and oidc")
}
