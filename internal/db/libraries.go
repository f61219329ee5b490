package db

import (
	"database/sql"
	"errors"

	"github.com/larder-store/larder/internal/store"
)

const libraryColumns = `l.id, l.package_id, l.name, l.created_at, l.created_by`

func scanLibrary(r rows) (l store.Library, err error) {
	err = r.Scan(&l.ID, &l.PackageID, &l.Name, timeColumn{&l.CreatedAt}, &l.CreatedBy)
	return l, err
}

// Library finds a library by its id; its error code is "library-not-found".
func (tx *Tx) Library(id string) (_ store.Library, err error) {
	defer wrap(&err, "read library %q", id)
	l, err := first(tx.query, scanLibrary, `SELECT `+libraryColumns+` FROM libraries l WHERE l.id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("library-not-found", "no library has the id %.100q", id)
	}
	return l, err
}

// LibrariesByID reads some libraries, by their ids; those that do not exist are
// left out.
func (tx *Tx) LibrariesByID(ids []string) (_ []store.Library, err error) {
	defer wrap(&err, "read %d libraries", len(ids))
	return all(tx.query, scanLibrary, `
		SELECT `+libraryColumns+` FROM json_each(?) CROSS JOIN libraries l WHERE l.id = value ORDER BY l.id`, listParam(ids))
}

// LibrariesOf lists the libraries of some packages, by package and name.
func (tx *Tx) LibrariesOf(packageIDs []string) (_ []store.Library, err error) {
	defer wrap(&err, "list the libraries of %d packages", len(packageIDs))
	return all(tx.query, scanLibrary, `
		SELECT `+libraryColumns+` FROM json_each(?) CROSS JOIN libraries l WHERE l.package_id = value
		ORDER BY l.package_id, l.name`, listParam(packageIDs))
}

// AddLibrary creates a library. A name that the package has already fails with
// the code "library-taken".
func (tx *Tx) AddLibrary(l store.Library) (err error) {
	defer wrap(&err, "create library %q", l.Name)
	taken, err := tx.exists(`SELECT 1 FROM libraries WHERE package_id = ? AND name = ?`, l.PackageID, l.Name)
	if err != nil {
		return err
	}
	if taken {
		return store.Conflictf("library-taken", "the charm has a library %s already", l.Name)
	}
	_, err = tx.exec(`INSERT INTO libraries (id, package_id, name, created_at, created_by) VALUES (?, ?, ?, ?, ?)`,
		l.ID, l.PackageID, l.Name, micros(l.CreatedAt), l.CreatedBy)
	return err
}

// The content of a revision stands last and is left out of lists: SQLite then
// does not read it.
const (
	libraryRevisionColumns = `r.library_id, r.api, r.patch, r.hash, r.created_at, r.created_by`
	libraryContentColumns  = libraryRevisionColumns + `, r.content`
)

func scanLibraryRevision(r rows) (v store.LibraryRevision, err error) {
	err = r.Scan(&v.LibraryID, &v.API, &v.Patch, &v.Hash, timeColumn{&v.CreatedAt}, &v.CreatedBy)
	return v, err
}

func scanLibraryContent(r rows) (v store.LibraryRevision, err error) {
	err = r.Scan(&v.LibraryID, &v.API, &v.Patch, &v.Hash, timeColumn{&v.CreatedAt}, &v.CreatedBy, &v.Content)
	return v, err
}

// LibraryRevision finds one version of a library with its content; its error
// code is "library-version-not-found".
func (tx *Tx) LibraryRevision(libraryID string, api, patch int) (_ store.LibraryRevision, err error) {
	defer wrap(&err, "read version %d.%d of library %q", api, patch, libraryID)
	return noLibraryVersion(first(tx.query, scanLibraryContent, `
		SELECT `+libraryContentColumns+` FROM library_revisions r
		WHERE r.library_id = ? AND r.api = ? AND r.patch = ?`, libraryID, api, patch))
}

// LibraryTip finds the newest version of a library within an api, with its
// content; below 0 within the newest api. Its error is that of LibraryRevision.
func (tx *Tx) LibraryTip(libraryID string, api int) (_ store.LibraryRevision, err error) {
	defer wrap(&err, "read the newest version of library %q", libraryID)
	return noLibraryVersion(first(tx.query, scanLibraryContent, `
		SELECT `+libraryContentColumns+` FROM library_revisions r
		WHERE r.library_id = ? AND (r.api = ? OR ? < 0) ORDER BY r.api DESC, r.patch DESC LIMIT 1`, libraryID, api, api))
}

func noLibraryVersion(v store.LibraryRevision, err error) (store.LibraryRevision, error) {
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("library-version-not-found", "the library has no such version")
	}
	return v, err
}

// LibraryTips lists the newest version of every api of some libraries, without
// contents, by library and api; at most limit of them.
func (tx *Tx) LibraryTips(libraryIDs []string, limit int) (_ []store.LibraryRevision, err error) {
	defer wrap(&err, "list the newest versions of %d libraries", len(libraryIDs))
	return all(tx.query, scanLibraryRevision, `
		SELECT `+libraryRevisionColumns+` FROM (
			SELECT t.library_id, t.api, MAX(t.patch) AS patch
			FROM json_each(?) CROSS JOIN library_revisions t WHERE t.library_id = value
			GROUP BY t.library_id, t.api
		) AS tip CROSS JOIN library_revisions r
		WHERE r.library_id = tip.library_id AND r.api = tip.api AND r.patch = tip.patch
		ORDER BY r.library_id, r.api LIMIT ?`, listParam(libraryIDs), limit)
}

// LibraryVersion finds one version of a library without its content. Its error is
// that of LibraryRevision.
func (tx *Tx) LibraryVersion(libraryID string, api, patch int) (_ store.LibraryRevision, err error) {
	defer wrap(&err, "read version %d.%d of library %q", api, patch, libraryID)
	return noLibraryVersion(first(tx.query, scanLibraryRevision, `
		SELECT `+libraryRevisionColumns+` FROM library_revisions r
		WHERE r.library_id = ? AND r.api = ? AND r.patch = ?`, libraryID, api, patch))
}

// CountLibraryRevisions counts the versions of a library, and its apis.
func (tx *Tx) CountLibraryRevisions(libraryID string) (revisions, apis int, err error) {
	defer wrap(&err, "count the versions of library %q", libraryID)
	count, err := first(tx.query, func(r rows) (n [2]int, err error) {
		err = r.Scan(&n[0], &n[1])
		return n, err
	}, `SELECT COUNT(*), COUNT(DISTINCT api) FROM library_revisions WHERE library_id = ?`, libraryID)
	return count[0], count[1], err
}

// AddLibraryRevision keeps a version of a library. One that is there already
// fails with the code "exists-already".
func (tx *Tx) AddLibraryRevision(v store.LibraryRevision) (err error) {
	defer wrap(&err, "keep version %d.%d of library %q", v.API, v.Patch, v.LibraryID)
	_, err = tx.exec(`
		INSERT INTO library_revisions (library_id, api, patch, hash, created_at, created_by, content) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		v.LibraryID, v.API, v.Patch, v.Hash, micros(v.CreatedAt), v.CreatedBy, v.Content)
	return err
}
