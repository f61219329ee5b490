package snapstore

import (
	"encoding/json"
)

// A RevisionKind says which members of a Revision the store gave.
type RevisionKind int

// Kinds of revisions, told apart as craft-store does: by bases, apps (or
// architectures), commit-id.
const (
	PlainRevision RevisionKind = iota
	CharmRevision
	SnapRevision
	SourceRevision
)

// A Revision is one upload of a package.
type Revision struct {
	Kind      RevisionKind `json:"-"`
	Revision  int          `json:"revision"`
	Version   string       `json:"version,omitempty"`
	CreatedAt Time         `json:"created-at"`
	CreatedBy string       `json:"created-by,omitempty"`
	// Status is for example "released", "approved" or "rejected" on gateways,
	// "Published" or "ManualReviewPending" on dashboards.
	Status string `json:"status,omitempty"`
	// SHA3_384 is in hex.
	SHA3_384 string `json:"sha3-384,omitempty"`
	// Size is in bytes.
	Size   int64     `json:"size,omitempty"`
	Errors ErrorList `json:"errors,omitempty"`

	// Bases are the charm's; an entry is nil where the store gives null.
	Bases []*Base `json:"bases,omitempty"`

	// What follows is the snap's. Type is app, gadget, kernel, base, snapd or
	// os; Confinement strict, classic or devmode; Grade devel or stable.
	Apps          []string       `json:"apps,omitempty"`
	Architectures []string       `json:"architectures,omitempty"`
	Base          *string        `json:"base,omitempty"`
	BuildURL      *string        `json:"build-url,omitempty"`
	Confinement   string         `json:"confinement,omitempty"`
	Grade         string         `json:"grade,omitempty"`
	Type          string         `json:"type,omitempty"`
	Epoch         *Epoch         `json:"epoch,omitempty"`
	Attributes    map[string]any `json:"attributes,omitempty"`

	// CommitID is that of a revision made of a commit.
	CommitID string `json:"commit-id,omitempty"`
}

// UnmarshalJSON reads both spellings: dashboards write build_url and created_at
// in lists of releases and build-url and created-at in channel maps.
func (r *Revision) UnmarshalJSON(data []byte) error {
	type plain Revision
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return err
	}
	alternative := struct {
		BuildURL  *string `json:"build_url"`
		CreatedAt *Time   `json:"created_at"`
		CreatedBy string  `json:"created_by"`
	}{}
	if err := json.Unmarshal(data, &alternative); err != nil {
		return err
	}
	*r = Revision{}
	if err := json.Unmarshal(data, (*plain)(r)); err != nil {
		return err
	}
	if r.BuildURL == nil {
		r.BuildURL = alternative.BuildURL
	}
	if r.CreatedAt.IsZero() && alternative.CreatedAt != nil {
		r.CreatedAt = *alternative.CreatedAt
	}
	r.CreatedBy = first(r.CreatedBy, alternative.CreatedBy)
	has := func(name string) bool { _, ok := members[name]; return ok }
	switch {
	case has("bases"):
		r.Kind = CharmRevision
	case has("apps"), has("architectures"):
		r.Kind = SnapRevision
	case has("commit-id"):
		r.Kind = SourceRevision
	}
	return nil
}

// An Epoch says which data formats a snap reads and writes. Old answers write it
// as a text, which leaves both empty but for Text.
type Epoch struct {
	Read  []int  `json:"read"`
	Write []int  `json:"write"`
	Text  string `json:"-"`
}

// UnmarshalJSON reads an object or a text.
func (e *Epoch) UnmarshalJSON(data []byte) error {
	*e = Epoch{}
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &e.Text)
	}
	type plain Epoch
	return json.Unmarshal(data, (*plain)(e))
}
