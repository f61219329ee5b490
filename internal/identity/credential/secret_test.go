package credential

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// P16: whatever is printed, logged or marshalled, and however, no secret is in
// it.
func TestP16NothingPrintsASecret(t *testing.T) {
	const marker = "marker-of-a-secret"
	secret := NewSecret(marker)
	pair := good(t, U1Root)
	root := text(t, pair[0])
	presented := must[Presented](t)(ParseAuthorization("Macaroon root=" + root + ", discharge=" + text(t, pair[1])))
	basic := must[Presented](t)(ParseAuthorization("Basic " + base64.StdEncoding.EncodeToString([]byte("alice:"+marker))))
	opaque := must[Presented](t)(ParseAuthorization("Bearer " + marker))
	key := NewKey(U1Root, secret)
	box := boxKey([]byte(marker + "-of-32-bytes.!")[:32])
	party := ssoCaveat(t)
	party.rootKey = secret
	opened := SSOCaveat{id: party.id, rootKey: secret}
	caveat := BakeryCaveat{rootKey: secret}
	keys := []string{
		marker, base64.StdEncoding.EncodeToString([]byte(marker)), hex.EncodeToString([]byte(marker)),
		fmt.Sprint([]byte(marker)), strings.Trim(fmt.Sprint([]byte(marker)), "[]"),
		root, string(key.secret.bytes()), fmt.Sprint(key.secret.bytes()), hex.EncodeToString(key.secret.bytes()),
		hex.EncodeToString(pair[0].raw().Signature()), fmt.Sprint(pair[0].raw().Signature()),
		rsaKey().D.String(), rsaKey().Primes[0].String(),
	}
	for _, v := range []any{
		secret, &secret, []Secret{secret}, map[string]Secret{"a": secret}, struct{ S Secret }{secret}, struct{ s Secret }{secret},
		pair, pair[0], &pair[0], struct{ s Slice }{pair}, struct{ m Macaroon }{pair[0]}, []Slice{pair},
		presented, basic, opaque, &presented, &basic, &opaque, struct{ p Presented }{basic},
		key, &key, []Key{key}, NewKeyring(key), ring(), box, &box, party, &party, opened, caveat, &caveat,
		Token{Identity: party}, ssoKeys(), Refreshable{Caveat: opened},
	} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%X"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		json.NewEncoder(&out).Encode(v)
		xml.NewEncoder(&out).Encode(v)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "v", v)
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "v", v)
		fmt.Fprintln(&out, fmt.Errorf("cannot: %v", v))
		for _, k := range keys {
			if strings.Contains(out.String(), k) {
				t.Errorf("%T shows a secret in\n%s", v, out.String())
			}
		}
	}
	if secret.Reveal() != marker {
		t.Error("a secret cannot be revealed")
	}
}

// Nor do errors show what was sent.
func TestErrorsShowNothingOfWhatWasSent(t *testing.T) {
	const marker = "markerOfASecret"
	for _, header := range []string{
		"Macaroon root=" + marker, "Bearer " + marker + "#", "Basic " + marker, "Macaroon " + marker + "=" + marker, marker + " " + marker,
	} {
		if _, err := ParseAuthorization(header); err != nil && strings.Contains(fmt.Sprintf("%+v", err), marker) {
			t.Errorf("%v", err)
		}
	}
	if _, err := ParseMacaroons([]string{marker}); err == nil || strings.Contains(err.Error(), marker) {
		t.Errorf("%v", err)
	}
	root := with(good(t, Exchanged)[0], marker)
	if _, err := ring().Verify(now, Slice{root}, Exchanged); err == nil || strings.Contains(err.Error(), marker) {
		t.Errorf("%v", err)
	}
}

func TestSecretsCompareByContent(t *testing.T) {
	a, b, c := NewSecret("same"), NewSecret([]byte("same")), NewSecret("other")
	if !a.Equal(b) || a.Equal(c) || a.Equal(Secret{}) || a.IsZero() {
		t.Error("secrets do not compare by what they hold")
	}
	if zero := (Secret{}); !zero.IsZero() || zero.Reveal() != "" || !zero.Equal(NewSecret("")) {
		t.Error("the zero secret is not empty")
	}
	if a.Hash() != b.Hash() || a.Hash() == c.Hash() {
		t.Error("hashes are not of what they hold")
	}
}
