package assertion_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

func TestPrivateKeysAreReadFromPEM(t *testing.T) {
	pkcs1 := assertiontest.PEM(assertiontest.RootKey)
	keys, err := assertion.ParsePrivateKeys(pkcs1, nil)
	if err != nil || len(keys) != 1 {
		t.Fatalf("PKCS #1: %d keys, %v", len(keys), err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	both, err := assertion.ParsePrivateKeys(bytes.Join([][]byte{pkcs8, assertiontest.PEM(assertiontest.BrandKey)}, []byte("\n")), nil)
	if err != nil || len(both) != 2 || !both[0].Equal(keys[0]) {
		t.Errorf("PKCS #8 and another: %d keys, %v", len(both), err)
	}
}

func TestPrivateKeysThatCannotBeUsedSayWhy(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ec)
	if err != nil {
		t.Fatal(err)
	}
	block := func(typ string, content []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: content}))
	}
	const begin, end = "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n", "\n-----END PGP PRIVATE KEY BLOCK-----\n"
	for name, tc := range map[string]struct{ text, want string }{
		"nothing":       {"", "there is none"},
		"text":          {"hello", "there is none"},
		"EC":            {block("PRIVATE KEY", der), "not RSA"},
		"public":        {block("PUBLIC KEY", der), "not a private key"},
		"protected PEM": {block("ENCRYPTED PRIVATE KEY", der), "passphrase"},
		"garbage":       {block("RSA PRIVATE KEY", []byte("x")), "cannot read private key"},
		"cut PEM":       {"-----BEGIN RSA PRIVATE KEY-----\nAAAA", "damaged"},
		"cut armour":    {begin + "AAAA", "no end"},
		"not base64":    {begin + "!" + end, "base64"},
		"bad checksum":  {begin + "lQAA\n=AAAA" + end, "checksum"},
		"cut packet":    {begin + "xf8=" + end, "cut short"},
		"no key packet": {begin + "zQFB" + end, "there is none"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := assertion.ParsePrivateKeys([]byte(tc.text), nil)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v does not say %q", err, tc.want)
			}
		})
	}
}

// gpgKey makes a key with gpg and exports it.
func gpgKey(t *testing.T, passphrase string) []byte {
	t.Helper()
	// Not t.TempDir: the agent's socket must have a short path.
	home, err := os.MkdirTemp("", "gpg")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		exec.Command("gpgconf", "--homedir", home, "--kill", "all").Run()
		os.RemoveAll(home)
	})
	// The default is as many rounds as the agent manages in a tenth of a second.
	if err := os.WriteFile(filepath.Join(home, "gpg-agent.conf"), []byte("s2k-count 65536\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	gpg := func(args ...string) []byte {
		t.Helper()
		args = append([]string{"--homedir", home, "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", passphrase}, args...)
		cmd := exec.Command("gpg", args...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("gpg: %v\n%s", err, stderr.Bytes())
		}
		return out
	}
	gpg("--quick-generate-key", "larder test", "rsa2048", "sign", "never")
	return gpg("--armor", "--export-secret-keys")
}

func TestPrivateKeysAreReadFromWhatGPGExports(t *testing.T) {
	plain := gpgKey(t, "")
	keys, err := assertion.ParsePrivateKeys(plain, nil)
	if err != nil || len(keys) != 1 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	signer, err := assertion.NewSigner(keys[0])
	if err != nil {
		t.Fatal(err)
	}
	a, err := assertion.Sign(with(assertiontest.AccountHeaders("acme"), "authority-id", "root-one"), nil, signer)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.VerifySignature(signer.PublicKey()); err != nil {
		t.Error(err)
	}
	crlf := bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\n"))
	if again, err := assertion.ParsePrivateKeys(append(crlf, plain...), nil); err != nil || len(again) != 2 {
		t.Errorf("two blocks, one with CRLF: %d keys, %v", len(again), err)
	}
	damaged := bytes.Clone(plain)
	if i := len(damaged) / 2; damaged[i] == 'A' {
		damaged[i] = 'B'
	} else {
		damaged[i] = 'A'
	}
	if _, err := assertion.ParsePrivateKeys(damaged, nil); err == nil {
		t.Error("a damaged key was read")
	}
}

func TestProtectedGPGKeysNeedTheirPassphrase(t *testing.T) {
	protected := gpgKey(t, "open sesame")
	if _, err := assertion.ParsePrivateKeys(protected, nil); err == nil || !strings.Contains(err.Error(), "protected by a passphrase") {
		t.Errorf("without: %v", err)
	}
	say := func(s string) func() ([]byte, error) { return func() ([]byte, error) { return []byte(s), nil } }
	if _, err := assertion.ParsePrivateKeys(protected, say("wrong")); err == nil || !strings.Contains(err.Error(), "wrong") {
		t.Errorf("wrong: %v", err)
	} else if strings.Contains(err.Error(), "sesame") {
		t.Error("the error tells")
	}
	if keys, err := assertion.ParsePrivateKeys(protected, say("open sesame")); err != nil || len(keys) != 1 {
		t.Errorf("right: %d keys, %v", len(keys), err)
	}
}
