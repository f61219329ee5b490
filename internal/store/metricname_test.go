package store

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestParseMetric(t *testing.T) {
	for name, want := range map[string]string{
		"daily_device_change":                       "device-change",
		"weekly_device_change":                      "weekly device-change",
		"installed_base_by_architecture":            "architecture",
		"installed_base_by_channel":                 "channel",
		"installed_base_by_country":                 "country",
		"installed_base_by_operating_system":        "operating-system",
		"installed_base_by_version":                 "version",
		"weekly_installed_base_by_architecture":     "weekly architecture",
		"weekly_installed_base_by_channel":          "weekly channel",
		"weekly_installed_base_by_country":          "weekly country",
		"weekly_installed_base_by_operating_system": "weekly operating-system",
		"weekly_installed_base_by_version":          "weekly version",
	} {
		m, err := ParseMetric(name)
		got := string(m.Dimension)
		if m.Weekly {
			got = "weekly " + got
		}
		if err != nil || got != want || m.Name != name {
			t.Errorf("%s: got %+v, %v", name, m, err)
		}
		if !slices.Contains(MetricNames(), name) {
			t.Errorf("%s is not listed", name)
		}
	}
	if len(MetricNames()) != 12 {
		t.Errorf("listed: %s", MetricNames())
	}
	for _, name := range []string{"", "device_change", "weekly_daily_device_change", "weekly_weekly_device_change", "weekly_weekly_installed_base_by_channel",
		"installed_base_by_", "Installed_base_by_channel", strings.Repeat("x", 1<<20)} {
		if _, err := ParseMetric(name); CodeOf(err) != "invalid-field" || len(err.Error()) > 1000 {
			t.Errorf("%.40q: got %v", name, err)
		}
	}
}

func TestParseDays(t *testing.T) {
	for _, c := range []struct {
		first, last string
		days        int // 0 is an error
	}{
		{"2026-01-01", "2026-01-01", 1}, {"2026-02-27", "2026-03-01", 3}, {"2024-02-28", "2024-03-01", 3}, {"2021-01-01", "2025-12-31", 1826},
		{"2026-01-02", "2026-01-01", 0}, {"2000-01-01", "2026-01-01", 0}, {"2026-1-1", "2026-01-02", 0}, {"2026-02-30", "2026-03-02", 0},
		{"", "2026-01-01", 0}, {"2026-01-01", "", 0}, {"2026-01-01T00:00:00Z", "2026-01-02", 0}, {"0000-01-01", "9999-12-31", 0},
	} {
		d, err := ParseDays(c.first, c.last)
		if (err == nil) != (c.days > 0) || err != nil && CodeOf(err) != "invalid-date-interval" {
			t.Errorf("%+v: got %v", c, err)
		} else if err == nil && d.count() != c.days {
			t.Errorf("%+v: got %d days", c, d.count())
		}
	}
}

// metricRows reads "<day of January> <value> <devices>", a row each.
func metricRows(t *testing.T, lines ...string) []MetricRow {
	t.Helper()
	var rows []MetricRow
	for _, line := range lines {
		var n, devices int
		var value string
		if _, err := fmt.Sscanf(line, "%d %s %d", &n, &value, &devices); err != nil {
			t.Fatal(line, err)
		}
		rows = append(rows, MetricRow{Day: time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC), Value: value, Devices: devices})
	}
	return rows
}

func TestFoldMetric(t *testing.T) {
	for _, c := range []struct {
		name, metric string
		rows         []string
		want         []string // series, from 4 to 6 January
	}{
		{"nothing", "installed_base_by_channel", nil, nil},
		{"only other days", "installed_base_by_channel", []string{"3 stable 5", "7 stable 5"}, nil},
		{"only zeros", "installed_base_by_channel", []string{"4 stable 0"}, nil},
		{"gaps are zero", "installed_base_by_channel", []string{"3 x 1", "4 stable 5", "6 stable 7", "6 edge 1"}, []string{"edge [0 0 1]", "stable [5 0 7]"}},
		{"rows in any order, added up", "installed_base_by_country", []string{"6 DE 1", "4 DE 2", "6 DE 3"}, []string{"DE [2 0 4]"}},
		{"weekly rows as they are", "weekly_installed_base_by_architecture", []string{"4 arm64 9", "5 arm64 9", "6 arm64 8"}, []string{"arm64 [9 9 8]"}},
		{"versions that are released", "installed_base_by_version", []string{"4 1.0 1", "5 2.0 2"}, []string{"1.0 [1 0 0] false", "2.0 [0 2 0] true"}},
		{"changes are always three", "daily_device_change", []string{"5 new 1", "6 continued 1", "6 odd 4"}, []string{"new [0 1 0]", "continued [0 0 1]", "lost [0 0 0]"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := ParseMetric(c.metric)
			if err != nil {
				t.Fatal(err)
			}
			d, err := ParseDays("2026-01-04", "2026-01-06")
			if err != nil {
				t.Fatal(err)
			}
			r := FoldMetric(m, d, metricRows(t, c.rows...), []string{"2.0", "3.0"})
			var got []string
			for _, s := range r.Series {
				line := fmt.Sprint(s.Name, " ", s.Values)
				if s.Released != nil {
					line += fmt.Sprint(" ", *s.Released)
				}
				got = append(got, line)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			wantBuckets, wantStatus := "[2026-01-04 2026-01-05 2026-01-06]", "OK"
			if c.want == nil {
				wantBuckets, wantStatus = "[]", "NO DATA"
			}
			if fmt.Sprint(r.Buckets) != wantBuckets || r.Status != wantStatus || r.Buckets == nil || r.Series == nil {
				t.Errorf("got %s, %s, %v", r.Buckets, r.Status, r.Series)
			}
		})
	}
}

func TestFoldMetricKeepsTheLargestSeries(t *testing.T) {
	m, _ := ParseMetric("installed_base_by_version")
	d, _ := ParseDays("2026-01-04", "2026-01-06")
	var rows []MetricRow
	for i := range 1000 {
		rows = append(rows, MetricRow{Day: d.First.Add(23 * time.Hour), Value: fmt.Sprintf("%04d", i), Devices: 1 + i})
	}
	r := FoldMetric(m, d, rows, nil)
	if len(r.Series) != maxSeries || r.Series[0].Name != "0800" || r.Series[199].Name != "0999" || r.Series[199].Values[0] != 1000 {
		t.Errorf("got %d series from %+v", len(r.Series), r.Series[0])
	}
}
