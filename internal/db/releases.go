package db

import (
	"github.com/larder-store/larder/internal/store"
)

const releaseColumns = `
	r.seq, r.package_id, r.at, r.actor, r.track, r.risk, r.branch, r.architecture, r.base_name,
	r.base_channel, COALESCE(r.revision, 0), r.percentage, r.expires`

func scanRelease(r rows) (v store.Release, err error) {
	err = r.Scan(&v.Seq, &v.PackageID, timeColumn{&v.At}, &v.By, &v.Channel.Track, &v.Channel.Risk, &v.Channel.Branch,
		&v.Platform.Architecture, &v.Platform.BaseName, &v.Platform.BaseChannel, &v.Revision, &v.Percentage,
		timeColumn{&v.Expires})
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
				base_channel, revision, percentage, expires)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			RETURNING seq`,
			r.PackageID, micros(r.At), r.By, c.Track, int(c.Risk), c.Branch, r.Platform.Architecture,
			r.Platform.BaseName, r.Platform.BaseChannel, revision, r.Percentage, micros(r.Expires))
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
	bySeq := make(map[int64]*store.Release, len(list))
	for i := range list {
		bySeq[list[i].Seq] = &list[i]
	}
	err = each(tx.query, func(r rows) error {
		var seq int64
		var pin store.ResourcePin
		if err := r.Scan(&seq, &pin.Name, &pin.Revision); err != nil {
			return err
		}
		bySeq[seq].Resources = append(bySeq[seq].Resources, pin)
		return nil
	}, `
		SELECT rr.release_seq, rr.name, rr.revision FROM releases r
		JOIN release_resources rr ON rr.release_seq = r.seq
		WHERE r.package_id = ? ORDER BY rr.release_seq, rr.name`, packageID)
	return list, err
}
