package snapstore

// A ResourceType of charms.
type ResourceType string

// The resource types that Charmhub knows.
const (
	ResourceFile     ResourceType = "file"
	ResourceOCIImage ResourceType = "oci-image"
)

// A ResourceBase says what a charm's resource is for; "all" is the wildcard in
// every member.
type ResourceBase struct {
	Name          string   `json:"name"`
	Channel       string   `json:"channel"`
	Architectures []string `json:"architectures"`
}

// withDefaults writes "all" where nothing is said.
func (b ResourceBase) withDefaults() ResourceBase {
	b.Name, b.Channel = first(b.Name, "all"), first(b.Channel, "all")
	if len(b.Architectures) == 0 {
		b.Architectures = []string{"all"}
	}
	return b
}

// A ResourceRevision is one upload of a charm's resource. Digests are in hex,
// Size in bytes.
type ResourceRevision struct {
	Name      string         `json:"name"`
	Revision  int            `json:"revision"`
	Type      ResourceType   `json:"type"`
	Bases     []ResourceBase `json:"bases"`
	CreatedAt Time           `json:"created-at"`
	UpdatedAt *Time          `json:"updated-at"`
	UpdatedBy *string        `json:"updated-by"`
	SHA256    string         `json:"sha256"`
	SHA384    string         `json:"sha384"`
	SHA512    string         `json:"sha512"`
	SHA3_384  string         `json:"sha3-384"`
	Size      int64          `json:"size"`
}

// A ResourceUpdate changes what a resource's revision is for.
type ResourceUpdate struct {
	Revision int            `json:"revision"`
	Bases    []ResourceBase `json:"bases"`
}
