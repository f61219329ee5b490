package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

func overrideCommand(o *options) *cobra.Command {
	var reason string
	var expires string
	cmd := &cobra.Command{
		Use:   "override NAME CHANNEL=REVISION...",
		Short: "Serve a revision in a channel, whatever the channel map says",
		Long: `Makes channels of a package serve the revisions you name, on every architecture a
revision was built for, until the override is deleted or expires. The revisions
must be in this store. All channels are overridden, or none. NAME is the name of a
snap; charm/NAME is a charm or a bundle.`,
		Example: fmt.Sprintf(`  %[1]s override hello stable=12
  %[1]s override hello 2.0/candidate=15 --reason "14 eats files" --expires 2027-01-31
  %[1]s override charm/pantry stable=3`, o.t.program),
		Args: atLeast(2, "a NAME and at least one CHANNEL=REVISION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			until, err := parseTime(expires)
			if err != nil {
				return err
			}
			pairs, err := parsePairs(args[1:])
			if err != nil {
				return err
			}
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			in, name := packageNamed(args[0])
			lines, err := h.catalog.Override(cmd.Context(), h.who, in, name, pairs, reason, until)
			if err != nil {
				return err
			}
			return o.t.print(map[string]any{"overrides": lines}, func(w io.Writer) {
				for _, l := range lines {
					fmt.Fprintf(w, "%s %s %s %d\n", argumentOf(l.Namespace, l.Name), l.Channel.Name(), l.Architecture, l.Revision)
				}
			})
		},
	}
	cmd.Flags().StringVar(&reason, "reason", "", "why; list-overrides --format json and the change log show it")
	cmd.Flags().StringVar(&expires, "expires", "", "when it ends, a `date` such as 2027-01-31 or 2027-01-31T12:00:00Z")
	return cmd
}

func listOverridesCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "list-overrides [NAME]",
		Short: "List overrides beside what they replace",
		Example: fmt.Sprintf(`  %[1]s list-overrides
  %[1]s list-overrides hello --format json`, o.t.program),
		Args: atMost(1, "one package at most"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			in, name := store.Snap, ""
			if len(args) == 1 {
				in, name = packageNamed(args[0])
			}
			lines, err := h.catalog.Overrides(ctx, h.who, in, name)
			if err != nil {
				return err
			}
			return o.t.print(map[string]any{"overrides": lines}, func(w io.Writer) {
				for _, l := range lines {
					fmt.Fprintf(w, "%s %s %s %d (upstream %s)\n", argumentOf(l.Namespace, l.Name), l.Channel.Name(), l.Architecture, l.Revision, orNone(l.Upstream))
				}
			})
		}),
	}
}

func deleteOverrideCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "delete-override NAME [CHANNEL]",
		Short: "Delete overrides, on all architectures",
		Long:  "Deletes the overrides of one channel, or of every channel when none is named.",
		Example: fmt.Sprintf(`  %[1]s delete-override hello stable
  %[1]s delete-override hello`, o.t.program),
		Args: between(1, 2, "a NAME and at most one channel"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var ch *store.Channel
			if len(args) == 2 {
				c, err := store.ParseChannel(args[1])
				if err != nil {
					return err
				}
				ch = &c
			}
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			in, name := packageNamed(args[0])
			lines, err := h.catalog.DeleteOverride(cmd.Context(), h.who, in, name, ch)
			if err != nil {
				return err
			}
			return o.t.print(map[string]any{"overrides": lines}, func(w io.Writer) {
				for _, l := range lines {
					fmt.Fprintf(w, "%s %s %s is tracking upstream (revision %s)\n", argumentOf(l.Namespace, l.Name), l.Channel.Name(), l.Architecture, orNone(l.Upstream))
				}
			})
		},
	}
}

// parsePairs reads CHANNEL=REVISION.
func parsePairs(args []string) ([]catalog.OverrideTo, error) {
	var pairs []catalog.OverrideTo
	for _, a := range args {
		name, number, ok := strings.Cut(a, "=")
		n, err := strconv.Atoi(number)
		if !ok || err != nil || n < 1 {
			return nil, usagef("%q is not CHANNEL=REVISION, such as stable=12", a)
		}
		c, err := store.ParseChannel(name)
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, catalog.OverrideTo{Channel: c, Revision: n})
	}
	return pairs, nil
}

func parseChannels(names []string) ([]store.Channel, error) {
	var channels []store.Channel
	for _, name := range names {
		c, err := store.ParseChannel(name)
		if err != nil {
			return nil, err
		}
		channels = append(channels, c)
	}
	return channels, nil
}

// parseTime reads a day or a moment; the empty text is never.
func parseTime(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("%q is no date: write 2027-01-31 or 2027-01-31T12:00:00Z", s)
}

func orNone(revision int) string {
	if revision == 0 {
		return "none"
	}
	return strconv.Itoa(revision)
}
