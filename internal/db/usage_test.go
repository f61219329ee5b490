package db

import (
	"encoding/binary"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

func TestUsageOfOneDayIsKeptOncePerDevice(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p := testPackage(1)
		const day store.Day = 20486
		var rows []store.Usage
		for n := range 3*usageAtOnce + 7 { // several statements, and one that is not full
			u := store.Usage{Day: day, PackageID: p.ID, Channel: "latest/stable", Revision: 3, Architecture: "amd64"}
			binary.LittleEndian.PutUint64(u.Device[:], uint64(n))
			rows = append(rows, u)
		}
		elsewhere := rows[0]
		elsewhere.PackageID = "elsewhere"
		update(t, db, func(tx *Tx) error {
			if err := addPackage(tx, p, 2); err != nil {
				return err
			}
			if err := tx.InsertRevision(testRevision(p, 3)); err != nil {
				return err
			}
			if err := tx.PutUsage(append(rows, elsewhere)); err != nil {
				return err
			}
			moved := rows[0]
			moved.Channel, moved.Architecture = "latest/edge", ""
			return tx.PutUsage([]store.Usage{moved})
		})
		update(t, db, func(tx *Tx) error { return tx.PutUsage(nil) })
		channels := metric(t, "installed_base_by_channel")
		all := len(rows)
		view(t, db, func(tx *Tx) error {
			got, err := tx.CountUsage(p.ID, channels, day)
			expect(t, "count", err, "")
			same(t, "channels", got, []store.MetricRow{{Day: day.Time(), Value: "latest/edge", Devices: 1}, {Day: day.Time(), Value: "latest/stable", Devices: all - 1}})
			got, err = tx.CountUsage(p.ID, metric(t, "installed_base_by_version"), day)
			expect(t, "count", err, "")
			same(t, "versions", got, []store.MetricRow{{Day: day.Time(), Value: testRevision(p, 3).Version, Devices: all}})
			got, err = tx.CountUsage(p.ID, metric(t, "installed_base_by_architecture"), day)
			expect(t, "count", err, "")
			same(t, "architectures, without the unknown", got, []store.MetricRow{{Day: day.Time(), Value: "amd64", Devices: all - 1}})
			got, err = tx.CountUsage(p.ID, metric(t, "weekly_device_change"), day+7)
			expect(t, "count", err, "")
			same(t, "lost a week later", got, []store.MetricRow{{Day: (day + 7).Time(), Value: "lost", Devices: all}})
			got, err = tx.CountUsage("elsewhere", channels, day)
			expect(t, "count", err, "")
			same(t, "of a package that is not here", len(got), 0)
			return nil
		})
		var before []store.MetricRow
		for _, want := range []bool{true, false} {
			update(t, db, func(tx *Tx) error {
				folded, err := tx.FoldUsage(day)
				same(t, "whether this was the first", folded, want)
				if err == nil {
					before, err = tx.CountUsage(p.ID, channels, day)
				}
				return err
			})
		}
		update(t, db, func(tx *Tx) error {
			n, err := tx.DropUsage(day + 1)
			same(t, "dropped", n, int64(all))
			return err
		})
		view(t, db, func(tx *Tx) error {
			got, err := tx.UsageCounts(p.ID, channels, day, day)
			expect(t, "counts", err, "")
			same(t, "what is left", got, before)
			got, err = tx.UsageCounts(p.ID, channels, day+1, day+9)
			expect(t, "counts", err, "")
			same(t, "other days", len(got), 0)
			folded, first, last, err := tx.UsageDays()
			expect(t, "days", err, "")
			same(t, "days", []store.Day{folded, first, last}, []store.Day{day, 0, 0})
			return nil
		})
	})
}

func metric(t *testing.T, name string) store.Metric {
	t.Helper()
	m, err := store.ParseMetric(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}
