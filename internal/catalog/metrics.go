package catalog

import (
	"context"
	"slices"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// MetricQuery asks for one line of figures of a package.
type MetricQuery struct {
	PackageID string
	Metric    store.Metric
	Days      store.Days
}

// Metrics answers each query, in their order, from what devices have told of
// themselves until a few seconds ago. It needs PermSeeMetrics.
func (c *Catalog) Metrics(ctx context.Context, who store.Principal, ns store.Namespace, queries []MetricQuery) ([]store.MetricResult, error) {
	if err := who.Need(store.PermSeeMetrics); err != nil {
		return nil, err
	}
	var results []store.MetricResult
	err := c.db.View(ctx, func(tx *db.Tx) error {
		results = make([]store.MetricResult, 0, len(queries))
		folded, _, _, err := tx.UsageDays()
		if err != nil {
			return err
		}
		versions := make(map[string][]string)
		for _, q := range queries {
			pkg, err := owned(tx, who, store.PermSeeMetrics, ns, store.Ref{ID: q.PackageID})
			if err != nil {
				return err
			}
			rows, err := countsOf(tx, q, folded, store.DayOf(c.now()))
			if err != nil {
				return err
			}
			if _, known := versions[pkg.ID]; !known && q.Metric.Dimension == store.DimensionVersion {
				if versions[pkg.ID], err = releasedVersions(tx, pkg); err != nil {
					return err
				}
			}
			results = append(results, store.FoldMetric(q.Metric, q.Days, rows, versions[pkg.ID]))
		}
		return nil
	})
	return results, err
}

// countsOf are the counts that are kept, and those of the days since then.
func countsOf(tx *db.Tx, q MetricQuery, folded, today store.Day) ([]store.MetricRow, error) {
	first, last := store.DayOf(q.Days.First), store.DayOf(q.Days.Last)
	rows, err := tx.UsageCounts(q.PackageID, q.Metric, first, last)
	if err != nil {
		return nil, err
	}
	// Days longer ago without a count are without devices, see Usage.Fold.
	for day := max(first, folded+1, today-usageDaysKept); day <= min(last, today); day++ {
		live, err := tx.CountUsage(q.PackageID, q.Metric, day)
		if err != nil {
			return nil, err
		}
		rows = append(rows, live...)
	}
	return rows, nil
}

// releasedVersions are those that any channel holds.
func releasedVersions(tx *db.Tx, pkg *store.Package) ([]string, error) {
	open, err := openChannels(tx, pkg)
	if err != nil {
		return nil, err
	}
	versions := []string{}
	for _, l := range open {
		if !slices.Contains(versions, l.Revision.Version) {
			versions = append(versions, l.Revision.Version)
		}
	}
	return versions, nil
}
