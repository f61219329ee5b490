package cli

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/store"
)

func snapKeysCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "keys",
		Short: "Make keys that sign what you publish, and register them",
		Long: `Keys sign validation sets and builds. They stay on this machine, in files that only
you can read; a store learns the public half.`,
		Example: fmt.Sprintf("  %[1]s snap keys create\n  %[1]s snap keys register\n  %[1]s snap keys list", o.t.program),
	}, snapKeysListCommand(o), snapKeysCreateCommand(o), snapKeysRegisterCommand(o))
}

const (
	defaultKey = "default"
	keyBits    = 4096
	maxKeyFile = 64 << 10 // bytes
)

// keyName is what the names of keys are made of; it is also a file's name.
var keyName = regexp.MustCompile(`^[a-zA-Z0-9](?:-?[a-zA-Z0-9])*$`)

// keyFile is where the key of this name is, or shall be.
func keyFile(name string) (string, error) {
	if !keyName.MatchString(name) || len(name) > 64 {
		return "", store.Invalidf("bad-key-name", "%q is no name for a key", name).Try("use letters, digits and single hyphens")
	}
	return publisherFile("keys", name+".pem")
}

// openKey reads a signing key of this machine.
func (t *terminal) openKey(name string) (assertion.Signer, error) {
	file, err := keyFile(name)
	if err != nil {
		return nil, err
	}
	text, err := readFile(file, maxKeyFile)
	if err != nil {
		if store.KindOf(err) == store.KindNotFound {
			err = store.NotFoundf("no-such-key", "there is no key %q on this machine", name).
				Try("make one with " + t.program + " snap keys create " + name)
		}
		return nil, err
	}
	keys, err := assertion.ParsePrivateKeys(text, t.askPassphrase)
	if err != nil {
		return nil, store.Invalidf("bad-key", "cannot read the key %q", name).Because(err).Try("look at " + file)
	}
	return assertion.NewSigner(keys[0])
}

func snapKeysCreateCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "create [NAME]",
		Short: "Make a signing key on this machine",
		Long: `Makes an RSA key of 4096 bits in a file that only you can read. Keep a copy: nobody
else has it. It is called "default" unless you name it.`,
		Example: fmt.Sprintf("  %[1]s snap keys create\n  %[1]s snap keys create release-team", o.t.program),
		Args:    atMost(1, "at most the NAME of the key"),
		RunE: func(_ *cobra.Command, args []string) error {
			name := cmp.Or(strings.Join(args, ""), defaultKey)
			file, err := keyFile(name)
			if err != nil {
				return err
			}
			if _, err := os.Lstat(file); err == nil {
				return store.Conflictf("key-exists", "there is a key %q already", name).Try("choose another name")
			} else if !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			key, err := assertion.GenerateKey(keyBits)
			if err != nil {
				return fmt.Errorf("cannot make a key: %w", err)
			}
			encoded, err := x509.MarshalPKCS8PrivateKey(key)
			if err != nil {
				return fmt.Errorf("cannot make a key: %w", err)
			}
			signer, err := assertion.NewSigner(key)
			if err != nil {
				return err
			}
			if err := writePrivate(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded})); err != nil {
				return err
			}
			value := map[string]string{"name": name, "id": signer.PublicKey().ID(), "file": file}
			return o.t.print(value, func(w io.Writer) {
				fmt.Fprintf(w, "Key %s: %s\nIt is in %s; keep a copy\n", name, signer.PublicKey().ID(), file)
			})
		},
	}
}

// ownKey is a key as commands print it.
type ownKey struct {
	Name       string     `json:"name"`
	ID         string     `json:"id"`
	File       string     `json:"file,omitempty"` // where it is on this machine
	Registered bool       `json:"registered"`
	Since      *time.Time `json:"since,omitempty"`
	Until      *time.Time `json:"until,omitempty"`
}

func snapKeysListCommand(o *options) *cobra.Command {
	return o.at(&cobra.Command{
		Use:     "list",
		Short:   "List the keys on this machine and those that the store knows",
		Example: fmt.Sprintf("  %[1]s snap keys list", o.t.program),
		Args:    none(),
	}, func(ctx context.Context, r *remote, _ []string) error {
		if err := r.needDashboard(); err != nil {
			return err
		}
		account, err := r.Dashboard().Account(ctx)
		if err != nil {
			return err
		}
		keys, err := o.t.localKeys()
		if err != nil {
			return err
		}
		for _, k := range account.Keys {
			i := slices.IndexFunc(keys, func(own ownKey) bool { return own.ID == k.PublicKeySHA3_384 })
			if i < 0 {
				keys = append(keys, ownKey{Name: k.Name, ID: k.PublicKeySHA3_384})
				i = len(keys) - 1
			}
			keys[i].Registered, keys[i].Since, keys[i].Until = true, timeOf(k.Since), timeOf(k.Until)
		}
		return o.t.print(map[string]any{"keys": keys}, func(w io.Writer) {
			table(w, "Name\tHere\tRegistered\tID", func(row func(string, ...any)) {
				for _, k := range keys {
					row("%s\t%s\t%s\t%s", k.Name, yes(k.File != ""), yes(k.Registered), k.ID)
				}
			})
		})
	})
}

func timeOf(t *snapstore.Time) *time.Time {
	if t == nil || t.IsZero() {
		return nil
	}
	at := t.UTC()
	return &at
}

// localKeys are the keys on this machine, by name. One that cannot be read
// without a passphrase is left out.
func (t *terminal) localKeys() ([]ownKey, error) {
	pattern, err := publisherFile("keys", "*.pem")
	if err != nil {
		return nil, err
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, err
	}
	var keys []ownKey
	for _, file := range files {
		text, err := readFile(file, maxKeyFile)
		if err != nil {
			return nil, err
		}
		found, err := assertion.ParsePrivateKeys(text, nil)
		if err != nil {
			continue
		}
		signer, err := assertion.NewSigner(found[0])
		if err != nil {
			continue
		}
		keys = append(keys, ownKey{Name: strings.TrimSuffix(filepath.Base(file), ".pem"), ID: signer.PublicKey().ID(), File: file})
	}
	return keys, nil
}

func snapKeysRegisterCommand(o *options) *cobra.Command {
	f := &loginFlags{}
	cmd := o.at(&cobra.Command{
		Use:   "register [NAME]",
		Short: "Tell the store about a signing key",
		Long: `Tells the store that a key of this machine signs for you. Whoever can do that can
speak in your name, so an ordinary login does not allow it: unless yours was made
with --permissions modify_account_key, you log in again, for this alone.`,
		Example: fmt.Sprintf("  %[1]s snap keys register\n  pass store | %[1]s snap keys register release-team --email alice@example.com --password-stdin", o.t.program),
		Args:    atMost(1, "at most the NAME of the key"),
	}, func(ctx context.Context, r *remote, args []string) error {
		if err := r.needDashboard(); err != nil {
			return err
		}
		name := cmp.Or(strings.Join(args, ""), defaultKey)
		signer, err := o.t.openKey(name)
		if err != nil {
			return err
		}
		if err := r.allowKeys(ctx, f); err != nil {
			return err
		}
		account, err := r.Dashboard().Account(ctx)
		if err != nil {
			return err
		}
		request, err := assertion.Sign(map[string]any{
			"type": "account-key-request", "account-id": account.ID, "name": name,
			"public-key-sha3-384": signer.PublicKey().ID(), "since": time.Now().UTC().Format(time.RFC3339),
		}, signer.PublicKey().Encode(), signer)
		if err != nil {
			return err
		}
		if _, err := r.Dashboard().RegisterKey(ctx, request.Encoded()); err != nil {
			return err
		}
		value := map[string]string{"name": name, "id": signer.PublicKey().ID(), "account-id": account.ID}
		return o.t.print(value, func(w io.Writer) {
			fmt.Fprintf(w, "Registered the key %s: %s\n", name, signer.PublicKey().ID())
		})
	})
	f.who(cmd)
	return cmd
}

// allowKeys makes the remote one that may register keys: with its own login, or
// one that is made for that and kept nowhere.
func (r *remote) allowKeys(ctx context.Context, f *loginFlags) error {
	if f.email == "" {
		me, err := r.Whoami(ctx)
		if err != nil {
			return err
		}
		if len(me.Permissions) == 0 || slices.Contains(me.Permissions, auth.DashboardAccountKey) ||
			slices.Contains(me.Permissions, auth.AccountManageKeys) {
			return nil
		}
		f.email = me.Account.Email
		if _, person := r.o.t.onTerminal(); person && !f.stdin && f.email != "" {
			fmt.Fprintf(r.o.t.err, "Log in as %s to register a key\n", f.email)
		}
	}
	f.permissions, f.ttl = []string{auth.DashboardAccountKey}, time.Hour
	if r.byGateway() {
		f.permissions = []string{auth.AccountManageKeys}
	}
	credentials, err := f.obtain(ctx, r)
	if err != nil {
		return err
	}
	r.Client = &snapstore.Client{Endpoints: r.endpoint, Authorizer: credentials, HTTP: r.transport()}
	return nil
}
