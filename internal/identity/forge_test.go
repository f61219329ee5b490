package identity

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/store"
)

// forgedCaveat is a caveat id for the single sign-on that anybody can make who
// knows its public key, with a root key of his choice.
func forgedCaveat(t testing.TB, public *rsa.PublicKey) (id string, key []byte) {
	t.Helper()
	key = []byte("the forger's own root key")[:24]
	sealed, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, public, key, nil)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"secret": "%s", "version": 1}`, base64.StdEncoding.EncodeToString(sealed)), key
}

// forgedDischarge is a discharge as the single sign-on makes it, of a caveat
// whose key its maker knows.
func (w *world) forgedDischarge(id string, key []byte, victim store.User, lastAuth time.Time) *macaroon.Macaroon {
	w.t.Helper()
	m, err := macaroon.New(key, []byte(id), ssoHost, macaroon.V1)
	w.must(err)
	const layout = "2006-01-02T15:04:05.000000"
	for _, c := range []string{
		"account|" + accountCaveat(victim.Account.Username, victim.OpenID),
		"valid_since|" + lastAuth.Add(-time.Minute).Format(layout),
		"last_auth|" + lastAuth.Format(layout),
		"expires|" + lastAuth.AddDate(1, 0, 0).Format(layout),
	} {
		w.must(m.AddFirstPartyCaveat([]byte(ssoHost + "|" + c)))
	}
	return m
}
