package assertion

import (
	"slices"
	"strings"
	"time"
)

// Model describes a kind of device.
type Model struct {
	Series              string
	BrandID             string
	Model               string
	DisplayName         string
	Architecture        string
	Store               string // empty: the global store
	Base                string
	Gadget              string // name or name=track, before the snaps header
	Kernel              string // likewise
	Classic             bool
	Distribution        string
	Grade               string // "secured", "signed", "dangerous" or empty
	StorageSafety       string
	RequiredSnaps       []string
	Snaps               []ModelSnap // since core 20
	SerialAuthority     []string    // accounts besides the brand
	SystemUserAuthority []string    // likewise; ["*"] for any
	PreseedAuthority    []string
	ValidationSets      []ModelValidationSet
	Timestamp           time.Time
}

// ModelSnap is a snap of a model.
type ModelSnap struct {
	Name           string
	SnapID         string
	Type           string
	DefaultChannel string
	Presence       string
	Modes          []string
	Classic        bool
}

// ModelValidationSet is a validation set that a model applies.
type ModelValidationSet struct {
	AccountID string
	Name      string
	Sequence  int    // 0: the latest
	Mode      string // "prefer-enforce" or "enforce"
}

func (f *fields) modelName() string {
	s := f.matching("model", modelPattern)
	if f.err == nil && s != strings.ToLower(s) {
		f.fail("model", "must not have upper case letters: %s", quote(s))
	}
	return s
}

func readModel(a *Assertion, h *fields) (any, error) {
	v := &Model{
		Series:           a.key[0],
		BrandID:          a.key[1],
		Model:            h.modelName(),
		DisplayName:      h.textOr("display-name", ""),
		Architecture:     h.textOr("architecture", ""),
		Store:            h.textOr("store", ""),
		Base:             h.textOr("base", ""),
		Gadget:           h.textOr("gadget", ""),
		Kernel:           h.textOr("kernel", ""),
		Classic:          h.flag("classic"),
		Distribution:     h.textOr("distribution", ""),
		RequiredSnaps:    h.texts("required-snaps"),
		SerialAuthority:  h.textsMatching("serial-authority", accountIDPattern),
		PreseedAuthority: h.textsMatching("preseed-authority", accountIDPattern),
		Timestamp:        h.date("timestamp"),
	}
	v.SystemUserAuthority = readSystemUserAuthority(h)
	if v.Base != "" {
		h.snapName("base")
	}
	h.each("validation-sets", func(f *fields) {
		v.ValidationSets = append(v.ValidationSets, ModelValidationSet{
			AccountID: f.matchingOr("account-id", accountIDPattern, v.BrandID),
			Name:      f.matching("name", setNamePattern),
			Sequence:  f.positiveOr("sequence", 0),
			Mode:      f.oneOf("mode", "", "prefer-enforce", "enforce"),
		})
	})
	if h.has("snaps") {
		readModelSnaps(v, h)
	} else {
		readPlainModel(v, h)
	}
	return v, h.err
}

func readSystemUserAuthority(h *fields) []string {
	if h.values["system-user-authority"] == "*" {
		return []string{"*"}
	}
	return h.textsMatching("system-user-authority", accountIDPattern)
}

// readPlainModel checks what models have without the snaps header.
func readPlainModel(v *Model, h *fields) {
	h.absent("grade")
	h.absent("storage-safety")
	h.absent("distribution")
	if v.Classic {
		h.absent("kernel")
		h.absent("base")
	} else {
		h.text("architecture")
		h.text("gadget")
		h.text("kernel")
	}
	for _, name := range []string{"gadget", "kernel"} {
		value := h.textOr(name, "")
		snap, track, tracked := strings.Cut(value, "=")
		if h.has(name) && (!validSnapName(snap) || tracked && track != "" && !validTrack(track)) {
			h.fail(name, "must be a snap name, perhaps with =track: %s", quote(value))
		}
	}
	for _, name := range v.RequiredSnaps {
		if !validSnapName(name) {
			h.fail("required-snaps", "has an invalid snap name: %s", quote(name))
		}
	}
}

// readModelSnaps checks what models have with the snaps header.
func readModelSnaps(v *Model, h *fields) {
	for _, name := range []string{"gadget", "kernel", "required-snaps"} {
		h.absent(name)
	}
	h.text("architecture")
	h.text("base")
	if v.Classic {
		h.matching("distribution", distributionPattern)
	} else {
		h.absent("distribution")
	}
	v.Grade = h.oneOf("grade", "signed", "secured", "signed", "dangerous")
	v.StorageSafety = h.oneOf("storage-safety", "", "encrypted", "prefer-encrypted", "prefer-unencrypted")
	if v.Grade == "secured" && v.StorageSafety != "" && v.StorageSafety != "encrypted" {
		h.fail("storage-safety", "must be encrypted for grade secured")
	}
	once := make(unique)
	count := make(map[string]int)
	h.each("snaps", func(f *fields) {
		s := readModelSnap(f, v)
		once.check(f, "name", s.Name)
		once.check(f, "id", s.SnapID)
		if essential := s.Type == "kernel" || s.Type == "gadget" || s.Type == "snapd" || s.Name == v.Base; essential {
			if f.has("modes") || f.has("presence") {
				f.fail("name", "is essential, so neither modes nor presence may be given: %s", quote(s.Name))
			}
			if count[s.Type]++; count[s.Type] > 1 && s.Type != "base" {
				f.fail("type", "must not be %s twice", s.Type)
			}
			if s.Name == v.Base && s.Type != "base" {
				f.fail("type", "must be base for the base of the model")
			}
		}
		v.Snaps = append(v.Snaps, s)
	})
	if h.err != nil {
		return
	}
	switch {
	case !v.Classic && count["gadget"] == 0:
		h.fail("snaps", "must have a gadget")
	case !v.Classic && count["kernel"] == 0:
		h.fail("snaps", "must have a kernel")
	case v.Classic && count["kernel"] > 0 && count["gadget"] == 0:
		h.fail("snaps", "must have a gadget, since there is a kernel")
	}
}

func readModelSnap(f *fields, m *Model) ModelSnap {
	s := ModelSnap{
		Name:           f.snapName("name"),
		SnapID:         f.matchingOr("id", snapIDPattern, ""),
		Type:           f.oneOf("type", "app", "app", "base", "gadget", "kernel", "core", "snapd"),
		DefaultChannel: f.textOr("default-channel", ""),
		Presence:       f.oneOf("presence", "required", "required", "optional"),
		Modes:          f.textsMatching("modes", modePattern),
		Classic:        f.flag("classic"),
	}
	if s.SnapID == "" && m.Grade != "dangerous" {
		f.fail("id", "is mandatory for grade %s", m.Grade)
	}
	if s.DefaultChannel != "" && !channelWithTrack(s.DefaultChannel) {
		f.fail("default-channel", "must be a channel with a track: %s", quote(s.DefaultChannel))
	}
	if s.Classic && (!m.Classic || s.Type != "app") {
		f.fail("classic", "is only for apps of classic models")
	}
	if s.Classic && len(s.Modes) > 0 && !slices.Equal(s.Modes, []string{"run"}) {
		f.fail("modes", "must be run only for a classic snap")
	}
	return s
}

func validSnapName(s string) bool {
	return len(s) >= 2 && len(s) <= 40 && snapNamePattern.MatchString(s)
}

// validTrack takes whatever cannot be mistaken for another part of a channel, as
// devices do.
func validTrack(s string) bool {
	return s != "" && !strings.Contains(s, "/") && !slices.Contains(risks, s)
}

// channelWithTrack takes track, track/risk and track/risk/branch.
func channelWithTrack(s string) bool {
	parts := strings.Split(s, "/")
	return len(parts) <= 3 && validTrack(parts[0]) &&
		(len(parts) < 2 || slices.Contains(risks, parts[1])) &&
		(len(parts) < 3 || parts[2] != "")
}
