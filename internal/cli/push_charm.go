package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/transfer"
)

func pushCharmCommand(o *options) *cobra.Command {
	var opts transfer.CharmOptions
	var channels, resources []string
	cmd := &cobra.Command{
		Use:   "push-charm FILE...",
		Short: "Put charms and bundles into the store",
		Long: `Puts charms and bundles, as charmcraft packs them, into the store. Each gets the
next revision of its package; what the store has already keeps its own.

Everything named becomes visible at once or not at all. Pushing it again changes
nothing. What the host pushes is not reviewed.

A resource that is an OCI image is named as larder image copy takes its SOURCE: its
image is copied into the registry, and stays there if the push is refused after that.

--channel releases every charm, with the resources of this push, or else the
newest that the store has. A charm that needs a resource cannot be released
without one.`,
		Example: fmt.Sprintf(`  %[1]s push-charm ./pantry_ubuntu@24.04-amd64.charm --register --channel edge
  %[1]s push-charm pantry.charm --resource recipes=./recipes.tgz --channel latest/stable --channel 2.0/stable
  %[1]s push-charm redis-k8s.charm --resource redis-image=docker.io/library/redis:7
  %[1]s push-charm pantry.charm oven.charm kitchen.zip --resource oven/config=./oven.tar`, o.t.program),
		Args: atLeast(1, "at least one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var err error
			if opts.Channels, err = parseChannels(channels); err != nil {
				return err
			}
			if opts.Resources, err = parseResources(resources); err != nil {
				return err
			}
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			bars := o.t.newBars()
			p := transfer.CharmPusher{Catalog: h.catalog, Blobs: h.blobs, CopyImage: h.copyImage(bars.show), Progress: bars.show}
			out, err := p.Push(cmd.Context(), h.who, args, opts)
			bars.wait()
			if err != nil {
				return err
			}
			return o.printPushedCharms(out)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&opts.Register, "register", false, "register names that nobody has")
	f.StringArrayVar(&channels, "channel", nil, "release every charm to this `channel`; may be repeated")
	f.StringArrayVar(&resources, "resource", nil, "a resource of a charm, as `[CHARM/]NAME=FILE`; an image's as NAME=IMAGE; may be repeated")
	return cmd
}

// parseResources reads NAME=SOURCE and CHARM/NAME=SOURCE.
func parseResources(list []string) ([]transfer.CharmResource, error) {
	out := make([]transfer.CharmResource, len(list))
	for i, text := range list {
		name, source, ok := strings.Cut(text, "=")
		charm, resource, qualified := strings.Cut(name, "/")
		if !qualified {
			charm, resource = "", name
		}
		if !ok || resource == "" || source == "" || qualified && charm == "" {
			return nil, usagef("%q is no resource: name it as NAME=FILE, or CHARM/NAME=FILE", text)
		}
		out[i] = transfer.CharmResource{Charm: charm, Name: resource, Source: source}
	}
	return out, nil
}

func (o *options) printPushedCharms(out catalog.CharmOutcome) error {
	return o.t.print(out, func(w io.Writer) {
		names := map[string]string{} // by package id
		for _, p := range out.Pushed {
			names[p.PackageID] = p.Name
			what := "revision"
			if p.Resource != "" {
				what = "resource " + p.Resource + " revision"
			}
			if p.Registered {
				fmt.Fprintf(w, "[charm %s] Registered with id %s\n", p.Name, p.PackageID)
			}
			if p.New {
				fmt.Fprintf(w, "[charm %s] Uploaded %s %d\n", p.Name, what, p.Revision)
			} else {
				fmt.Fprintf(w, "[charm %s] Already has %s %d\n", p.Name, what, p.Revision)
			}
			if p.Healed {
				fmt.Fprintf(w, "[charm %s] Restored the blob of %s %d\n", p.Name, what, p.Revision)
			}
		}
		for _, r := range out.Released {
			fmt.Fprintf(w, "[charm %s] Released revision %d to %s (%s)%s\n",
				names[r.PackageID], r.Revision, r.Channel, baseText(r.Platform), pinsText(r.Resources))
		}
		if !out.Changed() {
			fmt.Fprintln(w, "nothing changed")
		}
	})
}

// baseText is a base as juju's users write it.
func baseText(p store.Platform) string {
	base := p.BaseName + "@" + p.BaseChannel
	if p.BaseName == store.AnyArchitecture {
		base = "every base"
	}
	if p.Architecture == store.AnyArchitecture {
		return base
	}
	return base + " " + p.Architecture
}

func basesText(platforms []store.Platform) string {
	list := make([]string, len(platforms))
	for i, p := range platforms {
		list[i] = baseText(p)
	}
	return strings.Join(list, ", ")
}

func pinsText(pins []store.ResourcePin) string {
	if len(pins) == 0 {
		return ""
	}
	list := make([]string, len(pins))
	for i, p := range pins {
		list[i] = fmt.Sprintf("%s %d", p.Name, p.Revision)
	}
	return " with " + strings.Join(list, ", ")
}
