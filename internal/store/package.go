package store

import "time"

// Namespace separates names that clients look up in different places.
type Namespace string

// The namespaces. A bundle is a charm-namespace package of type "bundle".
const (
	Snap  Namespace = "snap"
	Charm Namespace = "charm"
)

// Types of packages in the charms' namespace.
const (
	TypeCharm  = "charm"
	TypeBundle = "bundle"
)

// GlobalStore is the id of the store a device asks when it names none.
const GlobalStore = "ubuntu"

// Account is a publisher, brand or operator identity.
type Account struct {
	ID          string    `json:"id"` // 32 alphanumerics, or 2–28 of [-a-z0-9]
	Username    string    `json:"username"`
	DisplayName string    `json:"display-name"`
	Validation  string    `json:"validation"` // unproven, starred or verified
	CreatedAt   time.Time `json:"created-at"`
}

// View is a store in the glossary's sense: a view of the catalog with its own
// id and access rule. The zero View lets nothing be seen but essential snaps.
type View struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Brand   string `json:"brand"`   // account id of the brand; empty for the global store
	Private bool   `json:"private"` // only principals that belong to the store may look
	// Includes names other stores whose packages are seen here as well.
	Includes []string `json:"includes"`
	// Packages are the ids of single packages of other stores seen here.
	Packages  []string  `json:"packages"`
	CreatedAt time.Time `json:"created-at"`
	// ReviewPolicy overrules the operator's for packages at home here; empty is
	// the operator's.
	ReviewPolicy string `json:"review-policy,omitempty"`
}

// Package is a registered name.
type Package struct {
	ID           string     `json:"id"` // 32 alphanumerics
	Namespace    Namespace  `json:"namespace"`
	Name         string     `json:"name"`
	Type         string     `json:"type,omitempty"` // of what is uploaded under it: charm or bundle; empty for snaps
	PublisherID  string     `json:"publisher-id"`
	Publisher    Account    `json:"publisher"` // filled on reads, ignored on writes
	StoreID      string     `json:"store-id"`  // the store it is at home in
	Private      bool       `json:"private"`   // only its publisher and collaborators see it
	Unlisted     bool       `json:"unlisted"`  // served by name, left out of find and names
	DefaultTrack string     `json:"default-track,omitempty"`
	CreatedAt    time.Time  `json:"created-at"`
	Listing      Listing    `json:"listing"`
	Media        []Medium   `json:"media,omitempty"`
	Categories   []Category `json:"categories,omitempty"`
	Tracks       []Track    `json:"tracks,omitempty"`
	// Collaborators are the ids of accounts that may do what the publisher may,
	// but for what ownerOnly lists.
	Collaborators []string `json:"-"`
	// Guardrails are what names of new tracks must look like; without any the
	// publisher makes none.
	Guardrails []Guardrail `json:"-"`
}

// Listing is what people read about a package. A publisher or operator sets
// it; where it is empty the newest released revision's own metadata speaks.
type Listing struct {
	Title       string              `json:"title,omitempty"`
	Summary     string              `json:"summary,omitempty"`
	Description string              `json:"description,omitempty"`
	License     string              `json:"license,omitempty"`
	Contact     string              `json:"contact,omitempty"`
	Website     string              `json:"website,omitempty"`
	StoreURL    string              `json:"store-url,omitempty"`
	Links       map[string][]string `json:"links,omitempty"`
	Keywords    []string            `json:"keywords,omitempty"`
	Videos      []string            `json:"videos,omitempty"` // URLs
	// Countries, by ISO 3166-1 code, that the package is for, or is not for. They
	// are kept for whoever asks; devices do not say where they are.
	OnlyCountries  []string `json:"only-countries,omitempty"`
	NotInCountries []string `json:"not-in-countries,omitempty"`
	// PublicMetrics lets everybody see figures of use, but for HiddenMetrics.
	PublicMetrics bool     `json:"public-metrics,omitempty"`
	HiddenMetrics []string `json:"hidden-metrics,omitempty"`
	// FollowsReleases makes title, summary and description those of each new
	// revision in stable.
	FollowsReleases bool `json:"follows-releases,omitempty"`
	// Edited names the fields, and kinds of media, that somebody has set in the
	// store: what is uploaded does not overwrite them unasked.
	Edited []string `json:"edited,omitempty"`
}

// Medium is a picture of a package, kept as a blob.
type Medium struct {
	Kind        string `json:"kind"` // icon, screenshot, banner
	Blob        Digest `json:"blob"`
	Size        int64  `json:"size"` // bytes
	ContentType string `json:"content-type"`
	Width       int    `json:"width,omitempty"`  // pixels; 0 unknown
	Height      int    `json:"height,omitempty"` // pixels; 0 unknown
}

// Category is a shelf of the catalog a package stands on.
type Category struct {
	Name     string    `json:"name"`
	Featured bool      `json:"featured,omitempty"`
	Since    time.Time `json:"since,omitzero"` // when it was put there; zero is unknown
}

// Track is a named line of a package's channels. "latest" always exists.
type Track struct {
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created-at"`
	// VersionPattern is a regular expression that versions released to the track
	// must match; empty is any.
	VersionPattern string `json:"version-pattern,omitempty"`
	// Phasing is the percentage per day by which releases reach devices by
	// themselves; 0 is at once.
	Phasing float64 `json:"phasing,omitempty"`
}

// Guardrail is a pattern that names of tracks must match.
type Guardrail struct {
	Pattern   string    `json:"pattern"` // a regular expression
	CreatedAt time.Time `json:"created-at"`
}

// Platform is what a revision runs on: an architecture (snap), or a base and
// an architecture (charm). Debian architecture names; "all" means any.
type Platform struct {
	Architecture string `json:"architecture"`
	BaseName     string `json:"base-name,omitempty"`
	BaseChannel  string `json:"base-channel,omitempty"`
}

// Revision statuses.
const (
	StatusApproved = "approved" // may be released and served
	StatusPending  = "pending"  // waits for review
	StatusRejected = "rejected"
)

// Revision is one immutable upload of a package.
type Revision struct {
	PackageID string     `json:"package-id"`
	Number    int        `json:"revision"` // from 1
	Status    string     `json:"status"`
	Version   string     `json:"version"`
	CreatedAt time.Time  `json:"created-at"`
	CreatedBy string     `json:"created-by"` // account id
	Blob      Digest     `json:"sha3-384"`
	SHA256    string     `json:"sha256"`           // hex
	SHA384    string     `json:"sha384,omitempty"` // hex; snaps have none
	SHA512    string     `json:"sha512,omitempty"` // hex; snaps have none
	Size      int64      `json:"size"`             // bytes
	Platforms []Platform `json:"platforms"`
	// Provenance of the snap-revision assertion; "global-upload" unless delegated.
	Provenance string `json:"provenance"`
	// Manifest is the text of meta/snap.yaml (snap) or metadata.yaml (charm).
	Manifest string `json:"-"`
	// Texts are further files of a charm or bundle, byte for byte, by TextConfig
	// and its like.
	Texts map[string]string `json:"-"`
	Meta  Meta              `json:"meta"`
}

// Meta is what a revision's own metadata says, parsed once when it came in.
type Meta struct {
	Type        string              `json:"type"` // app, gadget, kernel, os, base, snapd; charm, bundle
	Base        string              `json:"base,omitempty"`
	Confinement string              `json:"confinement,omitempty"` // strict, classic, devmode
	Grade       string              `json:"grade,omitempty"`       // stable, devel
	Epoch       Epoch               `json:"epoch"`
	Title       string              `json:"title,omitempty"`
	Summary     string              `json:"summary,omitempty"`
	Description string              `json:"description,omitempty"`
	License     string              `json:"license,omitempty"`
	Links       map[string][]string `json:"links,omitempty"`
	CommonIDs   []string            `json:"common-ids,omitempty"`
	Apps        []string            `json:"apps,omitempty"`
	Aliases     []Alias             `json:"aliases,omitempty"`
	Assumes     []string            `json:"assumes,omitempty"`
	// Providers are the names of snaps that default-provider of content plugs names.
	Providers []string `json:"providers,omitempty"`
	// Components the snap declares: name to type (test, standard, kernel-modules).
	Components map[string]string `json:"components,omitempty"`
	// Charm is what only charms and bundles say; nil for snaps.
	Charm *CharmMeta `json:"charm,omitempty"`
}

// Alias is another name for one of a snap's apps.
type Alias struct {
	Name   string `json:"name"`
	Target string `json:"target"`
}

// ResourceRevision is one immutable upload of a named attachment: a snap's
// component, or a charm's file or OCI image.
type ResourceRevision struct {
	PackageID   string     `json:"package-id"`
	Name        string     `json:"name"`
	Revision    int        `json:"revision"` // from 1
	Type        string     `json:"type"`     // component/standard, component/kernel-modules, component/test; file, oci-image
	Version     string     `json:"version,omitempty"`
	Description string     `json:"description,omitempty"`
	CreatedAt   time.Time  `json:"created-at"`
	Blob        Digest     `json:"sha3-384"`
	SHA256      string     `json:"sha256"`           // hex
	SHA384      string     `json:"sha384,omitempty"` // hex; components have none
	SHA512      string     `json:"sha512,omitempty"` // hex; components have none
	Size        int64      `json:"size"`             // bytes
	Provenance  string     `json:"provenance"`
	Platforms   []Platform `json:"platforms,omitempty"`
	// Image is the digest, "sha256:…", of an OCI image's manifest; empty otherwise.
	Image     string    `json:"image,omitempty"`
	CreatedBy string    `json:"created-by,omitempty"` // account id
	UpdatedBy string    `json:"updated-by,omitempty"` // account id of who last changed Platforms
	UpdatedAt time.Time `json:"updated-at,omitzero"`
}

// ResourcePin names one revision of one resource.
type ResourcePin struct {
	Name     string `json:"name"`
	Revision int    `json:"revision"`
}

// Delta is a binary difference between two revisions' blobs.
type Delta struct {
	PackageID string `json:"package-id"`
	Format    string `json:"format"` // xdelta3
	Source    int    `json:"source"` // revision
	Target    int    `json:"target"` // revision
	Blob      Digest `json:"sha3-384"`
	Size      int64  `json:"size"` // bytes
}
