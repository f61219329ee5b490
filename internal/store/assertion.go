package store

import "time"

// Assertion is a signed document as it is kept: the exact bytes received, and
// the few headers it is looked up by. It was verified before it was stored.
type Assertion struct {
	Type       string
	PrimaryKey string // the values of the primary key joined by slashes
	Format     int
	Revision   int
	// SequenceKey is the primary key without the sequence number, for types
	// that form sequences; empty otherwise. Sequence is that number.
	SequenceKey string
	Sequence    int
	AuthorityID string
	SignKey     string // the key id: SHA3-384 of the public key as assertions spell it
	Encoded     []byte
	StoredAt    time.Time // set on write
}

// AssertionFilter selects assertions; a zero field asks nothing.
type AssertionFilter struct {
	Type        string
	KeyPrefix   string // of the primary key
	AuthorityID string
	SignKey     string
	// After is the type, primary key and format of the last assertion of the
	// page before.
	After Assertion
	Limit int // 0 means 100; at most 1000
}

// TrustAnchor is a root account and key that an operator trusts.
type TrustAnchor struct {
	AccountID string
	KeyID     string
	Origin    string // where the operator got it from
	Documents []byte // the assertions that make up the anchor, as a stream
	AddedAt   time.Time
	AddedBy   string
}

// SigningKey is a private key larder can sign with, sealed.
type SigningKey struct {
	KeyID     string
	AccountID string
	Name      string
	Uses      []string // what it signs; empty is everything
	Sealed    []byte   // encrypted under a secret that is not in the database
	CreatedAt time.Time
}
