package catalog

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

const someAgent = "snapd/2.63 (series 16; classic) ubuntu/24.04 (amd64) linux/6.8.0-31-generic"

// census is a house whose clock moves by hand, with one snap of two revisions.
type census struct {
	*house
	t     *testing.T
	usage *Usage
	at    time.Time
	id    string
}

func newCensus(t *testing.T, h *house) *census {
	c := &census{house: h, t: t, at: time.Now().UTC().Truncate(24 * time.Hour).Add(36 * time.Hour)} // noon, after anything is released
	h.ownRoot(t)
	h.pushBare(t, snapYAML("hello", "1.0", ""), "edge")
	c.id = h.pushBare(t, snapYAML("hello", "2.0", ""), "stable").PackageID
	h.now = func() time.Time { return c.at }
	c.usage = c.node()
	return c
}

// node is another process that counts.
func (c *census) node() *Usage {
	return NewUsage(UsageOptions{DB: c.db, Authority: c.authority, Now: func() time.Time { return c.at }})
}

func device(n int) store.DeviceID {
	return store.DeviceID{Brand: "acme", Model: "pc", Serial: fmt.Sprint("serial-", n)}
}

func (c *census) see(n, revision int, channel string) {
	c.usage.Seen(device(n), "amd64", someAgent, []store.Installed{{PackageID: c.id, Revision: revision, Channel: channel}})
}

func (c *census) flush() {
	c.t.Helper()
	if err := c.usage.Flush(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

func (c *census) fold() {
	c.t.Helper()
	if err := c.usage.Fold(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
}

// figures are the series of a metric for the days up to today, as text.
func (c *census) figures(name string, days int) string {
	c.t.Helper()
	m, err := store.ParseMetric(name)
	if err != nil {
		c.t.Fatal(err)
	}
	today := store.DayOf(c.at)
	got, err := c.Metrics(c.t.Context(), operator, store.Snap, []MetricQuery{{
		PackageID: c.id, Metric: m, Days: store.Days{First: (today - store.Day(days) + 1).Time(), Last: today.Time()},
	}})
	if err != nil {
		c.t.Fatal(err)
	}
	var list []string
	for _, s := range got[0].Series {
		text := fmt.Sprint(s.Name, s.Values)
		if s.Released != nil && *s.Released {
			text += "*"
		}
		list = append(list, text)
	}
	return strings.Join(list, " ")
}

func (c *census) want(name string, days int, want string) {
	c.t.Helper()
	if got := c.figures(name, days); got != want {
		c.t.Errorf("%s: %s, want %s", name, got, want)
	}
}

func TestDevicesAreCountedOnceADayByWhatTheyHave(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		c := newCensus(t, h)
		c.see(1, 2, "stable")
		c.see(1, 2, "stable") // again
		c.see(2, 2, "latest/stable")
		c.see(3, 1, "edge")
		c.see(3, 2, "stable") // it has refreshed since
		c.see(4, 77, "")      // of elsewhere, tracking nothing known
		c.usage.Seen(store.DeviceID{}, "amd64", someAgent, []store.Installed{{PackageID: c.id, Revision: 2}})
		c.usage.Seen(device(5), "x'; --", "curl/8", []store.Installed{{PackageID: c.id, Revision: 1, Channel: "a/b/c/d"}, {PackageID: "unknown", Revision: 1}})
		c.usage.Seen(device(6), "amd64", someAgent, []store.Installed{{PackageID: c.id, Revision: -1, Channel: "stable"}}) // built at home
		c.flush()
		c.want("installed_base_by_channel", 1, "latest/stable[3]")
		c.want("installed_base_by_version", 1, "1.0[1]* 2.0[3]*")
		c.want("installed_base_by_architecture", 1, "amd64[4]")
		c.want("installed_base_by_operating_system", 1, "ubuntu/24.04[4]")
		c.want("installed_base_by_country", 1, "")
		c.want("daily_device_change", 1, "new[5] continued[0] lost[0]")
		c.want("weekly_installed_base_by_channel", 1, "latest/stable[3]")
		c.flush()
		c.want("daily_device_change", 1, "new[5] continued[0] lost[0]")
	})
}

func TestCountsOutliveWhoWasCounted(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		c := newCensus(t, h)
		const days = 20
		for day := range days {
			c.see(1, 2, "stable") // every day
			if day%2 == 0 {
				c.see(2, 2, "edge")
			}
			if day == 0 {
				c.see(3, 1, "beta")
			}
			c.flush()
			c.at = c.at.Add(24 * time.Hour)
		}
		c.at = c.at.Add(-24 * time.Hour) // the last day that was counted
		names := []string{"daily_device_change", "weekly_device_change", "installed_base_by_channel", "weekly_installed_base_by_channel", "weekly_installed_base_by_version"}
		live := make(map[string]string)
		for _, name := range names {
			live[name] = c.figures(name, 10)
		}
		for range 2 { // the second finds nothing to do
			c.fold()
		}
		for _, name := range names {
			c.want(name, 10, live[name])
		}
		c.want("weekly_installed_base_by_channel", 20,
			"latest/beta[1 1 1 1 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0] latest/edge[1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1] latest/stable[1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1]")
		c.want("daily_device_change", 4, "new[1 0 1 0] continued[1 1 1 1] lost[0 1 0 1]")
		var first, folded store.Day
		err := h.db.View(t.Context(), func(tx *db.Tx) (err error) {
			folded, first, _, err = tx.UsageDays()
			return err
		})
		if err != nil || folded != store.DayOf(c.at)-1 || first != store.DayOf(c.at) {
			t.Errorf("counted until %d, then from %d, today is %d, %v", folded, first, store.DayOf(c.at), err)
		}
		var dump strings.Builder
		if err := h.db.Dump(t.Context(), &dump); err != nil {
			t.Fatal(err)
		}
		_, rows, _ := strings.Cut(dump.String(), `"usage_devices"`)
		rows, _, _ = strings.Cut(rows, `{"table"`)
		if strings.Contains(rows, "serial-") || strings.Contains(rows, fmt.Sprintf("[%d,", store.DayOf(c.at)-usageDaysKept)) {
			t.Errorf("it is still known who had what: %s", rows)
		}
		if !strings.Contains(rows, fmt.Sprintf("[%d,", store.DayOf(c.at))) {
			t.Errorf("nobody is counted today: %s", rows)
		}
	})
}

func TestADayIsCountedOnceByAnyNumberOfNodes(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		c := newCensus(t, h)
		other := c.node()
		c.see(1, 2, "stable")
		other.Seen(device(1), "amd64", someAgent, []store.Installed{{PackageID: c.id, Revision: 2, Channel: "stable"}})
		other.Seen(device(2), "amd64", someAgent, []store.Installed{{PackageID: c.id, Revision: 2, Channel: "stable"}})
		c.flush()
		if err := other.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.want("installed_base_by_channel", 1, "latest/stable[2]")
		c.at = c.at.Add(13 * time.Hour) // an hour past midnight
		done := make(chan error)
		for _, u := range []*Usage{c.usage, other} {
			go func() { done <- u.Fold(context.WithoutCancel(t.Context())) }()
		}
		for range 2 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		c.want("installed_base_by_channel", 2, "latest/stable[2 0]")
	})
}

func TestADayIsNotCountedBeforeEveryNodeHasWritten(t *testing.T) {
	c := newCensus(t, newHouse(t))
	c.see(1, 2, "stable")
	c.at = c.at.Add(12*time.Hour + 30*time.Minute) // half an hour past midnight
	c.fold()
	c.flush()
	c.want("installed_base_by_channel", 2, "latest/stable[1 0]")
	c.at = c.at.Add(time.Hour)
	c.fold()
	c.want("installed_base_by_channel", 2, "latest/stable[1 0]")
}

func TestWhatCannotBeWrittenIsWrittenLater(t *testing.T) {
	c := newCensus(t, newHouse(t))
	c.see(1, 2, "stable")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.usage.Flush(gone); !errors.Is(err, context.Canceled) {
		t.Fatalf("flushed without a database: %v", err)
	}
	c.want("installed_base_by_channel", 1, "")
	c.usage.Finish(gone) // a server that was told to stop
	c.want("installed_base_by_channel", 1, "latest/stable[1]")
}

func TestADayWithTooManyDevicesStaysBounded(t *testing.T) {
	c := newCensus(t, newHouse(t))
	snaps := make([]store.Installed, 5000)
	for i := range snaps {
		snaps[i] = store.Installed{PackageID: fmt.Sprint("package-", i), Revision: 1}
	}
	for n := range maxUsagePending/len(snaps) + 5 {
		c.usage.Seen(device(n), "amd64", someAgent, snaps)
	}
	if n := len(c.usage.pending); n > maxUsagePending {
		t.Errorf("%d are remembered", n)
	}
	select {
	case <-c.usage.wake:
	default:
		t.Error("nobody was told that there is much to write")
	}
	c.flush() // all of it of packages that are not here
	c.see(1, 2, "stable")
	c.flush()
	c.want("installed_base_by_channel", 1, "latest/stable[1]")
}

func TestUsageKeepsNothingOfTheRequest(t *testing.T) {
	c := newCensus(t, newHouse(t))
	body := []byte("latest/edge")
	shared := string(body)
	has := []store.Installed{{PackageID: c.id, Revision: 2, Channel: shared}}
	c.usage.Seen(device(1), "amd64", someAgent, has)
	has[0] = store.Installed{PackageID: "another", Revision: 9, Channel: "beta"}
	c.flush()
	c.want("installed_base_by_channel", 1, "latest/edge[1]")
}

func TestSayingTheSameAgainCostsNothing(t *testing.T) {
	c := newCensus(t, newHouse(t))
	has := []store.Installed{{PackageID: c.id, Revision: 2, Channel: "stable"}, {PackageID: "another", Revision: 2, Channel: "edge"}}
	c.usage.Seen(device(1), "amd64", someAgent, has)
	d := device(1)
	if n := testing.AllocsPerRun(100, func() { c.usage.Seen(d, "amd64", someAgent, has) }); n > 0 {
		t.Errorf("it allocates %v times", n)
	}
}

func TestWhoMaySeeFigures(t *testing.T) {
	c := newCensus(t, newHouse(t))
	m, _ := store.ParseMetric("installed_base_by_channel")
	q := []MetricQuery{{PackageID: c.id, Metric: m, Days: store.Days{First: c.at.Truncate(24 * time.Hour), Last: c.at.Truncate(24 * time.Hour)}}}
	limited := store.Principal{Role: store.RolePublisher, Account: "own", Name: "own", Limits: []store.Limits{{Permissions: []store.Permission{store.PermPush}}}}
	for why, tt := range map[string]struct {
		who  store.Principal
		code string
	}{
		"a device":      {store.Principal{}, store.CodePermission},
		"a stranger":    {store.Principal{Role: store.RolePublisher, Account: "x", Name: "x"}, store.CodeForeignPackage},
		"another token": {limited, store.CodePermission},
		"a viewer":      {store.Principal{Role: store.RoleViewer, Account: "v", Name: "v"}, ""},
	} {
		if _, err := c.Metrics(t.Context(), tt.who, store.Snap, q); store.CodeOf(err) != tt.code {
			t.Errorf("%s: %v", why, err)
		}
	}
}

func BenchmarkSeenAgain(b *testing.B) {
	u := NewUsage(UsageOptions{})
	has := make([]store.Installed, 10)
	for i := range has {
		has[i] = store.Installed{PackageID: fmt.Sprintf("snapidsnapidsnapidsnapidsnap%04d", i), Revision: i, Channel: "latest/stable"}
	}
	d := device(1)
	for b.Loop() {
		u.Seen(d, "amd64", someAgent, has)
	}
}
