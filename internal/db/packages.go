package db

import (
	"database/sql"
	"errors"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// A package is read together with its publisher.
const packageColumns = `
	p.id, p.namespace, p.name, p.type, p.publisher_id, p.store_id, p.private, p.unlisted,
	p.default_track, p.created_at, p.listing,
	a.id, a.username, a.display_name, a.validation, a.created_at`

const packageTables = `packages p JOIN accounts a ON a.id = p.publisher_id`

func scanPackage(r rows) (p store.Package, err error) {
	err = r.Scan(&p.ID, &p.Namespace, &p.Name, &p.Type, &p.PublisherID, &p.StoreID, &p.Private, &p.Unlisted,
		&p.DefaultTrack, timeColumn{&p.CreatedAt}, jsonColumn{&p.Listing},
		&p.Publisher.ID, &p.Publisher.Username, &p.Publisher.DisplayName, &p.Publisher.Validation,
		timeColumn{&p.Publisher.CreatedAt})
	return p, err
}

// Package finds a package by its id; its error code is "package-not-found".
func (tx *Tx) Package(id string) (_ *store.Package, err error) {
	defer wrap(&err, "read package %q", id)
	p, err := first(tx.query, scanPackage, `
		SELECT `+packageColumns+` FROM `+packageTables+` WHERE p.id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("package-not-found", "no package has the id %q", id)
	}
	return tx.complete(p, err)
}

// PackageByName finds a package; its error code is "package-not-found".
func (tx *Tx) PackageByName(ns store.Namespace, name string) (_ *store.Package, err error) {
	defer wrap(&err, "read %s %q", ns, name)
	p, err := first(tx.query, scanPackage, `
		SELECT `+packageColumns+` FROM `+packageTables+` WHERE p.namespace = ? AND p.name = ?`, string(ns), name)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("package-not-found", "no %s is called %q", ns, name)
	}
	return tx.complete(p, err)
}

// complete adds what a package has many of.
func (tx *Tx) complete(p store.Package, err error) (*store.Package, error) {
	if err != nil {
		return nil, err
	}
	if p.Media, err = tx.media(p.ID); err != nil {
		return nil, err
	}
	if p.Categories, err = tx.packageCategories(p.ID); err != nil {
		return nil, err
	}
	if p.Tracks, err = tx.Tracks(p.ID); err != nil {
		return nil, err
	}
	if p.Collaborators, err = tx.collaboratorIDs(p.ID); err != nil {
		return nil, err
	}
	if p.Guardrails, err = tx.guardrails(p.ID); err != nil {
		return nil, err
	}
	return &p, nil
}

// Packages lists packages by namespace and name, without what a package has
// many of.
func (tx *Tx) Packages(f store.PackageFilter) (_ []store.Package, err error) {
	defer wrap(&err, "list packages")
	var w where
	if f.Namespace != "" {
		w.and("p.namespace = ?", string(f.Namespace))
	}
	if f.StoreID != "" {
		w.and("p.store_id = ?", f.StoreID)
	}
	if f.PublisherID != "" {
		w.and("p.publisher_id = ?", f.PublisherID)
	}
	if f.NamePrefix != "" {
		w.and("p.name >= ? AND p.name < ?", f.NamePrefix, afterPrefix(f.NamePrefix))
	}
	if f.AfterName != "" {
		w.and("(p.namespace, p.name) > (?, ?)", string(f.AfterNamespace), f.AfterName)
	}
	return all(tx.query, scanPackage, `
		SELECT `+packageColumns+` FROM `+packageTables+`
		WHERE `+w.String()+` ORDER BY p.namespace, p.name LIMIT ?`, append(w.args, page(f.Limit))...)
}

// SomePackages reads packages of a namespace by id or by name, without what a
// package has many of; those that do not exist are left out.
func (tx *Tx) SomePackages(ns store.Namespace, ids, names []string) (_ []store.Package, err error) {
	defer wrap(&err, "read %d packages", len(ids)+len(names))
	return all(tx.query, scanPackage, `
		WITH wanted (id) AS (
			SELECT p.id FROM json_each(?) CROSS JOIN packages p WHERE p.id = value AND p.namespace = ?
			UNION
			SELECT p.id FROM json_each(?) CROSS JOIN packages p WHERE p.namespace = ? AND p.name = value
		)
		SELECT `+packageColumns+` FROM wanted w CROSS JOIN packages p CROSS JOIN accounts a
		WHERE p.id = w.id AND a.id = p.publisher_id ORDER BY p.name`, listParam(ids), string(ns), listParam(names), string(ns))
}

// InsertPackage registers a name. A taken name fails with the code
// "name-taken", a taken id with "id-taken", an unknown publisher with
// "missing-reference".
func (tx *Tx) InsertPackage(p *store.Package) (err error) {
	defer wrap(&err, "register %s %q", p.Namespace, p.Name)
	if err := tx.nameFree(p); err != nil {
		return err
	}
	if taken, err := tx.exists(`SELECT 1 FROM packages WHERE id = ?`, p.ID); err != nil {
		return err
	} else if taken {
		return store.Conflictf("id-taken", "another package has the id %q", p.ID)
	}
	_, err = tx.exec(`
		INSERT INTO packages (id, namespace, name, type, publisher_id, store_id, private, unlisted,
			default_track, created_at, listing)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		p.ID, string(p.Namespace), p.Name, p.Type, p.PublisherID, p.StoreID, p.Private, p.Unlisted,
		p.DefaultTrack, micros(p.CreatedAt), asJSON(p.Listing))
	tx.searchChanged(p.ID)
	return err
}

// UpdatePackage replaces everything about a package that is kept in its own
// row: name, type, publisher, store, flags, default track and listing. Its errors
// are those of Package and InsertPackage.
func (tx *Tx) UpdatePackage(p *store.Package) (err error) {
	defer wrap(&err, "update package %q", p.ID)
	if err := tx.nameFree(p); err != nil {
		return err
	}
	n, err := tx.exec(`
		UPDATE packages SET name = ?, type = ?, publisher_id = ?, store_id = ?, private = ?, unlisted = ?,
			default_track = ?, listing = ?
		WHERE id = ?`,
		p.Name, p.Type, p.PublisherID, p.StoreID, p.Private, p.Unlisted, p.DefaultTrack, asJSON(p.Listing), p.ID)
	if err == nil && n == 0 {
		return store.NotFoundf("package-not-found", "no package has the id %q", p.ID)
	}
	tx.searchChanged(p.ID)
	return err
}

func (tx *Tx) nameFree(p *store.Package) error {
	taken, err := tx.exists(`SELECT 1 FROM packages WHERE namespace = ? AND name = ? AND id <> ?`,
		string(p.Namespace), p.Name, p.ID)
	if err == nil && taken {
		err = store.Conflictf("name-taken", "another %s is called %q", p.Namespace, p.Name)
	}
	return err
}

// exists reports whether a query finds a row.
func (tx *Tx) exists(text string, args ...any) (bool, error) {
	_, err := one[int](tx.query, text, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Tracks lists a package's tracks by name; "latest" exists without a row.
func (tx *Tx) Tracks(packageID string) (_ []store.Track, err error) {
	defer wrap(&err, "list the tracks of package %q", packageID)
	return all(tx.query, func(r rows) (t store.Track, err error) {
		err = r.Scan(&t.Name, timeColumn{&t.CreatedAt}, &t.VersionPattern, &t.Phasing)
		return t, err
	}, `SELECT name, created_at, version_pattern, phasing FROM tracks WHERE package_id = ? ORDER BY name`, packageID)
}

// AddTrack creates a track and reports whether it was new.
func (tx *Tx) AddTrack(packageID string, t store.Track) (added bool, err error) {
	defer wrap(&err, "add track %q to package %q", t.Name, packageID)
	n, err := tx.exec(`
		INSERT INTO tracks (package_id, name, created_at, version_pattern, phasing) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (package_id, name) DO NOTHING`, packageID, t.Name, micros(t.CreatedAt), t.VersionPattern, t.Phasing)
	return n > 0, err
}

// UpdateTrack replaces a track's version pattern and phasing.
func (tx *Tx) UpdateTrack(packageID string, t store.Track) (err error) {
	defer wrap(&err, "update track %q of package %q", t.Name, packageID)
	n, err := tx.exec(`UPDATE tracks SET version_pattern = ?, phasing = ? WHERE package_id = ? AND name = ?`,
		t.VersionPattern, t.Phasing, packageID, t.Name)
	if err == nil && n == 0 {
		err = store.NotFoundf("track-not-found", "there is no track %q", t.Name)
	}
	return err
}

func (tx *Tx) media(packageID string) ([]store.Medium, error) {
	return all(tx.query, func(r rows) (m store.Medium, err error) {
		err = r.Scan(&m.Kind, digestColumn{&m.Blob}, &m.Size, &m.ContentType, &m.Width, &m.Height)
		return m, err
	}, `
		SELECT kind, blob, size, content_type, width, height FROM package_media
		WHERE package_id = ? ORDER BY position`, packageID)
}

// SetMedia replaces a package's pictures, in the order given. Their blobs
// must have been added.
func (tx *Tx) SetMedia(packageID string, media []store.Medium) (err error) {
	defer wrap(&err, "set the media of package %q", packageID)
	if _, err := tx.exec(`DELETE FROM package_media WHERE package_id = ?`, packageID); err != nil {
		return err
	}
	for i, m := range media {
		_, err := tx.exec(`
			INSERT INTO package_media (package_id, position, kind, blob, size, content_type, width, height)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			packageID, i, m.Kind, m.Blob.Hex(), m.Size, m.ContentType, m.Width, m.Height)
		if err != nil {
			return err
		}
	}
	return nil
}

// Categories lists the names of all categories.
func (tx *Tx) Categories() (_ []string, err error) {
	defer wrap(&err, "list categories")
	return all(tx.query, value[string], `SELECT name FROM categories ORDER BY name`)
}

// AddCategory creates a category and reports whether it was new.
func (tx *Tx) AddCategory(name string) (added bool, err error) {
	defer wrap(&err, "add category %q", name)
	n, err := tx.exec(`INSERT INTO categories (name) VALUES (?) ON CONFLICT (name) DO NOTHING`, name)
	return n > 0, err
}

func (tx *Tx) packageCategories(packageID string) ([]store.Category, error) {
	return all(tx.query, func(r rows) (c store.Category, err error) {
		err = r.Scan(&c.Name, &c.Featured, timeColumn{&c.Since})
		return c, err
	}, `SELECT category, featured, since FROM package_categories WHERE package_id = ? ORDER BY category`, packageID)
}

// SetCategories replaces the shelves a package stands on, and remembers since
// when it does. An unknown category fails with the code "missing-reference".
func (tx *Tx) SetCategories(packageID string, categories []store.Category) (err error) {
	defer wrap(&err, "set the categories of package %q", packageID)
	had, err := tx.packageCategories(packageID)
	if err != nil {
		return err
	}
	since := make(map[string]time.Time)
	for _, c := range had {
		since[c.Name] = c.Since
	}
	if _, err := tx.exec(`DELETE FROM package_categories WHERE package_id = ?`, packageID); err != nil {
		return err
	}
	for _, c := range categories {
		if at, stood := since[c.Name]; stood {
			c.Since = at
		} else if c.Since.IsZero() {
			c.Since = tx.now
		}
		_, err := tx.exec(`INSERT INTO package_categories (package_id, category, featured, since) VALUES (?, ?, ?, ?)`,
			packageID, c.Name, c.Featured, micros(c.Since))
		if err != nil {
			return err
		}
	}
	return nil
}
