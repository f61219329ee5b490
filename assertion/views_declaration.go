package assertion

import (
	"slices"
	"time"
)

func (f *fields) snapName(name string) string {
	s := f.text(name)
	if f.err == nil && (len(s) < 2 || len(s) > 40 || !snapNamePattern.MatchString(s)) {
		f.fail(name, "must be a snap name: %s", quote(s))
	}
	return s
}

// SnapDeclaration says who publishes a snap, under which name, and what it may do.
type SnapDeclaration struct {
	Series      string
	SnapID      string
	SnapName    string // empty: the snap was revoked
	PublisherID string
	Timestamp   time.Time
	// RefreshControl lists snaps whose updates this one gates.
	RefreshControl    []string
	AutoAliases       []string
	Aliases           map[string]string // alias to app
	RevisionAuthority []RevisionAuthority
}

// Revoked says whether the declaration takes the snap back.
func (d *SnapDeclaration) Revoked() bool { return d.SnapName == "" }

// RevisionAuthority lets an account sign revisions with a provenance of its own.
type RevisionAuthority struct {
	AccountID   string
	Provenance  []string
	MinRevision int // at least 1
	MaxRevision int // 0: no upper bound
	OnStore     []string
	OnBrand     []string
	OnModel     []string // brand/model
}

// Delegates says whether account may sign with this provenance. Revision is the
// snap revision, or 0 where the bounds do not apply. On which devices the result
// counts (OnStore, OnBrand, OnModel) is for the devices to decide.
func (d *SnapDeclaration) Delegates(account, provenance string, revision int) bool {
	for _, r := range d.RevisionAuthority {
		inRange := revision == 0 || revision >= r.MinRevision && (r.MaxRevision == 0 || revision <= r.MaxRevision)
		if r.AccountID == account && slices.Contains(r.Provenance, provenance) && inRange {
			return true
		}
	}
	return false
}

func readSnapDeclaration(a *Assertion, h *fields) (any, error) {
	v := &SnapDeclaration{
		Series:         a.key[0],
		SnapID:         a.key[1],
		SnapName:       h.anyText("snap-name"),
		PublisherID:    h.text("publisher-id"),
		Timestamp:      h.date("timestamp"),
		RefreshControl: h.texts("refresh-control"),
		AutoAliases:    h.textsMatching("auto-aliases", aliasPattern),
	}
	h.each("aliases", func(f *fields) {
		alias, app := f.matching("name", aliasPattern), f.matching("target", appPattern)
		if _, ok := v.Aliases[alias]; ok {
			f.fail("name", "is defined twice: %s", quote(alias))
		}
		if v.Aliases == nil {
			v.Aliases = make(map[string]string)
		}
		v.Aliases[alias] = app
	})
	h.each("revision-authority", func(f *fields) {
		v.RevisionAuthority = append(v.RevisionAuthority, readRevisionAuthority(f))
	})
	if h.err == nil {
		h.err = checkRules(h.mapping("plugs"), h.mapping("slots"), h)
	}
	return v, h.err
}

func readRevisionAuthority(f *fields) RevisionAuthority {
	r := RevisionAuthority{
		AccountID:   f.matching("account-id", accountIDPattern),
		Provenance:  f.textsMatching("provenance", provenancePattern),
		MinRevision: f.positiveOr("min-revision", 1),
		MaxRevision: f.positiveOr("max-revision", 0),
		OnStore:     f.textsMatching("on-store", storeIDPattern),
		OnBrand:     f.textsMatching("on-brand", accountIDPattern),
		OnModel:     f.textsMatching("on-model", brandModelPattern),
	}
	if len(r.Provenance) == 0 {
		f.fail("provenance", "must not be empty")
	}
	if r.MaxRevision != 0 && r.MaxRevision < r.MinRevision {
		f.fail("max-revision", "must not be less than min-revision")
	}
	return r
}

// BaseDeclaration holds the interface rules for snaps whose declaration has none.
type BaseDeclaration struct {
	Series    string
	Timestamp time.Time
}

func readBaseDeclaration(a *Assertion, h *fields) (any, error) {
	v := &BaseDeclaration{Series: a.key[0], Timestamp: h.date("timestamp")}
	if h.err == nil {
		h.err = checkRules(h.mapping("plugs"), h.mapping("slots"), h)
	}
	return v, h.err
}

// SnapDeveloper lists the collaborators on a snap.
type SnapDeveloper struct {
	SnapID      string
	PublisherID string
	Developers  []Developer
}

// Developer is one collaborator's time. It is revoked if Since equals Until.
type Developer struct {
	Validity
	DeveloperID string
}

// Revoked says whether the entry takes the collaboration back.
func (d Developer) Revoked() bool { return d.Since.Equal(d.Until) }

func readSnapDeveloper(a *Assertion, h *fields) (any, error) {
	v := &SnapDeveloper{SnapID: a.key[0], PublisherID: a.key[1]}
	revoked := make(map[string]bool)
	h.each("developers", func(f *fields) {
		d := Developer{DeveloperID: f.matching("developer-id", accountIDPattern), Validity: f.validity()}
		before, seen := revoked[d.DeveloperID]
		if seen && (before || d.Revoked()) {
			f.fail("developer-id", "is revoked and listed elsewhere too: %s", quote(d.DeveloperID))
		}
		revoked[d.DeveloperID] = d.Revoked()
		v.Developers = append(v.Developers, d)
	})
	return v, h.err
}
