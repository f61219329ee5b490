package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/snapstore"
)

func snapRegisterCommand(o *options) *cobra.Command {
	var private, dryRun bool
	var in, comment string
	cmd := o.at(&cobra.Command{
		Use:     "register NAME",
		Short:   "Register a name, to publish under it",
		Example: fmt.Sprintf("  %[1]s snap register hello\n  %[1]s snap register hello --dry-run", o.t.program),
		Args:    exactly(1, "the NAME to register"),
	}, func(ctx context.Context, r *remote, args []string) error {
		name := args[0]
		if r.byGateway() {
			if dryRun || in != "" || comment != "" {
				return usagef("--dry-run, --in-store and --comment need a login to the dashboard: --flavour u1")
			}
			id, err := r.RegisterName(ctx, snapstore.NameRequest{Name: name, Type: "snap", Private: private})
			if err != nil {
				return err
			}
			return o.printRegistered(name, id, private, false)
		}
		done, err := r.Dashboard().RegisterName(ctx, snapstore.DashboardName{
			Name: name, Private: private, Store: in, Comment: comment, DryRun: dryRun,
		})
		if err != nil {
			return err
		}
		return o.printRegistered(name, done.SnapID, private, dryRun)
	})
	f := cmd.Flags()
	f.BoolVar(&private, "private", false, "only its publishers see the snap")
	f.BoolVar(&dryRun, "dry-run", false, "only ask whether the name can be registered")
	f.StringVar(&in, "in-store", "", "`id` of the brand store to register in; default: the global one")
	f.StringVar(&comment, "comment", "", "`text` for whoever decides about the name")
	return cmd
}

func (o *options) printRegistered(name, id string, private, dryRun bool) error {
	value := struct {
		Name    string `json:"name"`
		ID      string `json:"snap-id,omitempty"`
		Private bool   `json:"private"`
		DryRun  bool   `json:"dry-run"`
	}{name, id, private, dryRun}
	return o.t.print(value, func(w io.Writer) {
		if dryRun {
			fmt.Fprintf(w, "%s can be registered\n", name)
			return
		}
		fmt.Fprintf(w, "Registered %s with id %s\n", name, id)
	})
}

// ownName is a registered name as commands print it.
type ownName struct {
	Name      string     `json:"name"`
	ID        string     `json:"snap-id"`
	Status    string     `json:"status"`
	Private   bool       `json:"private"`
	Store     string     `json:"store"`
	Publisher string     `json:"publisher"`
	Since     *time.Time `json:"since,omitempty"` // gateways do not tell
}

// names are the account's snaps, sorted, and if wanted those it collaborates on.
func (r *remote) names(ctx context.Context, collaborations bool) ([]ownName, error) {
	var all []ownName
	if r.byGateway() {
		found, err := r.ListNames(ctx, collaborations)
		if err != nil {
			return nil, err
		}
		for _, n := range found {
			all = append(all, ownName{
				Name: n.Name, ID: n.ID, Status: n.Status, Private: n.Private, Store: n.Store,
				Publisher: cmp.Or(n.Publisher.Username, n.Publisher.ID),
			})
		}
	} else {
		account, err := r.Dashboard().Account(ctx)
		if err != nil {
			return nil, err
		}
		for name, s := range account.Snaps["16"] {
			if !collaborations && s.Publisher.ID != "" && s.Publisher.ID != account.ID {
				continue
			}
			since := s.Since.UTC()
			all = append(all, ownName{
				Name: name, ID: s.SnapID, Status: s.Status, Private: s.Private, Store: s.Store,
				Publisher: cmp.Or(s.Publisher.Username, s.Publisher.ID, account.Username), Since: &since,
			})
		}
	}
	slices.SortFunc(all, func(a, b ownName) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

func snapNamesCommand(o *options) *cobra.Command {
	var collaborations bool
	cmd := o.at(&cobra.Command{
		Use:     "names",
		Short:   "List your snaps",
		Example: fmt.Sprintf("  %[1]s snap names\n  %[1]s snap names --collaborations", o.t.program),
		Args:    none(),
	}, func(ctx context.Context, r *remote, _ []string) error {
		names, err := r.names(ctx, collaborations)
		if err != nil {
			return err
		}
		return o.t.print(map[string]any{"snaps": names}, func(w io.Writer) {
			table(w, "Name\tSince\tVisibility\tStatus\tPublisher\tID", func(row func(string, ...any)) {
				for _, n := range names {
					since, visibility := "-", "public"
					if n.Since != nil {
						since = n.Since.Format(time.DateOnly)
					}
					if n.Private {
						visibility = "private"
					}
					row("%s\t%s\t%s\t%s\t%s\t%s", n.Name, since, visibility, n.Status, n.Publisher, n.ID)
				}
			})
		})
	})
	cmd.Flags().BoolVar(&collaborations, "collaborations", false, "also those of others that you collaborate on")
	return cmd
}
