package credential

import (
	"bytes"
	"crypto/rand"
	"fmt"
)

// BakeryVersion is a version of the bakery's protocol, as clients announce it
// in Bakery-Protocol-Version; 0 is a client that announces none.
type BakeryVersion int

// LatestBakeryVersion is the newest there is.
const LatestBakeryVersion BakeryVersion = 3

// BakeryCaveat is a third-party caveat as the identity service reads it.
type BakeryCaveat struct {
	Version   BakeryVersion // of the encoding
	From      BoxPublic     // who made it
	Condition string        // see ParseCondition
	Asked     *AskedFor     // of a root of ours; else nil

	rootKey   Secret
	namespace string // prefixes of caveats, as its maker writes them
}

// localLocation is that of a caveat which the client itself discharges.
const localLocation = "local"

// NewBakeryCaveat makes a caveat that the holder of the key to discharges when
// it finds the condition true. Clients of version 3 get what it says beside
// the macaroon (see Macaroon.BakeryJSON), others inside of the caveat's id.
func NewBakeryCaveat(version BakeryVersion, from BoxKey, to BoxPublic, location, condition string) (ThirdParty, error) {
	return newBakeryCaveat(version, from, to, location, condition, declaredIdentity)
}

// NewAgentCaveat makes a caveat that the agent with the key discharges by
// itself, which proves that it has the key.
func NewAgentCaveat(version BakeryVersion, from BoxKey, agent BoxPublic) (ThirdParty, error) {
	return newBakeryCaveat(version, from, agent, localLocation, "true", agentIdentity)
}

func newBakeryCaveat(
	version BakeryVersion, from BoxKey, to BoxPublic, location, condition string, kind identity,
) (ThirdParty, error) {
	version = min(max(version, 1), LatestBakeryVersion)
	t := ThirdParty{location: location, rootKey: newCaveatKey(), kind: kind, version: version}
	c := BakeryCaveat{Version: version, Condition: condition, rootKey: t.rootKey, namespace: stdNamespace}
	sealed, err := c.seal(from, to)
	if err != nil {
		return ThirdParty{}, fmt.Errorf("cannot make a caveat at %s: %w", location, err)
	}
	if version < 3 {
		t.id = sealed
		return t, nil
	}
	// A first byte of 3 tells readers that what they miss is elsewhere.
	t.id, t.data = make([]byte, 1+16), sealed
	t.id[0] = 3
	rand.Read(t.id[1:])
	return t, nil
}

// seal encodes a caveat.
func (c BakeryCaveat) seal(from BoxKey, to BoxPublic) ([]byte, error) {
	if c.Version < 2 {
		return c.sealJSON(from, to)
	}
	return c.sealBinary(from, to), nil
}

// OpenBakeryCaveat reads what a client wants discharged: the id of a caveat,
// or for version 3 the data beside it. Old keys still open what was made for
// them. All failures are the same error.
func OpenBakeryCaveat(encoded []byte, keys ...BoxKey) (BakeryCaveat, error) {
	if len(encoded) == 0 || len(encoded) > maxCaveatID {
		return BakeryCaveat{}, errCaveat
	}
	for _, key := range keys {
		var c BakeryCaveat
		var ok bool
		switch encoded[0] {
		case 2, 3:
			c, ok = openBinaryCaveat(encoded, key)
		case 'e': // of the base64 of a JSON object
			c, ok = openJSONCaveat(encoded, key)
		}
		if ok {
			c.cutAsked(keys)
			return c, nil
		}
	}
	return BakeryCaveat{}, errCaveat
}

// matches reports whether the beginning of a public key is that of a key.
func (k BoxKey) matches(prefix []byte) bool { return bytes.HasPrefix(k.public[:], prefix) }
