package device

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"gopkg.in/macaroon.v2"

	"github.com/larder-store/larder/internal/store"
)

// session is what a session macaroon says.
type session struct {
	device  store.DeviceID
	storeID string // of the device's model; empty is the global store
	expires time.Time
}

// The macaroon's id is "larder-session <mark of the key> <random>"; its
// caveats are these, all of them, in this order, and none besides: nobody
// but larder has a reason to add one.
const (
	macaroonLocation = "larder"
	macaroonIDWord   = "larder-session"

	caveatBrand   = "brand-id="
	caveatModel   = "model="
	caveatSerial  = "serial="
	caveatStore   = "store="
	caveatExpires = "expires="
)

// Limits of what is read and written. A header of snapd's carries the token.
const (
	maxHeader   = 8 << 10 // bytes
	maxIdentity = 1 << 10 // bytes of brand, model, serial and store together
)

// errStranger marks what no key of ours made: another store's session, which
// may be any text at all, or one from before the secret was lost or rotated
// away. A device that was pointed here from elsewhere must get in again.
var errStranger = store.Unauthorisedf(codeSessionRefresh,
	"the device session was not issued by this store").Try("refresh the device session")

// errForged marks a macaroon that claims a key of ours and was not made with
// it, or a header that holds no token.
var errForged = store.Unauthorisedf(codeSessionForged, "the device session is not valid")

// mint writes a session as a token.
func (k ringKey) mint(s session) (string, error) {
	if n := len(s.device.String()) + len(s.storeID); n > maxIdentity {
		return "", store.TooLargef("device-identity-too-long",
			"cannot open a session: brand, model, serial and store have %d bytes together, the limit is %d", n, maxIdentity)
	}
	var salt [12]byte
	rand.Read(salt[:])
	id := fmt.Sprintf("%s %s %s", macaroonIDWord, k.mark, hex.EncodeToString(salt[:]))
	m, err := macaroon.New(k.key[:], []byte(id), macaroonLocation, macaroon.V2)
	if err != nil {
		return "", fmt.Errorf("cannot make a session macaroon: %w", err)
	}
	for _, caveat := range []string{
		caveatBrand + s.device.Brand,
		caveatModel + s.device.Model,
		caveatSerial + s.device.Serial,
		caveatStore + s.storeID,
		caveatExpires + s.expires.UTC().Format(time.RFC3339),
	} {
		if err := m.AddFirstPartyCaveat([]byte(caveat)); err != nil {
			return "", fmt.Errorf("cannot make a session macaroon: %w", err)
		}
	}
	raw, err := m.MarshalBinary()
	if err != nil {
		return "", fmt.Errorf("cannot make a session macaroon: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// open reads a token. It returns errStranger or errForged for one that proves
// nothing, and does not look at the expiry.
func (k *rings) open(ctx context.Context, token string) (session, error) {
	raw, err := macaroon.Base64Decode([]byte(token))
	if err != nil {
		return session{}, errStranger.Because(err)
	}
	var m macaroon.Macaroon
	if err := m.UnmarshalBinary(raw); err != nil {
		return session{}, errStranger.Because(err)
	}
	mark, ok := readMacaroonID(string(m.Id()))
	if !ok {
		return session{}, errStranger
	}
	key, err := k.lookup(ctx, mark)
	if err != nil {
		return session{}, err
	}
	if key == nil {
		return session{}, errStranger
	}
	caveats, err := m.VerifySignature(key.key[:], nil)
	if err != nil {
		return session{}, errForged.Because(err)
	}
	return readCaveats(caveats)
}

func readMacaroonID(id string) (mark markBytes, ok bool) {
	rest, ok := strings.CutPrefix(id, macaroonIDWord+" ")
	if !ok {
		return mark, false
	}
	text, _, ok := strings.Cut(rest, " ")
	if !ok || len(text) != hex.EncodedLen(len(mark)) {
		return mark, false
	}
	_, err := hex.Decode(mark[:], []byte(text))
	return mark, err == nil
}

func readCaveats(caveats []string) (session, error) {
	var s session
	var expires string
	fields := []struct {
		prefix string
		value  *string
	}{
		{caveatBrand, &s.device.Brand},
		{caveatModel, &s.device.Model},
		{caveatSerial, &s.device.Serial},
		{caveatStore, &s.storeID},
		{caveatExpires, &expires},
	}
	if len(caveats) != len(fields) {
		return session{}, errForged
	}
	for i, f := range fields {
		value, ok := strings.CutPrefix(caveats[i], f.prefix)
		if !ok {
			return session{}, errForged
		}
		*f.value = value
	}
	var err error
	if s.expires, err = time.Parse(time.RFC3339, expires); err != nil {
		return session{}, errForged.Because(err)
	}
	return s, nil
}

// readHeader takes the token out of a header value: Macaroon root="<token>".
func readHeader(value string) (string, error) {
	if len(value) > maxHeader {
		return "", errForged
	}
	scheme, rest, ok := strings.Cut(strings.TrimSpace(value), " ")
	if !ok || !strings.EqualFold(scheme, "Macaroon") {
		return "", errForged
	}
	rest, ok = strings.CutPrefix(strings.TrimSpace(rest), `root="`)
	if !ok {
		return "", errForged
	}
	token, ok := strings.CutSuffix(rest, `"`)
	if !ok || token == "" || strings.ContainsAny(token, `", `) {
		return "", errForged
	}
	return token, nil
}
