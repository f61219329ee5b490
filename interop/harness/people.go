// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	enc "encoding/binary"
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// Person is somebody with an account of a larder.
type Person struct {
	Email, Username, Password string
	// Factor is the second factor, nil for none.
	Factor *Factor
}

// Person makes an account whose role is the given one.
func (l *Larder) Person(username, role string) *Person {
	l.t.Helper()
	p := &Person{Email: username + "@example.com", Username: username, Password: "correct horse of " + username}
	l.Type(p.Password+"\n", "account", "create", p.Email, "--username", username, "--role", role, "--password-stdin")
	return p
}

// Factor is an authenticator and the codes that stand in for it.
type Factor struct {
	Secret   string   `json:"secret"`
	Recovery []string `json:"recovery-codes"`
	Ticket   string   `json:"ticket"`

	next int64 // no code of an earlier step is good any more
}

const codeStep = 30 // seconds, and a store takes codes of one step too early

// Code is what the authenticator shows. Every code is another one, and good
// now, for two calls in a row.
func (f *Factor) Code(t testing.TB) string {
	t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(f.Secret)
	if err != nil {
		t.Fatal(err)
	}
	f.next = max(f.next, time.Now().Unix()/codeStep)
	mac := hmac.New(sha1.New, key)
	mac.Write(enc.BigEndian.AppendUint64(nil, uint64(f.next)))
	f.next++
	sum := mac.Sum(nil)
	from := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%06d", enc.BigEndian.Uint32(sum[from:])&0x7fffffff%1000000)
}

// GiveFactor gives a person a second factor.
func (l *Larder) GiveFactor(p *Person) {
	l.t.Helper()
	p.Factor = new(Factor)
	if err := json.Unmarshal([]byte(l.Run("account", "enable-2fa", p.Username, "--format", "json")), p.Factor); err != nil {
		l.t.Fatal(err)
	}
	l.Type(p.Factor.Ticket+"\n"+p.Factor.Code(l.t)+"\n", "account", "enable-2fa", p.Username, "--confirm")
}

// AdminMacaroon is what snapcraft takes where SNAPCRAFT_STORE_AUTH is onprem.
func (l *Larder) AdminMacaroon(p *Person) string {
	l.t.Helper()
	var made struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal([]byte(l.Run("token", "create-admin", p.Username, "--format", "json")), &made); err != nil {
		l.t.Fatal(err)
	}
	return made.Token
}
