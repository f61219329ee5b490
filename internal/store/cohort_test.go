package store

import "testing"

func TestCohortView(t *testing.T) {
	for _, c := range []struct {
		name               string
		created, now, want float64 // days
	}{
		{"new", 10, 10, 10},
		{"the last day of the first window", 10, 99.9, 10},
		{"the second window begins after 90 days", 10, 100, 100},
		{"windows follow one another under the same key", 10, 300, 280},
		{"a key from the future shows its own moment", 10, 5, 10},
	} {
		if got := CohortView(day(c.created), day(c.now)); !got.Equal(day(c.want)) {
			t.Errorf("%s: got %v, want %v", c.name, got, day(c.want))
		}
	}
}

func TestCohortSeesThePast(t *testing.T) {
	f := factsOf(releases(t, "1 stable amd64 3", "20 stable amd64 4", "100 stable amd64 5"), nil)
	for now, want := range map[float64]int{10: 3, 99: 3, 101: 5} {
		view := CohortView(day(10), day(now))
		c, err := Choose(f, Fold(f.Releases, view), Query{
			Action: ActionRefresh, Architecture: "amd64", IgnorePhasing: true, At: day(now),
		})
		if err != nil || c.Revision.Number != want {
			t.Errorf("on day %v: got %+v, %v, want revision %d", now, c.Revision, err, want)
		}
	}
}
