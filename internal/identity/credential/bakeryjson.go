package credential

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"

	"golang.org/x/crypto/nacl/box"
)

// boxJSON is version 1 of a caveat, in standard base64. The members that are
// bytes are standard base64 as well.
type boxJSON struct {
	ThirdPartyPublicKey BoxPublic
	FirstPartyPublicKey BoxPublic
	Nonce               []byte
	ID                  []byte `json:"Id"` // a NaCl box of boxedJSON
}

type boxedJSON struct {
	RootKey   []byte
	Condition string
}

func (c BakeryCaveat) sealJSON(from BoxKey, to BoxPublic) ([]byte, error) {
	plain, err := json.Marshal(boxedJSON{c.rootKey.bytes(), c.Condition})
	if err != nil {
		return nil, err
	}
	var nonce [nonceSize]byte
	rand.Read(nonce[:]) // never fails
	text, err := json.Marshal(boxJSON{
		ThirdPartyPublicKey: to,
		FirstPartyPublicKey: from.public,
		Nonce:               nonce[:],
		ID:                  box.Seal(nil, plain, &nonce, (*[32]byte)(&to), from.privateBytes()),
	})
	if err != nil {
		return nil, err
	}
	return base64.StdEncoding.AppendEncode(nil, text), nil
}

func openJSONCaveat(encoded []byte, key BoxKey) (c BakeryCaveat, ok bool) {
	text, err := base64.StdEncoding.AppendDecode(nil, encoded)
	if err != nil {
		return c, false
	}
	var j boxJSON
	if err := json.Unmarshal(text, &j); err != nil || len(j.Nonce) != nonceSize {
		return c, false
	}
	if j.ThirdPartyPublicKey != key.public {
		return c, false
	}
	plain, ok := box.Open(nil, j.ID, (*[nonceSize]byte)(j.Nonce), (*[32]byte)(&j.FirstPartyPublicKey), key.privateBytes())
	if !ok {
		return c, false
	}
	var boxed boxedJSON
	if err := json.Unmarshal(plain, &boxed); err != nil {
		return c, false
	}
	return BakeryCaveat{
		Version: 1, From: j.FirstPartyPublicKey, Condition: boxed.Condition,
		rootKey: NewSecret(boxed.RootKey), namespace: stdNamespace,
	}, true
}
