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

func storeMembersCommand(o *options) *cobra.Command {
	var roles []string
	cmd := &cobra.Command{
		Use:   "members ID [add EMAIL | remove EMAIL]",
		Short: "List, add and remove the members of a store",
		Long: `Lists who has roles in a store, or changes it. Members see a private store. A
member with the role access publishes into it, review decides about uploads that
wait there, view looks at everything, and admin changes the store's settings and
members over HTTP. Adding a member again gives it the roles you name and no
others.`,
		Example: fmt.Sprintf(`  %[1]s store members mybrand
  %[1]s store members mybrand add ann@example.com --role admin --role access
  %[1]s store members mybrand remove ann@example.com`, o.t.program),
		Args: between(1, 3, "the ID of the store, and add or remove with an address"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			wish, err := memberWish(args[1:], roles, o.t.program)
			if err != nil {
				return err
			}
			var members []store.StoreMember
			if wish == nil {
				s, err := h.catalog.BrandStore(ctx, h.who, args[0])
				if err != nil {
					return noSuchStore(err, args[0], o.t.program)
				}
				members = s.Members
			} else if members, err = h.catalog.SetMembers(ctx, h.who, args[0], []catalog.MemberWish{*wish}); err != nil {
				if store.CodeOf(err) == catalog.CodeNoSuchUser {
					err = store.NotFoundf(catalog.CodeNoSuchUser, "no account has the address %s", wish.Email).
						Try(o.t.program + " account list names them all")
				}
				return noSuchStore(err, args[0], o.t.program)
			}
			return o.t.print(map[string]any{"members": members}, func(w io.Writer) {
				table(w, "Account\tUsername\tAddress\tRoles", func(row func(string, ...any)) {
					for _, m := range members {
						row("%s\t%s\t%s\t%s", m.Account.ID, m.Account.Username, dash(m.Email), strings.Join(m.Roles, ","))
					}
				})
			})
		}),
	}
	cmd.Flags().StringArrayVar(&roles, "role", nil, "`role` to have: admin, review, view or access; may be repeated")
	return cmd
}

// memberWish is what the words after the store's id ask for; nil is nothing.
func memberWish(words, roles []string, program string) (*catalog.MemberWish, error) {
	switch {
	case len(words) == 0 && len(roles) == 0:
		return nil, nil
	case len(words) == 2 && words[0] == "add" && len(roles) > 0:
		return &catalog.MemberWish{Email: words[1], Roles: roles}, nil
	case len(words) == 2 && words[0] == "add":
		return nil, usagef("say which roles %s is to have with --role", words[1])
	case len(words) == 2 && words[0] == "remove" && len(roles) == 0:
		return &catalog.MemberWish{Email: words[1]}, nil
	}
	return nil, usagef("after the ID of the store comes add EMAIL --role ROLE, remove EMAIL, or nothing: see %s store members --help", program)
}

// noSuchStore says it in the words of whoever runs commands, who may do everything.
func noSuchStore(err error, id, program string) error {
	if store.CodeOf(err) != "store-not-found" {
		return err
	}
	return store.NotFoundf("store-not-found", "there is no store %s", id).Try(program + " store list names them all")
}
