package catalog

import (
	"context"
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// maxTracks and maxGuardrails bound what one package has.
const (
	maxTracks     = 500
	maxGuardrails = 50
)

// Tracks lists a package's tracks and what new ones must be called. It needs
// PermSeeReleases. The tracks are in Package.Tracks, without latest, and the
// patterns in Package.Guardrails.
func (c *Catalog) Tracks(ctx context.Context, who store.Principal, ns store.Namespace, name string) (store.Package, error) {
	var found store.Package
	if err := who.Need(store.PermSeeReleases); err != nil {
		return found, err
	}
	err := c.db.View(ctx, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermSeeReleases, ns, name)
		if err == nil {
			found = *pkg
		}
		return err
	})
	return found, err
}

// AddTracks creates tracks, all or none, and returns how many. It needs
// PermRelease. Their names must match a guardrail of the package, but for those
// who may manage it; CreatedAt is set here.
func (c *Catalog) AddTracks(ctx context.Context, who store.Principal, ns store.Namespace, name string, tracks []store.Track) (int, error) {
	if len(tracks) == 0 {
		return 0, store.Invalidf("invalid-tracks", "cannot create tracks: none was named")
	}
	added := 0
	err := c.change(ctx, who, func(tx *db.Tx) error {
		added = 0
		pkg, err := mine(tx, who, store.PermRelease, ns, name)
		if err != nil {
			return err
		}
		if len(pkg.Tracks)+len(tracks) > maxTracks {
			return store.TooLargef("too-many-tracks", "cannot create %d tracks: %s has %d of at most %d", len(tracks), name, len(pkg.Tracks), maxTracks)
		}
		names := make([]string, len(tracks))
		for i, t := range tracks {
			names[i] = t.Name
		}
		if err := store.CheckNewTracks(names, pkg.Tracks, trackPatterns(who, pkg)); err != nil {
			return err
		}
		for _, t := range tracks {
			if err := checkTrack(t); err != nil {
				return err
			}
			t.CreatedAt = tx.Now()
			if _, err := tx.AddTrack(pkg.ID, t); err != nil {
				return err
			}
			recordTrack(tx, pkg, t)
			added++
		}
		return nil
	})
	return added, err
}

// trackPatterns are the guardrails that who is under. Who may manage packages
// may call tracks whatever a track can be called.
func trackPatterns(who store.Principal, pkg *store.Package) []string {
	if who.Need(store.PermManage) == nil {
		return []string{`.*`}
	}
	patterns := make([]string, len(pkg.Guardrails))
	for i, g := range pkg.Guardrails {
		patterns[i] = g.Pattern
	}
	return patterns
}

func checkTrack(t store.Track) error {
	if t.VersionPattern != "" {
		if _, err := store.CompilePattern(t.VersionPattern); err != nil {
			return err
		}
	}
	if !(t.Phasing >= 0 && t.Phasing <= 100) {
		return store.Invalidf("invalid-percentage", "cannot release to %v percent of the devices each day", t.Phasing).
			Try("give a percentage above 0 and up to 100, or 0 for at once")
	}
	return nil
}

func recordTrack(tx *db.Tx, pkg *store.Package, t store.Track) {
	details := map[string]any{"name": pkg.Name, "track": t.Name}
	if t.VersionPattern != "" {
		details["version-pattern"] = t.VersionPattern
	}
	if t.Phasing != 0 {
		details["phasing"] = t.Phasing
	}
	tx.Record(store.PackageUpdated, "package/"+pkg.ID, details)
}

// TrackChange says what to change of a track; nil leaves a field alone.
type TrackChange struct {
	VersionPattern *string
	Phasing        *float64 // percent each day; 0 is at once
}

// ChangeTrack changes which versions a track takes, and how releases to it
// reach devices; what is released already stays as it is. It needs PermRelease.
func (c *Catalog) ChangeTrack(ctx context.Context, who store.Principal, ns store.Namespace, name, track string, change TrackChange) (store.Track, error) {
	var changed store.Track
	err := c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermRelease, ns, name)
		if err != nil {
			return err
		}
		t := trackOf(pkg, track)
		if t == nil {
			return store.NotFoundf("track-not-found", "%s has no track %.100q to change", name, track).
				Try("create it first")
		}
		had := *t
		if change.VersionPattern != nil {
			t.VersionPattern = *change.VersionPattern
		}
		if change.Phasing != nil {
			t.Phasing = *change.Phasing
		}
		changed = *t
		if err := checkTrack(*t); err != nil || *t == had {
			return err
		}
		recordTrack(tx, pkg, *t)
		return tx.UpdateTrack(pkg.ID, *t)
	})
	return changed, err
}

// ChangeGuardrails adds and removes patterns that names of tracks must match
// when a publisher creates them, and returns those that then hold. It needs
// PermManage.
func (c *Catalog) ChangeGuardrails(ctx context.Context, who store.Principal, ns store.Namespace, name string, add, remove []string) ([]store.Guardrail, error) {
	if err := who.Need(store.PermManage); err != nil {
		return nil, err
	}
	for _, pattern := range add {
		if _, err := store.CompilePattern(pattern); err != nil {
			return nil, err
		}
	}
	var have []store.Guardrail
	err := c.change(ctx, who, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermManage, ns, name)
		if err != nil {
			return err
		}
		have = pkg.Guardrails
		changed := false
		for _, pattern := range remove {
			existed, err := tx.RemoveGuardrail(pkg.ID, pattern)
			if err != nil {
				return err
			}
			if !existed {
				return store.NotFoundf("guardrail-not-found", "%s has no track guardrail %.256q", name, pattern)
			}
			have = slices.DeleteFunc(have, func(g store.Guardrail) bool { return g.Pattern == pattern })
			changed = true
		}
		for _, pattern := range add {
			g := store.Guardrail{Pattern: pattern, CreatedAt: tx.Now()}
			added, err := tx.AddGuardrail(pkg.ID, g)
			if err != nil {
				return err
			}
			if added {
				have, changed = append(have, g), true
			}
		}
		if len(have) > maxGuardrails {
			return store.TooLargef("too-many-guardrails", "cannot give %s %d track guardrails: %d is the limit", name, len(have), maxGuardrails)
		}
		if changed {
			tx.Record(store.PackageUpdated, "package/"+pkg.ID, map[string]any{"name": name, "add-guardrails": add, "remove-guardrails": remove})
		}
		return nil
	})
	return have, err
}
