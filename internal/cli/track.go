package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

func packageTrackCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "track",
		Short: "List, create and change the tracks of a package",
		Example: fmt.Sprintf(`  %[1]s package track add hello 2.0
  %[1]s package track guardrail hello --add '[0-9]+\.[0-9]+'`, o.t.program),
	}, trackListCommand(o), trackAddCommand(o), trackSetCommand(o), trackGuardrailCommand(o))
}

func trackListCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "list NAME",
		Short:   "List the tracks of a package, and what publishers may call new ones",
		Example: fmt.Sprintf("  %[1]s package track list hello", o.t.program),
		Args:    exactly(1, "the NAME of a package"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			in, name := packageNamed(args[0])
			p, err := h.catalog.Tracks(ctx, h.who, in, name)
			if err != nil {
				return err
			}
			tracks := append([]store.Track{{Name: store.LatestTrack, CreatedAt: p.CreatedAt}}, p.Tracks...)
			guardrails := append([]store.Guardrail{}, p.Guardrails...)
			return o.t.print(map[string]any{"tracks": tracks, "guardrails": guardrails}, func(w io.Writer) {
				table(w, "Track\tDefault\tVersions\tPhasing", func(row func(string, ...any)) {
					for _, t := range tracks {
						row("%s\t%s\t%s\t%s", t.Name, yes(t.Name == p.DefaultTrack || p.DefaultTrack == "" && t.Name == store.LatestTrack),
							orDash(t.VersionPattern), phasing(t.Phasing))
					}
				})
				for _, g := range guardrails {
					fmt.Fprintf(w, "publishers may create tracks such as %s\n", g.Pattern)
				}
			})
		}),
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func phasing(percent float64) string {
	if percent == 0 {
		return "-"
	}
	return fmt.Sprintf("%g%% a day", percent)
}

// trackFlags are what a track has besides its name.
func trackFlags(cmd *cobra.Command, pattern *string, percent *float64) {
	cmd.Flags().StringVar(pattern, "version-pattern", "", "only versions that match this `regular expression` as a whole; empty: any")
	cmd.Flags().Float64Var(percent, "phasing", 0, "`percentage` of the devices that a new release reaches each day; 0: all at once")
}

func trackAddCommand(o *options) *cobra.Command {
	var t store.Track
	cmd := &cobra.Command{
		Use:   "add NAME TRACK...",
		Short: "Create tracks",
		Example: fmt.Sprintf(`  %[1]s package track add hello 2.0 --version-pattern '2\..*'
  %[1]s package track add hello lts --phasing 10`, o.t.program),
		Args: atLeast(2, "the NAME of a package and at least one track"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			tracks := make([]store.Track, len(args)-1)
			for i, name := range args[1:] {
				tracks[i] = t
				tracks[i].Name = name
			}
			in, name := packageNamed(args[0])
			n, err := h.catalog.AddTracks(ctx, h.who, in, name, tracks)
			if err != nil {
				return err
			}
			return o.t.print(map[string]any{"tracks-created": n}, func(w io.Writer) {
				for _, t := range tracks {
					fmt.Fprintf(w, "%s has the track %s\n", args[0], t.Name)
				}
			})
		}),
	}
	trackFlags(cmd, &t.VersionPattern, &t.Phasing)
	return cmd
}

func trackSetCommand(o *options) *cobra.Command {
	var pattern string
	var percent float64
	cmd := &cobra.Command{
		Use:     "set NAME TRACK",
		Short:   "Change which versions a track takes and how fast its releases reach devices",
		Example: fmt.Sprintf(`  %[1]s package track set hello 2.0 --phasing 25`, o.t.program),
		Args:    exactly(2, "the NAME of a package and a track"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var change catalog.TrackChange
			if cmd.Flags().Changed("version-pattern") {
				change.VersionPattern = &pattern
			}
			if cmd.Flags().Changed("phasing") {
				change.Phasing = &percent
			}
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			in, name := packageNamed(args[0])
			t, err := h.catalog.ChangeTrack(cmd.Context(), h.who, in, name, args[1], change)
			if err != nil {
				return err
			}
			return o.t.print(t, func(w io.Writer) { fmt.Fprintf(w, "the track %s of %s is changed\n", t.Name, args[0]) })
		},
	}
	trackFlags(cmd, &pattern, &percent)
	return cmd
}

func trackGuardrailCommand(o *options) *cobra.Command {
	var add, remove []string
	cmd := &cobra.Command{
		Use:   "guardrail NAME",
		Short: "Say what publishers may call the tracks that they create; without a pattern they create none",
		Example: fmt.Sprintf(`  %[1]s package track guardrail hello --add '[0-9]+\.[0-9]+'
  %[1]s package track guardrail hello --remove '[0-9]+\.[0-9]+'`, o.t.program),
		Args: exactly(1, "the NAME of a package"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			in, name := packageNamed(args[0])
			have, err := h.catalog.ChangeGuardrails(ctx, h.who, in, name, add, remove)
			if err != nil {
				return err
			}
			return o.t.print(map[string]any{"guardrails": append([]store.Guardrail{}, have...)}, func(w io.Writer) {
				for _, g := range have {
					fmt.Fprintf(w, "publishers of %s may create tracks such as %s\n", args[0], g.Pattern)
				}
				if len(have) == 0 {
					fmt.Fprintf(w, "publishers of %s create no tracks\n", args[0])
				}
			})
		}),
	}
	cmd.Flags().StringArrayVar(&add, "add", nil, "a `regular expression` that names may match as a whole; may be repeated")
	cmd.Flags().StringArrayVar(&remove, "remove", nil, "one of the `patterns` there are; may be repeated")
	return cmd
}
