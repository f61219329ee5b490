package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/snapstore"
)

func snapTracksCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:     "tracks",
		Short:   "List and create tracks, and choose the default one",
		Example: fmt.Sprintf("  %[1]s snap tracks list hello\n  %[1]s snap tracks create hello 2.0", o.t.program),
	}, snapTracksListCommand(o), snapTracksCreateCommand(o), snapTracksDefaultCommand(o))
}

func snapTracksListCommand(o *options) *cobra.Command {
	return o.onSnap(&cobra.Command{
		Use:     "list NAME",
		Short:   "List the tracks of a snap",
		Example: fmt.Sprintf("  %[1]s snap tracks list hello", o.t.program),
		Args:    exactly(1, "the NAME of a snap"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		value := struct {
			Name    string     `json:"name"`
			Default string     `json:"default-track"`
			Tracks  []ownTrack `json:"tracks"`
		}{Name: name, Default: "latest"}
		if r.byGateway() {
			m, err := r.Metadata(ctx, name)
			if err != nil {
				return err
			}
			if m.DefaultTrack != nil {
				value.Default = *m.DefaultTrack
			}
			value.Tracks = tracksOf(m.Tracks)
		} else {
			h, err := r.channels(ctx, name)
			if err != nil {
				return err
			}
			value.Default, value.Tracks = h.DefaultTrack, h.Tracks
		}
		return o.t.print(value, func(w io.Writer) {
			table(w, "Name\tStatus\tCreated\tVersion pattern\tPhasing", func(row func(string, ...any)) {
				for _, t := range value.Tracks {
					created, phasing := "-", "-"
					if t.CreatedAt != nil {
						created = t.CreatedAt.Format(time.DateOnly)
					}
					if t.Phasing != nil {
						phasing = fmt.Sprintf("%v%% a day", *t.Phasing)
					}
					row("%s\t%s\t%s\t%s\t%s", t.Name, cmp.Or(t.Status, "-"), created, cmp.Or(t.VersionPattern, "-"), phasing)
				}
			})
		})
	})
}

func snapTracksCreateCommand(o *options) *cobra.Command {
	var pattern string
	var phasing float64
	cmd := o.onSnap(&cobra.Command{
		Use:   "create NAME TRACK...",
		Short: "Create tracks, where the store's operator lets you",
		Long: `Creates tracks. The store's operator says which names are allowed, with
larder package track guardrail.`,
		Example: fmt.Sprintf("  %[1]s snap tracks create hello 2.0 --version-pattern '2\\..*'", o.t.program),
		Args:    atLeast(2, "NAME and at least one TRACK"),
	}, func(ctx context.Context, r *remote, name string, tracks []string) error {
		if err := r.needGateway(); err != nil {
			return err
		}
		requests := make([]snapstore.TrackRequest, len(tracks))
		for i, t := range tracks {
			requests[i].Name = t
			if pattern != "" {
				requests[i].VersionPattern = &pattern
			}
			if phasing != 0 {
				text := strconv.FormatFloat(phasing, 'f', -1, 64)
				requests[i].AutomaticPhasingPercentage = &text
			}
		}
		if _, err := r.CreateTracks(ctx, name, requests...); err != nil {
			return err
		}
		return o.t.print(map[string]any{"name": name, "created": tracks}, func(w io.Writer) {
			for _, t := range tracks {
				fmt.Fprintf(w, "%s has the track %s\n", name, t)
			}
		})
	})
	cmd.Flags().StringVar(&pattern, "version-pattern", "", "regular `expression` for the versions that may be released there")
	cmd.Flags().Float64Var(&phasing, "phasing", 0, "`percentage` of the devices that get a new release each day")
	return cmd
}

func snapTracksDefaultCommand(o *options) *cobra.Command {
	return o.onSnap(&cobra.Command{
		Use:     "default NAME TRACK",
		Short:   "Choose the track that devices install from when they name none",
		Example: fmt.Sprintf("  %[1]s snap tracks default hello 2.0", o.t.program),
		Args:    exactly(2, "NAME and TRACK"),
	}, func(ctx context.Context, r *remote, name string, args []string) error {
		track := args[0]
		if r.byGateway() {
			if _, err := r.UpdateMetadata(ctx, name, map[string]any{"default-track": track}); err != nil {
				return err
			}
		} else {
			id, err := r.snapID(ctx, name)
			if err != nil {
				return err
			}
			if err := r.Dashboard().SetDefaultTrack(ctx, id, track); err != nil {
				return err
			}
		}
		return o.t.print(map[string]string{"name": name, "default-track": track}, func(w io.Writer) {
			fmt.Fprintf(w, "%s is installed from the track %s\n", name, track)
		})
	})
}
