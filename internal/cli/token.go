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

func tokenCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke tokens, and rotate the keys they are made with",
		Long: `A token stands for an account, and allows no more than it says: permissions,
packages, channels, stores, and until when. Clients send it as
"Authorization: Macaroon TOKEN", or with basic authentication in the password's
place.`,
		Example: fmt.Sprintf("  %[1]s token create alice --permission package-manage --ttl 720h\n  %[1]s token list", o.t.program),
	}, tokenCreateCommand(o), tokenListCommand(o), tokenRevokeCommand(o), tokenRotateKeysCommand(o), tokenCreateAdminCommand(o))
}

// askFlags say what a token shall allow.
type askFlags struct {
	ask      identity.Asked
	packages []string
	ttl      time.Duration
}

func (f *askFlags) register(cmd *cobra.Command, ttl time.Duration) {
	fl := cmd.Flags()
	fl.StringArrayVar(&f.ask.Permissions, "permission", nil, "allow this `permission`, such as package-manage or package_push; may be repeated")
	fl.StringArrayVar(&f.packages, "package", nil, "only for this `package`, as NAME, snap/NAME, charm/NAME or bundle/NAME; may be repeated")
	fl.StringArrayVar(&f.ask.Channels, "channel", nil, "only for channels like this `pattern`; may be repeated")
	fl.StringArrayVar(&f.ask.Stores, "store", nil, "only for packages of the `store` with this id; may be repeated")
	fl.DurationVar(&f.ttl, "ttl", ttl, "how long it is good for, a `time` from 10s to 8760h")
	fl.StringVar(&f.ask.Description, "description", "", "`text` for whoever lists tokens")
}

func (f *askFlags) asked() (identity.Asked, error) {
	seconds := int64(f.ttl / time.Second)
	if seconds < identity.MinTTL || seconds > identity.MaxTTL {
		return f.ask, usagef("--ttl is from 10s to 8760h")
	}
	f.ask.TTL = &seconds
	for _, p := range f.packages {
		limit := store.PackageLimit{Name: p}
		if typ, name, ok := strings.Cut(p, "/"); ok {
			switch typ {
			case string(store.Snap):
				limit = store.PackageLimit{Namespace: store.Snap, Name: name}
			case store.TypeCharm, store.TypeBundle:
				limit = store.PackageLimit{Namespace: store.Charm, Type: typ, Name: name}
			default:
				return f.ask, usagef("--package takes NAME, snap/NAME, charm/NAME or bundle/NAME, not %s", p)
			}
		}
		f.ask.Packages = append(f.ask.Packages, limit)
	}
	return f.ask, nil
}

// token is how commands print a new token: the only time that it is shown.
type token struct {
	Token     string    `json:"token"`
	SessionID string    `json:"session-id"`
	AccountID string    `json:"account-id"`
	Until     time.Time `json:"valid-until"`
}

func (o *options) printToken(i identity.Issued) error {
	t := token{i.Token.Reveal(), i.Session.ID, i.Session.AccountID, i.Session.ValidUntil}
	return o.t.print(t, func(w io.Writer) { fmt.Fprintln(w, t.Token) })
}

func tokenCreateCommand(o *options) *cobra.Command {
	var f askFlags
	cmd := &cobra.Command{
		Use:   "create ACCOUNT",
		Short: "Make a token for automation, and print it",
		Long:  "Makes a token of an account and prints it, once. The store itself keeps no copy.",
		Example: fmt.Sprintf(`  %[1]s token create alice --permission package_push --permission package_release --package hello --channel edge
  %[1]s token create adam --permission operator-accounts --ttl 1h --description "rotation job"`, o.t.program),
		Args: exactly(1, "the ACCOUNT it stands for"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			ask, err := f.asked()
			if err != nil {
				return err
			}
			if len(ask.Permissions) == 0 {
				return usagef("--permission PERMISSION is needed, once at least")
			}
			id, err := h.identity.AccountID(ctx, h.who, args[0])
			if err != nil {
				return err
			}
			issued, err := h.identity.IssueAPIToken(ctx, h.who, id, ask)
			if err != nil {
				return err
			}
			return o.printToken(issued)
		}),
	}
	f.register(cmd, 30*24*time.Hour)
	return cmd
}

func tokenCreateAdminCommand(o *options) *cobra.Command {
	var f askFlags
	var once bool
	cmd := &cobra.Command{
		Use:   "create-admin ACCOUNT",
		Short: "Make a macaroon that snapcraft exchanges on premises, and print it",
		Long: `Makes what snapcraft takes as SNAPCRAFT_ADMIN_MACAROON where SNAPCRAFT_STORE_AUTH is
onprem: it is exchanged for a token of the account, and does nothing else.`,
		Example: fmt.Sprintf("  %[1]s token create-admin alice --once --ttl 24h > alice.macaroon", o.t.program),
		Args:    exactly(1, "the ACCOUNT it stands for"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			ask, err := f.asked()
			if err != nil {
				return err
			}
			id, err := h.identity.AccountID(ctx, h.who, args[0])
			if err != nil {
				return err
			}
			issued, err := h.identity.IssueAdminMacaroon(ctx, h.who, id, ask, once)
			if err != nil {
				return err
			}
			return o.printToken(issued)
		}),
	}
	f.register(cmd, 365*24*time.Hour)
	cmd.Flags().BoolVar(&once, "once", false, "it can be exchanged once")
	return cmd
}

func tokenListCommand(o *options) *cobra.Command {
	var f store.SessionFilter
	var account string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List tokens",
		Example: fmt.Sprintf("  %[1]s token list\n  %[1]s token list --account alice --all", o.t.program),
		Args:    none(),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) (err error) {
			if account != "" {
				if f.AccountID, err = h.identity.AccountID(ctx, h.who, account); err != nil {
					return err
				}
			}
			var sessions []store.Session
			for f.Limit = 1000; ; {
				page, err := h.identity.Sessions(ctx, h.who, f)
				if err != nil {
					return err
				}
				sessions = append(sessions, page...)
				if len(page) < f.Limit {
					break
				}
				f.After = page[len(page)-1].ID
			}
			return o.t.print(map[string]any{"sessions": sessions}, func(w io.Writer) {
				table(w, "Session\tKind\tAccount\tUntil\tLast used\tDescription", func(row func(string, ...any)) {
					for _, s := range sessions {
						until := moment(s.ValidUntil)
						if !s.RevokedAt.IsZero() {
							until = "revoked"
						}
						row("%s\t%s\t%s\t%s\t%s\t%s", s.ID, s.Kind, s.AccountID, until, moment(s.LastUsed), dash(s.Description))
					}
				})
			})
		}),
	}
	cmd.Flags().StringVar(&account, "account", "", "only of this `account`")
	cmd.Flags().BoolVar(&f.Inactive, "all", false, "revoked and expired ones, too")
	return cmd
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.RFC3339)
}

func tokenRevokeCommand(o *options) *cobra.Command {
	var account string
	cmd := &cobra.Command{
		Use:     "revoke [SESSION...]",
		Short:   "End tokens at once",
		Example: fmt.Sprintf("  %[1]s token revoke 4e5c7b8a-0c0b-4f3e-9c1e-0a4de2f9a001\n  %[1]s token revoke --account alice", o.t.program),
		Args:    atLeast(0, "the SESSIONs"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			if (account == "") == (len(args) == 0) {
				return usagef("name SESSIONs, or --account for all of an account's")
			}
			revoked := 0
			for _, id := range args {
				if _, err := h.identity.Revoke(ctx, h.who, id); err != nil {
					return err
				}
				revoked++
			}
			if account != "" {
				id, err := h.identity.AccountID(ctx, h.who, account)
				if err != nil {
					return err
				}
				if revoked, err = h.identity.RevokeAll(ctx, h.who, id); err != nil {
					return err
				}
			}
			return o.t.print(map[string]any{"revoked": revoked}, func(w io.Writer) { fmt.Fprintf(w, "Revoked %d tokens\n", revoked) })
		}),
	}
	cmd.Flags().StringVar(&account, "account", "", "all tokens of this `account`, and whatever it has logged in with")
	return cmd
}

func tokenRotateKeysCommand(o *options) *cobra.Command {
	var keep time.Duration
	cmd := &cobra.Command{
		Use:   "rotate-keys [PURPOSE...]",
		Short: "Make tokens with new keys from now on",
		Long: `Makes new keys, for those purposes that you name, or for all but image-pull, whose
passwords stand in documents of every charm. What was made with the old ones holds on
for the time of --keep; with 0s it ends at once, and people log in again. The purposes:
` + strings.Join(identity.KeyPurposes(), ", ") + ".",
		Example: fmt.Sprintf("  %[1]s token rotate-keys\n  %[1]s token rotate-keys exchanged --keep 0s", o.t.program),
		Args:    atLeast(0, "the PURPOSEs"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			if keep < 0 {
				return usagef("--keep is not negative")
			}
			made, err := h.identity.RotateKeys(ctx, h.who, time.Now().Add(keep), args...)
			if err != nil {
				return err
			}
			type key struct {
				ID      string `json:"id"`
				Purpose string `json:"purpose"`
			}
			keys := make([]key, len(made))
			for n, k := range made {
				keys[n] = key{k.ID, k.Purpose}
			}
			return o.t.print(map[string]any{"keys": keys}, func(w io.Writer) {
				for _, k := range keys {
					fmt.Fprintf(w, "New key %s for %s\n", k.ID, k.Purpose)
				}
			})
		}),
	}
	cmd.Flags().DurationVar(&keep, "keep", 366*24*time.Hour, "how long the old keys still verify, a `time`")
	return cmd
}
