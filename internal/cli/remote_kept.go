package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/larder-store/larder/internal/store"
)

// What a publisher keeps on this machine lies in $XDG_CONFIG_HOME/larder, apart
// from any store's data: logins.json says where, credentials.json and
// charm-credentials.json with what where there is no keyring, and keys/ holds
// signing keys.

// publisherFile is the path of a file or directory that a publisher keeps.
func publisherFile(elements ...string) (string, error) {
	dir := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("cannot tell where to keep a login: %w", err)
		}
		dir = filepath.Join(home, ".config")
	}
	return filepath.Join(append([]string{dir, "larder"}, elements...)...), nil
}

// logins are the stores that were logged in to.
type logins struct {
	Store  string             `json:"store"`            // URL of the last one
	Charms string             `json:"charms,omitempty"` // the last one of larder charm login
	Stores map[string]loginAt `json:"stores"`
}

type loginAt struct {
	Flavour flavour `json:"flavour"`
}

func readLogins() (logins, error) {
	var kept logins
	name, err := publisherFile("logins.json")
	if err != nil {
		return kept, err
	}
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return kept, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &kept)
	}
	if err != nil {
		return logins{}, store.Invalidf("bad-logins", "cannot read where the last login was").Because(err).
			Try("remove " + name + " and log in again")
	}
	return kept, nil
}

// last is the store that commands ask unless told otherwise.
func (l logins) last(in *realm) string {
	if in == &charmRealm && l.Charms != "" {
		return l.Charms
	}
	return l.Store
}

// remember makes the store the one that commands ask, until the next login.
func (r *remote) remember() error {
	kept, err := readLogins()
	if err != nil {
		return err
	}
	if r.realm == &charmRealm {
		kept.Charms = r.url
		return kept.write()
	}
	if kept.Stores == nil {
		kept.Stores = make(map[string]loginAt)
	}
	kept.Store, kept.Stores[r.url] = r.url, loginAt{Flavour: r.flavour}
	return kept.write()
}

// forgetLogin drops the store's flavour; the store stays the one to ask.
func (r *remote) forgetLogin() error {
	kept, err := readLogins()
	if err != nil {
		return err
	}
	if r.realm == &snapRealm {
		delete(kept.Stores, r.url)
	}
	return kept.write()
}

func (l logins) write() error {
	text, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	name, err := publisherFile("logins.json")
	if err != nil {
		return err
	}
	return writePrivate(name, append(text, '\n'))
}

// writePrivate replaces a file as a whole by one that only its owner reads:
// whoever reads it meanwhile has the old or the new content.
func writePrivate(name string, text []byte) (err error) {
	failed := func(err error) error { return fmt.Errorf("cannot write %s: %w", name, err) }
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return failed(err)
	}
	f, err := os.CreateTemp(dir, filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return failed(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return failed(err)
	}
	if err := os.Rename(f.Name(), name); err != nil {
		return failed(err)
	}
	return nil
}
