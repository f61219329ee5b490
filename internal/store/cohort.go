package store

import "time"

// CohortWindow is how long a cohort key keeps showing the same channel map.
const CohortWindow = 90 * 24 * time.Hour

// CohortView is the moment whose channel map a cohort sees at now: the start of
// the window that now is in. The windows follow one another from created on,
// under the same key. A key from the future shows its own moment.
func CohortView(created, now time.Time) time.Time {
	age := now.Sub(created)
	if age < 0 {
		return created
	}
	return created.Add(age - age%CohortWindow)
}
