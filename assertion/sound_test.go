package assertion_test

import (
	"crypto/sha3"
	"crypto/x509"
	"encoding/base64"
	"strings"
	"sync"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
)

type headers = assertiontest.Headers

var with = assertiontest.With

const when = assertiontest.Time

func digest(s string) string {
	sum := sha3.Sum384([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// sample is a sound document of one type and the headers that it cannot be without.
type sample struct {
	headers   headers
	body      string
	key       string // of the signer
	mandatory []string
}

func list(elems ...any) []any { return elems }

// sound returns a sample of every type.
var sound = sync.OnceValue(func() map[string]sample {
	const brand = "brand-one"
	device := assertiontest.Signer(assertiontest.DeviceKey).PublicKey()
	snapID, otherID := assertiontest.SnapID(1), assertiontest.SnapID(2)
	der, err := x509.MarshalPKIXPublicKey(device.RSA())
	if err != nil {
		panic(err)
	}
	hardwareKey := base64.StdEncoding.EncodeToString(der)
	const root, brandKey, deviceKey = assertiontest.RootKey, assertiontest.BrandKey, assertiontest.DeviceKey

	return map[string]sample{
		"account": {assertiontest.AccountHeaders("acme"), "", root,
			[]string{"account-id", "display-name", "validation", "timestamp"}},
		"account-key": {assertiontest.AccountKeyHeaders("acme", brandKey), string(assertiontest.Signer(brandKey).PublicKey().Encode()), root,
			[]string{"public-key-sha3-384", "account-id", "since"}},
		"account-key-request": {with(assertiontest.AccountKeyHeaders("acme", brandKey), "type", "account-key-request"),
			string(assertiontest.Signer(brandKey).PublicKey().Encode()), brandKey,
			[]string{"public-key-sha3-384", "account-id", "name", "since"}},
		"base-declaration": {headers{"type": "base-declaration", "series": "16", "timestamp": when,
			"plugs": headers{"network": "true"}}, "", root,
			[]string{"series", "timestamp"}},
		"cluster": {headers{"type": "cluster", "cluster-id": "c1", "sequence": "1",
			"devices": list(headers{"id": "1", "device": "s1.m1.brand-one", "addresses": list("10.0.0.1")}),
		}, "", brandKey, []string{"cluster-id", "sequence"}},
		"confdb-control": {headers{"type": "confdb-control", "brand-id": brand, "model": "m1", "serial": "s1",
			"groups": list(headers{"operators": list("acme"), "authentications": list("operator-key"), "views": list("acme/net/wifi")}),
		}, "", deviceKey, []string{"brand-id", "model", "serial"}},
		"confdb-schema": {headers{"type": "confdb-schema", "account-id": "root-one", "name": "network", "timestamp": when,
			"views": headers{"wifi": headers{"rules": list(headers{"request": "ssid", "storage": "wifi.ssid"})}},
		}, `{"storage":{"schema":{"wifi":"any"}}}`, root, []string{"account-id", "name", "views", "timestamp"}},
		"device-session-request": {headers{"type": "device-session-request", "brand-id": brand, "model": "m1", "serial": "s1",
			"nonce": "n1", "timestamp": when}, "", deviceKey, []string{"brand-id", "model", "serial", "nonce", "timestamp"}},
		"hardware-identity": {headers{"type": "hardware-identity", "issuer-id": "root-one", "manufacturer": "Maker",
			"hardware-name": "box-1", "hardware-id": "hw1", "hardware-id-key": hardwareKey, "hardware-id-key-sha3-384": digest(hardwareKey)}, "", root,
			[]string{"issuer-id", "manufacturer", "hardware-name", "hardware-id", "hardware-id-key", "hardware-id-key-sha3-384"}},
		"model": {assertiontest.ModelHeaders(brand, "m1"), "", brandKey,
			[]string{"series", "brand-id", "model", "architecture", "gadget", "kernel", "timestamp"}},
		"preseed": {headers{"type": "preseed", "authority-id": brand, "series": "16", "brand-id": brand, "model": "m1", "system-label": "20240404",
			"artifact-sha3-384": digest("artifact"), "timestamp": when,
			"snaps": list(headers{"name": "tool", "id": snapID, "revision": "3"}, headers{"name": "local"})}, "", brandKey,
			[]string{"series", "brand-id", "model", "system-label", "artifact-sha3-384", "snaps", "timestamp"}},
		"repair": {headers{"type": "repair", "brand-id": brand, "repair-id": "1", "summary": "one line", "timestamp": when,
			"series": list("16"), "modes": list("run"), "bases": list("core22")}, "#!/bin/sh\n\necho repaired\n", brandKey,
			[]string{"brand-id", "repair-id", "summary", "timestamp"}},
		"request-message": {headers{"type": "request-message", "account-id": "acme", "message-id": "msg1", "message-kind": "get-confdb",
			"devices": list("s1.m1.brand-one"), "valid-since": when, "valid-until": "2030-01-01T00:00:00Z", "timestamp": when}, "{}", brandKey,
			[]string{"account-id", "message-id", "message-kind", "devices", "valid-since", "valid-until", "timestamp"}},
		"response-message": {headers{"type": "response-message", "account-id": "acme", "message-id": "msg1", "device": "s1.m1.brand-one",
			"status": "success", "timestamp": when}, "{}", deviceKey, []string{"account-id", "message-id", "device", "status", "timestamp"}},
		"serial": {assertiontest.SerialHeaders(brand, "m1", "s1", deviceKey), "extra: text\n", brandKey,
			[]string{"brand-id", "model", "serial", "device-key", "device-key-sha3-384", "timestamp"}},
		"serial-request": {headers{"type": "serial-request", "brand-id": brand, "model": "m1", "request-id": "r1",
			"device-key": string(device.Encode())}, "mac: 00\n", deviceKey, []string{"brand-id", "model", "request-id", "device-key"}},
		"snap-build": {headers{"type": "snap-build", "snap-sha3-384": digest("snap"), "snap-id": snapID, "grade": "stable",
			"snap-size": "4096", "timestamp": when}, "", brandKey, []string{"snap-sha3-384", "snap-id", "grade", "snap-size", "timestamp"}},
		"snap-declaration": {with(assertiontest.DeclarationHeaders(snapID, "tool", "acme"),
			"refresh-control", list(otherID), "aliases", list(headers{"name": "t", "target": "tool"})), "", root,
			[]string{"series", "snap-id", "snap-name", "publisher-id", "timestamp"}},
		"snap-developer": {headers{"type": "snap-developer", "snap-id": snapID, "publisher-id": "acme",
			"developers": list(headers{"developer-id": "other", "since": when})}, "", root, []string{"snap-id", "publisher-id"}},
		"snap-resource-pair": {headers{"type": "snap-resource-pair", "snap-id": snapID, "resource-name": "comp", "resource-revision": "2",
			"snap-revision": "3", "developer-id": "acme", "timestamp": when}, "", root,
			[]string{"snap-id", "resource-name", "resource-revision", "snap-revision", "developer-id", "timestamp"}},
		"snap-resource-revision": {headers{"type": "snap-resource-revision", "snap-id": snapID, "resource-name": "comp",
			"resource-sha3-384": digest("comp"), "resource-size": "4096", "resource-revision": "2", "developer-id": "acme", "timestamp": when}, "", root,
			[]string{"snap-id", "resource-name", "resource-sha3-384", "resource-size", "resource-revision", "developer-id", "timestamp"}},
		"snap-revision": {with(assertiontest.RevisionHeaders(snapID, digest("snap"), 4096, 3, "acme"), "integrity", list(headers{
			"type": "dm-verity", "version": "1", "hash-algorithm": "sha256", "data-block-size": "4096", "hash-block-size": "4096",
			"digest": strings.Repeat("ab", 32), "salt": strings.Repeat("cd", 32)})), "", root,
			[]string{"snap-sha3-384", "snap-id", "snap-size", "snap-revision", "developer-id", "timestamp"}},
		"store": {headers{"type": "store", "store": "shop1", "operator-id": "acme", "url": "https://store.example",
			"friendly-stores": list("shop2"), "timestamp": when}, "", root, []string{"store", "operator-id", "timestamp"}},
		"system-user": {headers{"type": "system-user", "brand-id": brand, "email": "a@example.org", "username": "admin",
			"models": list("m1"), "since": when, "until": "2030-01-01T00:00:00Z", "password": "$6$salt$hash"}, "", brandKey,
			[]string{"brand-id", "email", "username", "since", "until"}},
		"validation": {headers{"type": "validation", "series": "16", "snap-id": snapID, "approved-snap-id": otherID,
			"approved-snap-revision": "3", "timestamp": when}, "", brandKey,
			[]string{"series", "snap-id", "approved-snap-id", "approved-snap-revision", "timestamp"}},
		"validation-set": {headers{"type": "validation-set", "series": "16", "account-id": "root-one", "name": "good", "sequence": "2",
			"snaps": list(headers{"name": "tool", "id": snapID, "revision": "3", "components": headers{
				"comp": headers{"presence": "required", "revision": "2"}, "other": "invalid"}}), "timestamp": when}, "", root,
			[]string{"series", "account-id", "name", "sequence", "snaps", "timestamp"}},
	}
})

// signSample signs with the authority that its type wants.
func signSample(typ string, h headers, body string, key string) (*assertion.Assertion, error) {
	row := assertion.TypeByName(typ)
	if row != nil && !row.NoAuthority && h["authority-id"] == nil {
		authority := "root-one"
		if name, ok := h[row.Signer].(string); ok && row.Signer != "" {
			authority = name
		}
		h = with(h, "authority-id", authority)
	}
	return assertion.Sign(h, []byte(body), assertiontest.Signer(key))
}

func mustSign(t testing.TB, typ string, s sample) *assertion.Assertion {
	t.Helper()
	a, err := signSample(typ, s.headers, s.body, s.key)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
