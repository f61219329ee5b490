package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/store"
)

func storeCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "store",
		Short: "Make, change and list stores: views of the catalog for a brand's devices",
		Long: `A store is a view of the catalog with an id of its own. A device asks the store
that its model names, or the global one (ubuntu). A store shows the packages at
home in it, those of the stores it includes, single packages you add, and the
essential snaps (snapd and the bases) of the global store.`,
		Example: fmt.Sprintf("  %[1]s store list\n  %[1]s store create mybrand --brand mybrandaccount --private", o.t.program),
	}, storeCreateCommand(o), storeSetCommand(o), storeRemoveCommand(o), storeListCommand(o), storeShowCommand(o),
		storeMembersCommand(o))
}

func storeCreateCommand(o *options) *cobra.Command {
	var v store.View
	var packages []string
	cmd := &cobra.Command{
		Use:   "create ID",
		Short: "Make a store",
		Long:  "Makes a store. Doing it again with the same flags changes nothing; a store that differs is changed with set.",
		Example: fmt.Sprintf(`  %[1]s store create mybrand --brand mybrandaccount --private
  %[1]s store create kiosks --include ubuntu --package mytool`, o.t.program),
		Args: exactly(1, "the ID of the store"),
		RunE: func(cmd *cobra.Command, args []string) error {
			v.ID = args[0]
			if v.Name == "" {
				v.Name = v.ID
			}
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			made, isNew, err := h.catalog.MakeView(cmd.Context(), h.who, v, packages)
			if err != nil {
				return err
			}
			return o.t.print(made, func(w io.Writer) {
				if isNew {
					fmt.Fprintf(w, "Store %s is ready\n", made.ID)
				} else {
					fmt.Fprintf(w, "Store %s is there already\n", made.ID)
				}
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&v.Name, "name", "", "name for people; default: the id")
	f.StringVar(&v.Brand, "brand", "", "`account` id of its brand")
	f.BoolVar(&v.Private, "private", false, "only devices whose model names this store may look")
	f.StringArrayVar(&v.Includes, "include", nil, "also show the packages of this `store`; may be repeated")
	f.StringArrayVar(&packages, "package", nil, "also show this `package`; may be repeated")
	return cmd
}

func storeSetCommand(o *options) *cobra.Command {
	var c catalog.ViewChange
	var name, brand string
	var private bool
	cmd := &cobra.Command{
		Use:   "set ID",
		Short: "Change a store",
		Long:  "Changes what the flags name, and leaves everything else about the store as it is.",
		Example: fmt.Sprintf(`  %[1]s store set mybrand --name "My brand" --include ubuntu
  %[1]s store set kiosks --package mytool --remove-package oldtool
  %[1]s store set mybrand --private=false`, o.t.program),
		Args: exactly(1, "the ID of the store"),
		RunE: func(cmd *cobra.Command, args []string) error {
			given := cmd.Flags().Changed
			if given("name") {
				c.Name = &name
			}
			if given("brand") {
				c.Brand = &brand
			}
			if given("private") {
				c.Private = &private
			}
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			v, err := h.catalog.ChangeView(cmd.Context(), h.who, args[0], c)
			if err != nil {
				return err
			}
			return o.t.print(v, func(w io.Writer) { printStore(w, v) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "name for people")
	f.StringVar(&brand, "brand", "", "`account` id of its brand; empty: none")
	f.BoolVar(&private, "private", false, "only devices whose model names this store may look; --private=false opens it")
	f.StringArrayVar(&c.Includes, "include", nil, "also show the packages of this `store`; may be repeated")
	f.StringArrayVar(&c.NotIncludes, "remove-include", nil, "no longer show the packages of this `store`; may be repeated")
	f.StringArrayVar(&c.Packages, "package", nil, "also show this `package`; may be repeated")
	f.StringArrayVar(&c.NotPackages, "remove-package", nil, "no longer show this single `package`; may be repeated")
	return cmd
}

func storeRemoveCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "remove ID",
		Short: "Remove a store that holds nothing",
		Long: `Removes a store. It is refused for the global store, and while packages are at
home in the store or another store includes it. Devices whose model names it see
the essential snaps only.`,
		Example: fmt.Sprintf("  %[1]s store remove kiosks", o.t.program),
		Args:    exactly(1, "the ID of the store"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			if err := h.catalog.RemoveView(ctx, h.who, args[0]); err != nil {
				return err
			}
			return o.t.print(map[string]any{"removed": args[0]}, func(w io.Writer) {
				fmt.Fprintf(w, "Store %s is removed\n", args[0])
			})
		}),
	}
}

func storeListCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List stores",
		Example: fmt.Sprintf("  %[1]s store list", o.t.program),
		Args:    none(),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			views, err := h.catalog.Views(ctx, h.who)
			if err != nil {
				return err
			}
			return o.t.print(map[string]any{"stores": views}, func(w io.Writer) {
				table(w, "ID\tName\tBrand\tAccess\tIncludes", func(row func(string, ...any)) {
					for _, v := range views {
						row("%s\t%s\t%s\t%s\t%s", v.ID, v.Name, dash(v.Brand), access(v), dash(strings.Join(v.Includes, ",")))
					}
				})
			})
		}),
	}
}

func storeShowCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "show ID",
		Short:   "Show a store",
		Example: fmt.Sprintf("  %[1]s store show ubuntu", o.t.program),
		Args:    exactly(1, "the ID of the store"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			views, err := h.catalog.Views(ctx, h.who)
			if err != nil {
				return err
			}
			for _, v := range views {
				if v.ID != args[0] {
					continue
				}
				return o.t.print(v, func(w io.Writer) { printStore(w, v) })
			}
			return store.NotFoundf("store-not-found", "there is no store %s", args[0]).Try(o.t.program + " store list names them all")
		}),
	}
}

func printStore(w io.Writer, v store.View) {
	fmt.Fprintf(w, "id: %s\nname: %s\nbrand: %s\naccess: %s\nincludes: %s\npackages: %s\n", v.ID, v.Name,
		dash(v.Brand), access(v), dash(strings.Join(v.Includes, ", ")), dash(strings.Join(v.Packages, ", ")))
}

func access(v store.View) string {
	if v.Private {
		return "private"
	}
	return "public"
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
