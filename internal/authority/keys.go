package authority

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/store"
)

// minKeyBits is the least that devices and the public store accept of a key
// made today.
const minKeyBits = 4096

// GenerateKey makes an RSA key of 4096 or 8192 bits. It takes the better part
// of a second for 4096 bits and many seconds for 8192, with a long tail, so
// several searches run at once and the first to find a key wins.
func GenerateKey(ctx context.Context, bits, searches int) (*rsa.PrivateKey, error) {
	if bits != 4096 && bits != 8192 {
		return nil, store.Invalidf(codeWeakKey, "cannot make a key of %d bits: devices take 4096 or 8192", bits)
	}
	type found struct {
		key *rsa.PrivateKey
		err error
	}
	results := make(chan found, max(searches, 1)) // room for all, so that no search waits for a reader
	for range cap(results) {
		go func() {
			key, err := rsa.GenerateKey(rand.Reader, bits)
			results <- found{key, err}
		}()
	}
	select {
	case f := <-results:
		return f.key, f.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// keyring opens the sealed keys of a shelf, each once, when it is first
// needed. The seam to what makes signatures is assertion.Signer: a row whose
// sealed text names a token instead of holding a key would be opened here.
type keyring struct {
	secret Secret

	mu   sync.Mutex // guards open; held while unsealing
	open map[string]assertion.Signer
}

// seal makes the row of a private key.
func (k *keyring) seal(key *rsa.PrivateKey, accountID, name string) (store.SigningKey, error) {
	signer, err := assertion.NewSigner(key)
	if err != nil {
		return store.SigningKey{}, store.Invalidf(codeInvalidKey, "cannot keep the key").Because(err)
	}
	id := signer.PublicKey().ID()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return store.SigningKey{}, fmt.Errorf("cannot encode the key %s: %w", id, err)
	}
	defer clear(der)
	return store.SigningKey{
		KeyID:     id,
		AccountID: accountID,
		Name:      name,
		Sealed:    k.secret.Seal(sealLabel(id), der),
	}, nil
}

// signer opens a row.
func (k *keyring) signer(row store.SigningKey) (assertion.Signer, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if s, ok := k.open[row.KeyID]; ok {
		return s, nil
	}
	der, err := k.secret.Open(sealLabel(row.KeyID), row.Sealed)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("cannot read the signing key %s: not PKCS #8", row.KeyID) // the cause may quote the key
	}
	key, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("cannot read the signing key %s: not RSA", row.KeyID)
	}
	s, err := assertion.NewSigner(key)
	if err != nil {
		return nil, fmt.Errorf("cannot use the signing key %s: %w", row.KeyID, err)
	}
	if s.PublicKey().ID() != row.KeyID {
		return nil, fmt.Errorf("cannot use the signing key %s: the sealed key is %s", row.KeyID, s.PublicKey().ID())
	}
	if k.open == nil {
		k.open = make(map[string]assertion.Signer)
	}
	k.open[row.KeyID] = s
	return s, nil
}

func sealLabel(keyID string) string { return "signing key " + keyID }

// AddKey keeps a private key, sealed, to sign as an account. A key that is
// kept already is left alone. It says nothing about trust: signing with the
// key works once an account-key that certifies it is known.
func (a *Authority) AddKey(shelf Shelf, key *rsa.PrivateKey, accountID, name string) (keyID string, err error) {
	if bits := key.N.BitLen(); bits < minKeyBits {
		return "", store.Invalidf(codeWeakKey, "cannot keep a key of %d bits: it must have %d at least", bits, minKeyBits)
	}
	row, err := a.keys.seal(key, accountID, name)
	if err != nil {
		return "", err
	}
	rows, err := shelf.SigningKeys()
	if err != nil {
		return "", err
	}
	for _, r := range rows {
		if r.KeyID == row.KeyID && r.AccountID == accountID {
			return r.KeyID, nil
		}
		if r.KeyID == row.KeyID {
			return "", store.Conflictf(codeInvalidKey, "cannot keep the key %s for account %q: account %q has it",
				row.KeyID, accountID, r.AccountID)
		}
	}
	row.CreatedAt = shelf.Now()
	if err := shelf.PutSigningKey(row); err != nil {
		return "", err
	}
	shelf.Record(store.SigningKeyAdded, "key/"+row.KeyID, map[string]string{"account-id": accountID, "name": name})
	return row.KeyID, nil
}

// RemoveKey destroys a private key that larder holds. What it signed stays
// good.
func (a *Authority) RemoveKey(shelf Shelf, keyID string) error {
	existed, err := shelf.RemoveSigningKey(keyID)
	if err != nil {
		return err
	}
	if !existed {
		return store.NotFoundf(codeNotFound, "cannot remove the signing key %s: larder does not hold it", keyID)
	}
	shelf.Record(store.SigningKeyRemoved, "key/"+keyID, nil)
	return nil
}

// Holds reports whether larder has a key to sign as the account, whether or
// not an account-key certifies it yet.
func (a *Authority) Holds(shelf Shelf, accountID string) (bool, error) {
	rows, err := shelf.SigningKeys()
	return slices.ContainsFunc(rows, func(r store.SigningKey) bool { return r.AccountID == accountID }), err
}
