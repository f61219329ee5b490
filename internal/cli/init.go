package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/upkeep"
)

// rootFlags are the flags that import an existing root.
type rootFlags struct {
	authority, account, accountKey, signingKey string
	trust                                      []string
}

func initCommand(o *options) *cobra.Command {
	var f rootFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a store",
		Long: `Makes a store in the data directory: database, blobs, its id and its own root of
trust. Doing it again changes nothing and adds what is asked for and missing.

Devices verify what a store signs itself only if they know its root. A store
that serves stock devices, from archives of the public store, signs nothing
that they verify; the public store's root is built in.

With --authority, a root that exists is imported: the root account, its
self-signed key, and a signing key, which is the root's own or one whose
account-key is in the files. Each file may hold several assertions. Keys are
ASCII-armoured OpenPGP, as gpg --armor --export-secret-keys writes, or PEM. The
passphrase of an OpenPGP key is asked for on a terminal.

With --trust and no --authority, the store has no root of its own: it trusts the
roots in the files and serves what they signed.`,
		Example: fmt.Sprintf(`  %[1]s init --data ./store
  %[1]s init --data ./store --trust partner-root.assert
  %[1]s init --data ./store --authority acme --root-account account.assert \
      --root-account-key key.assert --signing-key secret.asc`, o.t.program),
		Args: none(),
		RunE: func(cmd *cobra.Command, args []string) error {
			founding, err := o.founding(f)
			if err != nil {
				return err
			}
			h, err := o.build(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			made, err := h.upkeep.Found(cmd.Context(), h.who, founding)
			if err != nil {
				return err
			}
			// Serving makes the first administrator as well; whoever is first prints
			// its link.
			admin, err := h.identity.EnsureAdmin(cmd.Context(), h.who)
			if err != nil {
				return err
			}
			answer := struct {
				upkeep.Founded
				Admin *firstAdmin `json:"admin,omitempty"`
			}{made, h.firstAdmin(cmd.Context(), admin, "http://127.0.0.1:8444")}
			return o.t.print(answer, func(w io.Writer) {
				state := "There was a store here already"
				if made.New {
					state = "Made a store in " + o.data
				}
				fmt.Fprintf(w, "%s\nStore ID: %s\n", state, made.StoreID)
				if made.Authority != "" {
					fmt.Fprintf(w, "Authority: %s\n", made.Authority)
				}
				o.introduce(w, answer.Admin)
				fmt.Fprintf(w, "Serve it with: %s serve --data %s --listen 127.0.0.1:8444\n", o.t.program, o.data)
			})
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.authority, "authority", "", "account `id` of an existing root to sign as")
	fl.StringVar(&f.account, "root-account", "", "`file` with the root's account assertion")
	fl.StringVar(&f.accountKey, "root-account-key", "", "`file` with the root's account-key assertion, and others")
	fl.StringVar(&f.signingKey, "signing-key", "", "`file` with the private key to sign with")
	fl.StringArrayVar(&f.trust, "trust", nil, "`file` with a root to trust, or half of one; may be repeated")
	return cmd
}

func (o *options) founding(f rootFlags) (upkeep.Founding, error) {
	founding := upkeep.Founding{NoRoot: f.authority == "" && len(f.trust) > 0}
	var err error
	if founding.Trust, err = o.readDocuments(f.trust); err != nil {
		return founding, err
	}
	given := f.account != "" || f.accountKey != "" || f.signingKey != ""
	switch {
	case f.authority == "" && given:
		return founding, usagef("--root-account, --root-account-key and --signing-key go with --authority ID")
	case f.authority == "":
		return founding, nil
	case f.account == "" || f.accountKey == "" || f.signingKey == "":
		return founding, usagef("--authority needs --root-account FILE, --root-account-key FILE and --signing-key FILE")
	}
	files := authority.RootFiles{AccountID: f.authority, Passphrase: o.t.askPassphrase}
	for _, in := range []struct {
		name string
		into *[]byte
	}{{f.account, &files.Account}, {f.accountKey, &files.AccountKey}, {f.signingKey, &files.SigningKey}} {
		text, err := o.readFile(in.name)
		if err != nil {
			return founding, err
		}
		*in.into = text
	}
	founding.Root, err = authority.ReadRoot(files)
	return founding, err
}

func refs(rs []assertion.Ref) []string {
	out := make([]string, len(rs))
	for i, r := range rs {
		out[i] = r.String()
	}
	return out
}
