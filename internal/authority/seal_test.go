package authority

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

func noEnv(string) string { return "" }

func TestSealedTextOpensOnlyWithItsSecretAndLabel(t *testing.T) {
	s, other := NewSecret(), NewSecret()
	text := []byte("a private key")
	sealed := s.Seal("key one", text)
	if bytes.Contains(sealed, text) {
		t.Fatal("the sealed text shows the plain one")
	}
	if got, err := s.Open("key one", sealed); err != nil || !bytes.Equal(got, text) {
		t.Fatalf("Open = %q, %v", got, err)
	}
	if bytes.Equal(sealed, s.Seal("key one", text)) {
		t.Error("sealing twice gives the same bytes")
	}
	if _, err := other.Open("key one", sealed); store.CodeOf(err) != "wrong-secret" ||
		!strings.Contains(err.Error(), SecretEnv) {
		t.Errorf("another secret: %v, want wrong-secret with the way out", err)
	}
	if _, err := s.Open("key two", sealed); err == nil {
		t.Error("opens under another label")
	}
}

func TestAnyChangedByteOfASealedTextIsNoticed(t *testing.T) {
	s := NewSecret()
	sealed := s.Seal("k", []byte("text"))
	for i := range sealed {
		bad := bytes.Clone(sealed)
		bad[i] ^= 1
		if got, err := s.Open("k", bad); err == nil {
			t.Errorf("byte %d changed, Open = %q", i, got)
		}
		if _, err := s.Open("k", sealed[:i]); err == nil {
			t.Errorf("opens when cut to %d bytes", i)
		}
	}
}

func TestSecretIsCreatedOnceAndKeptFromOthers(t *testing.T) {
	dir := t.TempDir()
	secrets := make([]Secret, 16)
	var wg sync.WaitGroup
	for i := range secrets {
		wg.Go(func() {
			var err error
			if secrets[i], err = OpenSecret(dir, noEnv); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, s := range secrets[1:] {
		if s != secrets[0] {
			t.Fatal("two processes that start at once have different secrets")
		}
	}
	path := filepath.Join(dir, secretFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("mode %v, %v; want 0600", info.Mode(), err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(left) != 0 {
		t.Errorf("temporary files left: %v", left)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenSecret(dir, noEnv); store.CodeOf(err) != "secret-exposed" {
		t.Errorf("readable by the group: %v, want secret-exposed", err)
	}
}

func TestSecretFromTheEnvironmentWins(t *testing.T) {
	dir := t.TempDir()
	text := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	s, err := OpenSecret(dir, func(name string) string {
		if name == SecretEnv {
			return text
		}
		return ""
	})
	if err != nil || s.key[0] != 7 {
		t.Fatal(err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Error("a secret file was made although the environment has one")
	}
	for _, bad := range []string{"x", text + "AAAA", "%%%"} {
		_, err := OpenSecret(dir, func(string) string { return bad })
		if store.CodeOf(err) != "invalid-secret" || strings.Contains(err.Error(), bad+" ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSecretDoesNotPrint(t *testing.T) {
	s := NewSecret()
	raw := fmt.Sprint(s.key)
	for _, f := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x"} {
		if out := fmt.Sprintf(f, s); strings.Contains(out, raw[1:8]) || strings.Contains(out, fmt.Sprintf("%x", s.key)) {
			t.Errorf("%s prints %s", f, out)
		}
	}
}
