package db

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// Usage of packages is bookkeeping: the change log says nothing of it.

// usageAtOnce is how many rows one statement writes.
const usageAtOnce = 50

// PutUsage notes what devices have, each package of each device once. What a device
// had earlier on the same day gives way. Packages that are not here are left out.
func (tx *Tx) PutUsage(rows []store.Usage) (err error) {
	defer wrap(&err, "note what devices have")
	ids := make(map[string]bool)
	var list []string
	for _, r := range rows {
		if !ids[r.PackageID] {
			ids[r.PackageID] = true
			list = append(list, r.PackageID)
		}
	}
	here := make(map[string]bool, len(list))
	known, err := all(tx.query, value[string], `
		SELECT p.id FROM json_each(?) CROSS JOIN packages p WHERE p.id = value`, listParam(list))
	if err != nil {
		return err
	}
	for _, id := range known {
		here[id] = true
	}
	var args []any
	n := 0
	flush := func() error {
		if n == 0 {
			return nil
		}
		_, err := tx.keep(putUsage(n), args...)
		args, n = args[:0], 0
		return err
	}
	for _, r := range rows {
		if !here[r.PackageID] {
			continue
		}
		args = append(args, int64(r.Day), r.PackageID, r.Device[:], r.Channel, r.Revision, r.Architecture, r.OperatingSystem)
		if n++; n == usageAtOnce {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}

// putUsage is the statement for n rows.
func putUsage(n int) string {
	return `
		INSERT INTO usage_devices (day, package_id, device, channel, revision, architecture, os) VALUES
		` + strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?, ?), ", n), ", ") + `
		ON CONFLICT (day, package_id, device) DO UPDATE SET
			channel = excluded.channel, revision = excluded.revision, architecture = excluded.architecture, os = excluded.os`
}

// usageValues is what each dimension tells devices apart by. An empty value is
// unknown and not counted. Devices do not say where they are, so nothing is known of
// countries.
var usageValues = map[store.Dimension]string{
	store.DimensionArchitecture:    "u.architecture",
	store.DimensionChannel:         "u.channel",
	store.DimensionOperatingSystem: "u.os",
	store.DimensionVersion:         "COALESCE(r.version, '')",
}

// countUsage is the query for what m says of one day: of a package, its
// arguments are the day before the first that counts, the day, and the id; of
// every package, without the id. It answers package, value and count. It is
// empty for what nothing is known of.
func countUsage(m store.Metric, onePackage bool) string {
	only := ""
	if onePackage {
		only = " AND u.package_id = ?"
	}
	if m.Dimension == store.DimensionChange {
		return `
			SELECT package_id, CASE WHEN now = 1 AND earlier = 1 THEN 'continued' WHEN now = 1 THEN 'new' ELSE 'lost' END AS value, COUNT(*)
			FROM (
				SELECT u.package_id, u.device, MAX(CASE WHEN u.day > ? THEN 1 ELSE 0 END) AS now,
					MAX(CASE WHEN u.day > ? THEN 0 ELSE 1 END) AS earlier
				FROM usage_devices u WHERE u.day > ? AND u.day <= ?` + only + `
				GROUP BY u.package_id, u.device
			) AS seen GROUP BY package_id, value`
	}
	of, known := usageValues[m.Dimension]
	if !known {
		return ""
	}
	return `
		SELECT package_id, value, COUNT(*) FROM (
			SELECT u.package_id, ` + of + ` AS value, ROW_NUMBER() OVER (PARTITION BY u.package_id, u.device ORDER BY u.day DESC) AS place
			FROM usage_devices u LEFT JOIN revisions r ON r.package_id = u.package_id AND r.number = u.revision
			WHERE u.day > ? AND u.day <= ?` + only + `
		) AS seen WHERE place = 1 AND value <> '' GROUP BY package_id, value`
}

// usageDays are the arguments of countUsage that say when.
func usageDays(m store.Metric, day store.Day) []any {
	span := store.Day(1)
	if m.Weekly {
		span = 7
	}
	if m.Dimension == store.DimensionChange {
		return []any{int64(day - span), int64(day - span), int64(day - 2*span), int64(day)}
	}
	return []any{int64(day - span), int64(day)}
}

// CountUsage counts what the devices have that were seen, on a day or in the week
// that ends with it. It needs the rows of two weeks, see DropUsage.
func (tx *Tx) CountUsage(packageID string, m store.Metric, day store.Day) (_ []store.MetricRow, err error) {
	defer wrap(&err, "count the devices that have package %q", packageID)
	text := countUsage(m, true)
	if text == "" {
		return nil, nil
	}
	return all(tx.query, func(r rows) (row store.MetricRow, err error) {
		var id string
		err = r.Scan(&id, &row.Value, &row.Devices)
		row.Day = day.Time()
		return row, err
	}, text+` ORDER BY value`, append(usageDays(m, day), packageID)...)
}

// UsageCounts lists the counts that FoldUsage has kept of the days from first to
// last.
func (tx *Tx) UsageCounts(packageID string, m store.Metric, first, last store.Day) (_ []store.MetricRow, err error) {
	defer wrap(&err, "list the counts of package %q", packageID)
	return all(tx.query, func(r rows) (row store.MetricRow, err error) {
		var day int64
		err = r.Scan(&day, &row.Value, &row.Devices)
		row.Day = store.Day(day).Time()
		return row, err
	}, `
		SELECT day, value, devices FROM usage_counts
		WHERE package_id = ? AND metric = ? AND day >= ? AND day <= ? ORDER BY day, value`, packageID, m.Name, int64(first), int64(last))
}

// FoldUsage keeps the counts of a day for good, all metrics of all packages, and
// reports whether nobody had done so before.
func (tx *Tx) FoldUsage(day store.Day) (folded bool, err error) {
	defer wrap(&err, "count the devices of %s", day.Time().Format("2006-01-02"))
	n, err := tx.keep(`INSERT INTO usage_days (day, folded_at) VALUES (?, ?) ON CONFLICT (day) DO NOTHING`, int64(day), micros(tx.now))
	if err != nil || n == 0 {
		return false, err
	}
	for _, name := range store.MetricNames() {
		m, err := store.ParseMetric(name)
		if err != nil {
			return false, err
		}
		text := countUsage(m, false)
		if text == "" {
			continue
		}
		_, err = tx.keep(`
			INSERT INTO usage_counts (package_id, metric, day, value, devices)
			SELECT package_id, CAST(? AS TEXT), CAST(? AS BIGINT), value, devices FROM (`+
			strings.Replace(text, "COUNT(*)", "COUNT(*) AS devices", 1)+`) AS counted`,
			append([]any{m.Name, int64(day)}, usageDays(m, day)...)...)
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// UsageDays says which days there are: the last that was folded, and the first and
// the last that a device was seen on and that was not. What there is none of is 0.
func (tx *Tx) UsageDays() (folded, first, last store.Day, err error) {
	defer wrap(&err, "list the days that devices were seen on")
	day := func(text string, args ...any) (store.Day, error) {
		d, err := one[sql.NullInt64](tx.query, text, args...)
		if errors.Is(err, sql.ErrNoRows) {
			err = nil
		}
		return store.Day(d.Int64), err
	}
	if folded, err = day(`SELECT MAX(day) FROM usage_days`); err != nil {
		return folded, first, last, err
	}
	if first, err = day(`SELECT MIN(day) FROM usage_devices WHERE day > ?`, int64(folded)); err != nil {
		return folded, first, last, err
	}
	last, err = day(`SELECT MAX(day) FROM usage_devices WHERE day > ?`, int64(folded))
	return folded, first, last, err
}

// DropUsage forgets which devices were seen before a day. Their counts stay, if
// they were folded.
func (tx *Tx) DropUsage(before store.Day) (n int64, err error) {
	defer wrap(&err, "drop what devices had before %s", before.Time().Format("2006-01-02"))
	return tx.keep(`DELETE FROM usage_devices WHERE day < ?`, int64(before))
}
