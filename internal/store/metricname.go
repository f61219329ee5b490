package store

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// Metric is a question about the devices that have a package: how many there
// are on each day, by the values of a dimension.
type Metric struct {
	Name string // as clients write it
	// Weekly counts the devices seen in the seven days that end with a day,
	// others those of the day.
	Weekly    bool
	Dimension Dimension
}

// Dimension is what a metric tells devices apart by.
type Dimension string

// The dimensions. Those of DimensionChange are new, continued and lost.
const (
	DimensionChange          Dimension = "device-change"
	DimensionArchitecture    Dimension = "architecture"
	DimensionChannel         Dimension = "channel"
	DimensionCountry         Dimension = "country"
	DimensionOperatingSystem Dimension = "operating-system"
	DimensionVersion         Dimension = "version"
)

// ChangeValues are the values of DimensionChange, in the order they are shown:
// devices first seen, seen again, and seen in the period before but not in
// this one.
var ChangeValues = []string{"new", "continued", "lost"}

// metricNames are the names that clients know; weekly_ before one of an
// installed base makes it weekly.
var metricNames = map[string]Metric{
	"daily_device_change":                {Dimension: DimensionChange},
	"weekly_device_change":               {Dimension: DimensionChange, Weekly: true},
	"installed_base_by_architecture":     {Dimension: DimensionArchitecture},
	"installed_base_by_channel":          {Dimension: DimensionChannel},
	"installed_base_by_country":          {Dimension: DimensionCountry},
	"installed_base_by_operating_system": {Dimension: DimensionOperatingSystem},
	"installed_base_by_version":          {Dimension: DimensionVersion},
}

// ParseMetric reads the name of a metric.
func ParseMetric(name string) (Metric, error) {
	m, known := metricNames[name]
	if base, weekly := strings.CutPrefix(name, "weekly_"); weekly && !known {
		if m, known = metricNames[base]; known {
			known = m.Dimension != DimensionChange
			m.Weekly = true
		}
	}
	if !known {
		return Metric{}, Invalidf("invalid-field", "metric_name: %.80q is no metric", name).
			Try("use one of " + strings.Join(MetricNames(), ", "))
	}
	m.Name = name
	return m, nil
}

// MetricNames lists every name that ParseMetric reads.
func MetricNames() []string {
	names := slices.Collect(maps.Keys(metricNames))
	for name, m := range metricNames {
		if m.Dimension != DimensionChange {
			names = append(names, "weekly_"+name)
		}
	}
	slices.Sort(names)
	return names
}

// Days is a range of days, both ends included, as midnights UTC.
type Days struct{ First, Last time.Time }

// maxDays bounds the range of one metric.
const maxDays = 5 * 366

// ParseDays reads two dates written as 2006-01-02. A range that runs backwards,
// or is longer than five years, gives an error of kind invalid and code
// invalid-date-interval, and so do dates that are none.
func ParseDays(first, last string) (Days, error) {
	bad := func(why string) (Days, error) {
		return Days{}, Invalidf("invalid-date-interval", "cannot read the days from %.40q to %.40q: %s", first, last, why).
			Try("write both as 2026-01-31, the first day first")
	}
	var d Days
	var err error
	if d.First, err = time.Parse(time.DateOnly, first); err != nil {
		return bad("the first is no date")
	}
	if d.Last, err = time.Parse(time.DateOnly, last); err != nil {
		return bad("the last is no date")
	}
	switch n := d.count(); {
	case n < 1:
		return bad("the last is before the first")
	case n > maxDays:
		return bad("they are more than five years")
	}
	return d, nil
}

func (d Days) count() int { return d.index(d.Last) + 1 }

// index is the place of t's day in d; below 0 or past the end it is outside.
func (d Days) index(t time.Time) int {
	return int(t.UTC().Truncate(24*time.Hour).Sub(d.First) / (24 * time.Hour))
}

// MetricRow is a count that is kept: so many distinct devices on a day, or in
// the week that ends with it, with this value of the dimension.
type MetricRow struct {
	Day     time.Time
	Value   string
	Devices int
}

// Series statuses.
const (
	MetricOK     = "OK"
	MetricNoData = "NO DATA"
)

// MetricResult is the answer to one metric. Without data it has no buckets and
// no series; both are never nil, as clients want lists.
type MetricResult struct {
	Status  string
	Buckets []string // days, as 2006-01-02
	Series  []MetricSeries
}

// MetricSeries is one line of a chart.
type MetricSeries struct {
	Name   string
	Values []int // as many as there are buckets; 0 where nothing was counted
	// Released says whether a channel holds the version at present. It is nil
	// for other dimensions than the version.
	Released *bool
}

// maxSeries bounds the answer; the values with the most devices stay.
const maxSeries = 200

// FoldMetric makes the answer to m for the days d out of the rows that are kept
// for it (weekly counts for a weekly metric; distinct devices cannot be added
// up from those of days). Rows of other days are left out, and several of one
// day and value are added. Series come by name; those of device changes are
// always the three, new first. released names the versions that channels hold.
func FoldMetric(m Metric, d Days, rows []MetricRow, released []string) MetricResult {
	n := d.count()
	values, totals := map[string][]int{}, map[string]int{}
	for _, row := range rows {
		if i := d.index(row.Day); !row.Day.Before(d.First) && i < n && row.Devices > 0 {
			if values[row.Value] == nil {
				values[row.Value] = make([]int, n)
			}
			values[row.Value][i] += row.Devices
			totals[row.Value] += row.Devices
		}
	}
	if len(values) == 0 || n < 1 {
		return MetricResult{Status: MetricNoData, Buckets: []string{}, Series: []MetricSeries{}}
	}
	result := MetricResult{Status: MetricOK, Buckets: make([]string, n), Series: []MetricSeries{}}
	for i := range n {
		result.Buckets[i] = d.First.AddDate(0, 0, i).Format(time.DateOnly)
	}
	for _, name := range seriesNames(m, totals) {
		s := MetricSeries{Name: name, Values: values[name]}
		if s.Values == nil {
			s.Values = make([]int, n)
		}
		if m.Dimension == DimensionVersion {
			is := slices.Contains(released, name)
			s.Released = &is
		}
		result.Series = append(result.Series, s)
	}
	return result
}

func seriesNames(m Metric, totals map[string]int) []string {
	if m.Dimension == DimensionChange {
		return ChangeValues
	}
	names := slices.SortedFunc(maps.Keys(totals), func(a, b string) int {
		return cmp.Or(cmp.Compare(totals[b], totals[a]), cmp.Compare(a, b))
	})
	names = names[:min(len(names), maxSeries)]
	slices.Sort(names)
	return names
}
