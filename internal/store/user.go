package store

import "time"

// UserState says whether an account may log in.
type UserState string

// The states.
const (
	UserActive   UserState = "active"
	UserDisabled UserState = "disabled" // an operator has locked it out
	UserReset    UserState = "reset"    // it must choose a new password first
)

// User is an account that can log in. Secrets are hashed or sealed before they
// come here.
type User struct {
	Account       Account   `json:"account"`
	Email         string    `json:"email"` // lower case, unique
	EmailVerified bool      `json:"email-verified"`
	OpenID        string    `json:"openid"` // random, for clients that know people by it
	Role          Role      `json:"role"`
	State         UserState `json:"state"`
	// Password is the argon2id hash; empty when there is none to log in with.
	Password          string    `json:"-"`
	PasswordChangedAt time.Time `json:"password-changed-at,omitzero"`
	// SessionsValidAfter makes older logins count no more.
	SessionsValidAfter time.Time `json:"sessions-valid-after,omitzero"`
	TOTP               []byte    `json:"-"` // sealed secret of the second factor; empty without one
	TOTPStep           int64     `json:"-"` // the last step that was accepted
	Recovery           []string  `json:"-"` // hashes of the unused recovery codes
	AgreedAt           time.Time `json:"agreed-at,omitzero"`
	CreatedAt          time.Time `json:"created-at"`
}

// SecondFactor reports whether the account needs a code to log in.
func (u User) SecondFactor() bool { return len(u.TOTP) > 0 }

// Kinds of user keys.
const (
	UserKeyAgent = "agent" // a bakery public key, standard base64
	UserKeySSH   = "ssh"   // an authorized_keys line
	UserKeyOIDC  = "oidc"  // issuer, a blank, subject
)

// UserKey is what an account proves itself with besides a password.
type UserKey struct {
	AccountID string    `json:"account-id"`
	Kind      string    `json:"kind"`
	Key       string    `json:"key"`
	Name      string    `json:"name,omitempty"`
	CreatedAt time.Time `json:"created-at"`
}

// TokenKey is a key that tokens of one purpose are made with.
type TokenKey struct {
	ID        string
	Purpose   string
	Sealed    []byte
	CreatedAt time.Time
	RetiredAt time.Time // from then on it proves nothing; zero is never
}

// SessionLimits are a token's limits as its client asked for them, in the words
// of the wire. Nil is no limit, but for Permissions.
type SessionLimits struct {
	Permissions []string       `json:"permissions"`
	Packages    []PackageLimit `json:"packages,omitempty"`
	Channels    []string       `json:"channels,omitempty"`
	Stores      []string       `json:"stores,omitempty"`
}

// Limits are what the session limits mean.
func (l SessionLimits) Limits() Limits {
	return Limits{
		Permissions: WirePermissions(l.Permissions), Packages: l.Packages, Channels: l.Channels, Stores: l.Stores,
	}
}

// Session is a token that proves an account, without what makes it secret.
type Session struct {
	ID          string        `json:"session-id"`
	Kind        string        `json:"kind"` // the purpose of the token
	AccountID   string        `json:"account-id"`
	Caveat      string        `json:"-"` // hash of the identity caveat that was discharged; may be empty
	Client      string        `json:"client,omitempty"`
	Description string        `json:"description,omitempty"`
	Limits      SessionLimits `json:"limits"`
	Method      string        `json:"method,omitempty"` // how the login went
	LastAuth    time.Time     `json:"last-auth"`        // when a person last proved who it is
	ValidSince  time.Time     `json:"valid-since"`
	ValidUntil  time.Time     `json:"valid-until"`
	RevokedAt   time.Time     `json:"revoked-at,omitzero"`
	RevokedBy   string        `json:"revoked-by,omitempty"`
	LastUsed    time.Time     `json:"last-used,omitzero"` // to the minute or so
}

// Active reports whether the session counts at a time.
func (s Session) Active(at time.Time) bool {
	return s.RevokedAt.IsZero() && !at.Before(s.ValidSince) && at.Before(s.ValidUntil)
}

// SessionFilter selects sessions.
type SessionFilter struct {
	AccountID string // empty is every account's
	Inactive  bool   // revoked and expired ones, too
	After     string // id, for the next page
	Limit     int
}

// Attempts counts the failed checks of one account or address.
type Attempts struct {
	Failures     int
	LastAt       time.Time
	BlockedUntil time.Time // nothing is checked before
}

// Visit is a login that waits for somebody in a browser.
type Visit struct {
	ID         string            // hash of the id in the URL
	Details    map[string]string // what the waiting client wants, and says of itself
	Address    string            // from where it waits, as what counts as one address
	AccountID  string            // empty until somebody has approved
	Method     string
	ApprovedAt time.Time
	TakenAt    time.Time // when its token was handed out, once
	CreatedAt  time.Time
	ExpiresAt  time.Time
}
