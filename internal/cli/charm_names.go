package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/store"
)

func charmRegisterCommand(o *options) *cobra.Command {
	var bundle, private bool
	cmd := o.atCharms(&cobra.Command{
		Use:     "register NAME",
		Short:   "Register the name of a charm, to publish under it",
		Example: fmt.Sprintf("  %[1]s charm register pantry\n  %[1]s charm register kitchen --bundle", o.t.program),
		Args:    exactly(1, "the NAME to register"),
	}, func(ctx context.Context, r *remote, args []string) error {
		request := snapstore.NameRequest{Name: args[0], Type: store.TypeCharm, Private: private}
		if bundle {
			request.Type = store.TypeBundle
		}
		id, err := r.charms.RegisterName(ctx, request)
		if err != nil {
			return err
		}
		value := map[string]any{"name": request.Name, "type": request.Type, "id": id, "private": private}
		return o.t.print(value, func(w io.Writer) { fmt.Fprintf(w, "Registered %s with id %s\n", request.Name, id) })
	})
	cmd.Flags().BoolVar(&bundle, "bundle", false, "it is the name of a bundle")
	cmd.Flags().BoolVar(&private, "private", false, "only its publishers see it")
	return cmd
}

func charmUnregisterCommand(o *options) *cobra.Command {
	return o.onCharm(&cobra.Command{
		Use:     "unregister NAME",
		Short:   "Give up a name that nothing was uploaded to",
		Example: fmt.Sprintf("  %[1]s charm unregister pantry", o.t.program),
		Args:    exactly(1, "the NAME of a charm"),
	}, func(ctx context.Context, r *remote, name string, _ []string) error {
		id, err := r.charms.UnregisterName(ctx, name)
		if err != nil {
			return err
		}
		return o.t.print(map[string]string{"name": name, "id": id}, func(w io.Writer) { fmt.Fprintf(w, "Unregistered %s\n", name) })
	})
}

// ownCharm is a registered name with the keys of charmcraft.
type ownCharm struct {
	Name       string `json:"name"`
	Type       string `json:"type"`
	Visibility string `json:"visibility"`
	Status     string `json:"status"`
	Publisher  string `json:"publisher,omitempty"`
}

func charmNamesCommand(o *options) *cobra.Command {
	var collaborations bool
	cmd := o.atCharms(&cobra.Command{
		Use:     "names",
		Short:   "List your charms and bundles",
		Example: fmt.Sprintf("  %[1]s charm names\n  %[1]s charm names --include-collaborations", o.t.program),
		Args:    none(),
	}, func(ctx context.Context, r *remote, _ []string) error {
		found, err := r.charms.ListNames(ctx, collaborations)
		if err != nil {
			return err
		}
		names := []ownCharm{}
		for _, n := range found {
			own := ownCharm{Name: n.Name, Type: n.Type, Visibility: "public", Status: n.Status}
			if n.Private {
				own.Visibility = "private"
			}
			if collaborations {
				own.Publisher = cmp.Or(n.Publisher.DisplayName, n.Publisher.Username, n.Publisher.ID)
			}
			names = append(names, own)
		}
		slices.SortFunc(names, func(a, b ownCharm) int { return cmp.Compare(a.Name, b.Name) })
		return o.t.print(names, func(w io.Writer) {
			header, publisher := "Name\tType\tVisibility\tStatus", ""
			if collaborations {
				header += "\tPublisher"
			}
			table(w, header, func(row func(string, ...any)) {
				for _, n := range names {
					if collaborations {
						publisher = "\t" + n.Publisher
					}
					row("%s\t%s\t%s\t%s%s", n.Name, n.Type, n.Visibility, n.Status, publisher)
				}
			})
		})
	})
	cmd.Flags().BoolVar(&collaborations, "include-collaborations", false, "also those of others that you collaborate on")
	return cmd
}
