package credential

// ThirdParty is a caveat that somebody else discharges, made but not yet on a
// macaroon. NewSSOCaveat and NewBakeryCaveat make them.
type ThirdParty struct {
	location string
	id       []byte
	rootKey  Secret
	data     []byte // what the id stands for, where it is not in the id (bakery 3)
	kind     identity
	version  BakeryVersion // of the bakery's encoding
}

// IsZero reports whether there is no caveat.
func (t ThirdParty) IsZero() bool { return t.id == nil }

// ID is the caveat's id.
func (t ThirdParty) ID() []byte { return append([]byte(nil), t.id...) }

// Hash is what the caveat is known by.
func (t ThirdParty) Hash() CaveatHash { return HashCaveat(t.id) }

// At returns the caveat with another location. No signature covers it, so it
// may be whatever the client looks for.
func (t ThirdParty) At(location string) ThirdParty {
	t.location = location
	return t
}
