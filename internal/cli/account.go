package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

func accountCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "account",
		Short: "Make, change and list accounts that can log in",
		Long: `An account publishes, reviews or administers. ACCOUNT is an e-mail address, a
username or an account id.

The roles: a viewer looks at everything, a publisher publishes its own packages, a
reviewer also decides about uploads that are held, an admin may do everything.`,
		Example: fmt.Sprintf("  %[1]s account create alice@example.com --username alice --role publisher\n  %[1]s account list", o.t.program),
	}, accountCreateCommand(o), accountListCommand(o), accountShowCommand(o), accountDisableCommand(o),
		accountEnableCommand(o), accountSetPasswordCommand(o), accountSetRoleCommand(o), accountEnableTOTPCommand(o),
		accountDisableTOTPCommand(o), accountResetCommand(o), accountAddKeyCommand(o), accountRemoveKeyCommand(o))
}

// account is how commands print an account.
type account struct {
	ID           string          `json:"id"`
	Username     string          `json:"username"`
	DisplayName  string          `json:"display-name"`
	Validation   string          `json:"validation"`
	Email        string          `json:"email"`
	Role         store.Role      `json:"role"`
	State        store.UserState `json:"state"`
	SecondFactor bool            `json:"second-factor"`
	CreatedAt    time.Time       `json:"created-at"`
}

func accountOf(u store.User) account {
	return account{
		ID: u.Account.ID, Username: u.Account.Username, DisplayName: u.Account.DisplayName, Validation: u.Account.Validation,
		Email: u.Email, Role: u.Role, State: u.State, SecondFactor: u.SecondFactor(), CreatedAt: u.CreatedAt,
	}
}

// withLink is an account whose owner goes on with a one-time link.
type withLink struct {
	account
	Link string `json:"link,omitempty"`
}

func accountCreateCommand(o *options) *cobra.Command {
	var n identity.NewUser
	var role string
	var stdin, link bool
	cmd := &cobra.Command{
		Use:   "create EMAIL",
		Short: "Make an account",
		Long: `Makes an account and, where the store has a root of its own, signs who it is. The
password is asked for, or read from standard input; with --link its owner chooses
it. With --id, an account that the store knows already can log in from now on.`,
		Example: fmt.Sprintf(`  %[1]s account create alice@example.com --username alice --role publisher
  pass alice | %[1]s account create alice@example.com --username alice --role publisher --password-stdin
  %[1]s account create bob@example.com --username bob --link`, o.t.program),
		Args: exactly(1, "the EMAIL of the account"),
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			n.Email, n.Role = args[0], store.Role(role)
			switch {
			case n.Username == "" && n.AccountID == "":
				return usagef("--username NAME is needed, or --id of an account that the store knows")
			case link && stdin:
				return usagef("--link and --password-stdin exclude each other")
			}
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			if !link {
				if n.Password, err = o.t.newPassword(stdin); err != nil {
					return err
				}
			}
			u, err := h.identity.Create(cmd.Context(), h.who, n)
			if err != nil {
				return err
			}
			made := withLink{account: accountOf(u)}
			if link {
				if made.Link, err = h.resetLink(cmd.Context(), u.Account.ID); err != nil {
					return err
				}
			}
			return o.t.print(made, func(w io.Writer) {
				fmt.Fprintf(w, "Account %s is ready: %s, %s, id %s\n", made.Username, made.Email, made.Role, made.ID)
				printLink(w, made.Link)
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&n.Username, "username", "", "`name` in URLs and on packages")
	f.StringVar(&n.DisplayName, "display-name", "", "`name` for people; default: the username")
	f.StringVar(&role, "role", string(store.RolePublisher), "viewer, publisher, reviewer or admin")
	f.StringVar(&n.AccountID, "id", "", "`id` of an account that the store knows, or for the new one")
	f.BoolVar(&stdin, "password-stdin", false, "read the password from standard input")
	f.BoolVar(&link, "link", false, "print a one-time link with which its owner chooses the password")
	return cmd
}

// resetLink makes a one-time link for an account.
func (h *house) resetLink(ctx context.Context, accountID string) (string, error) {
	link, err := h.identity.Reset(ctx, h.who, accountID)
	if err != nil {
		return "", err
	}
	base, err := h.upkeep.URL(ctx)
	return identity.SetupURL(base, link).Reveal(), err
}

func printLink(w io.Writer, link string) {
	switch {
	case link == "":
	case strings.HasPrefix(link, "/"): // the store does not know its address
		fmt.Fprintf(w, "One-time link for its password, good for 48 hours, after the store's address: %s\n", link)
		fmt.Fprintln(w, "Whole links come once the setting proxy.domain says where the store is")
	default:
		fmt.Fprintf(w, "One-time link for its password, good for 48 hours: %s\n", link)
	}
}

func accountListCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List accounts that can log in",
		Example: fmt.Sprintf("  %[1]s account list", o.t.program),
		Args:    none(),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			var accounts []account
			for after := ""; ; {
				const page = 1000
				users, err := h.identity.List(ctx, h.who, after, page)
				if err != nil {
					return err
				}
				for _, u := range users {
					accounts = append(accounts, accountOf(u))
					after = u.Email
				}
				if len(users) < page {
					break
				}
			}
			return o.t.print(map[string]any{"accounts": accounts}, func(w io.Writer) {
				table(w, "Username\tEmail\tRole\tState\tSecond factor\tID", func(row func(string, ...any)) {
					for _, a := range accounts {
						row("%s\t%s\t%s\t%s\t%s\t%s", a.Username, a.Email, a.Role, a.State, yes(a.SecondFactor), a.ID)
					}
				})
			})
		}),
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

func accountShowCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "show ACCOUNT",
		Short:   "Show an account with its keys and stores",
		Example: fmt.Sprintf("  %[1]s account show alice", o.t.program),
		Args:    exactly(1, "the ACCOUNT"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			s, err := h.identity.Show(ctx, h.who, args[0])
			if err != nil {
				return err
			}
			type membership struct {
				Store string   `json:"store-id"`
				Roles []string `json:"roles"`
			}
			shown := struct {
				account
				Keys   []store.UserKey `json:"keys"`
				Stores []membership    `json:"stores"`
			}{account: accountOf(s.User), Keys: s.Keys}
			for _, m := range s.Stores {
				shown.Stores = append(shown.Stores, membership{m.StoreID, m.Roles})
			}
			return o.t.print(shown, func(w io.Writer) {
				fmt.Fprintf(w, "id: %s\nusername: %s\ndisplay-name: %s\nemail: %s\nrole: %s\nstate: %s\nsecond-factor: %s\n",
					shown.ID, shown.Username, shown.DisplayName, shown.Email, shown.Role, shown.State, yes(shown.SecondFactor))
				for _, k := range shown.Keys {
					fmt.Fprintf(w, "key: %s %s\n", k.Kind, k.Key)
				}
				for _, m := range shown.Stores {
					fmt.Fprintf(w, "store: %s (%s)\n", m.Store, strings.Join(m.Roles, ", "))
				}
			})
		}),
	}
}

// changing is the RunE of a command that changes the account its first argument
// names.
func (o *options) changing(says string, change func(ctx context.Context, h *house, id string, args []string) (store.User, error)) func(*cobra.Command, []string) error {
	return o.inStore(func(ctx context.Context, h *house, args []string) error {
		id, err := h.identity.AccountID(ctx, h.who, args[0])
		if err != nil {
			return err
		}
		u, err := change(ctx, h, id, args[1:])
		if err != nil {
			return err
		}
		return o.t.print(accountOf(u), func(w io.Writer) { fmt.Fprintf(w, says+"\n", u.Account.Username) })
	})
}

func accountDisableCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "disable ACCOUNT",
		Short:   "Lock an account out and end its sessions",
		Example: fmt.Sprintf("  %[1]s account disable alice", o.t.program),
		Args:    exactly(1, "the ACCOUNT"),
		RunE: o.changing("Account %s is disabled", func(ctx context.Context, h *house, id string, _ []string) (store.User, error) {
			return h.identity.Disable(ctx, h.who, id)
		}),
	}
}

func accountEnableCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "enable ACCOUNT",
		Short:   "Let a disabled account log in again",
		Example: fmt.Sprintf("  %[1]s account enable alice", o.t.program),
		Args:    exactly(1, "the ACCOUNT"),
		RunE: o.changing("Account %s can log in again", func(ctx context.Context, h *house, id string, _ []string) (store.User, error) {
			return h.identity.Enable(ctx, h.who, id)
		}),
	}
}

func accountSetPasswordCommand(o *options) *cobra.Command {
	var stdin bool
	cmd := &cobra.Command{
		Use:   "set-password ACCOUNT",
		Short: "Give an account another password and end its sessions",
		Example: fmt.Sprintf(`  %[1]s account set-password alice
  pass alice | %[1]s account set-password alice --password-stdin`, o.t.program),
		Args: exactly(1, "the ACCOUNT"),
		RunE: o.changing("The password of %s is set; older sessions have ended",
			func(ctx context.Context, h *house, id string, _ []string) (store.User, error) {
				password, err := o.t.newPassword(stdin)
				if err != nil {
					return store.User{}, err
				}
				return h.identity.SetPassword(ctx, h.who, id, password)
			}),
	}
	cmd.Flags().BoolVar(&stdin, "password-stdin", false, "read the password from standard input")
	return cmd
}

func accountSetRoleCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "set-role ACCOUNT ROLE",
		Short:   "Give an account another role",
		Example: fmt.Sprintf("  %[1]s account set-role alice reviewer", o.t.program),
		Args:    exactly(2, "the ACCOUNT and its ROLE"),
		RunE: o.changing("The role of %s is changed", func(ctx context.Context, h *house, id string, args []string) (store.User, error) {
			return h.identity.SetRole(ctx, h.who, id, store.Role(args[0]))
		}),
	}
}

func accountResetCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "reset ACCOUNT",
		Short: "Make an account choose a new password",
		Long: `Ends the sessions of an account, lets it not log in, and prints a one-time link with
which its owner chooses a new password. Earlier links count no more.`,
		Example: fmt.Sprintf("  %[1]s account reset alice", o.t.program),
		Args:    exactly(1, "the ACCOUNT"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			id, err := h.identity.AccountID(ctx, h.who, args[0])
			if err != nil {
				return err
			}
			link, err := h.resetLink(ctx, id)
			if err != nil {
				return err
			}
			u, err := h.identity.User(ctx, id)
			if err != nil {
				return err
			}
			return o.t.print(withLink{accountOf(u), link}, func(w io.Writer) {
				fmt.Fprintf(w, "Account %s must choose a new password\n", u.Account.Username)
				printLink(w, link)
			})
		}),
	}
}

// keyFlags name a key of an account.
type keyFlags struct{ kind, name string }

func (k *keyFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&k.kind, "kind", store.UserKeySSH, "ssh (a line of authorized_keys), agent (a bakery public key) or oidc (issuer and subject)")
}

func accountAddKeyCommand(o *options) *cobra.Command {
	var f keyFlags
	cmd := &cobra.Command{
		Use:   "add-key ACCOUNT KEY",
		Short: "Give an account a key: SSH, agent, or OpenID subject",
		Example: fmt.Sprintf(`  %[1]s account add-key alice "$(cat ~/.ssh/id_ed25519.pub)" --name laptop
  %[1]s account add-key alice 'bkGcBVkYQAdzTnKOC9dz8dGaGV6s7gLGmzeQIXH2JyA=' --kind agent`, o.t.program),
		Args: exactly(2, "the ACCOUNT and the public KEY"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			id, err := h.identity.AccountID(ctx, h.who, args[0])
			if err != nil {
				return err
			}
			k, err := h.identity.AddKey(ctx, h.who, store.UserKey{AccountID: id, Kind: f.kind, Key: args[1], Name: f.name})
			if err != nil {
				return err
			}
			return o.t.print(k, func(w io.Writer) { fmt.Fprintf(w, "Added %s key %s\n", k.Kind, k.Key) })
		}),
	}
	f.register(cmd)
	cmd.Flags().StringVar(&f.name, "name", "", "`name` of the key, for people")
	return cmd
}

func accountRemoveKeyCommand(o *options) *cobra.Command {
	var f keyFlags
	cmd := &cobra.Command{
		Use:     "remove-key ACCOUNT KEY",
		Short:   "Take a key from an account",
		Example: fmt.Sprintf("  %[1]s account remove-key alice 'bkGcBVkYQAdzTnKOC9dz8dGaGV6s7gLGmzeQIXH2JyA=' --kind agent", o.t.program),
		Args:    exactly(2, "the ACCOUNT and the KEY"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			id, err := h.identity.AccountID(ctx, h.who, args[0])
			if err != nil {
				return err
			}
			k := store.UserKey{AccountID: id, Kind: f.kind, Key: args[1]}
			if err := h.identity.RemoveKey(ctx, h.who, k); err != nil {
				return err
			}
			return o.t.print(map[string]any{"account-id": id, "kind": k.Kind, "key": k.Key}, func(w io.Writer) {
				fmt.Fprintf(w, "Removed %s key %s\n", k.Kind, k.Key)
			})
		}),
	}
	f.register(cmd)
	return cmd
}
