package snapstore

// A Download says where a file is and how to know that it is the right one.
type Download struct {
	URL string `json:"url"`
	// Size is in bytes.
	Size int64 `json:"size"`
	// SHA3_384 is in hex.
	SHA3_384 string `json:"sha3-384"`
	// Deltas lead from an older revision to this one.
	Deltas []Delta `json:"deltas,omitempty"`
}

// A Delta makes one revision out of another.
type Delta struct {
	// Format is for example "xdelta3".
	Format   string `json:"format"`
	Source   int    `json:"source"`
	Target   int    `json:"target"`
	URL      string `json:"url"`
	Size     int64  `json:"size"`
	SHA3_384 string `json:"sha3-384"`
}

// A Snap is what a store tells devices about a snap or one of its revisions;
// members that were not asked for are empty.
type Snap struct {
	SnapID        string              `json:"snap-id,omitempty"`
	Name          string              `json:"name,omitempty"`
	Type          string              `json:"type,omitempty"`
	Title         string              `json:"title,omitempty"`
	Summary       string              `json:"summary,omitempty"`
	Description   string              `json:"description,omitempty"`
	Version       string              `json:"version,omitempty"`
	Revision      int                 `json:"revision,omitempty"`
	Architectures []string            `json:"architectures,omitempty"`
	Base          string              `json:"base,omitempty"`
	Confinement   string              `json:"confinement,omitempty"`
	Contact       string              `json:"contact,omitempty"`
	CreatedAt     *Time               `json:"created-at,omitempty"`
	Download      *Download           `json:"download,omitempty"`
	Epoch         *Epoch              `json:"epoch,omitempty"`
	License       string              `json:"license,omitempty"`
	Links         map[string][]string `json:"links,omitempty"`
	Media         []Media             `json:"media,omitempty"`
	Prices        map[string]string   `json:"prices,omitempty"`
	Private       bool                `json:"private,omitempty"`
	Publisher     *Account            `json:"publisher,omitempty"`
	Resources     []SnapResource      `json:"resources,omitempty"`
	SnapYAML      string              `json:"snap-yaml,omitempty"`
	StoreURL      string              `json:"store-url,omitempty"`
	Website       string              `json:"website,omitempty"`
	CommonIDs     []string            `json:"common-ids,omitempty"`
	Categories    []struct {
		Name     string `json:"name"`
		Featured bool   `json:"featured"`
	} `json:"categories,omitempty"`
}

// A SnapResource is a component of a snap.
type SnapResource struct {
	// Type is "component/" and its kind.
	Type        string    `json:"type"`
	Name        string    `json:"name"`
	Revision    int       `json:"revision"`
	Version     string    `json:"version"`
	Description string    `json:"description,omitempty"`
	CreatedAt   *Time     `json:"created-at,omitempty"`
	Download    *Download `json:"download,omitempty"`
}
