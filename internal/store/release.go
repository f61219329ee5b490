package store

import "time"

// Release is an append-only fact: at this time, this account pointed a
// channel and platform at a revision, or closed it. Closing, promoting,
// rolling back and phasing are all new facts.
type Release struct {
	Seq       int64     `json:"seq"` // order of the facts of one store; assigned on write
	PackageID string    `json:"package-id"`
	At        time.Time `json:"at"`
	By        string    `json:"by"` // actor
	Channel   Channel   `json:"channel"`
	Platform  Platform  `json:"platform"`
	Revision  int       `json:"revision"` // 0 closes the channel on this platform
	// Resources are the resource revisions released with it.
	Resources []ResourcePin `json:"resources,omitempty"`
	// Percentage of devices that get it, above 0 and at most 100; 0 means everyone.
	Percentage float64 `json:"percentage,omitempty"`
	// Phasing is what Percentage grows by each day until everyone gets it.
	Phasing float64 `json:"phasing,omitempty"`
	// Paused: it reaches no device that does not have it.
	Paused bool `json:"paused,omitempty"`
	// Expires is when the channel closes by itself; zero is never.
	Expires time.Time `json:"expires,omitzero"`
}

// Override is an operator's local fact: this channel and architecture get
// this revision, whatever the channel map says.
type Override struct {
	PackageID    string    `json:"package-id"`
	Channel      Channel   `json:"channel"`
	Architecture string    `json:"architecture"`
	Revision     int       `json:"revision"`
	Reason       string    `json:"reason,omitempty"`
	At           time.Time `json:"at"`
	By           string    `json:"by"`
	Expires      time.Time `json:"expires,omitzero"` // zero is never
}

// Facts is everything a source knows about one package that decides what a
// device gets. A source may hold back revisions that no release or override
// names; Choose says which are missing.
type Facts struct {
	Package   Package
	Releases  []Release // oldest first
	Overrides []Override
	Revisions map[int]*Revision
	Resources map[ResourcePin]*ResourceRevision
	Deltas    []Delta
}

// Change is one row of the change log: the audit trail, the cursor of
// incremental exports, and how nodes keep their caches coherent.
type Change struct {
	Seq     int64          `json:"seq"`
	At      time.Time      `json:"at"`
	Actor   string         `json:"actor"`
	Kind    string         `json:"kind"`    // a row of the table of change kinds
	Subject string         `json:"subject"` // "package/<id>", "account/<id>", "setting/<key>", …
	Details map[string]any `json:"details,omitempty"`
}

// With returns f with more revisions known. f itself stays as it is.
func (f *Facts) With(more []*Revision) *Facts {
	g := *f
	g.Revisions = make(map[int]*Revision, len(f.Revisions)+len(more))
	for n, r := range f.Revisions {
		g.Revisions[n] = r
	}
	for _, r := range more {
		g.Revisions[r.Number] = r
	}
	return &g
}
