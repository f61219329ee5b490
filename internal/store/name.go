package store

import (
	"io"
	"regexp"
	"strings"
)

const alphanumerics = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// NewID makes the id of a package or account: 32 letters and digits, about 190
// bits from rand, such as crypto/rand.Reader. It panics when rand fails, since
// a guessable id must never be handed out.
func NewID(rand io.Reader) string {
	const (
		length = 32
		// Bytes from here on would make the first letters likelier.
		fair = 256 - 256%len(alphanumerics)
	)
	id := make([]byte, 0, length)
	var room [length]byte
	for len(id) < length {
		batch := room[:length-len(id)]
		if _, err := io.ReadFull(rand, batch); err != nil {
			panic("cannot make an id: " + err.Error())
		}
		for _, b := range batch {
			if int(b) < fair {
				id = append(id, alphanumerics[int(b)%len(alphanumerics)])
			}
		}
	}
	return string(id)
}

// NewStoreID makes the id of a store. Letters and digits only, as juju's
// pattern for the id of a proxy store wants.
func NewStoreID(rand io.Reader) string { return NewID(rand) }

// storeID is what ids of stores look like: larder's own, and those of brands
// that come from elsewhere, such as orange-pi.
var storeID = regexp.MustCompile(`^[A-Za-z0-9](?:[-_]?[A-Za-z0-9])*$`)

// maxStoreID bounds the id of a store, bytes.
const maxStoreID = 64

// ValidStoreID returns nil when id may be a store's.
func ValidStoreID(id string) error {
	if len(id) > maxStoreID || !storeID.MatchString(id) {
		return Invalidf("invalid-store-id", "%.100q cannot be the id of a store", id).
			Try("use up to 64 letters, digits and inner hyphens")
	}
	return nil
}

// ValidSnapName returns nil when name may be a snap's: 2 to 40 lower-case
// letters, digits and hyphens, with at least one letter, no hyphen at either
// end and no two in a row.
func ValidSnapName(name string) error {
	bad := func(why string) error {
		return Invalidf("invalid-snap-name", "%.100q cannot name a snap: %s", name, why).
			Try("use 2 to 40 lower-case letters, digits and single hyphens, with at least one letter")
	}
	letters := false
	for i := range min(len(name), 41) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z':
			letters = true
		case '0' <= c && c <= '9', c == '-':
		default:
			return bad("it has something other than lower-case letters, digits and hyphens")
		}
	}
	switch {
	case len(name) < 2:
		return bad("it is too short")
	case len(name) > 40:
		return bad("it is too long")
	case !letters:
		return bad("it has no letter")
	case name[0] == '-' || name[len(name)-1] == '-':
		return bad("it begins or ends with a hyphen")
	case strings.Contains(name, "--"):
		return bad("it has two hyphens in a row")
	}
	return nil
}

// charmName is what charms and bundles are called, as juju reads it: words of
// lower-case letters and digits with single hyphens between them, of which each
// has a letter and the first begins with one.
var charmName = regexp.MustCompile(`^[a-z][a-z0-9]*(?:-[a-z0-9]*[a-z][a-z0-9]*)*$`)

// maxCharmName bounds the names of charms and bundles, bytes.
const maxCharmName = 64

// ValidCharmName returns nil when name may be a charm's or a bundle's.
func ValidCharmName(name string) error {
	if len(name) > maxCharmName || !charmName.MatchString(name) {
		return Invalidf("invalid-charm-name", "%.100q cannot name a charm", name).
			Try("use up to 64 lower-case letters, digits and single hyphens; begin with a letter, and have one after each hyphen")
	}
	return nil
}

// ValidName returns nil when name may be registered in ns.
func ValidName(ns Namespace, name string) error {
	switch ns {
	case Snap:
		return ValidSnapName(name)
	case Charm:
		return ValidCharmName(name)
	}
	return Invalidf("invalid-namespace", "%.20q is no namespace", string(ns)).Try("use snap or charm")
}

// ValidType returns nil when a name in ns may be registered for packages of a
// type.
func ValidType(ns Namespace, typ string) error {
	switch {
	case ns == Charm && (typ == TypeCharm || typ == TypeBundle):
	case ns == Snap && typ == "":
	case ns == Charm:
		return Invalidf("invalid-field", "cannot register a %.32q: only charms and bundles", typ).With("name", "type")
	default:
		return Invalidf("invalid-field", "cannot register a %.32q: only snaps", typ).With("name", "type")
	}
	return nil
}

// reserved names the words that some client's paths use where a name may
// stand. The word wins, so that a package of that name could not be reached.
var reserved = map[Namespace]map[string]bool{
	Snap: {"featured": true}, // PUT /v1/snap/featured
	Charm: {
		"featured":  true,
		"libraries": true, // /v1/charm/libraries/…
		"bulk":      true, // POST /v1/charm/libraries/bulk
		// The global paths of the legacy charm store API, version 5.
		"changes":              true,
		"debug":                true,
		"delegatable-macaroon": true,
		"list":                 true,
		"log":                  true,
		"logout":               true,
		"macaroon":             true,
		"meta":                 true,
		"search":               true,
		"set-auth-cookie":      true,
		"stats":                true,
		"upload":               true,
		"users":                true,
		"whoami":               true,
	},
}

// ReservedName reports whether nobody may register name in ns.
func ReservedName(ns Namespace, name string) bool { return reserved[ns][name] }
