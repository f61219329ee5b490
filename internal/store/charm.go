package store

// CharmMeta is what a charm or bundle says about itself beyond Meta, parsed
// once when it came in.
type CharmMeta struct {
	Subordinate bool `json:"subordinate,omitempty"`
	// The relations, by the name of the charm's endpoint.
	Provides map[string]Relation `json:"provides,omitempty"`
	Requires map[string]Relation `json:"requires,omitempty"`
	Peers    map[string]Relation `json:"peers,omitempty"`
	// Resources the charm declares, by name in order.
	Resources []DeclaredResource `json:"resources,omitempty"`
	// DeployableOn are the kinds of cloud it runs on: vm, kubernetes.
	DeployableOn []string `json:"deployable-on,omitempty"`
	// Charms are the names of those a bundle contains.
	Charms []string `json:"charms,omitempty"`
	// Attributes are what the builder's analysis found, as manifest.yaml says it.
	Attributes map[string]string `json:"attributes,omitempty"`
}

// Relation is one endpoint of a charm.
type Relation struct {
	Interface string `json:"interface"`
	Limit     int    `json:"limit,omitempty"` // of counterparts; 0 is none
	Scope     string `json:"scope,omitempty"` // global, which "" means too, or container
	Optional  bool   `json:"optional,omitempty"`
}

// Types of a charm's resources.
const (
	ResourceFile  = "file"
	ResourceImage = "oci-image"
)

// DeclaredResource is an attachment that a charm revision says it takes.
type DeclaredResource struct {
	Name        string `json:"name"`
	Type        string `json:"type"`               // file or oci-image
	Filename    string `json:"filename,omitempty"` // a file's, on the unit
	Description string `json:"description,omitempty"`
	// Optional: the charm can be released and deployed without it.
	Optional bool `json:"optional,omitempty"`
}

// The keys of Revision.Texts, which are those of the wire.
const (
	TextConfig  = "config-yaml"
	TextActions = "actions-yaml"
	TextBundle  = "bundle-yaml"
	TextReadme  = "readme-md"
	TextCraft   = "craft-yaml" // charmcraft.yaml
)
