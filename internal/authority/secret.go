package authority

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// SecretEnv names the environment variable that carries the secret, in
// base64, where several machines share one database.
const SecretEnv = "LARDER_SECRET"

// secretFile is the secret's name in the data directory. Whoever loses it
// loses every private key and secret setting the database holds.
const secretFile = "secret"

// Secret is what private keys and secret settings are sealed under. It never leaves the process
// and prints as a placeholder.
type Secret struct{ key [32]byte }

// NewSecret draws a fresh secret.
func NewSecret() Secret {
	var s Secret
	rand.Read(s.key[:]) // never fails: crypto/rand aborts the program instead
	return s
}

// Format keeps the secret out of logs and errors, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { io.WriteString(f, "(secret)") }

// ParseSecret reads the base64 form, padded or not.
func ParseSecret(text string) (Secret, error) {
	text = strings.TrimRight(strings.TrimSpace(text), "=")
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		raw, err = base64.RawURLEncoding.DecodeString(text)
	}
	var s Secret
	if err != nil || len(raw) != len(s.key) {
		return Secret{}, store.Invalidf("invalid-secret", "cannot read the secret: it is not the base64 form of 32 bytes").
			Try("make one with: head -c 32 /dev/urandom | base64")
	}
	copy(s.key[:], raw)
	return s, nil
}

// OpenSecret returns the secret of this installation: from the environment
// where it is set there, else from the data directory, where it is created on
// first use. Two processes that start at once agree on one.
func OpenSecret(dataDir string, getenv func(string) string) (Secret, error) {
	if text := getenv(SecretEnv); text != "" {
		s, err := ParseSecret(text)
		if err != nil {
			return Secret{}, fmt.Errorf("cannot use %s: %w", SecretEnv, err)
		}
		return s, nil
	}
	path := filepath.Join(dataDir, secretFile)
	s, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := createSecret(path); err != nil {
			return Secret{}, fmt.Errorf("cannot create the secret: %w", err)
		}
		s, err = readSecret(path)
	}
	return s, err
}

func readSecret(path string) (Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Secret{}, err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Secret{}, store.Forbiddenf("secret-exposed", "cannot use %s: other users may read it", path).
			Try("chmod 600 " + path)
	}
	if info.Size() > 1024 {
		return Secret{}, store.Invalidf("invalid-secret", "cannot use %s: it is too large to be a secret", path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Secret{}, err
	}
	s, err := ParseSecret(string(text))
	if err != nil {
		return Secret{}, fmt.Errorf("cannot use %s: %w", path, err)
	}
	return s, nil
}

// createSecret writes a fresh secret under path unless one is there.
func createSecret(path string) error {
	s := NewSecret()
	return linkSecret(path, []byte(base64.StdEncoding.EncodeToString(s.key[:])+"\n"))
}

// linkSecret writes text under path unless something is there. The order is:
// write a temporary file, fsync it, link it, fsync the directory. A crash
// leaves at worst the temporary file; a link is whole or absent.
func linkSecret(path string, text []byte) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, secretFile+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
