package catalog

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// AccountKey is a public key that this store vouches for.
type AccountKey struct {
	AccountID string
	Name      string
	ID        string // SHA3-384, as assertions have it
	Since     time.Time
	Until     time.Time // zero is no end
}

const (
	// minKeyBits is the least that devices take of a key made today.
	minKeyBits = 4096
	// maxAccountKeys bounds the keys of one account.
	maxAccountKeys = 100
	// maxKeyRequest bounds the text of a request, bytes.
	maxKeyRequest = 16 << 10
)

// AccountKeys lists the keys of who's account, oldest first. It needs
// PermAccountView and an account.
func (c *Catalog) AccountKeys(ctx context.Context, who store.Principal) ([]AccountKey, error) {
	if err := who.Need(store.PermAccountView); err != nil {
		return nil, err
	}
	if who.Account == "" {
		return nil, errNoAccount
	}
	var keys []AccountKey
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		keys, err = c.accountKeys(tx, who.Account)
		return err
	})
	return keys, err
}

// accountKeys reads the stored account-keys of one account. Only those are
// parsed that may be its own.
func (c *Catalog) accountKeys(tx *db.Tx, accountID string) ([]AccountKey, error) {
	line := []byte("\naccount-id: " + accountID + "\n")
	var keys []AccountKey
	filter := store.AssertionFilter{Type: "account-key", Limit: 1000}
	for {
		rows, err := tx.Assertions(filter)
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			filter.After = r
			if !bytes.Contains(r.Encoded, line) {
				continue
			}
			list, err := authority.ParseStream(r.Encoded, 1)
			if err != nil {
				return nil, err
			}
			v, err := assertion.As[assertion.AccountKey](list[0])
			if err != nil || v.AccountID != accountID {
				continue // in a format that this program does not read
			}
			keys = append(keys, AccountKey{v.AccountID, v.Name, v.Key.ID(), v.Since, v.Until})
		}
		if len(rows) < filter.Limit {
			slices.SortFunc(keys, func(a, b AccountKey) int {
				return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.ID, b.ID))
			})
			return keys, nil
		}
	}
}

// RegisterAccountKey vouches for a key of who's account. The request is an
// account-key-request assertion, signed with the key itself. A name or a key
// that is registered already is a conflict. It needs PermAccountKeys and an
// account.
func (c *Catalog) RegisterAccountKey(ctx context.Context, who store.Principal, request []byte) (AccountKey, error) {
	var key AccountKey
	if err := who.Need(store.PermAccountKeys); err != nil {
		return key, err
	}
	if who.Account == "" {
		return key, errNoAccount
	}
	a, wanted, err := readKeyRequest(who, request)
	if err != nil {
		return key, err
	}
	err = c.change(ctx, who, func(tx *db.Tx) error {
		if err := c.ensureSigned(tx, who.Account); err != nil {
			return noAuthorityHere(err, "register keys")
		}
		checker, err := c.authority.Checker(tx)
		if err != nil {
			return err
		}
		if err := checker.Check(a); err != nil {
			return invalidKey("its signature is not good").Because(err)
		}
		had, err := c.accountKeys(tx, who.Account)
		if err != nil {
			return err
		}
		if len(had) >= maxAccountKeys {
			return store.Conflictf("too-many-keys", "the account has %d keys already", len(had))
		}
		if slices.ContainsFunc(had, func(k AccountKey) bool { return k.Name == wanted.Name }) {
			return store.Conflictf("account-key-exists", "the account has a key named %s already", wanted.Name).
				Try("give the key another name")
		}
		ref, err := assertion.NewRef("account-key", wanted.Key.ID())
		if err != nil {
			return err
		}
		if _, err := c.authority.Find(tx, ref, -1); store.KindOf(err) != store.KindNotFound {
			if err != nil {
				return err
			}
			return store.Conflictf("account-key-exists", "this key is registered already").Try("make a new one")
		}
		_, _, err = c.authority.SignAccountKey(tx, authority.KeyFacts{
			AccountID: who.Account, Name: wanted.Name, Key: wanted.Key, Since: wanted.Since, Until: wanted.Until,
		})
		key = AccountKey{who.Account, wanted.Name, wanted.Key.ID(), wanted.Since, wanted.Until}
		return noAuthorityHere(err, "register keys")
	})
	return key, err
}

// readKeyRequest checks what needs no database.
func readKeyRequest(who store.Principal, request []byte) (*assertion.Assertion, *assertion.AccountKeyRequest, error) {
	if len(request) > maxKeyRequest {
		return nil, nil, invalidKey("it is too long")
	}
	list, err := authority.ParseStream(request, 1)
	if err != nil || len(list) != 1 || list[0].Type().Name != "account-key-request" {
		return nil, nil, invalidKey("it is no account-key-request assertion").Because(err)
	}
	wanted, err := assertion.As[assertion.AccountKeyRequest](list[0])
	switch {
	case err != nil:
		return nil, nil, invalidKey("it is no account-key-request assertion that this store reads").Because(err)
	case wanted.AccountID != who.Account:
		return nil, nil, invalidKey("it is for another account")
	case wanted.Key.RSA().N.BitLen() < minKeyBits:
		return nil, nil, invalidKey("the key is too short, devices take 4096 bits or more")
	}
	return list[0], wanted, nil
}

func invalidKey(why string) *store.Error {
	return store.Invalidf("invalid-field", "cannot register the key: %s", why).With("name", "account_key_request")
}

// noAuthorityHere tells publishers what a store without a root of its own
// cannot do for them.
func noAuthorityHere(err error, what string) error {
	if store.CodeOf(err) != "no-authority" {
		return err
	}
	return store.Unavailablef("no-authority", "this store cannot %s: it has no root of its own to sign with", what).
		Try("the operator gives it one with larder init").Because(err)
}
