package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

func packageCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:     "package",
		Short:   "List, show and change packages",
		Long:    "Lists, shows and changes packages. NAME is the name of a snap; charm/NAME is a charm or a bundle.",
		Example: fmt.Sprintf("  %[1]s package list\n  %[1]s package show hello", o.t.program),
	}, packageListCommand(o), packageShowCommand(o), packageSetCommand(o), packageTrackCommand(o),
		packageCollaboratorsCommand(o))
}

func packageListCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List snaps, charms and bundles",
		Example: fmt.Sprintf("  %[1]s package list", o.t.program),
		Args:    none(),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			var pkgs []store.Package
			for _, in := range []store.Namespace{store.Snap, store.Charm} {
				err := h.catalog.EachPackage(ctx, h.who, in, func(p store.Package) error {
					pkgs = append(pkgs, p)
					return nil
				})
				if err != nil {
					return err
				}
			}
			return o.t.print(map[string]any{"packages": pkgs}, func(w io.Writer) {
				table(w, "Name\tID\tStore\tPublisher\tNotes", func(row func(string, ...any)) {
					for _, p := range pkgs {
						row("%s\t%s\t%s\t%s\t%s", argumentOf(p.Namespace, p.Name), p.ID, p.StoreID, p.Publisher.Username, notes(p))
					}
				})
			})
		}),
	}
}

func notes(p store.Package) string {
	var n []string
	if p.Private {
		n = append(n, "private")
	}
	if p.Unlisted {
		n = append(n, "unlisted")
	}
	if len(n) == 0 {
		return "-"
	}
	return strings.Join(n, ",")
}

func packageShowCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "show NAME",
		Short:   "Show a package, its revisions and its channels",
		Example: fmt.Sprintf("  %[1]s package show hello", o.t.program),
		Args:    exactly(1, "the NAME of a package"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			in, name := packageNamed(args[0])
			d, err := h.catalog.Describe(ctx, h.who, in, name)
			if err != nil {
				return err
			}
			return o.t.print(d, func(w io.Writer) {
				p := d.Package
				fmt.Fprintf(w, "name: %s\nid: %s\nstore: %s\npublisher: %s\nprivate: %t\nunlisted: %t\n",
					p.Name, p.ID, p.StoreID, p.Publisher.Username, p.Private, p.Unlisted)
				if p.DefaultTrack != "" {
					fmt.Fprintf(w, "default-track: %s\n", p.DefaultTrack)
				}
				fmt.Fprintln(w, "channels:")
				for _, c := range d.Channels {
					on := c.Architecture
					if c.Base != "" {
						on = c.Base + " " + on
					}
					fmt.Fprintf(w, "  %s %s: %d (%s)%s%s\n", c.Channel, on, c.Revision, c.Version, pinsText(c.Resources), c.Note())
				}
				fmt.Fprintln(w, "revisions:")
				for _, r := range d.Revisions {
					on := archs(r.Platforms)
					if p.Namespace == store.Charm {
						on = "for " + basesText(r.Platforms)
					}
					fmt.Fprintf(w, "  %d: %s %s, %d bytes, %s\n", r.Number, r.Version, on, r.Size, r.Status)
				}
			})
		}),
	}
}

func archs(ps []store.Platform) string {
	names := make([]string, len(ps))
	for i, p := range ps {
		names[i] = p.Architecture
	}
	return strings.Join(names, "+")
}

func packageSetCommand(o *options) *cobra.Command {
	var c catalog.PackageChange
	var title, summary, description, defaultTrack, storeID string
	var private, unlisted bool
	cmd := &cobra.Command{
		Use:   "set NAME",
		Short: "Change a package's listing, store and access",
		Example: fmt.Sprintf(`  %[1]s package set hello --title Hello --category utilities --featured
  %[1]s package set mytool --store mybrand --private
  %[1]s package set hello --default-track 2.0`, o.t.program),
		Args: exactly(1, "the NAME of a package"),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := func(name string) bool { return cmd.Flags().Changed(name) }
			for _, f := range []struct {
				name  string
				value *string
				into  **string
			}{
				{"title", &title, &c.Title}, {"summary", &summary, &c.Summary}, {"description", &description, &c.Description},
				{"default-track", &defaultTrack, &c.DefaultTrack}, {"store", &storeID, &c.StoreID},
			} {
				if given(f.name) {
					*f.into = f.value
				}
			}
			if given("private") {
				c.Private = &private
			}
			if given("unlisted") {
				c.Unlisted = &unlisted
			}
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			in, name := packageNamed(args[0])
			p, err := h.catalog.ChangePackage(cmd.Context(), h.who, in, name, c)
			if err != nil {
				return err
			}
			return o.t.print(p, func(w io.Writer) { fmt.Fprintf(w, "%s is changed\n", p.Name) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&title, "title", "", "title in listings; empty: the snap's own")
	f.StringVar(&summary, "summary", "", "one line in listings; empty: the snap's own")
	f.StringVar(&description, "description", "", "long text; empty: the snap's own")
	f.StringVar(&defaultTrack, "default-track", "", "track of installs that name none; empty: latest")
	f.StringVar(&storeID, "store", "", "id of the `store` it is at home in")
	f.BoolVar(&private, "private", false, "show it only to those who belong to its store")
	f.BoolVar(&unlisted, "unlisted", false, "leave it out of find and names")
	f.StringArrayVar(&c.Categories, "category", nil, "put it on this shelf; may be repeated, replaces the shelves it is on")
	f.BoolVar(&c.Featured, "featured", false, "feature it on its shelves")
	return cmd
}

func releaseCommand(o *options) *cobra.Command {
	var p catalog.Pointing
	var cancel bool
	var resources []string
	cmd := &cobra.Command{
		Use:   "release NAME REVISION CHANNEL...",
		Short: "Point channels at a revision",
		Long: `Points channels at a revision. NAME is the name of a snap; charm/NAME is a charm or a
bundle. A charm goes with the revisions of its resources that --resource names, and
cannot go without those that it needs.`,
		Example: fmt.Sprintf(`  %[1]s release hello 12 stable candidate
  %[1]s release hello 13 stable --progressive 20
  %[1]s release hello 13 stable --cancel
  %[1]s release hello 14 edge/fix-42 --arch arm64
  %[1]s release charm/pantry 3 stable --resource recipes:2`, o.t.program),
		Args: atLeast(3, "a NAME, a revision and at least one channel"),
		RunE: func(cmd *cobra.Command, args []string) error {
			revision, err := strconv.Atoi(args[1])
			if err != nil || revision < 1 {
				return usagef("%q is not a revision", args[1])
			}
			pins, err := parsePins(resources)
			if err != nil {
				return err
			}
			for _, pin := range pins {
				p.Resources = append(p.Resources, store.ResourcePin(pin))
			}
			if p.Percentage == 100 {
				p.Percentage, p.AtOnce = 0, true
			}
			to := make([]catalog.Move, len(args)-2)
			for i, name := range args[2:] {
				to[i] = catalog.Move{Pointing: p, Revision: revision, Cancel: cancel}
				if to[i].Channel, err = store.ParseChannel(name); err != nil {
					return err
				}
			}
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			in, name := packageNamed(args[0])
			moved, err := h.catalog.Move(cmd.Context(), h.who, in, store.Ref{Name: name}, to)
			if err != nil {
				return err
			}
			return o.printReleases(args[0], moved.Made)
		},
	}
	cmd.Flags().StringVar(&p.Architecture, "arch", "", "only on this `architecture`; default: all of the revision's")
	cmd.Flags().StringArrayVar(&resources, "resource", nil, "the revision of a resource, as `NAME:REVISION`; 0: none of a charm's, a snap's newest; may be repeated")
	cmd.Flags().Float64Var(&p.Percentage, "progressive", 0, "`percentage` of the devices that have the snap from the channel; 100: all of them, at once")
	cmd.Flags().BoolVar(&p.Paused, "paused", false, "reach no further device than those that have the progressive release")
	cmd.Flags().BoolVar(&cancel, "cancel", false, "take the progressive release back: everyone gets what was there before")
	return cmd
}

func closeCommand(o *options) *cobra.Command {
	var arch string
	cmd := &cobra.Command{
		Use:     "close NAME CHANNEL...",
		Short:   "Close channels, so that devices fall back to a safer one",
		Long:    "Closes channels. NAME is the name of a snap; charm/NAME is a charm or a bundle.",
		Example: fmt.Sprintf("  %[1]s close hello edge beta\n  %[1]s close charm/pantry edge", o.t.program),
		Args:    atLeast(2, "a NAME and at least one channel"),
		RunE: func(cmd *cobra.Command, args []string) error {
			channels, err := parseChannels(args[1:])
			if err != nil {
				return err
			}
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			in, name := packageNamed(args[0])
			made, err := h.catalog.Close(cmd.Context(), h.who, in, name, channels, arch)
			if err != nil {
				return err
			}
			return o.printReleases(args[0], made)
		},
	}
	cmd.Flags().StringVar(&arch, "arch", "", "only on this `architecture`")
	return cmd
}

func (o *options) printReleases(name string, made []store.Release) error {
	return o.t.print(map[string]any{"releases": made}, func(w io.Writer) {
		for _, r := range made {
			on := r.Platform.Architecture
			if r.Platform.BaseName != "" {
				on = baseText(r.Platform)
			}
			switch {
			case r.Revision == 0:
				fmt.Fprintf(w, "%s %s %s closed\n", name, r.Channel.Name(), on)
			case r.Percentage != 0:
				fmt.Fprintf(w, "%s %s %s %d (%g%%)%s\n", name, r.Channel.Name(), on, r.Revision, r.Percentage, pinsText(r.Resources))
			default:
				fmt.Fprintf(w, "%s %s %s %d%s\n", name, r.Channel.Name(), on, r.Revision, pinsText(r.Resources))
			}
		}
		if len(made) == 0 {
			fmt.Fprintf(w, "%s: nothing changed\n", name)
		}
	})
}
