// SPDX-License-Identifier: GPL-3.0-only

//lint:file-ignore SA1019 the pinned snapd takes packets of this package and no other

package interop

import (
	"bytes"
	"crypto/rsa"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/snapcore/snapd/asserts"
	"golang.org/x/crypto/openpgp"

	"github.com/larder-store/larder/interop/harness"
)

// gpgKey makes a key with the real gpg and exports it as operators do. A home
// of gpg must have a short path, since the agent's socket lies in it.
func gpgKey(t *testing.T) (armoured []byte, key *rsa.PrivateKey) {
	t.Helper()
	home, err := os.MkdirTemp("", "gpg-")
	if err != nil {
		t.Fatal(err)
	}
	gpg := func(stdin string, args ...string) []byte {
		t.Helper()
		cmd := exec.Command("gpg", append([]string{"--homedir", home, "--batch", "--quiet"}, args...)...)
		cmd.Stdin = strings.NewReader(stdin)
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("gpg %s: %v\n%s", strings.Join(args, " "), err, &errs)
		}
		return out
	}
	t.Cleanup(func() {
		exec.Command("gpgconf", "--homedir", home, "--kill", "gpg-agent").Run()
		os.RemoveAll(home)
	})
	gpg("%no-protection\nKey-Type: RSA\nKey-Length: 4096\nKey-Usage: sign\nName-Real: store\n%commit\n", "--generate-key")
	armoured = gpg("", "--armor", "--export-secret-keys", "store")

	ring, err := openpgp.ReadArmoredKeyRing(bytes.NewReader(armoured))
	if err != nil {
		t.Fatal(err)
	}
	key, ok := ring[0].PrivateKey.PrivateKey.(*rsa.PrivateKey)
	if !ok {
		t.Fatalf("gpg made a %T", ring[0].PrivateKey.PrivateKey)
	}
	return armoured, key
}

// However the signing key came in, a device that knows the root accepts what
// it signs.
func TestSigningKeysFromGPG(t *testing.T) {
	t.Parallel()
	armoured, key := gpgKey(t)
	separate := harness.NewAuthority("larder-interop")
	certified := separate.Certify("store", &key.PublicKey)

	for _, test := range []struct {
		name string
		root *harness.Authority
		keys []asserts.Assertion // besides the root's
	}{
		{"the root's own", harness.NewAuthorityWith("gpg-root", key), nil},
		{"one that the root certified", separate, []asserts.Assertion{certified}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := &shop{Larder: harness.New(t, harness.Place{}, test.root.InitWith(t, armoured, test.keys...)...)}
			s.Serve()
			s.push(t, harness.Snap{Name: tool}, "stable")
			client := s.anonymous(t)
			info := act(t, client, nil, install(tool, "stable"))[0].Info
			db := test.root.OpenDatabase(t)
			verify(t, client, db, download(t, client, info, nil), info)

			declaration := wantFound(t, db, &s.declaration(t, tool).Ref)
			if declaration.AuthorityID() != test.root.ID || declaration.SignKeyID() != certified.PublicKeyID() {
				t.Errorf("signed by %s with %s", declaration.AuthorityID(), declaration.SignKeyID())
			}
		})
	}
}
