package charmhub

import "encoding/json"

// A Package is a charm or a bundle as the store shows it; members that were not
// asked for are empty.
type Package struct {
	// Type is "charm" or "bundle".
	Type string `json:"type"`
	ID   string `json:"id"`
	Name string `json:"name"`
	// Result is its page.
	Result     Page             `json:"result"`
	ChannelMap []ChannelRelease `json:"channel-map"`
	// DefaultRelease is what is deployed when no channel is said; nil if nothing
	// is released.
	DefaultRelease *ChannelRelease `json:"default-release"`
}

// A Page is what people read about a package.
type Page struct {
	Title       string         `json:"title"`
	Summary     string         `json:"summary"`
	Description string         `json:"description"`
	License     string         `json:"license"`
	Website     string         `json:"website"`
	StoreURL    string         `json:"store-url"`
	BugsURL     string         `json:"bugs-url"`
	Links       map[string]any `json:"links"`
	Media       []Media        `json:"media"`
	Categories  []Category     `json:"categories"`
	Publisher   Account        `json:"publisher"`
	Unlisted    bool           `json:"unlisted"`
	// DeployableOn holds "vm", "kubernetes" and the like.
	DeployableOn []string `json:"deployable-on"`
	// ContainsCharms are the charms of a bundle.
	ContainsCharms []ContainedCharm `json:"contains-charms"`
	UsedBy         []string         `json:"used-by"`
}

// A Category of packages.
type Category struct {
	Name     string `json:"name"`
	Featured bool   `json:"featured"`
}

// A ContainedCharm is part of a bundle.
type ContainedCharm struct {
	Name      string `json:"name"`
	PackageID string `json:"package-id"`
	StoreURL  string `json:"store-url"`
}

// A ChannelRelease is one channel on one base, with what it holds. Resources and
// the files inside the revision come with DefaultRelease only.
type ChannelRelease struct {
	Channel struct {
		Name  string `json:"name"`
		Track string `json:"track"`
		Risk  string `json:"risk"`
		// Base is nil for bundles.
		Base       *Base `json:"base"`
		ReleasedAt *Time `json:"released-at"`
	} `json:"channel"`
	Revision  PackageRevision    `json:"revision"`
	Resources []DeployedResource `json:"resources,omitempty"`
}

// A PackageRevision is a revision as consumers see it.
type PackageRevision struct {
	Revision  int    `json:"revision"`
	Version   string `json:"version"`
	CreatedAt *Time  `json:"created-at"`
	// Bases holds nil where the store gives null.
	Bases        []*Base         `json:"bases"`
	Download     *Download       `json:"download"`
	ActionsYAML  string          `json:"actions-yaml"`
	BundleYAML   string          `json:"bundle-yaml"`
	ConfigYAML   string          `json:"config-yaml"`
	MetadataYAML string          `json:"metadata-yaml"`
	Readme       string          `json:"readme-md"`
	Relations    json.RawMessage `json:"relations,omitempty"`
	Attributes   json.RawMessage `json:"attributes,omitempty"`
	Subordinate  bool            `json:"subordinate"`
}

// A Download says where a file is and how to know that it is the right one.
// Digests are in hex; an empty one is not told.
type Download struct {
	URL string `json:"url"`
	// Size is in bytes.
	Size     int64  `json:"size"`
	SHA256   string `json:"hash-sha-256"`
	SHA384   string `json:"hash-sha-384"`
	SHA512   string `json:"hash-sha-512,omitempty"`
	SHA3_384 string `json:"hash-sha3-384,omitempty"`
}

// A DeployedResource is a revision of a resource as consumers see it.
type DeployedResource struct {
	Name     string       `json:"name"`
	Type     ResourceType `json:"type"`
	Revision int          `json:"revision"`
	// Filename is what a charm expects; empty for images.
	Filename    string   `json:"filename"`
	Description string   `json:"description"`
	CreatedAt   *Time    `json:"created-at"`
	Download    Download `json:"download"`
}

// An Entity is what a refresh answers about a charm or bundle.
type Entity struct {
	// Type is "charm" or "bundle".
	Type         string             `json:"type"`
	ID           string             `json:"id"`
	Name         string             `json:"name"`
	Revision     int                `json:"revision"`
	Version      string             `json:"version"`
	Summary      string             `json:"summary"`
	License      string             `json:"license"`
	Publisher    Account            `json:"publisher"`
	CreatedAt    *Time              `json:"created-at"`
	Bases        []*Base            `json:"bases"`
	Download     Download           `json:"download"`
	Resources    []DeployedResource `json:"resources"`
	MetadataYAML string             `json:"metadata-yaml"`
	ConfigYAML   string             `json:"config-yaml"`
	ActionsYAML  string             `json:"actions-yaml"`
}
