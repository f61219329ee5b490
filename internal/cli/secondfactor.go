package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

func accountEnableTOTPCommand(o *options) *cobra.Command {
	var confirm bool
	cmd := &cobra.Command{
		Use:   "enable-2fa ACCOUNT",
		Short: "Give an account a second factor",
		Long: `Prints a secret for an authenticator, and codes that stand in for it, once each. On
a terminal it then asks for a code of the authenticator, and only with a right one
does the account have its second factor. Elsewhere it prints a ticket: write the
ticket and a code, a line each, to the same command with --confirm.`,
		Example: fmt.Sprintf(`  %[1]s account enable-2fa alice
  printf '%%s\n' "$TICKET" "$CODE" | %[1]s account enable-2fa alice --confirm`, o.t.program),
		Args: exactly(1, "the ACCOUNT"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			id, err := h.identity.AccountID(ctx, h.who, args[0])
			if err != nil {
				return err
			}
			if confirm {
				lines, err := o.t.secretLines("the ticket", "the code")
				if err != nil {
					return err
				}
				return o.confirmTOTP(ctx, h, id, lines[0], lines[1])
			}
			e, err := h.identity.EnableTOTP(ctx, h.who, id)
			if err != nil {
				return err
			}
			fd, person := o.t.onTerminal()
			person = person && !o.t.json
			if err := o.printEnrolment(e, !person); err != nil || !person {
				return err
			}
			code, err := o.t.askSecret(fd, "Code of the authenticator: ")
			if err != nil {
				return err
			}
			return o.confirmTOTP(ctx, h, id, e.Ticket, code)
		}),
	}
	cmd.Flags().BoolVar(&confirm, "confirm", false, "read the ticket and a code from standard input")
	return cmd
}

// printEnrolment shows a second factor, the only time that it is shown.
func (o *options) printEnrolment(e identity.Enrolment, ticket bool) error {
	value := struct {
		Secret   string   `json:"secret"`
		URL      string   `json:"url"`
		Recovery []string `json:"recovery-codes"`
		Ticket   string   `json:"ticket"`
	}{Secret: e.Secret.Reveal(), URL: e.URL.Reveal(), Ticket: e.Ticket.Reveal()}
	for _, code := range e.Recovery {
		value.Recovery = append(value.Recovery, code.Reveal())
	}
	return o.t.print(value, func(w io.Writer) {
		fmt.Fprintf(w, "Secret for the authenticator: %s\n%s\nRecovery codes, each good for one login:\n", value.Secret, value.URL)
		for _, code := range value.Recovery {
			fmt.Fprintf(w, "  %s\n", code)
		}
		if ticket {
			fmt.Fprintf(w, "Ticket: %s\n", value.Ticket)
		}
	})
}

func (o *options) confirmTOTP(ctx context.Context, h *house, id string, ticket, code identity.Secret) error {
	u, err := h.identity.ConfirmTOTP(ctx, h.who, id, ticket, code)
	if err != nil {
		return err
	}
	return o.t.print(accountOf(u), func(w io.Writer) {
		fmt.Fprintf(w, "Account %s now logs in with a second factor\n", u.Account.Username)
	})
}

func accountDisableTOTPCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "disable-2fa ACCOUNT",
		Short:   "Take an account's second factor",
		Example: fmt.Sprintf("  %[1]s account disable-2fa alice", o.t.program),
		Args:    exactly(1, "the ACCOUNT"),
		RunE: o.changing("Account %s logs in without a second factor", func(ctx context.Context, h *house, id string, _ []string) (store.User, error) {
			return h.identity.DisableTOTP(ctx, h.who, id)
		}),
	}
}
