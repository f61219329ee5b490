package assertion

import (
	"slices"
	"strings"
	"time"
)

// Preseed describes an image that was prepared ahead for a model.
type Preseed struct {
	Series      string
	BrandID     string
	Model       string
	SystemLabel string
	SHA3_384    string // of the artifact
	Snaps       []PreseedSnap
	Timestamp   time.Time
}

// PreseedSnap is a snap within the image. An unasserted one has neither id nor
// revision.
type PreseedSnap struct {
	Name     string
	SnapID   string
	Revision int
}

func readPreseed(a *Assertion, h *fields) (any, error) {
	v := &Preseed{
		Series:      a.key[0],
		BrandID:     a.key[1],
		Model:       h.modelName(),
		SystemLabel: h.matching("system-label", labelPattern),
		SHA3_384:    h.digest("artifact-sha3-384"),
		Timestamp:   h.date("timestamp"),
	}
	h.mandatory("snaps")
	once := make(unique)
	h.each("snaps", func(f *fields) {
		s := PreseedSnap{Name: f.snapName("name"), SnapID: f.matchingOr("id", snapIDPattern, ""), Revision: f.positiveOr("revision", 0)}
		if (s.SnapID == "") != (s.Revision == 0) {
			f.fail("revision", "and id must be given together")
		}
		once.check(f, "name", s.Name)
		once.check(f, "id", s.SnapID)
		v.Snaps = append(v.Snaps, s)
	})
	return v, h.err
}

// Repair is a script that a brand runs on its devices.
type Repair struct {
	BrandID       string
	RepairID      int
	Summary       string
	Series        []string
	Architectures []string
	Models        []string
	Bases         []string
	Modes         []string
	Disabled      bool
	Timestamp     time.Time
}

func readRepair(a *Assertion, h *fields) (any, error) {
	v := &Repair{
		BrandID:       a.key[0],
		RepairID:      h.positive("repair-id"),
		Summary:       h.text("summary"),
		Series:        h.texts("series"),
		Architectures: h.texts("architectures"),
		Models:        h.texts("models"),
		Bases:         h.texts("bases"),
		Modes:         h.texts("modes"),
		Disabled:      h.flag("disabled"),
		Timestamp:     h.date("timestamp"),
	}
	if strings.ContainsAny(v.Summary, "\n\r") {
		h.fail("summary", "must be one line")
	}
	for _, mode := range v.Modes {
		if mode != "run" && mode != "recover" {
			h.fail("modes", "must be run or recover: %s", quote(mode))
		}
	}
	for _, base := range v.Bases {
		if !validSnapName(base) {
			h.fail("bases", "has an invalid snap name: %s", quote(base))
		}
		if len(v.Modes) > 0 && slices.Contains([]string{"core", "core16", "core18"}, base) {
			h.fail("bases", "must have recovery modes, since modes are given: %s", quote(base))
		}
	}
	return v, h.err
}
