package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/catalog"
)

func packageCollaboratorsCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "collaborators",
		Short: "List, add and remove who publishes a package besides its publisher",
		Example: fmt.Sprintf(`  %[1]s package collaborators list hello
  %[1]s package collaborators add hello bob@example.com`, o.t.program),
	}, collaboratorsListCommand(o), collaboratorsAddCommand(o), collaboratorsRemoveCommand(o))
}

func collaboratorsListCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "list NAME",
		Short:   "List who publishes a package",
		Example: fmt.Sprintf("  %[1]s package collaborators list hello", o.t.program),
		Args:    exactly(1, "the NAME of a package"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			in, name := packageNamed(args[0])
			team, err := h.catalog.Team(ctx, h.who, in, name)
			if err != nil {
				return err
			}
			return o.t.print(team, func(w io.Writer) { teamTable(w, team) })
		}),
	}
}

func teamTable(w io.Writer, team catalog.Team) {
	table(w, "Account\tUsername\tAddress\tSince", func(row func(string, ...any)) {
		row("%s\t%s\t%s\t%s", team.Publisher.ID, team.Publisher.Username, orDash(team.Publisher.Email), "publisher")
		for _, c := range team.Collaborators {
			row("%s\t%s\t%s\t%s", c.Account.ID, c.Account.Username, orDash(c.Account.Email), c.CreatedAt.Format("2006-01-02"))
		}
	})
}

func collaboratorsAddCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "add NAME EMAIL",
		Short: "Let an account publish a package, too",
		Long: `Lets the account with this address do what the publisher of the package may do,
but for giving up its name, hiding it and inviting others. It needs no invite.`,
		Example: fmt.Sprintf("  %[1]s package collaborators add hello bob@example.com", o.t.program),
		Args:    exactly(2, "the NAME of a package and the EMAIL of an account"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			in, name := packageNamed(args[0])
			if err := h.catalog.AddCollaborator(ctx, h.who, in, name, args[1]); err != nil {
				return err
			}
			return o.t.print(map[string]string{"name": args[0], "collaborator": args[1]}, func(w io.Writer) {
				fmt.Fprintf(w, "%s publishes %s, too\n", args[1], args[0])
			})
		}),
	}
}

func collaboratorsRemoveCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "remove NAME EMAIL",
		Short:   "End a collaboration",
		Example: fmt.Sprintf("  %[1]s package collaborators remove hello bob@example.com", o.t.program),
		Args:    exactly(2, "the NAME of a package and the EMAIL of an account"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			in, name := packageNamed(args[0])
			if err := h.catalog.RemoveCollaborator(ctx, h.who, in, name, args[1]); err != nil {
				return err
			}
			return o.t.print(map[string]string{"name": args[0], "removed": args[1]}, func(w io.Writer) {
				fmt.Fprintf(w, "%s publishes %s no more\n", args[1], args[0])
			})
		}),
	}
}
