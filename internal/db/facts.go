package db

import (
	"context"
	"fmt"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// FactsOptions tune Facts; the zero value is good.
type FactsOptions struct {
	// History is how many of the last releases of each channel and platform
	// bring their revision along; 0 means 20. Older revisions are read with
	// Revisions when needed.
	History int
}

const defaultHistory = 20

// factsQuery returns everything about some packages as rows of different
// kinds in the same columns, so that one statement, with one snapshot and one
// round trip, answers. What the columns of a kind hold stands in factRow.
//
// CROSS JOIN makes SQLite look the wanted packages up in the index of the
// table rather than the other way round; to PostgreSQL it is any join.
const factsQuery = `
WITH wanted (id) AS (
	SELECT p.id FROM json_each(?) CROSS JOIN packages p WHERE p.id = value AND p.namespace = ?
	UNION
	SELECT p.id FROM json_each(?) CROSS JOIN packages p WHERE p.namespace = ? AND p.name = value
),
history AS (
	SELECT r.*, ROW_NUMBER() OVER (
		PARTITION BY r.package_id, r.track, r.risk, r.branch, r.architecture, r.base_name, r.base_channel
		ORDER BY r.seq DESC) AS age
	FROM wanted w CROSS JOIN releases r WHERE r.package_id = w.id
),
named (package_id, number) AS (
	SELECT package_id, revision FROM history WHERE age <= ? AND revision IS NOT NULL
	UNION
	SELECT o.package_id, o.revision FROM wanted w CROSS JOIN overrides o WHERE o.package_id = w.id
),
pins (package_id, seq, name, revision, age) AS (
	SELECT h.package_id, h.seq, rr.name, rr.revision, h.age
	FROM history h CROSS JOIN release_resources rr WHERE rr.release_seq = h.seq
),
pinned (package_id, name, revision) AS (
	SELECT DISTINCT package_id, name, revision FROM pins WHERE age <= ?
)
SELECT 'package', p.id, CASE WHEN p.private THEN 1 ELSE 0 END, CASE WHEN p.unlisted THEN 1 ELSE 0 END, 0, p.created_at, a.created_at, 0.0,
	p.namespace, p.name, p.publisher_id, p.store_id, p.default_track, p.listing, a.username, a.display_name, a.validation
FROM wanted w CROSS JOIN packages p CROSS JOIN accounts a WHERE p.id = w.id AND a.id = p.publisher_id
UNION ALL
SELECT 'type', p.id, 0, 0, 0, 0, 0, 0.0,
	p.type, '', '', '', '', '', '', '', ''
FROM wanted w CROSS JOIN packages p WHERE p.id = w.id AND p.type <> ''
UNION ALL
SELECT 'track', t.package_id, 0, 0, 0, t.created_at, 0, t.phasing,
	t.name, t.version_pattern, '', '', '', '', '', '', ''
FROM wanted w CROSS JOIN tracks t WHERE t.package_id = w.id
UNION ALL
SELECT 'collaborator', c.package_id, 0, 0, 0, c.created_at, 0, 0.0,
	c.account_id, '', '', '', '', '', '', '', ''
FROM wanted w CROSS JOIN collaborators c WHERE c.package_id = w.id
UNION ALL
SELECT 'guardrail', g.package_id, 0, 0, 0, g.created_at, 0, 0.0,
	g.pattern, '', '', '', '', '', '', '', ''
FROM wanted w CROSS JOIN guardrails g WHERE g.package_id = w.id
UNION ALL
SELECT 'medium', m.package_id, m.size, m.width, m.height, 0, 0, CAST(m.position AS DOUBLE PRECISION),
	m.kind, m.blob, m.content_type, '', '', '', '', '', ''
FROM wanted w CROSS JOIN package_media m WHERE m.package_id = w.id
UNION ALL
SELECT 'category', c.package_id, CASE WHEN c.featured THEN 1 ELSE 0 END, 0, 0, c.since, 0, 0.0,
	c.category, '', '', '', '', '', '', '', ''
FROM wanted w CROSS JOIN package_categories c WHERE c.package_id = w.id
UNION ALL
SELECT 'release', r.package_id, r.seq, COALESCE(r.revision, 0), r.risk, r.at, r.expires, r.percentage,
	r.actor, r.track, r.branch, r.architecture, r.base_name, r.base_channel, CASE WHEN r.paused THEN '1' ELSE '' END, CAST(r.phasing AS TEXT), ''
FROM history r
UNION ALL
SELECT 'pin', p.package_id, p.seq, p.revision, 0, 0, 0, 0.0,
	p.name, '', '', '', '', '', '', '', ''
FROM pins p
UNION ALL
SELECT 'override', o.package_id, 0, o.revision, o.risk, o.at, o.expires, 0.0,
	o.actor, o.track, o.branch, o.architecture, o.reason, '', '', '', ''
FROM wanted w CROSS JOIN overrides o WHERE o.package_id = w.id
UNION ALL
SELECT 'revision', v.package_id, v.number, v.size, 0, v.created_at, 0, 0.0,
	v.status, v.version, v.created_by, v.blob, v.sha256, v.platforms, v.provenance, v.manifest, v.meta
FROM named n CROSS JOIN revisions v WHERE v.package_id = n.package_id AND v.number = n.number
UNION ALL
SELECT 'texts', v.package_id, v.number, 0, 0, 0, 0, 0.0,
	v.sha384, v.sha512, v.texts, '', '', '', '', '', ''
FROM named n CROSS JOIN revisions v WHERE v.package_id = n.package_id AND v.number = n.number AND v.sha384 <> ''
UNION ALL
SELECT 'resource', s.package_id, s.revision, s.size, 0, s.created_at, 0, 0.0,
	s.name, s.type, s.version, s.description, s.blob, s.sha256, s.provenance, s.platforms, ''
FROM pinned n CROSS JOIN resource_revisions s
WHERE s.package_id = n.package_id AND s.name = n.name AND s.revision = n.revision
UNION ALL
SELECT 'attachment', s.package_id, s.revision, 0, 0, s.updated_at, 0, 0.0,
	s.name, s.sha384, s.sha512, s.image, s.created_by, s.updated_by, '', '', ''
FROM pinned n CROSS JOIN resource_revisions s
WHERE s.package_id = n.package_id AND s.name = n.name AND s.revision = n.revision AND s.sha384 <> ''
UNION ALL
SELECT 'delta', d.package_id, d.source, d.target, d.size, 0, 0, 0.0,
	d.format, d.blob, '', '', '', '', '', '', ''
FROM wanted w CROSS JOIN deltas d WHERE d.package_id = w.id`

// factRow is one row of factsQuery.
type factRow struct {
	kind, packageID string
	a, b, c         int64
	at, until       time.Time
	number          float64 // the percentage of a release, the position of a medium
	t               [9]string
}

// Facts reads what decides what devices get, for up to 256 packages of one
// namespace, with one query. The answer has a place for every ref, nil where
// no such package is. Releases come oldest first; revisions are those that an
// override or the recent history of a channel names, see FactsOptions.
func (db *DB) Facts(ctx context.Context, ns store.Namespace, refs []store.Ref, opts FactsOptions) ([]*store.Facts, error) {
	return facts(db.query(ctx), ns, refs, opts)
}

// Facts is DB.Facts inside the transaction.
func (tx *Tx) Facts(ns store.Namespace, refs []store.Ref, opts FactsOptions) ([]*store.Facts, error) {
	return facts(tx.query, ns, refs, opts)
}

func facts(query queryFunc, ns store.Namespace, refs []store.Ref, opts FactsOptions) (_ []*store.Facts, err error) {
	defer wrap(&err, "read the facts of %d packages", len(refs))
	if len(refs) > maxRefs {
		return nil, store.TooLargef("too-many-packages", "%d packages were asked for at once, at most %d can be", len(refs), maxRefs)
	}
	var ids, names []string
	for _, r := range refs {
		if r.ID != "" {
			ids = append(ids, r.ID)
		} else {
			names = append(names, r.Name)
		}
	}
	if opts.History <= 0 {
		opts.History = defaultHistory
	}
	r, err := query(factsQuery, listParam(ids), string(ns), listParam(names), string(ns), opts.History, opts.History)
	if err != nil {
		return nil, err
	}
	defer r.Close()

	found := factSet{byID: make(map[string]*gathered, len(refs))}
	var row factRow
	dest := []any{&row.kind, &row.packageID, &row.a, &row.b, &row.c, timeColumn{&row.at}, timeColumn{&row.until}, &row.number}
	for i := range row.t {
		dest = append(dest, &row.t[i])
	}
	for r.Next() {
		if err := r.Scan(dest...); err != nil {
			return nil, err
		}
		if err := found.add(&row); err != nil {
			return nil, fmt.Errorf("package %s: %w", row.packageID, err)
		}
	}
	if err := r.Err(); err != nil {
		return nil, err
	}
	return found.inOrder(refs), nil
}
