package authority

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/larder-store/larder/internal/store"
)

// SecretPath is where a data directory keeps its secret.
func SecretPath(dataDir string) string { return filepath.Join(dataDir, secretFile) }

// HasSecret reports whether OpenSecret would find a secret rather than make
// one.
func HasSecret(dataDir string, getenv func(string) string) bool {
	if getenv(SecretEnv) != "" {
		return true
	}
	_, err := os.Stat(SecretPath(dataDir))
	return err == nil
}

// ReadSecretText returns the secret as a backup that asked for it holds it.
func ReadSecretText(dataDir string, getenv func(string) string) ([]byte, error) {
	if text := getenv(SecretEnv); text != "" {
		return []byte(text), nil
	}
	if _, err := readSecret(SecretPath(dataDir)); err != nil {
		return nil, err
	}
	return os.ReadFile(SecretPath(dataDir))
}

// WriteSecretText puts a secret that comes from elsewhere into a data
// directory. One that is there already is kept if it is the same, and refused
// to be replaced if it is not.
func WriteSecretText(dataDir string, text []byte) error {
	fresh, err := ParseSecret(string(text))
	if err != nil {
		return err
	}
	path := SecretPath(dataDir)
	if had, err := readSecret(path); err == nil {
		if had != fresh {
			return store.Conflictf("secret-exists", "cannot write %s: it holds another secret", path).
				Try("restore into an empty data directory")
		}
		return nil
	}
	if err := linkSecret(path, text); err != nil {
		return fmt.Errorf("cannot write the secret: %w", err)
	}
	return nil
}
