package store

import "time"

// UploadStatus is how far an upload has got.
type UploadStatus string

// The statuses of an upload. The last three are final.
const (
	UploadUnclaimed  UploadStatus = "unclaimed"  // nobody has said what it is
	UploadProcessing UploadStatus = "processing" // claimed, and looked into
	UploadHeld       UploadStatus = "held"       // it has a revision that waits for review
	UploadApproved   UploadStatus = "approved"
	UploadRejected   UploadStatus = "rejected" // by the review, with a revision
	UploadFailed     UploadStatus = "failed"   // it never became a revision
)

// Processed reports whether nothing more happens to the upload by itself.
func (s UploadStatus) Processed() bool { return s != UploadUnclaimed && s != UploadProcessing }

// UploadProblem is a reason why an upload failed.
type UploadProblem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// UploadWish is what a claim wants of an upload once it is approved.
type UploadWish struct {
	// Channels to release it to.
	Channels []string `json:"channels,omitempty"`
	// Components are the uploads of the snap's components, by name.
	Components map[string]string `json:"components,omitempty"`
	BuiltAt    string            `json:"built-at,omitempty"`
	// Resource says that the bytes are a revision of a resource; nil when they are
	// one of the package itself.
	Resource *UploadResource `json:"resource,omitempty"`
	// Delta says that the bytes are what turns a revision into the snap; nil when
	// they are the snap.
	Delta *UploadDelta `json:"delta,omitempty"`
	// Limits are those of the token that claimed it: a release that comes of it
	// obeys them.
	Limits []Limits `json:"limits,omitempty"`
	// Session is that of the token. Nothing is released any more for a token that
	// was revoked.
	Session string `json:"session,omitempty"`
}

// UploadResource says what an upload is a revision of.
type UploadResource struct {
	Name      string     `json:"name"`
	Type      string     `json:"type"` // file or oci-image
	Platforms []Platform `json:"platforms,omitempty"`
}

// UploadDelta says what an uploaded delta leads from and to.
type UploadDelta struct {
	Format string `json:"format"` // xdelta3
	Source Digest `json:"source"` // of a revision of the package
	Target Digest `json:"target"` // of the snap
}

// Upload is bytes that somebody has sent, and what became of them.
type Upload struct {
	ID        string // unguessable: whoever knows it may claim it
	Blob      Digest
	Size      int64 // bytes
	Filename  string
	Address   string // of whoever sent it
	CreatedAt time.Time
	ExpiresAt time.Time // of what nobody claims

	PackageID string // empty until it is claimed
	AccountID string
	ClaimedAt time.Time
	Status    UploadStatus
	Revision  int // 0 until it has one
	Wish      UploadWish
	Problems  []UploadProblem
	// LeasedUntil is until when some node works on it.
	LeasedUntil time.Time
}

// Review is one decision about a revision.
type Review struct {
	Seq       int64     `json:"seq"`
	PackageID string    `json:"package-id"`
	Revision  int       `json:"revision"`
	At        time.Time `json:"at"`
	By        string    `json:"by"` // actor
	Decision  Decision  `json:"decision"`
	Rule      string    `json:"rule,omitempty"` // of the policy; empty for a person's decision
	Reason    string    `json:"reason,omitempty"`
}

// Collaborator is an account that publishes another's package, too.
type Collaborator struct {
	PackageID string    `json:"package-id"`
	Account   Account   `json:"account"`
	CreatedAt time.Time `json:"created-at"`
	CreatedBy string    `json:"created-by"` // account id
	UpdatedAt time.Time `json:"updated-at"`
}

// Invite asks somebody to collaborate on a package.
type Invite struct {
	Token      string    `json:"-"` // hash of what the invited shows
	PackageID  string    `json:"package-id"`
	Email      string    `json:"email"`
	CreatedAt  time.Time `json:"created-at"`
	CreatedBy  string    `json:"created-by"` // account id
	ExpiresAt  time.Time `json:"expires-at"`
	AcceptedAt time.Time `json:"accepted-at,omitzero"`
	AcceptedBy string    `json:"accepted-by,omitempty"`
	RevokedAt  time.Time `json:"revoked-at,omitzero"` // also when it was rejected
	RevokedBy  string    `json:"revoked-by,omitempty"`
}

// Open reports whether the invite can be accepted at a time.
func (i Invite) Open(at time.Time) bool {
	return i.AcceptedAt.IsZero() && i.RevokedAt.IsZero() && at.Before(i.ExpiresAt)
}

// Roles in a brand store.
const (
	StoreRoleAdmin  = "admin"  // settings, members, packages
	StoreRoleReview = "review" // decides about held uploads
	StoreRoleView   = "view"
	StoreRoleAccess = "access" // publishes into the store
)

// StoreMember is an account with roles in a store.
type StoreMember struct {
	StoreID string   `json:"store-id"`
	Account Account  `json:"account"`
	Email   string   `json:"email,omitempty"`
	Roles   []string `json:"roles"`
}

// StoreInvite asks somebody without an account to become a store's member.
type StoreInvite struct {
	StoreID   string    `json:"store-id"`
	Email     string    `json:"email"`
	Roles     []string  `json:"roles"`
	Status    string    `json:"status"` // pending, accepted or revoked
	CreatedAt time.Time `json:"created-at"`
	ExpiresAt time.Time `json:"expires-at"`
}

// Dispute is a claim to a name that another has.
type Dispute struct {
	ID        string    `json:"id"`
	Namespace Namespace `json:"namespace"`
	Name      string    `json:"name"`
	AccountID string    `json:"account-id"`
	Comment   string    `json:"comment,omitempty"`
	CreatedAt time.Time `json:"created-at"`
	DecidedAt time.Time `json:"decided-at,omitzero"`
	Decision  string    `json:"decision,omitempty"`
}
