package main

import (
	"os"
	"path/filepath"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

// root is the authority of every store here. Its key is at hand: looking for
// one takes seconds.
func root() *assertiontest.Authority {
	return &assertiontest.Authority{AccountID: "bench", Signer: assertiontest.Signer(assertiontest.RootKey)}
}

// vouch signs, as the root, an account and its key of the given name.
func vouch(a *assertiontest.Authority, name string) (account, key *assertion.Assertion, err error) {
	if account, err = root().TrySign(assertiontest.AccountHeaders(a.AccountID), nil); err != nil {
		return nil, nil, err
	}
	key, err = root().TrySign(assertiontest.AccountKeyHeaders(a.AccountID, name), a.Signer.PublicKey().Encode())
	return account, key, err
}

// rootFlags writes the root to files in dir, and returns the arguments of
// larder init that name them.
func rootFlags(dir string) ([]string, error) {
	account, key, err := vouch(root(), assertiontest.RootKey)
	if err != nil {
		return nil, err
	}
	flags := []string{"--authority", root().AccountID}
	for _, file := range []struct {
		flag string
		text []byte
	}{
		{"root-account", account.Encoded()},
		{"root-account-key", key.Encoded()},
		{"signing-key", assertiontest.PEM(assertiontest.RootKey)},
	} {
		path := filepath.Join(dir, file.flag)
		if err := os.WriteFile(path, file.text, 0o600); err != nil {
			return nil, err
		}
		flags = append(flags, "--"+file.flag, path)
	}
	return flags, nil
}
