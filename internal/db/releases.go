package db

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/larder-store/larder/internal/store"
)

const releaseColumns = `
	r.seq, r.package_id, r.at, r.actor, r.track, r.risk, r.branch, r.architecture, r.base_name,
	r.base_channel, COALESCE(r.revision, 0), r.percentage, r.expires, r.paused, r.phasing`

func scanRelease(r rows) (v store.Release, err error) {
	err = r.Scan(&v.Seq, &v.PackageID, timeColumn{&v.At}, &v.By, &v.Channel.Track, &v.Channel.Risk, &v.Channel.Branch,
		&v.Platform.Architecture, &v.Platform.BaseName, &v.Platform.BaseChannel, &v.Revision, &v.Percentage,
		timeColumn{&v.Expires}, &v.Paused, &v.Phasing)
	return v, err
}

// AppendReleases adds facts in the order given and sets their Seq. A revision
// or resource revision that does not exist fails with the code
// "missing-reference".
func (tx *Tx) AppendReleases(releases []store.Release) (seqs []int64, err error) {
	defer wrap(&err, "release")
	for i := range releases {
		r := &releases[i]
		var revision any // NULL closes
		if r.Revision != 0 {
			revision = r.Revision
		}
		c := r.Channel.Normal()
		seq, err := insertReturning[int64](tx, `
			INSERT INTO releases (package_id, at, actor, track, risk, branch, architecture, base_name,
				base_channel, revision, percentage, expires, paused, phasing)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			RETURNING seq`,
			r.PackageID, micros(r.At), r.By, c.Track, int(c.Risk), c.Branch, r.Platform.Architecture,
			r.Platform.BaseName, r.Platform.BaseChannel, revision, r.Percentage, micros(r.Expires),
			r.Paused, r.Phasing)
		if err != nil {
			return nil, err
		}
		for _, pin := range r.Resources {
			_, err := tx.exec(`
				INSERT INTO release_resources (release_seq, package_id, name, revision) VALUES (?, ?, ?, ?)`,
				seq, r.PackageID, pin.Name, pin.Revision)
			if err != nil {
				return nil, err
			}
		}
		r.Seq = seq
		seqs = append(seqs, seq)
		tx.searchChanged(r.PackageID)
	}
	return seqs, nil
}

// Releases lists all releases of a package, oldest first.
func (tx *Tx) Releases(packageID string) (_ []store.Release, err error) {
	defer wrap(&err, "list the releases of package %q", packageID)
	list, err := all(tx.query, scanRelease, `
		SELECT `+releaseColumns+` FROM releases r WHERE r.package_id = ? ORDER BY r.seq`, packageID)
	if err != nil {
		return nil, err
	}
	return list, tx.addPins(list)
}

// addPins reads the resources that were released with each.
func (tx *Tx) addPins(list []store.Release) error {
	if len(list) == 0 {
		return nil
	}
	bySeq := make(map[int64]*store.Release, len(list))
	seqs := make([]string, len(list))
	for i := range list {
		bySeq[list[i].Seq] = &list[i]
		seqs[i] = strconv.FormatInt(list[i].Seq, 10)
	}
	return each(tx.query, func(r rows) error {
		var seq int64
		var pin store.ResourcePin
		if err := r.Scan(&seq, &pin.Name, &pin.Revision); err != nil {
			return err
		}
		bySeq[seq].Resources = append(bySeq[seq].Resources, pin)
		return nil
	}, `
		SELECT rr.release_seq, rr.name, rr.revision FROM json_each(?)
		CROSS JOIN release_resources rr
		WHERE rr.release_seq = CAST(value AS BIGINT) ORDER BY rr.release_seq, rr.name`, listParam(seqs))
}

// CurrentReleases lists the releases of a package that its channel map hangs
// on, oldest first: in each slot the last that is plain or closes it, and after
// that the last phase and those that grow by themselves. Folding them gives what
// folding all gives, but for the slots' histories. With channels, only those of
// these.
//
// It reads no other rows than those it returns. PostgreSQL takes some steps in
// an index for each slot, SQLite walks through the package's part of it.
func (tx *Tx) CurrentReleases(packageID string, channels ...store.Channel) (list []store.Release, err error) {
	defer wrap(&err, "read what the channels of package %q hold", packageID)
	if len(channels) == 0 {
		if list, err = all(tx.query, scanRelease, currentOfPackage, packageID, packageID, packageID, packageID, packageID); err != nil {
			return nil, err
		}
	}
	for i, c := range channels {
		c = c.Normal()
		if slices.ContainsFunc(channels[:i], func(had store.Channel) bool { return had.Normal() == c }) {
			continue
		}
		more, err := all(tx.query, scanRelease, currentOfChannel,
			packageID, c.Track, int(c.Risk), c.Branch, packageID, c.Track, int(c.Risk), c.Branch, packageID, packageID, packageID)
		if err != nil {
			return nil, err
		}
		list = append(list, more...)
	}
	slices.SortFunc(list, func(a, b store.Release) int { return cmp.Compare(a.Seq, b.Seq) })
	return list, tx.addPins(list)
}

// The queries of CurrentReleases.
var (
	currentOfPackage = currentQuery("", "track, risk, branch, architecture, base_name, base_channel",
		"COALESCE(c.track, ''), COALESCE(c.risk, 0), COALESCE(c.branch, ''), "+platformAfter)
	currentOfChannel = currentQuery(" AND track = ? AND risk = ? AND branch = ?", "architecture, base_name, base_channel", platformAfter)
)

// COALESCE takes the affinity from the columns, without which SQLite would look
// only the first of them up in the index.
const platformAfter = "COALESCE(c.architecture, ''), COALESCE(c.base_name, ''), COALESCE(c.base_channel, '')"

// currentQuery steps from slot to slot, as key tells them apart, along the index
// releases_slot: "one" holds a release of each. It is a loose scan by hand, as
// neither database does one for GROUP BY.
func currentQuery(only, key, after string) string {
	return `
		WITH RECURSIVE one (seq) AS (
			SELECT (SELECT seq FROM releases WHERE package_id = ?` + only + ` ORDER BY ` + key + `, seq LIMIT 1)
			UNION ALL
			SELECT (SELECT seq FROM releases WHERE package_id = ?` + only + ` AND (` + key + `) > (` + after + `) ORDER BY ` + key + `, seq LIMIT 1)
			FROM one CROSS JOIN releases c WHERE c.seq = one.seq
		),
		slots AS MATERIALIZED (
			SELECT c.track, c.risk, c.branch, c.architecture, c.base_name, c.base_channel, COALESCE((
				SELECT p.seq FROM releases p
				WHERE p.package_id = ? AND p.track = c.track AND p.risk = c.risk AND p.branch = c.branch
					AND p.architecture = c.architecture AND p.base_name = c.base_name AND p.base_channel = c.base_channel
					AND p.percentage = 0
				ORDER BY p.seq DESC LIMIT 1), 0) AS since, (
				SELECT l.seq FROM releases l
				WHERE l.package_id = ? AND l.track = c.track AND l.risk = c.risk AND l.branch = c.branch
					AND l.architecture = c.architecture AND l.base_name = c.base_name AND l.base_channel = c.base_channel
				ORDER BY l.seq DESC LIMIT 1) AS last
			FROM one CROSS JOIN releases c WHERE c.seq = one.seq
		)
		SELECT ` + releaseColumns + ` FROM slots h CROSS JOIN releases r
		WHERE r.package_id = ? AND r.track = h.track AND r.risk = h.risk AND r.branch = h.branch
			AND r.architecture = h.architecture AND r.base_name = h.base_name AND r.base_channel = h.base_channel
			AND r.seq >= h.since AND (r.percentage = 0 OR r.phasing > 0 OR r.seq = h.last)
		ORDER BY r.seq`
}

// ReleasesPage lists releases of a package newest first, leaving out the
// newest skip. It reads an index up to there, and no other rows than those it
// returns.
func (tx *Tx) ReleasesPage(packageID string, skip, limit int) (_ []store.Release, err error) {
	defer wrap(&err, "list releases of package %q", packageID)
	list, err := all(tx.query, scanRelease, `
		SELECT `+releaseColumns+` FROM (
			SELECT seq AS wanted FROM releases WHERE package_id = ? ORDER BY seq DESC LIMIT ? OFFSET ?
		) w CROSS JOIN releases r WHERE r.seq = w.wanted ORDER BY r.seq DESC`, packageID, page(limit), skip)
	if err != nil {
		return nil, err
	}
	return list, tx.addPins(list)
}

// CountReleases counts the releases of a package.
func (tx *Tx) CountReleases(packageID string) (n int, err error) {
	defer wrap(&err, "count the releases of package %q", packageID)
	return one[int](tx.query, `SELECT COUNT(*) FROM releases WHERE package_id = ?`, packageID)
}

// ReleasedEver lists those of some revisions that a release names.
func (tx *Tx) ReleasedEver(packageID string, numbers []int) (_ []int, err error) {
	defer wrap(&err, "find out which revisions of package %q were released", packageID)
	return all(tx.query, value[int], `
		SELECT CAST(value AS BIGINT) FROM json_each(?)
		WHERE EXISTS (SELECT 1 FROM releases r WHERE r.package_id = ? AND r.revision = CAST(value AS BIGINT))`,
		numbersParam(numbers), packageID)
}
