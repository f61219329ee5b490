// SPDX-License-Identifier: GPL-3.0-only

//lint:file-ignore SA1019 the pinned snapd takes packets of this package and no other

package interop

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"encoding/base64"
	"time"

	"golang.org/x/crypto/openpgp/packet"
)

// signContent signs bytes as they are, which neither library lets anyone do:
// the result may be no assertion at all. The same bytes give the same
// signature, since the time of signing is always the same.
func signContent(private *rsa.PrivateKey, content []byte) []byte {
	key := packet.NewRSAPrivateKey(time.Date(2016, time.January, 1, 0, 0, 0, 0, time.UTC), private)
	signature := &packet.Signature{PubKeyAlgo: key.PubKeyAlgo, Hash: crypto.SHA512, CreationTime: time.Date(2024, time.June, 1, 0, 0, 0, 0, time.UTC)}
	hash := crypto.SHA512.New()
	hash.Write(content)
	if err := signature.Sign(hash, key, nil); err != nil {
		panic(err)
	}
	var packed bytes.Buffer
	packed.WriteByte(1) // the version of the encoding
	if err := signature.Serialize(&packed); err != nil {
		panic(err)
	}
	var text bytes.Buffer
	encoded := base64.StdEncoding.EncodeToString(packed.Bytes())
	for len(encoded) > 76 {
		text.WriteString(encoded[:76] + "\n")
		encoded = encoded[76:]
	}
	text.WriteString(encoded + "\n")
	return text.Bytes()
}
