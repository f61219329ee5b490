package identity

import (
	"context"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// The purposes of key pairs, beside those of macaroons.
const (
	PurposeSSOCaveat = "sso-caveat"     // RSA: opens the caveats of single sign-on
	PurposeBakery    = "bakery"         // Curve25519: opens the bakery's caveats
	PurposeRegistry  = "registry-token" // ECDSA P-256: signs the tokens of the image registry
	// PurposeImagePull makes the passwords that charms pull images with. They stay
	// in documents that clusters read again for years, so this key is only rotated
	// by its name.
	PurposeImagePull = "image-pull"
)

// ssoKeyBits is the size of the single sign-on's key. It fixes how long caveat
// ids are.
const ssoKeyBits = 3072

// KeyPurposes lists everything that there are keys for.
func KeyPurposes() []string {
	var all []string
	for _, p := range credential.Purposes() {
		all = append(all, p.String())
	}
	return append(all, PurposeSSOCaveat, PurposeBakery, PurposeRegistry, PurposeImagePull)
}

// rotated are the purposes whose keys are rotated when none is named.
func rotated() []string {
	return slices.DeleteFunc(KeyPurposes(), func(p string) bool { return p == PurposeImagePull })
}

// tokenKeys are the keys as they were at one position of the change log. They
// do not change.
type tokenKeys struct {
	seq    int64
	rows   []store.TokenKey // what they were read from
	until  time.Time        // when the next of them retires; zero is never
	has    map[string]bool
	ring   *credential.Keyring
	sso    credential.SSOKeys
	bakery []credential.BoxKey // newest first
	tokens []registryKey       // newest first
	pulls  []Secret            // newest first
}

// keysFor returns the keys that prove something now, among them one for each of
// the purposes, which is made if there is none.
func (i *Identity) keysFor(ctx context.Context, purposes ...string) (*tokenKeys, error) {
	k, err := i.readKeys(ctx)
	if err != nil {
		return nil, err
	}
	missing := slices.DeleteFunc(slices.Clone(purposes), func(p string) bool { return k.has[p] })
	if len(missing) == 0 {
		return k, nil
	}
	if err := i.makeKeys(ctx, missing); err != nil {
		return nil, err
	}
	i.Forget()
	return i.readKeys(ctx)
}

// readKeys reads the keys unless those in memory are of now.
func (i *Identity) readKeys(ctx context.Context) (*tokenKeys, error) {
	seq, err := i.db.Fresh(ctx)
	if err != nil {
		return nil, err
	}
	now := i.now()
	i.mu.Lock()
	had := i.keys
	i.mu.Unlock()
	if had != nil && had.seq == seq && (had.until.IsZero() || now.Before(had.until)) {
		return had, nil
	}
	var rows []store.TokenKey
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		rows, err = tx.TokenKeys()
		return err
	})
	if err != nil {
		return nil, err
	}
	k := had.unless(rows, now)
	if k == nil {
		if k, err = i.openKeys(rows, now); err != nil {
			return nil, err
		}
	}
	k.seq = seq
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.keys == nil || i.keys.seq <= seq {
		i.keys = k
	}
	return k, nil
}

// readAgain has the rows of the keys read with the next need, since another node may
// have made one a moment ago. What was opened stays open where they are the same:
// anybody can name a key that there is not, and opening all takes long.
func (i *Identity) readAgain() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.keys != nil {
		old := *i.keys
		old.seq = -1
		i.keys = &old
	}
}

// unless returns a copy of the keys if they are those of the rows still, so
// that only a change of keys costs opening them.
func (k *tokenKeys) unless(rows []store.TokenKey, now time.Time) *tokenKeys {
	same := func(a, b store.TokenKey) bool { return a.ID == b.ID && a.RetiredAt.Equal(b.RetiredAt) }
	if k == nil || !slices.EqualFunc(k.rows, rows, same) || !k.until.IsZero() && !now.Before(k.until) {
		return nil
	}
	c := *k
	return &c
}

// openKeys unseals the keys that are not retired at a time. Rows are newest
// first within a purpose.
func (i *Identity) openKeys(rows []store.TokenKey, now time.Time) (*tokenKeys, error) {
	k := &tokenKeys{rows: rows, has: make(map[string]bool)}
	var symmetric []credential.Key
	var pairs []*rsa.PrivateKey
	for _, row := range rows {
		if !row.RetiredAt.IsZero() {
			if !now.Before(row.RetiredAt) {
				continue
			}
			if k.until.IsZero() || row.RetiredAt.Before(k.until) {
				k.until = row.RetiredAt
			}
		}
		secret, err := i.openKey(row)
		if err != nil {
			return nil, err
		}
		switch row.Purpose {
		case PurposeSSOCaveat:
			key, err := x509.ParsePKCS8PrivateKey([]byte(secret.Reveal()))
			pair, ok := key.(*rsa.PrivateKey)
			if err != nil || !ok {
				return nil, fmt.Errorf("cannot read token key %s: it is no RSA key", row.ID)
			}
			pairs = append(pairs, pair)
		case PurposeBakery:
			k.bakery = append(k.bakery, credential.DeriveBoxKey(secret))
		case PurposeRegistry:
			key, err := openRegistryKey(row.ID, secret)
			if err != nil {
				return nil, err
			}
			k.tokens = append(k.tokens, key)
		case PurposeImagePull:
			k.pulls = append(k.pulls, secret)
		default:
			purpose, known := purposeOf(row.Purpose)
			if !known {
				continue // of a newer larder
			}
			symmetric = append(symmetric, credential.NewKey(purpose, secret))
		}
		// One that is to be retired signs no more.
		k.has[row.Purpose] = k.has[row.Purpose] || row.RetiredAt.IsZero()
	}
	k.ring, k.sso = credential.NewKeyring(symmetric...), credential.NewSSOKeys(pairs...)
	return k, nil
}

func purposeOf(name string) (credential.Purpose, bool) {
	for _, p := range credential.Purposes() {
		if p.String() == name {
			return p, true
		}
	}
	return 0, false
}

func keyLabel(id, purpose string) string { return "token key " + purpose + " " + id }

func (i *Identity) openKey(row store.TokenKey) (Secret, error) {
	text, err := i.authority.Open(keyLabel(row.ID, row.Purpose), row.Sealed)
	return credential.NewSecret(text), err
}

// newKey draws a key.
func (i *Identity) newKey(purpose string) (store.TokenKey, error) {
	var text []byte
	var id string
	switch purpose {
	case PurposeRegistry:
		var err error
		if id, text, err = newRegistryKey(); err != nil {
			return store.TokenKey{}, fmt.Errorf("cannot make a token key: %w", err)
		}
	case PurposeSSOCaveat:
		pair, err := i.newPair()
		if err != nil {
			return store.TokenKey{}, fmt.Errorf("cannot make a token key: %w", err)
		}
		if text, err = x509.MarshalPKCS8PrivateKey(pair); err != nil {
			return store.TokenKey{}, fmt.Errorf("cannot make a token key: %w", err)
		}
		sum := sha256.Sum256(x509.MarshalPKCS1PublicKey(&pair.PublicKey))
		id = hex.EncodeToString(sum[:8])
	default:
		text = randomBytes(32)
		switch p, known := purposeOf(purpose); {
		case known: // macaroons name their key so
			id = credential.NewKey(p, credential.NewSecret(text)).ID().String()
		case purpose == PurposeBakery:
			public := credential.DeriveBoxKey(credential.NewSecret(text)).Public()
			id = hex.EncodeToString(public[:8])
		case purpose == PurposeImagePull:
			id = hex.EncodeToString(randomBytes(8))
		default:
			return store.TokenKey{}, store.Invalidf("unknown-purpose", "there are no keys for %.40q", purpose)
		}
	}
	return store.TokenKey{ID: id, Purpose: purpose, Sealed: i.authority.Seal(keyLabel(id, purpose), text)}, nil
}

// makeKeys makes a key for each purpose that still has none. Of several nodes
// one wins, and all use its key.
func (i *Identity) makeKeys(ctx context.Context, purposes []string) error {
	fresh := make([]store.TokenKey, len(purposes))
	for n, p := range purposes {
		var err error
		if fresh[n], err = i.newKey(p); err != nil {
			return err
		}
	}
	_, err := i.db.Update(ctx, actorIdentity, func(tx *db.Tx) error {
		rows, err := tx.TokenKeys()
		if err != nil {
			return err
		}
		for _, k := range fresh {
			if slices.ContainsFunc(rows, func(r store.TokenKey) bool { return r.Purpose == k.Purpose && r.RetiredAt.IsZero() }) {
				continue
			}
			if err := putKey(tx, k); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func putKey(tx *db.Tx, k store.TokenKey) error {
	k.CreatedAt = tx.Now()
	tx.Record(store.TokenKeyAdded, "token-key/"+k.ID, map[string]any{"purpose": k.Purpose})
	return tx.PutTokenKey(k)
}

// TokenKeys lists the keys that tokens are made with, without what is secret of
// them. It needs PermAccount.
func (i *Identity) TokenKeys(ctx context.Context, who store.Principal) (keys []store.TokenKey, err error) {
	if err := who.Need(store.PermAccount); err != nil {
		return nil, err
	}
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		keys, err = tx.TokenKeys()
		return err
	})
	for n := range keys {
		keys[n].Sealed = nil
	}
	return keys, err
}

// RotateKeys makes a new key for each purpose. Where none is named it is all but
// PurposeImagePull, whose passwords would change in the documents of every charm.
// It makes tokens from now on; older keys still verify theirs until a time. It
// needs PermAccount.
func (i *Identity) RotateKeys(ctx context.Context, who store.Principal, until time.Time, purposes ...string) ([]store.TokenKey, error) {
	if err := who.Need(store.PermAccount); err != nil {
		return nil, err
	}
	if len(purposes) == 0 {
		purposes = rotated()
	}
	made := make([]store.TokenKey, len(purposes))
	for n, p := range purposes {
		var err error
		if made[n], err = i.newKey(p); err != nil {
			return nil, err
		}
	}
	_, err := i.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		rows, err := tx.TokenKeys()
		if err != nil {
			return err
		}
		for _, r := range rows {
			if slices.Contains(purposes, r.Purpose) && r.RetiredAt.IsZero() {
				if err := retire(tx, r, until); err != nil {
					return err
				}
			}
		}
		for n := range made {
			made[n].CreatedAt = tx.Now()
			if err := putKey(tx, made[n]); err != nil {
				return err
			}
		}
		return nil
	})
	i.Forget()
	for n := range made {
		made[n].Sealed = nil
	}
	return made, err
}

// RetireKeys ends keys at once: what was made with them proves nothing any
// more. It needs PermAccount.
func (i *Identity) RetireKeys(ctx context.Context, who store.Principal, ids ...string) error {
	if err := who.Need(store.PermAccount); err != nil {
		return err
	}
	_, err := i.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		rows, err := tx.TokenKeys()
		if err != nil {
			return err
		}
		for _, id := range ids {
			at := slices.IndexFunc(rows, func(r store.TokenKey) bool { return r.ID == id })
			if at < 0 {
				return store.NotFoundf("token-key-not-found", "there is no token key %.40q", id)
			}
			if err := retire(tx, rows[at], tx.Now()); err != nil {
				return err
			}
		}
		return nil
	})
	i.Forget()
	return err
}

func retire(tx *db.Tx, k store.TokenKey, at time.Time) error {
	k.RetiredAt = at
	tx.Record(store.TokenKeyRetired, "token-key/"+k.ID, map[string]any{"purpose": k.Purpose, "at": at})
	return tx.PutTokenKey(k)
}
