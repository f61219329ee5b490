// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"crypto/rsa"
	"maps"
	"strings"
	"sync"
	"testing"

	"github.com/snapcore/snapd/asserts"

	"github.com/larder-store/larder/interop/harness"
)

// Names that specimens share.
const (
	gateID   = "GateGateGateGateGateGateGateGate" // a declared snap of acme
	targetID = "TargetTargetTargetTargetTargetTa" // another
	digest   = "QlqR0uAWEAWF5Nwnzj5kqmmwFslYPu1IL16MKtLKhwhv0kpBv5wKZ_axf_nf_2cL"
	then     = "2024-05-06T07:08:09Z"
)

// signs is whoever can sign: a root, a brand, a device.
type signs interface {
	PrivateKey() *rsa.PrivateKey
	PublicKey() asserts.PublicKey
}

// device is a device key that signs requests.
type device struct{ private *rsa.PrivateKey }

func (d device) PrivateKey() *rsa.PrivateKey  { return d.private }
func (d device) PublicKey() asserts.PublicKey { return asserts.RSAPublicKey(&d.private.PublicKey) }

// world is what is known before any specimen: accounts, keys, two declared
// snaps, a model and a serial. Everything in it is signed by snapd.
type world struct {
	root        *harness.Authority
	acme, rival *harness.Brand
	device      device
	known       []asserts.Assertion // prerequisites before what needs them, without the root
}

var theWorld = sync.OnceValue(func() *world {
	w := &world{root: harness.Root(), acme: acme(), rival: rival(), device: device{harness.Key("device")}}
	declare := func(id, name string, more map[string]any) asserts.Assertion {
		headers := map[string]any{"series": "16", "snap-id": id, "snap-name": name, "publisher-id": w.acme.ID, "timestamp": then}
		maps.Copy(headers, more)
		return w.root.Sign(asserts.SnapDeclarationType, headers, nil)
	}
	w.known = []asserts.Assertion{
		w.acme.Account, w.acme.Key, w.rival.Account, w.rival.Key,
		declare(gateID, "gate", nil),
		declare(targetID, "target", map[string]any{"revision-authority": []any{
			map[string]any{"account-id": w.rival.ID, "provenance": []any{"rival-builds"}, "max-revision": "40"},
		}}),
		w.acme.Sign(asserts.ModelType, map[string]any{
			"series": "16", "brand-id": w.acme.ID, "model": "desk", "classic": "true",
			"serial-authority": []any{w.rival.ID}, "timestamp": then,
		}, nil),
		w.acme.Sign(asserts.SerialType, serialHeaders(w, "known-1"), nil),
	}
	return w
})

// database is snapd's, filled with the world.
func (w *world) database(t testing.TB) *asserts.Database {
	t.Helper()
	db := harness.OpenDatabase(t)
	for _, a := range w.known {
		if err := db.Add(a); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

func serialHeaders(w *world, serial string) map[string]any {
	public, err := asserts.EncodePublicKey(w.device.PublicKey())
	if err != nil {
		panic(err)
	}
	return map[string]any{
		"brand-id": w.acme.ID, "model": "desk", "serial": serial, "timestamp": then,
		"device-key": string(public), "device-key-sha3-384": w.device.PublicKey().ID(),
	}
}

// specimen is one assertion worth signing, of a type both sides know.
type specimen struct {
	name    string // after the type, when a type has several
	typ     string
	headers map[string]any
	body    string
	by      signs
}

func (s specimen) String() string { return strings.TrimSpace(s.typ + " " + s.name) }

// complete is the headers with type and, unless the type has none, authority.
func (s specimen) complete() map[string]any {
	headers := maps.Clone(s.headers)
	headers["type"] = s.typ
	switch by := s.by.(type) {
	case *harness.Authority:
		headers["authority-id"] = by.ID
	case *harness.Brand:
		headers["authority-id"] = by.ID
	}
	if noAuthority[s.typ] {
		delete(headers, "authority-id")
	}
	return headers
}

// noAuthority are the types that nobody's account signs.
var noAuthority = map[string]bool{"account-key-request": true, "device-session-request": true, "serial-request": true}

func publicKey(by signs) string {
	encoded, err := asserts.EncodePublicKey(by.PublicKey())
	if err != nil {
		panic(err)
	}
	return string(encoded)
}

// specimens has at least one of every type that snapd knows, and for types
// with many headers one per flavour.
func specimens(w *world) []specimen {
	acme, rival := w.acme.ID, w.rival.ID
	type m = map[string]any
	type l = []any

	declaration := func(name, format string, more m) specimen {
		headers := m{"series": "16", "snap-id": "NewNewNewNewNewNewNewNewNewNewNe", "snap-name": "new-snap",
			"publisher-id": acme, "timestamp": then}
		if format != "" {
			headers["format"] = format
		}
		maps.Copy(headers, more)
		return specimen{name, "snap-declaration", headers, "", w.root}
	}
	model := func(name string, more m) specimen {
		headers := m{"series": "16", "brand-id": acme, "model": name, "timestamp": then}
		maps.Copy(headers, more)
		return specimen{name, "model", headers, "", w.acme}
	}
	user := func(name string, more m) specimen {
		headers := m{"brand-id": acme, "email": "pat@example.com", "series": l{"16"}, "models": l{"desk"},
			"name": "Pat", "username": "pat", "since": then, "until": "2024-11-06T07:08:09Z",
			"password": "$6$salt$hash", "ssh-keys": l{"ssh-rsa AAAABcdefg pat@example.com"}}
		maps.Copy(headers, more)
		return specimen{name, "system-user", headers, "", w.acme}
	}
	revision := func(name string, by signs, more m) specimen {
		headers := m{"snap-sha3-384": digest, "snap-id": targetID, "snap-size": "123456",
			"snap-revision": "12", "developer-id": acme, "timestamp": then, "provenance": "global-upload"}
		maps.Copy(headers, more)
		return specimen{name, "snap-revision", headers, "", by}
	}
	set := func(name string, more m, snaps ...any) specimen {
		headers := m{"series": "16", "account-id": acme, "name": "base-set", "sequence": "3", "snaps": snaps, "timestamp": then}
		maps.Copy(headers, more)
		return specimen{name, "validation-set", headers, "", w.acme}
	}

	return []specimen{
		{"", "account", m{"account-id": "abidabidabidabidabidabidabidabid", "username": "newcomer", "display-name": "New Comer",
			"validation": "unproven", "timestamp": then}, "", w.root},
		{"of an old validation word", "account", m{"account-id": "old-hand", "display-name": "Old Hand",
			"validation": "certified", "timestamp": then, "revision": "4"}, "", w.root},
		{"with text of several lines", "account", m{"account-id": "poet", "display-name": "Poet", "validation": "starred",
			"timestamp": then, "verse": "roses\nare red\n\n  and so on\n", "unknown": m{"list": l{"a", l{"b"}, m{"c": "d"}}}}, "", w.root},

		{"", "account-key", m{"public-key-sha3-384": w.device.PublicKey().ID(), "account-id": acme, "name": "second",
			"since": then}, publicKey(w.device), w.root},
		{"that ends", "account-key", m{"public-key-sha3-384": w.device.PublicKey().ID(), "account-id": acme, "name": "third",
			"since": then, "until": "2036-01-01T00:00:00Z", "revision": "1"}, publicKey(w.device), w.root},
		{"with a header that only looks like its date", "account-key", m{"public-key-sha3-384": w.device.PublicKey().ID(),
			"account-id": acme, "name": "fifth", "since": then, "timestamp": "1999-01-01T00:00:00Z"}, publicKey(w.device), w.root},
		{"", "account-key-request", m{"public-key-sha3-384": w.device.PublicKey().ID(), "account-id": acme, "name": "fourth",
			"since": then}, publicKey(w.device), w.device},

		{"", "base-declaration", m{"series": "16", "timestamp": then,
			"plugs": m{"network": "true", "home": m{"allow-auto-connection": m{"plug-attributes": m{"read": "all"}}}},
			"slots": m{"network": m{"allow-installation": m{"slot-snap-type": l{"core"}}}}}, "", w.root},

		{"", "device-session-request", m{"brand-id": acme, "model": "desk", "serial": "known-1",
			"nonce": "NONCE", "timestamp": then}, "", w.device},

		model("core-16", m{"architecture": "amd64", "gadget": "pc", "kernel": "pc-kernel", "store": "acmestore",
			"display-name": "Acme Core", "required-snaps": l{"one", "two"}}),
		model("core-18", m{"architecture": "arm64", "base": "core18", "gadget": "pi=18", "kernel": "pi-kernel=18",
			"system-user-authority": "*", "sysuser": "ignored"}),
		model("core-20", m{"architecture": "amd64", "base": "core20", "grade": "secured", "storage-safety": "encrypted",
			"serial-authority": l{rival}, "system-user-authority": l{rival}, "snaps": l{
				m{"name": "pc", "id": "UqFziVZDHLSyO3TqSWgNBoAdHbLI4dAH", "type": "gadget", "default-channel": "20/stable"},
				m{"name": "pc-kernel", "id": "pYVQrBcKmBa0mZ4CCN7ExT6jH8rY1hza", "type": "kernel", "default-channel": "20/stable"},
				m{"name": "optional", "id": gateID, "presence": "optional", "modes": l{"run", "ephemeral"}},
			}}),
		model("core-dangerous", m{"architecture": "amd64", "base": "core22", "grade": "dangerous", "snaps": l{
			m{"name": "pc", "type": "gadget"}, m{"name": "pc-kernel", "type": "kernel"}}}),
		model("classic", m{"classic": "true", "architecture": "amd64", "gadget": "brand-gadget"}),
		model("classic-with-snaps", m{"classic": "true", "distribution": "ubuntu", "architecture": "amd64", "base": "core22",
			"snaps": l{m{"name": "pc", "id": "UqFziVZDHLSyO3TqSWgNBoAdHbLI4dAH", "type": "gadget"},
				m{"name": "pc-kernel", "id": "pYVQrBcKmBa0mZ4CCN7ExT6jH8rY1hza", "type": "kernel"}}}),

		{"", "preseed", m{"series": "16", "brand-id": acme, "model": "desk", "system-label": "20240506",
			"artifact-sha3-384": digest, "timestamp": then, "snaps": l{
				m{"name": "gate", "id": gateID, "revision": "7"}, m{"name": "local"}}}, "", w.acme},

		{"", "repair", m{"brand-id": acme, "repair-id": "42", "summary": "mends it", "series": l{"16"},
			"architectures": l{"amd64", "arm64"}, "models": l{"acme/desk"}, "bases": l{"core20"}, "modes": l{"run"},
			"timestamp": then}, "#!/bin/sh\nset -e\necho \"mended\"\n\n\nexit 0\n", w.acme},
		{"that is disabled", "repair", m{"brand-id": acme, "repair-id": "43", "summary": "no more", "disabled": "true",
			"revision": "2", "timestamp": then}, "#!/bin/sh\n", w.acme},

		{"", "serial", serialHeaders(w, "1234-5678"), "", w.acme},
		{"with details", "serial", serialHeaders(w, "with-body"), "hardware: v2\n", w.acme},
		{"by a serial authority", "serial", serialHeaders(w, "by-rival"), "", w.rival},
		{"", "serial-request", m{"brand-id": acme, "model": "desk", "request-id": "REQ", "device-key": publicKey(w.device),
			"serial": "proposed"}, "HW-DETAILS\n", w.device},

		{"", "snap-build", m{"snap-sha3-384": digest, "snap-id": targetID, "snap-size": "123456", "grade": "stable",
			"timestamp": then}, "", w.acme},

		declaration("", "", nil),
		declaration("that revokes", "", m{"snap-name": "", "revision": "9"}),
		declaration("with aliases and gates", "", m{"refresh-control": l{gateID, targetID}, "auto-aliases": l{"cmd1"},
			"aliases": l{m{"name": "cmd", "target": "bin"}}}),
		declaration("with revision authorities", "", m{"revision-authority": l{
			m{"account-id": rival, "provenance": l{"a", "b"}, "min-revision": "3", "max-revision": "9",
				"on-store": l{"acmestore"}, "on-brand": l{acme}, "on-model": l{"acme/desk"}}}}),
		declaration("with rules", "1", m{
			"plugs": m{"interface1": m{"deny-installation": "false", "allow-auto-connection": m{
				"slot-snap-type": l{"app"}, "slot-publisher-id": l{acme}, "slot-attributes": m{"a1": "/foo/.*"},
				"plug-attributes": m{"b1": "B1"}, "slots-per-plug": "*", "on-classic": l{"ubuntu"}}}},
			"slots": m{"interface2": m{"allow-installation": "true", "allow-connection": m{
				"plug-snap-type": l{"app"}, "plug-snap-id": l{gateID}, "plug-publisher-id": l{"$SLOT_PUBLISHER_ID"}}}}}),
		declaration("with dollar rules", "2", m{"plugs": m{"content": m{"allow-auto-connection": m{
			"slot-attributes": m{"content": "$PLUG(content)"}, "plug-attributes": m{"x": "$MISSING"}}}}}),
		declaration("with a device scope", "3", m{"slots": m{"log": m{"allow-installation": m{
			"on-store": l{"acmestore"}, "on-brand": l{acme}, "on-model": l{"acme/desk"}}}}}),
		declaration("with plug names", "4", m{"plugs": m{"log": m{"allow-installation": m{"plug-names": l{"p1", "$INTERFACE"}}}}}),
		declaration("with alternatives", "5", m{"plugs": m{"log": m{"allow-installation": m{
			"plug-attributes": m{"attr": l{"one", "two"}}}}}}),

		{"", "snap-developer", m{"snap-id": gateID, "publisher-id": acme, "developers": l{
			m{"developer-id": rival, "since": then, "until": "2025-05-06T07:08:09Z"},
			m{"developer-id": acme, "since": then}}}, "", w.acme},
		{"by the root", "snap-developer", m{"snap-id": gateID, "publisher-id": acme, "revision": "1"}, "", w.root},

		revision("", w.root, nil),
		revision("by a delegate", w.rival, m{"provenance": "rival-builds"}),

		{"", "store", m{"store": "acmestore", "operator-id": acme, "timestamp": then, "url": "https://store.example.com/",
			"friendly-stores": l{"friend1", "friend2"}, "location": "in the cellar"}, "", w.root},

		user("", nil),
		user("for one serial", m{"format": "1", "serials": l{"known-1"}}),
		user("until it expires", m{"format": "2", "user-presence": "until-expiration", "force-password-change": "true"}),

		{"", "validation", m{"series": "16", "snap-id": gateID, "approved-snap-id": targetID,
			"approved-snap-revision": "42", "timestamp": then}, "", w.acme},
		{"that is revoked", "validation", m{"series": "16", "snap-id": gateID, "approved-snap-id": targetID,
			"approved-snap-revision": "42", "revoked": "true", "revision": "1", "timestamp": then}, "", w.acme},

		set("", nil, m{"name": "gate", "id": gateID, "presence": "optional"},
			m{"name": "target", "id": targetID, "presence": "required", "revision": "99"},
			m{"name": "worse", "id": "WorseWorseWorseWorseWorseWorseWo", "presence": "invalid"}),
		set("of a later revision", m{"revision": "2"}, m{"name": "gate", "id": gateID}),
	}
}
