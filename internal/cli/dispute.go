package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/catalog"
)

func disputeCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:     "dispute",
		Short:   "Decide who has a name that two want",
		Example: fmt.Sprintf("  %[1]s dispute list\n  %[1]s dispute decide ID --grant", o.t.program),
	}, disputeListCommand(o), disputeDecideCommand(o))
}

func disputeListCommand(o *options) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List disputes about names, the oldest first",
		Example: fmt.Sprintf("  %[1]s dispute list --all", o.t.program),
		Args:    none(),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			list, err := h.catalog.Disputes(ctx, h.who, all)
			if err != nil {
				return err
			}
			return o.t.print(map[string]any{"disputes": list}, func(w io.Writer) {
				table(w, "ID\tName\tAccount\tFiled\tDecision\tComment", func(row func(string, ...any)) {
					for _, d := range list {
						row("%s\t%s\t%s\t%s\t%s\t%.60q", d.ID, d.Name, d.AccountID, d.CreatedAt.Format(time.DateOnly), cmp.Or(d.Decision, "-"), d.Comment)
					}
				})
			})
		}),
	}
	cmd.Flags().BoolVar(&all, "all", false, "also those that were decided")
	return cmd
}

func disputeDecideCommand(o *options) *cobra.Command {
	var grant, refuse bool
	cmd := &cobra.Command{
		Use:   "decide ID --grant|--refuse",
		Short: "End a dispute",
		Long: `Granting gives the name to the account that disputed it, with all that was
published under it: devices that have the snap get what its new publisher
releases.`,
		Example: fmt.Sprintf("  %[1]s dispute decide ID --refuse", o.t.program),
		Args:    exactly(1, "the ID of a dispute"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			if grant == refuse {
				return usagef("say --grant or --refuse")
			}
			decision := catalog.DisputeRefused
			if grant {
				decision = catalog.DisputeGranted
			}
			d, err := h.catalog.DecideDispute(ctx, h.who, args[0], decision)
			if err != nil {
				return err
			}
			return o.t.print(d, func(w io.Writer) { fmt.Fprintf(w, "the dispute about %s is %s\n", d.Name, d.Decision) })
		}),
	}
	cmd.Flags().BoolVar(&grant, "grant", false, "give the name to whoever disputed it")
	cmd.Flags().BoolVar(&refuse, "refuse", false, "leave the name where it is")
	return cmd
}
