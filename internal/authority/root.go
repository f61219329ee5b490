package authority

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/store"
)

// series is the only series there has ever been.
const series = "16"

// Root is a root of trust with its keys, ready to be installed: either made
// by NewRoot or read by ReadRoot. Both take time and need no database.
type Root struct {
	AccountID string
	// Documents are the root pair and whatever came with it.
	Documents []*assertion.Assertion
	// Keys sign as the account: the root's own, or ones it certifies.
	Keys []*rsa.PrivateKey
}

// RootOptions say what root to make. The zero value is good.
type RootOptions struct {
	AccountID   string // empty: 32 random characters
	DisplayName string // empty: the account id
	Bits        int    // 4096 (also when zero) or 8192
	// SeparateKey makes a second key, certified by the root's, that signs in
	// its stead. It is worth its time where the root's own key is then
	// exported and taken off the machine.
	SeparateKey bool
	Now         time.Time // zero is the present
	// Searches run at once for each key; 0 is one.
	Searches int
}

// NewRoot makes an account that is its own authority. Searching for the key
// takes most of a second and up to several.
func NewRoot(ctx context.Context, opts RootOptions) (*Root, error) {
	if opts.Bits == 0 {
		opts.Bits = 4096
	}
	key, err := GenerateKey(ctx, opts.Bits, opts.Searches)
	if err != nil {
		return nil, err
	}
	var separate *rsa.PrivateKey
	if opts.SeparateKey {
		if separate, err = GenerateKey(ctx, opts.Bits, opts.Searches); err != nil {
			return nil, err
		}
	}
	return rootOf(opts, key, separate)
}

// rootOf writes the documents of a root.
func rootOf(opts RootOptions, key, separate *rsa.PrivateKey) (*Root, error) {
	if opts.AccountID == "" {
		opts.AccountID = store.NewID(rand.Reader)
	}
	if opts.DisplayName == "" {
		opts.DisplayName = opts.AccountID
	}
	if opts.Now.IsZero() {
		opts.Now = time.Now()
	}
	signer, err := assertion.NewSigner(key)
	if err != nil {
		return nil, store.Invalidf(codeInvalidKey, "cannot make a root with this key").Because(err)
	}
	root := &Root{AccountID: opts.AccountID, Keys: []*rsa.PrivateKey{key}}
	sign := func(headers map[string]any, body []byte) error {
		headers["authority-id"] = opts.AccountID
		headers["account-id"] = opts.AccountID
		a, err := assertion.Sign(headers, body, signer)
		if err != nil {
			return store.Invalidf(codeInvalid, "cannot make the root account %q", opts.AccountID).Because(err)
		}
		root.Documents = append(root.Documents, a)
		return nil
	}
	since := timestamp(opts.Now)
	certify := func(name string, k *assertion.PublicKey) error {
		return sign(map[string]any{
			"type": "account-key", "public-key-sha3-384": k.ID(), "name": name, "since": since,
		}, k.Encode())
	}
	err = sign(map[string]any{
		"type": "account", "display-name": opts.DisplayName, "username": opts.AccountID,
		"validation": "verified", "timestamp": since,
	}, nil)
	if err != nil {
		return nil, err
	}
	if err := certify("root", signer.PublicKey()); err != nil {
		return nil, err
	}
	if separate == nil {
		return root, nil
	}
	public, err := assertion.NewPublicKey(&separate.PublicKey)
	if err != nil {
		return nil, store.Invalidf(codeInvalidKey, "cannot certify the signing key").Because(err)
	}
	root.Keys = append(root.Keys, separate)
	return root, certify("store", public)
}

// RootFiles are the contents of the files that an operator's root comes in.
// Each may hold several assertions or keys; which file holds which does not
// matter.
type RootFiles struct {
	AccountID  string // of the authority
	Account    []byte
	AccountKey []byte
	SigningKey []byte // ASCII-armoured OpenPGP, or PEM
	// Passphrase is asked for when the signing key is protected; nil refuses.
	Passphrase func() ([]byte, error)
}

// ReadRoot reads a root that exists already. The signing key may be the
// root's own or one whose account-key is among the assertions.
func ReadRoot(files RootFiles) (*Root, error) {
	root := &Root{AccountID: files.AccountID}
	for _, text := range [][]byte{files.Account, files.AccountKey} {
		docs, err := ParseStream(text, maxStream)
		if err != nil {
			return nil, err
		}
		for _, d := range docs {
			if !slices.ContainsFunc(root.Documents, func(o *assertion.Assertion) bool {
				return string(o.Encoded()) == string(d.Encoded())
			}) {
				root.Documents = append(root.Documents, d)
			}
		}
	}
	keys, err := ParsePrivateKeys(files.SigningKey, files.Passphrase)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		id, err := keyID(key)
		if err != nil {
			return nil, err
		}
		certified := slices.ContainsFunc(root.Documents, func(d *assertion.Assertion) bool {
			return d.Type().Name == "account-key" && d.Ref().Key[0] == id && d.HeaderString("account-id") == files.AccountID
		})
		if !certified {
			return nil, store.Invalidf(codeKeyNotInFiles,
				"cannot sign as %s with the key %s: no account-key of that account for it is in the files", files.AccountID, id).
				Try("add the account-key assertion of the signing key to the account-key file")
		}
	}
	root.Keys = keys
	return root, nil
}

// ParsePrivateKeys reads ASCII-armoured OpenPGP, as gpg exports it, or PEM.
func ParsePrivateKeys(text []byte, passphrase func() ([]byte, error)) ([]*rsa.PrivateKey, error) {
	if len(text) > 1<<20 {
		return nil, store.TooLargef(codeTooLarge, "cannot read the signing key: the file has more than a MiB")
	}
	keys, err := assertion.ParsePrivateKeys(text, passphrase)
	if errors.As(err, new(*store.Error)) { // what passphrase says
		return nil, err
	}
	if err != nil {
		return nil, store.Invalidf(codeInvalidKey, "cannot read the signing key").
			Try("give it as PEM or as gpg --armor --export-secret-keys writes it").Because(err)
	}
	return keys, nil
}

// KeyID names a private key as account-keys and signatures name it.
func keyID(key *rsa.PrivateKey) (string, error) {
	public, err := assertion.NewPublicKey(&key.PublicKey)
	if err != nil {
		return "", store.Invalidf(codeInvalidKey, "cannot use the signing key").Because(err)
	}
	return public.ID(), nil
}

// InstallRoot makes root the one that this store signs with. Installing the
// same again changes nothing; another is refused, since what was signed
// before would lose its meaning.
func (a *Authority) InstallRoot(shelf Shelf, root *Root, actor string) (Added, error) {
	switch own, err := a.Own(shelf); {
	case err == nil && own != root.AccountID:
		return Added{}, store.Conflictf(codeHasAuthority, "cannot sign as %s: this store signs as %s already", root.AccountID, own).
			Try("start another store with its own data directory")
	case err != nil && store.KindOf(err) != store.KindNotFound:
		return Added{}, err
	}
	pairs, rest, err := rootPairs(root.Documents, shelf.Now())
	if err != nil {
		return Added{}, err
	}
	if !slices.ContainsFunc(pairs, func(p rootPair) bool { return p.accountID() == root.AccountID }) {
		return Added{}, store.Invalidf(codeNoAnchor, "cannot sign as %s: the files hold no account-key of it that is signed with itself", root.AccountID)
	}
	for _, p := range pairs {
		origin := OriginOwn
		if p.accountID() != root.AccountID {
			origin = "with " + root.AccountID
		}
		if err := a.putAnchor(shelf, p, origin, actor); err != nil {
			return Added{}, err
		}
	}
	added, err := a.Add(shelf, rest)
	if err != nil {
		return Added{}, err
	}
	for i, key := range root.Keys {
		name := "signing"
		if i == 0 && len(root.Keys) > 1 {
			name = "root"
		}
		if _, err := a.AddKey(shelf, key, root.AccountID, name); err != nil {
			return Added{}, fmt.Errorf("cannot install the root %s: %w", root.AccountID, err)
		}
	}
	return added, nil
}
