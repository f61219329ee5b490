// Package roots holds published root documents, as data, the way an operating
// system ships CA certificates.
//
// Both files are the documents that the public store's client publishes in
// its source (snapd, asserts/sysdb: trusted.go and generic.go), byte for byte.
// They are signed statements of fact and contain no code.
package roots

import (
	_ "embed"
	"slices"
)

//go:embed canonical.assert
var canonical []byte

//go:embed generic.assert
var generic []byte

// Canonical returns the trust anchor of the public store: the account
// "canonical" and its self-signed root account-key.
func Canonical() []byte { return slices.Clone(canonical) }

// Generic returns the documents that devices predefine beside the anchor and
// that therefore no export carries: the account "generic", its account-key,
// and the model generic/generic-classic of classic machines.
func Generic() []byte { return slices.Clone(generic) }
