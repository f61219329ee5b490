package snappublisher

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

const metricsPath = "/dev/api/snaps/metrics"

// counted is a world where devices have told what they have for three days.
func counted(t *testing.T) *world {
	w := newWorld(t)
	pkg := w.listed(1, "hello", "alice")
	w.listed(2, "unused", "alice")
	w.listed(3, "other", "bob")
	w.published(pkg, 1, store.Meta{Type: "app"})
	w.published(pkg, 2, store.Meta{Type: "app"}, "stable")
	usage := catalog.NewUsage(catalog.UsageOptions{DB: w.DB, Authority: w.Auth, Now: func() time.Time { return w.Now }})
	has := func(n, revision int, channel, arch, os string) {
		usage.Seen(store.DeviceID{Brand: "acme", Model: "pc", Serial: fmt.Sprint(n)}, arch,
			"snapd/2.63 (series 16; classic) "+os+" ("+arch+") linux/6.8", []store.Installed{{PackageID: pkg.ID, Revision: revision, Channel: channel}})
	}
	for day := range 3 {
		has(1, 2, "latest/stable", "amd64", "ubuntu/24.04")
		has(2, 1, "edge", "arm64", "debian/12")
		if day == 1 {
			has(3, 2, "stable", "amd64", "ubuntu/24.04")
		}
		w.Must(usage.Flush(t.Context()))
		if day < 2 {
			w.Now = w.Now.Add(24 * time.Hour)
			w.Must(usage.Fold(t.Context()))
		}
	}
	return w
}

// seenMetrics is the answer as newer clients take it: they refuse any other key.
var seenMetrics = map[string]any{"metrics": []any{map[string]any{
	"status": "", "snap_id": "", "metric_name": "", "buckets": []any{""},
	"series": []any{map[string]any{"name": "", "values": []any{1.0}}},
}}}

func filterOf(snapID, name, start, end string) map[string]string {
	return map[string]string{"snap_id": snapID, "metric_name": name, "start": start, "end": end}
}

func TestTrap6MetricsHaveNoKeyThatClientsRefuse(t *testing.T) {
	w := counted(t)
	var filters []any
	for _, name := range store.MetricNames() {
		filters = append(filters, filterOf(assertiontest.SnapID(1), name, "2026-02-02", "2026-02-05"), filterOf(assertiontest.SnapID(2), name, "2026-02-02", "2026-02-05"))
	}
	got := w.Do("alice", "POST", metricsPath, map[string]any{"filters": filters}).Object(200)["metrics"].([]any)
	if len(got) != 2*12 {
		t.Fatalf("%d answers", len(got))
	}
	for i, one := range got {
		m := one.(map[string]any)
		name := m["metric_name"].(string)
		if f := filters[i].(map[string]string); name != f["metric_name"] || m["snap_id"] != f["snap_id"] {
			t.Errorf("answer %d is about %v", i, m)
		}
		series := m["series"].([]any)
		if strings.Contains(name, "version") {
			for _, s := range series {
				if _, said := s.(map[string]any)["currently_released"].(bool); !said {
					t.Errorf("%s does not say what is released: %v", name, s)
				}
				delete(s.(map[string]any), "currently_released")
			}
		}
		sameShape(t, name, map[string]any{"metrics": []any{m}}, seenMetrics)
		empty := i%2 == 1 || strings.Contains(name, "country")
		switch {
		case empty && (m["status"] != "NO DATA" || len(series) > 0 || len(m["buckets"].([]any)) > 0):
			t.Errorf("%s of what nobody has: %v", name, m)
		case !empty && (m["status"] != "OK" || len(series) == 0 || len(m["buckets"].([]any)) != 4):
			t.Errorf("%s: %v", name, m)
		}
		for _, s := range series {
			for _, v := range s.(map[string]any)["values"].([]any) {
				if v == nil {
					t.Errorf("%s has a null, which clients refuse", name)
				}
			}
		}
	}
}

func TestMetricsTellWhatDevicesHave(t *testing.T) {
	w := counted(t)
	for name, want := range map[string]string{
		"installed_base_by_channel":                 "latest/edge [1 1 1] latest/stable [1 2 1]",
		"installed_base_by_architecture":            "amd64 [1 2 1] arm64 [1 1 1]",
		"installed_base_by_version":                 "1.0 [1 1 1] 2.0 [1 2 1]",
		"weekly_installed_base_by_operating_system": "debian/12 [1 1 1] ubuntu/24.04 [1 2 2]",
		"daily_device_change":                       "new [2 1 0] continued [0 2 2] lost [0 0 1]",
		"weekly_device_change":                      "new [2 3 3] continued [0 0 0] lost [0 0 0]",
	} {
		body := map[string]any{"filters": []any{filterOf(assertiontest.SnapID(1), name, "2026-02-03", "2026-02-05")}}
		m := w.Do("alice", "POST", metricsPath, body).Object(200)["metrics"].([]any)[0].(map[string]any)
		var got []string
		for _, s := range m["series"].([]any) {
			got = append(got, fmt.Sprint(s.(map[string]any)["name"], " ", s.(map[string]any)["values"]))
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s: %s, want %s", name, text, want)
		}
	}
}

func TestSnapcraftMetrics(t *testing.T) {
	w := counted(t)
	w.golden(t, "snapcraft-metrics")
	w.golden(t, "snapcraft-metrics-bad-dates")
}

func TestMetricsThatAreRefused(t *testing.T) {
	w := counted(t)
	w.private(assertiontest.SnapID(3))
	w.Token("reader", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package_access"})})
	w.Token("metrics", "alice", store.Limits{Permissions: store.WirePermissions([]string{"package_metrics"})})
	w.Token("elsewhere", "alice", store.Limits{Packages: []store.PackageLimit{{Name: "unused"}}})
	ask := func(id, name, start, end string) map[string]any {
		return map[string]any{"filters": []any{filterOf(id, name, start, end)}}
	}
	const name = "installed_base_by_channel"
	one := assertiontest.SnapID(1)
	good := ask(one, name, "2026-02-03", "2026-02-05")
	many := make([]any, 101)
	for i := range many {
		many[i] = filterOf(one, name, "2026-02-03", "2026-02-03")
	}
	w.refuses(t, []refusal{
		{"nobody", "", "POST", metricsPath, good, 401, "macaroon-authorization-required"},
		{"a stranger", "bob", "POST", metricsPath, good, 403, "resource-forbidden"},
		{"a token that may only read", "reader", "POST", metricsPath, good, 403, "macaroon-permission-required"},
		{"a token for another snap", "elsewhere", "POST", metricsPath, good, 403, "resource-forbidden"},
		{"a private snap", "alice", "POST", metricsPath, ask(assertiontest.SnapID(3), name, "2026-02-03", "2026-02-05"), 404, "resource-not-found"},
		{"nothing", "alice", "POST", metricsPath, `{}`, 400, "required"},
		{"a list", "alice", "POST", metricsPath, `[]`, 400, "api-error"},
		{"an unknown metric", "alice", "POST", metricsPath, ask(one, "installed_base_by_mood", "2026-02-03", "2026-02-05"), 400, "invalid-field"},
		{"backwards", "alice", "POST", metricsPath, ask(one, name, "2026-02-05", "2026-02-03"), 400, "invalid-date-interval"},
		{"no date", "alice", "POST", metricsPath, ask(one, name, "yesterday", "2026-02-03"), 400, "invalid-date-interval"},
		{"a millennium", "alice", "POST", metricsPath, ask(one, name, "1026-02-05", "2026-02-03"), 400, "invalid-date-interval"},
		{"too many", "alice", "POST", metricsPath, map[string]any{"filters": many}, 400, "invalid-request"},
		{"too much", "alice", "POST", metricsPath, `{"filters":[],"x":"` + strings.Repeat("x", smallBody) + `"}`, 413, "request-too-large"},
	})
	w.Do("metrics", "POST", metricsPath, good).Object(200)
	w.Do("vera", "POST", metricsPath, good).Object(200)
}
