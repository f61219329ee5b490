package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/transfer"
)

func pushSnapCommand(o *options) *cobra.Command {
	var opts transfer.PushOptions
	var channels []string
	var parallel int
	cmd := &cobra.Command{
		Use:   "push-snap FILE...",
		Short: "Put snaps into the store",
		Long: `Puts snaps into the store. FILE is, told by its content:

  an archive made by an export tool: NAME-TIMESTAMP.tar.gz, with the snap's
  revisions, assertions and channel map;
  a snap as snap download leaves it: NAME_REV.snap with NAME_REV.assert beside
  it, which is taken along;
  a bare snap, in a store with its own root: it gets the next revision of its
  package and is signed.

Every file becomes visible as a whole or not at all. Pushing it again changes
nothing. An archive's channel map is applied to a snap that is new here, and to
one that is not only with --push-channel-map.`,
		Example: fmt.Sprintf(`  %[1]s push-snap hello-20260102T030405.tar.gz
  %[1]s push-snap core24_1055.snap snapd_21759.snap --channel stable
  %[1]s push-snap ./mytool_1.2_amd64.snap --register --channel edge --channel 1.2/stable`, o.t.program),
		Args: atLeast(1, "at least one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if opts.Channels, err = parseChannels(channels); err != nil {
				return err
			}
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			bars := o.t.newBars()
			p := transfer.Pusher{Catalog: h.catalog, Blobs: h.blobs, Parallel: parallel, Progress: bars.show}
			results, err := p.Push(cmd.Context(), h.who, args, opts)
			bars.wait()
			if printErr := o.printPushed(results); printErr != nil {
				return printErr
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&opts.Register, "register", false, "register names that nobody has, for snaps without assertions")
	f.StringArrayVar(&channels, "channel", nil, "release every snap to this `channel`; may be repeated")
	f.BoolVar(&opts.ChannelMap, "push-channel-map", false, "apply an archive's channel map also to snaps that are here already")
	f.StringSliceVar(&opts.Architectures, "arch", nil, "`architecture` of snaps that do not say; may be repeated")
	f.IntVar(&parallel, "parallel", 0, "files to read at once; default: the number of processors")
	return cmd
}

// pushed is a unit's result as --format json prints it.
type pushed struct {
	transfer.Result
	Error *failure `json:"error,omitempty"`
}

func (o *options) printPushed(results []transfer.Result) error {
	units := make([]pushed, 0, len(results))
	for _, r := range results {
		if r.Unit == "" {
			continue
		}
		u := pushed{Result: r}
		if r.Err != nil {
			f := describe(withNext(r.Err, o.t.program))
			u.Error = &f
		}
		units = append(units, u)
	}
	return o.t.print(map[string]any{"units": units}, func(w io.Writer) {
		for _, r := range results {
			if r.Err == nil && r.Unit != "" {
				printUnit(w, r)
			}
		}
	})
}

// printUnit prints the lines that operators of the existing product know.
func printUnit(w io.Writer, r transfer.Result) {
	names := map[string]string{} // by package id
	for _, p := range r.Pushed {
		names[p.PackageID] = p.Name
		what := "revision"
		if p.Component != "" {
			what = "component " + p.Component + " revision"
		}
		if p.Registered {
			fmt.Fprintf(w, "[snap %s] Registered with id %s\n", p.Name, p.PackageID)
		}
		if p.New {
			fmt.Fprintf(w, "[snap %s] Uploaded snap blob and assertions for %s %s %d\n", p.Name, p.Name, what, p.Revision)
		} else {
			fmt.Fprintf(w, "[snap %s] Already has %s %s %d\n", p.Name, p.Name, what, p.Revision)
		}
		if p.Healed {
			fmt.Fprintf(w, "[snap %s] Restored the blob of %s %d\n", p.Name, what, p.Revision)
		}
	}
	told := map[string]bool{}
	for _, rel := range r.Released {
		name := names[rel.PackageID]
		fmt.Fprintf(w, "[snap %s] Released revision %d to %s (%s)\n", name, rel.Revision, rel.Channel, rel.Platform.Architecture)
		if !told[name] {
			told[name] = true
			defer fmt.Fprintf(w, "[snap %s] Channelmaps were successfully updated.\n", name)
		}
	}
	printSkipped(w, r.Skipped)
	if len(r.Pushed) == 0 {
		fmt.Fprintf(w, "%s: %d assertions added\n", r.Unit, r.Assertions)
	}
	if !r.Changed() {
		fmt.Fprintf(w, "%s: nothing changed\n", r.Unit)
	}
}

// printSkipped tells which lines of an archive's channel map were left out.
func printSkipped(w io.Writer, skipped []catalog.IncomingRelease) {
	const some = 3 // of each snap are named
	byName := map[string][]string{}
	for _, s := range skipped {
		byName[s.Name] = append(byName[s.Name], fmt.Sprintf("%d in %s", s.Revision, s.Channel))
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		lines := byName[name]
		more := ""
		if len(lines) > some {
			more = ", …"
		}
		fmt.Fprintf(w, "[snap %s] Skipped %d of the channel map's lines, with revisions that are neither in the archive nor here: %s%s\n",
			name, len(lines), strings.Join(lines[:min(some, len(lines))], ", "), more)
	}
}

func listPushedSnapsCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "list-pushed-snaps",
		Short:   "List the snaps in the store and where they are seen",
		Example: fmt.Sprintf("  %[1]s list-pushed-snaps\n  %[1]s list-pushed-snaps --format json", o.t.program),
		Args:    none(),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			var snaps []catalog.PushedSnap
			err := h.catalog.EachPushedSnap(ctx, h.who, func(s catalog.PushedSnap) error {
				snaps = append(snaps, s)
				return nil
			})
			if err != nil {
				return err
			}
			return o.t.print(map[string]any{"snaps": snaps}, func(w io.Writer) {
				table(w, "Name\tStores", func(row func(string, ...any)) {
					for _, s := range snaps {
						row("%s\t%s", s.Name, strings.Join(s.Stores, ", "))
					}
				})
			})
		}),
	}
}
