package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/store"
)

func snapMetricsCommand(o *options) *cobra.Command {
	var from, to string
	cmd := o.onSnap(&cobra.Command{
		Use:   "metrics NAME METRIC",
		Short: "Show how many devices have a snap",
		Long: `Shows how many devices have a snap, day by day. METRIC is for example
daily_device_change, or installed_base_by_ and one of architecture, channel, country,
operating_system and version with daily_ or weekly_ before it.`,
		Example: fmt.Sprintf("  %[1]s snap metrics hello weekly_installed_base_by_channel\n  %[1]s snap metrics hello daily_device_change --from 2026-03-01 --to 2026-03-31", o.t.program),
		Args:    exactly(2, "NAME and METRIC"),
	}, func(ctx context.Context, r *remote, name string, args []string) error {
		if err := r.needDashboard(); err != nil {
			return err
		}
		for _, day := range []string{from, to} {
			if _, err := time.Parse(time.DateOnly, day); day != "" && err != nil {
				return usagef("%q is not a day such as 2026-03-31", day)
			}
		}
		yesterday := time.Now().UTC().AddDate(0, 0, -1)
		to := cmp.Or(to, yesterday.Format(time.DateOnly))
		from := cmp.Or(from, yesterday.AddDate(0, 0, -29).Format(time.DateOnly))
		id, err := r.snapID(ctx, name)
		if err != nil {
			return err
		}
		found, err := r.Dashboard().Metrics(ctx, snapstore.MetricFilter{SnapID: id, Metric: args[0], Start: from, End: to})
		if err != nil {
			return err
		}
		if len(found) != 1 || found[0].Status == "FAIL" {
			return store.NotFoundf("no-such-metric", "the store has no metric %q", args[0]).Try("see " + o.t.program + " snap metrics --help")
		}
		return o.printMetric(name, found[0])
	})
	cmd.Flags().StringVar(&from, "from", "", "first `day`; default: 30 days ago")
	cmd.Flags().StringVar(&to, "to", "", "last `day`; default: yesterday")
	return cmd
}

// line is one series of a metric as commands print it.
type line struct {
	Name   string `json:"name"`
	Values []int  `json:"values"`
}

func (o *options) printMetric(name string, m snapstore.Metric) error {
	value := struct {
		Name   string   `json:"name"`
		Metric string   `json:"metric"`
		Days   []string `json:"days"`
		Series []line   `json:"series"`
	}{Name: name, Metric: m.Name, Days: m.Buckets}
	for _, s := range m.Series {
		l := line{Name: s.Name}
		for _, v := range s.Values {
			n := 0
			if v != nil {
				n = *v
			}
			l.Values = append(l.Values, n)
		}
		value.Series = append(value.Series, l)
	}
	return o.t.print(value, func(w io.Writer) {
		if len(value.Series) == 0 {
			fmt.Fprintf(w, "There is no data about %s in that time\n", name)
			return
		}
		titles := []string{"Day"}
		for _, s := range value.Series {
			titles = append(titles, s.Name)
		}
		table(w, strings.Join(titles, "\t"), func(row func(string, ...any)) {
			for i, day := range value.Days {
				cells := []string{day}
				for _, s := range value.Series {
					cell := "-"
					if i < len(s.Values) {
						cell = fmt.Sprint(s.Values[i])
					}
					cells = append(cells, cell)
				}
				row("%s", strings.Join(cells, "\t"))
			}
		})
	})
}
