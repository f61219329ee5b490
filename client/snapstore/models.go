package snapstore

import (
	"encoding/json"
	"slices"
)

// The models hold what stores answer, in both namespaces; members that are not
// listed are ignored. A pointer or nil slice is null or absent on the wire.

// An Account is a person or an organisation.
type Account struct {
	ID string `json:"id"`
	// Username may be empty for accounts that chose none.
	Username    string `json:"username,omitempty"`
	DisplayName string `json:"display-name,omitempty"`
	Email       string `json:"email,omitempty"`
	// Validation is "unproven", "verified" or "starred"; empty if not told.
	Validation string `json:"validation,omitempty"`
}

// Whoami tells whose credentials were sent, and what they allow.
type Whoami struct {
	Account WhoamiAccount `json:"account"`
	// Permissions, Channels, Packages and StoreIDs are the limits of the
	// credentials; nil is no limit.
	Permissions []string        `json:"permissions"`
	Channels    []string        `json:"channels"`
	Packages    []WhoamiPackage `json:"packages"`
	StoreIDs    []string        `json:"store_ids,omitempty"`
	Expires     *Time           `json:"expires,omitempty"`
	Errors      ErrorList       `json:"errors,omitempty"`
}

// A WhoamiAccount is the account of Whoami; dashboards give Name, gateways
// DisplayName and Validation.
type WhoamiAccount struct {
	Account
	Name string `json:"name,omitempty"`
}

// A WhoamiPackage is a package that credentials are limited to: dashboards write
// only the id, as a text.
type WhoamiPackage struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	Type string `json:"type,omitempty"`
}

// UnmarshalJSON reads a text or an object.
func (p *WhoamiPackage) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		*p = WhoamiPackage{}
		return json.Unmarshal(data, &p.ID)
	}
	type plain WhoamiPackage
	return json.Unmarshal(data, (*plain)(p))
}

// A RegisteredName is a package as its publisher sees it (craft-store:
// RegisteredNameModel).
type RegisteredName struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	Type      string  `json:"type"`
	Private   bool    `json:"private"`
	Publisher Account `json:"publisher"`
	// Status is for example "registered" or "published".
	Status string `json:"status"`
	// Store is the id of the store that the package is in.
	Store           string           `json:"store"`
	Authority       *string          `json:"authority"`
	Contact         *string          `json:"contact"`
	DefaultTrack    *string          `json:"default-track"`
	Description     *string          `json:"description"`
	Summary         *string          `json:"summary"`
	Title           *string          `json:"title"`
	Website         *string          `json:"website"`
	Links           map[string]any   `json:"links"`
	Media           []Media          `json:"media"`
	TrackGuardrails []TrackGuardrail `json:"track-guardrails"`
	Tracks          []Track          `json:"tracks"`
}

// Media is a picture or a film of a package.
type Media struct {
	// Type is "icon", "banner", "screenshot" or "video".
	Type string `json:"type"`
	URL  string `json:"url"`
	// Width and Height are in pixels; nil if not told.
	Width  *int `json:"width,omitempty"`
	Height *int `json:"height,omitempty"`
}

// A TrackGuardrail is a regular expression that new tracks must match.
type TrackGuardrail struct {
	Pattern   string `json:"pattern"`
	CreatedAt Time   `json:"created-at"`
}

// A Track of a package. Dashboards give Status and write CreationDate.
type Track struct {
	Name      string `json:"name"`
	CreatedAt *Time  `json:"created-at,omitempty"`
	// CreationDate is the dashboard's word for CreatedAt.
	CreationDate   *Time   `json:"creation-date,omitempty"`
	VersionPattern *string `json:"version-pattern"`
	// AutomaticPhasingPercentage is in percent, or nil.
	AutomaticPhasingPercentage *float64 `json:"automatic-phasing-percentage,omitempty"`
	// Status is "active", "default", "hidden" or "closed"; empty from gateways.
	Status string `json:"status,omitempty"`
}

// A Base is what a charm runs on.
type Base struct {
	Name         string `json:"name"`
	Channel      string `json:"channel"`
	Architecture string `json:"architecture"`
}

// Progressive is a release to a part of the devices; all nil when it is to all.
type Progressive struct {
	Paused *bool `json:"paused"`
	// Percentage of devices that shall have it.
	Percentage *float64 `json:"percentage"`
	// CurrentPercentage of devices that have it, where the store knows.
	CurrentPercentage *float64 `json:"current-percentage,omitempty"`
}

// A Channel of a package: track/risk or track/risk/branch.
type Channel struct {
	Name   string  `json:"name"`
	Track  string  `json:"track"`
	Risk   string  `json:"risk"`
	Branch *string `json:"branch"`
	// Fallback is the channel that counts while this one is closed.
	Fallback *string `json:"fallback"`
}

// Releases are what a package's channels hold now (craft-store: ListReleases of
// either namespace).
type Releases struct {
	ChannelMap []ChannelMapEntry `json:"channel-map"`
	Package    struct {
		Channels []Channel `json:"channels"`
	} `json:"package"`
	// Revisions are those that the channel map names.
	Revisions []Revision `json:"revisions"`
}

// Revision finds one of the revisions.
func (r *Releases) Revision(number int) (Revision, bool) {
	i := slices.IndexFunc(r.Revisions, func(rev Revision) bool { return rev.Revision == number })
	if i < 0 {
		return Revision{}, false
	}
	return r.Revisions[i], true
}

// A ChannelMapEntry is one channel on one platform.
type ChannelMapEntry struct {
	// Architecture is set for snaps, Base for charms.
	Architecture   string             `json:"architecture,omitempty"`
	Base           *Base              `json:"base,omitempty"`
	Channel        string             `json:"channel"`
	ExpirationDate *Time              `json:"expiration-date"`
	Progressive    Progressive        `json:"progressive"`
	Resources      []ReleasedResource `json:"resources,omitempty"`
	Revision       int                `json:"revision"`
	When           Time               `json:"when"`
}

// A ReleasedResource is a charm's resource as released with a revision.
type ReleasedResource struct {
	Name     string `json:"name"`
	Revision *int   `json:"revision"`
	Type     string `json:"type,omitempty"`
}

// A ReleaseRequest points a channel at a revision, on all platforms of that
// revision.
type ReleaseRequest struct {
	// Channel is for example "latest/stable" or "edge".
	Channel string `json:"channel"`
	// Revision; nil closes the channel.
	Revision *int `json:"revision"`
	// Resources to release with a charm; nil leaves them out.
	Resources []ResourceRelease `json:"resources,omitempty"`
}

// ReleaseTo is a ReleaseRequest.
func ReleaseTo(channel string, revision int) ReleaseRequest {
	return ReleaseRequest{Channel: channel, Revision: &revision}
}

// CloseChannel is a ReleaseRequest that closes a channel.
func CloseChannel(channel string) ReleaseRequest { return ReleaseRequest{Channel: channel} }

// A ResourceRelease names the revision of a resource to release; a nil Revision
// is none.
type ResourceRelease struct {
	Name     string `json:"name"`
	Revision *int   `json:"revision"`
}

// A ReleaseResult is what was done for a ReleaseRequest.
type ReleaseResult struct {
	Channel   string            `json:"channel"`
	Revision  *int              `json:"revision"`
	Resources []ResourceRelease `json:"resources,omitempty"`
}

// A TrackRequest creates a track.
type TrackRequest struct {
	Name string `json:"name"`
	// VersionPattern is a regular expression for the versions that may be
	// released there; nil is none.
	VersionPattern *string `json:"version-pattern,omitempty"`
	// AutomaticPhasingPercentage is in percent, as a text; nil is none.
	AutomaticPhasingPercentage *string `json:"automatic-phasing-percentage,omitempty"`
}

// A Collaborator may publish somebody else's package.
type Collaborator struct {
	Account     Account  `json:"account"`
	Permissions []string `json:"permissions"`
	CreatedAt   Time     `json:"created-at"`
	CreatedBy   Account  `json:"created-by"`
	UpdatedAt   *Time    `json:"updated-at"`
}

// Collaborators are a package's publisher and those beside it.
type Collaborators struct {
	Publisher     Account        `json:"publisher"`
	Collaborators []Collaborator `json:"collaborators"`
}

// An Invite asks somebody to become a collaborator.
type Invite struct {
	Email      string   `json:"email"`
	Type       string   `json:"invite-type"`
	CreatedAt  Time     `json:"created-at"`
	CreatedBy  Account  `json:"created-by"`
	ExpiresAt  Time     `json:"expires-at"`
	AcceptedAt *Time    `json:"accepted-at"`
	AcceptedBy *Account `json:"accepted-by"`
	RevokedAt  *Time    `json:"revoked-at"`
	RevokedBy  *Account `json:"revoked-by"`
}

// An InviteToken is the secret that accepts an invite; give it to the invited
// person.
type InviteToken struct {
	Email string `json:"email"`
	Token string `json:"token"`
}

// A Token is one of the account's tokens on a gateway, without its secret.
type Token struct {
	SessionID   string          `json:"session-id"`
	Description string          `json:"description"`
	ValidSince  Time            `json:"valid-since"`
	ValidUntil  Time            `json:"valid-until"`
	RevokedAt   *Time           `json:"revoked-at,omitempty"`
	RevokedBy   json.RawMessage `json:"revoked-by,omitempty"`
}
