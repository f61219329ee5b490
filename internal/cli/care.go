package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/upkeep"
)

func fsckCommand(o *options) *cobra.Command {
	var opts upkeep.FsckOptions
	cmd := &cobra.Command{
		Use:   "fsck",
		Short: "Check everything that is stored",
		Long: `Reads every blob and compares it with its digest, verifies every assertion, and
checks that the database agrees with itself. Blobs that fail are set aside and
never served. Exits with 9 when something is damaged.`,
		Example: fmt.Sprintf("  %[1]s fsck\n  %[1]s fsck --quick", o.t.program),
		Args:    none(),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			meter := o.t.newMeter("checking", "blobs")
			opts.Progress = func(done, total int, _ int64) { meter.show(int64(done), int64(total)) }
			r, err := h.upkeep.Fsck(ctx, h.who, opts)
			meter.done()
			if err != nil {
				return err
			}
			err = o.t.print(r, func(w io.Writer) {
				for _, d := range r.Damage {
					fmt.Fprintf(w, "damaged: %s: %s (%s)\n", d.What, d.Why, d.Next)
				}
				fmt.Fprintf(w, "%d blobs (%d bytes), %d revisions, %d assertions: ", r.Blobs, r.Bytes, r.Revisions, r.Assertions)
				if len(r.Damage) == 0 {
					fmt.Fprintln(w, "clean")
				} else {
					fmt.Fprintf(w, "%d damaged\n", len(r.Damage))
				}
				if r.Orphans > 0 {
					fmt.Fprintf(w, "%d blobs (%d bytes) belong to nothing; %s gc removes them\n", r.Orphans, r.OrphanBytes, o.t.program)
				}
			})
			if err == nil && len(r.Damage) > 0 {
				err = errDamage
			}
			return err
		}),
	}
	cmd.Flags().BoolVar(&opts.Quick, "quick", false, "compare the sizes of blobs and do not read them")
	return cmd
}

func gcCommand(o *options) *cobra.Command {
	var grace time.Duration
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove blobs that nothing points at",
		Long: `Removes what interrupted pushes left, images of charms that no tag and no revision
leads to, and deltas to revisions that no channel has pointed at for 30 days. It may
run while the store serves and takes pushes.`,
		Example: fmt.Sprintf("  %[1]s gc", o.t.program),
		Args:    none(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if grace < time.Hour {
				return usagef("--grace is an hour at least: a push that runs now needs its blobs")
			}
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			c, err := h.upkeep.Collect(cmd.Context(), h.who, grace)
			if err != nil {
				return err
			}
			if _, err := h.identity.Sweep(cmd.Context()); err != nil {
				return err
			}
			return o.t.print(c, func(w io.Writer) {
				if c.Deltas > 0 {
					fmt.Fprintf(w, "Dropped %d deltas that no channel led to for 30 days\n", c.Deltas)
				}
				if c.Images > 0 {
					fmt.Fprintf(w, "Dropped %d images that nothing led to\n", c.Images)
				}
				fmt.Fprintf(w, "Removed %d blobs, %d bytes\n", c.Blobs, c.Bytes)
			})
		},
	}
	cmd.Flags().DurationVar(&grace, "grace", 24*time.Hour, "spare what was put within this `time`")
	return cmd
}

func backupCommand(o *options) *cobra.Command {
	var withSecret bool
	cmd := &cobra.Command{
		Use:   "backup FILE",
		Short: "Write the whole store to a file, while it serves",
		Long: `Writes database, blobs, assertions and settings, as they are at one moment, to a
new file that only you can read.

Signing keys and secret settings are in it, sealed under the secret in the data
directory (DIR/secret) or in LARDER_SECRET. The secret itself is left out unless you ask for it: keep a copy
of it in another place, or use --include-secret and guard the file.`,
		Example: fmt.Sprintf("  %[1]s backup /srv/backup/store-$(date +%%F).tar", o.t.program),
		Args:    exactly(1, "the FILE to write"),
		RunE: o.inStore(func(ctx context.Context, h *house, args []string) error {
			var opts upkeep.BackupOptions
			if withSecret {
				secret, err := authority.ReadSecretText(o.data, os.Getenv)
				if err != nil {
					return err
				}
				opts.Secret = secret
			}
			meter := o.t.newMeter("copying", "bytes")
			opts.Progress = meter.show
			head, err := h.upkeep.Backup(ctx, h.who, args[0], opts)
			meter.done()
			if err != nil {
				return err
			}
			return o.t.print(head, func(w io.Writer) {
				fmt.Fprintf(w, "Backed up store %s to %s: %d blobs, %d bytes\n", head.StoreID, args[0], head.Blobs, head.Bytes)
				if !withSecret {
					fmt.Fprintf(w, "The secret is not in it; keep a copy of %s\n", secretPlace(o.data))
				}
			})
		}),
	}
	cmd.Flags().BoolVar(&withSecret, "include-secret", false, "put the secret in that opens signing keys and secret settings")
	return cmd
}

// secretPlace names where this process has the secret from.
func secretPlace(dir string) string {
	if os.Getenv(authority.SecretEnv) != "" {
		return authority.SecretEnv
	}
	return authority.SecretPath(dir)
}

func restoreCommand(o *options) *cobra.Command {
	var secretFile string
	cmd := &cobra.Command{
		Use:   "restore FILE",
		Short: "Fill an empty store from a backup",
		Long: `Fills an empty database and blob store from a backup; both may be of another kind
than those it was made from. An interrupted restore leaves the database empty
and can be run again.

The secret comes from the backup if it is in it, else from --secret FILE, else
from the data directory.`,
		Example: fmt.Sprintf("  %[1]s restore store.tar --data ./new --secret ./secret", o.t.program),
		Args:    exactly(1, "the FILE to read"),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.restore(cmd, args[0], secretFile) },
	}
	cmd.Flags().StringVar(&secretFile, "secret", "", "`file` with the secret of the backed-up store")
	return cmd
}

func (o *options) restore(cmd *cobra.Command, file, secretFile string) error {
	f, err := os.Open(file)
	if err != nil {
		return store.NotFoundf("file-not-found", "cannot open %s", file).Because(err)
	}
	defer f.Close()
	if err := o.checkOwner(os.Geteuid()); err != nil {
		return err
	}
	if err := os.MkdirAll(o.data, 0o700); err != nil {
		return fmt.Errorf("cannot make the data directory: %w", err)
	}
	if secretFile != "" {
		text, err := o.readFile(secretFile)
		if err == nil {
			err = authority.WriteSecretText(o.data, text)
		}
		if err != nil {
			return err
		}
	}
	// No key is opened while restoring; the secret may come with the backup.
	h, err := o.buildWith(cmd.Context(), authority.Secret{})
	if err != nil {
		return err
	}
	defer h.close()
	meter := o.t.newMeter("restoring", "bytes")
	out, err := h.upkeep.Restore(cmd.Context(), f, meter.show)
	meter.done()
	if err != nil {
		return err
	}
	if out.SecretText != nil {
		if err := authority.WriteSecretText(o.data, out.SecretText); err != nil {
			return err
		}
	}
	return o.t.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "Restored store %s as of %s: %d blobs, %d bytes\n",
			out.StoreID, out.CreatedAt.Format(time.RFC3339), out.Blobs, out.Bytes)
		if !authority.HasSecret(o.data, os.Getenv) {
			fmt.Fprintf(w, "The signing keys need the old store's secret: copy it to %s\n", authority.SecretPath(o.data))
		}
		fmt.Fprintf(w, "Check it with: %s fsck --data %s\n", o.t.program, filepath.Clean(o.data))
	})
}

func changesCommand(o *options) *cobra.Command {
	var after int64
	var limit int
	cmd := &cobra.Command{
		Use:     "changes",
		Short:   "Show the change log: who did what, and when",
		Example: fmt.Sprintf("  %[1]s changes --limit 20\n  %[1]s changes --after 1200 --format json", o.t.program),
		Args:    none(),
		RunE: func(cmd *cobra.Command, args []string) error {
			h, err := o.open(cmd.Context())
			if err != nil {
				return err
			}
			defer h.close()
			if !cmd.Flags().Changed("after") {
				newest, err := h.db.Fresh(cmd.Context())
				if err != nil {
					return err
				}
				after = max(0, newest-int64(limit))
			}
			changes, err := h.db.Changes(cmd.Context(), after, limit)
			if err != nil {
				return err
			}
			return o.t.print(map[string]any{"changes": changes}, func(w io.Writer) {
				table(w, "Seq\tTime\tActor\tWhat\tSubject", func(row func(string, ...any)) {
					for _, c := range changes {
						row("%s\t%s\t%s\t%s\t%s", strconv.FormatInt(c.Seq, 10), c.At.Format(time.RFC3339), c.Actor, c.Kind, c.Subject)
					}
				})
			})
		},
	}
	cmd.Flags().Int64Var(&after, "after", 0, "show changes after this `seq`; default: the newest")
	cmd.Flags().IntVar(&limit, "limit", 50, "at most so many, up to 1000")
	return cmd
}
