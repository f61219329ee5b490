package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/store"
)

// maxDocuments bounds a file of assertions or keys, bytes.
const maxDocuments = 32 << 20

// readFile reads a small file that a flag or argument names; "-" is standard
// input.
func (o *options) readFile(name string) ([]byte, error) {
	r := o.t.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, store.NotFoundf("file-not-found", "cannot open %s", name).Because(err)
		}
		defer f.Close()
		r = f
	}
	text, err := io.ReadAll(io.LimitReader(r, maxDocuments+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", name, err)
	}
	if len(text) > maxDocuments {
		return nil, store.TooLargef("file-too-large", "%s is larger than %d MiB", name, maxDocuments>>20)
	}
	return text, nil
}

// readDocuments reads files of assertions that belong together.
func (o *options) readDocuments(names []string) ([]authority.Documents, error) {
	files := make([]authority.Documents, len(names))
	for i, name := range names {
		text, err := o.readFile(name)
		if err != nil {
			return nil, err
		}
		files[i] = authority.Documents{Origin: filepath.Base(name), Text: text}
	}
	return files, nil
}

func trustCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "trust",
		Short: "List, add and remove trust anchors",
		Long: `A trust anchor is a root account with its self-signed key. Nothing enters the
store that does not chain to one. The public store's anchor is built in.`,
		Example: fmt.Sprintf("  %[1]s trust list\n  %[1]s trust add partner-root.assert", o.t.program),
	}, trustAddCommand(o), trustListCommand(o), trustRemoveCommand(o))
}

func trustAddCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "add FILE...",
		Short: "Trust the roots in files of account and account-key assertions",
		Long: `Trusts every root that the files of a call hold together: its account and its
account-key may be in one file or in two. All are trusted, or none.`,
		Example: fmt.Sprintf("  %[1]s trust add partner-root.assert\n  %[1]s trust add account.assert account-key.assert", o.t.program),
		Args:    atLeast(1, "at least one FILE"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			files, err := o.readDocuments(args)
			if err != nil {
				return err
			}
			anchors, err := h.upkeep.AddTrust(ctx, h.who, files)
			if err != nil {
				return err
			}
			return o.t.print(map[string]any{"anchors": anchors}, func(w io.Writer) {
				for _, a := range anchors {
					fmt.Fprintf(w, "Trusting %s (%s), key %s\n", a.AccountID, a.DisplayName, a.KeyID)
				}
			})
		}),
	}
}

func trustListCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List trust anchors",
		Example: fmt.Sprintf("  %[1]s trust list", o.t.program),
		Args:    none(),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			anchors, err := h.upkeep.Anchors(ctx, h.who)
			if err != nil {
				return err
			}
			return o.t.print(map[string]any{"anchors": anchors}, func(w io.Writer) {
				table(w, "Account\tName\tKey\tOrigin", func(row func(string, ...any)) {
					for _, a := range anchors {
						origin := a.Origin
						if a.Off {
							origin += " (off)"
						}
						row("%s\t%s\t%s\t%s", a.AccountID, a.DisplayName, a.KeyID, origin)
					}
				})
			})
		}),
	}
}

func trustRemoveCommand(o *options) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:     "remove ACCOUNT|KEY",
		Short:   "Stop trusting a root",
		Example: fmt.Sprintf("  %[1]s trust remove partner", o.t.program),
		Args:    exactly(1, "the ACCOUNT or KEY of an anchor"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			if err := h.upkeep.RemoveTrust(ctx, h.who, args[0], force); err != nil {
				return err
			}
			return o.t.print(map[string]any{"removed": args[0]}, func(w io.Writer) {
				fmt.Fprintf(w, "No longer trusting %s\n", args[0])
			})
		}),
	}
	cmd.Flags().BoolVar(&force, "force", false, "also when assertions in the store hang on it")
	return cmd
}

func pushAccountKeysCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "push-account-keys FILE...",
		Short:   "Add account and account-key assertions",
		Example: fmt.Sprintf("  %[1]s push-account-keys brand-keys.assert", o.t.program),
		Args:    atLeast(1, "at least one FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.addAssertions(cmd, args, "account", "account-key")
		},
	}
}

func assertionCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:     "assertion",
		Short:   "Add and show assertions",
		Example: fmt.Sprintf("  %[1]s assertion add my-model.assert\n  %[1]s assertion show model", o.t.program),
	}, assertionAddCommand(o), assertionShowCommand(o))
}

func assertionAddCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "add FILE...",
		Short: "Add assertions of any type that chain to a trust anchor",
		Long: `Adds assertions: models, validation sets, repairs, store assertions, and
whatever else devices ask for. All assertions of a call are added, or none.`,
		Example: fmt.Sprintf("  %[1]s assertion add my-model.assert\n  %[1]s assertion add - < validation-set.assert", o.t.program),
		Args:    atLeast(1, "at least one FILE"),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.addAssertions(cmd, args) },
	}
}

func assertionShowCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:     "show TYPE [KEY...]",
		Short:   "Print assertions as they were signed",
		Long:    "Prints the assertions of a type that the store holds, the documents of its trust anchors included.",
		Example: fmt.Sprintf("  %[1]s assertion show account\n  %[1]s assertion show snap-declaration 16 SNAP-ID", o.t.program),
		Args:    atLeast(1, "a TYPE and the beginning of a primary key"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			found, err := h.catalog.Assertions(ctx, h.who, args[0], args[1:])
			if err != nil {
				return err
			}
			if len(found) == 0 && len(args) > 1 {
				return store.NotFoundf("not-found", "no %s %s is stored", args[0], strings.Join(args[1:], "/"))
			}
			headers := make([]map[string]any, len(found))
			for i, a := range found {
				headers[i] = a.Headers()
			}
			return o.t.print(map[string]any{"assertions": headers}, func(w io.Writer) { w.Write(authority.Encode(found)) })
		}),
	}
}

// addAssertions adds the assertions in files, which must be of the given types
// if any are given.
func (o *options) addAssertions(cmd *cobra.Command, files []string, types ...string) error {
	h, err := o.open(cmd.Context())
	if err != nil {
		return err
	}
	defer h.close()
	var text []byte
	for _, file := range files {
		more, err := o.readFile(file)
		if err != nil {
			return err
		}
		text = append(append(text, bytes.TrimRight(more, "\n")...), "\n\n"...)
	}
	text = bytes.TrimSuffix(text, []byte("\n")) // an empty line stands between two documents
	added, err := h.catalog.AddAssertionText(cmd.Context(), h.who, text, types...)
	if err != nil {
		return err
	}
	result := map[string]any{"added": refs(added.New), "updated": refs(added.Updated), "unchanged": refs(added.Unchanged), "notes": added.Notes}
	return o.t.print(result, func(w io.Writer) {
		for _, r := range added.New {
			fmt.Fprintf(w, "Added %s\n", r)
		}
		for _, r := range added.Updated {
			fmt.Fprintf(w, "Updated %s\n", r)
		}
		for _, n := range added.Notes {
			fmt.Fprintln(w, n)
		}
		if len(added.New)+len(added.Updated) == 0 {
			fmt.Fprintln(w, "Nothing changed")
		}
	})
}
