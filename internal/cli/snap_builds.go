package cli

import (
	"cmp"
	"context"
	"crypto/sha3"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/store"
)

func snapBuildsCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:     "builds",
		Short:   "Say who built a snap",
		Example: fmt.Sprintf("  %[1]s snap builds sign hello_1.0_amd64.snap", o.t.program),
	}, snapBuildsSignCommand(o))
}

func snapBuildsSignCommand(o *options) *cobra.Command {
	var key string
	cmd := o.at(&cobra.Command{
		Use:   "sign FILE",
		Short: "Sign that you built a snap, and tell the store",
		Long: `Signs that you built the bytes of a snap file, with a key of this machine that the
store knows, and publishes that as a snap-build assertion.`,
		Example: fmt.Sprintf("  %[1]s snap builds sign hello_1.0_amd64.snap --key release-team", o.t.program),
		Args:    exactly(1, "the FILE of a snap"),
	}, func(ctx context.Context, r *remote, args []string) error {
		if err := r.needDashboard(); err != nil {
			return err
		}
		info, err := readSnap(ctx, args[0])
		if err != nil {
			return err
		}
		digest, size, err := digestOf(args[0])
		if err != nil {
			return err
		}
		signer, err := o.t.openKey(key)
		if err != nil {
			return err
		}
		account, err := r.Dashboard().Account(ctx)
		if err != nil {
			return err
		}
		id, err := r.snapID(ctx, info.Name)
		if err != nil {
			return err
		}
		build, err := assertion.Sign(map[string]any{
			"type": "snap-build", "authority-id": account.ID, "series": "16", "snap-id": id, "snap-sha3-384": digest,
			"snap-size": strconv.FormatInt(size, 10), "grade": cmp.Or(info.Grade, "stable"),
			"timestamp": time.Now().UTC().Format(time.RFC3339),
		}, nil, signer)
		if err != nil {
			return err
		}
		if err := r.Dashboard().SignBuild(ctx, id, build.Encoded()); err != nil {
			return err
		}
		value := map[string]string{"name": info.Name, "snap-id": id, "snap-sha3-384": digest}
		return o.t.print(value, func(w io.Writer) { fmt.Fprintf(w, "Signed the build of %s %s\n", info.Name, info.Version) })
	})
	cmd.Flags().StringVar(&key, "key", defaultKey, "`name` of the key to sign with")
	return cmd
}

// digestOf is the SHA3-384 of a file, as assertions write it, and its size.
func digestOf(file string) (digest string, size int64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return "", 0, store.NotFoundf("file-not-found", "cannot read %s", file).Because(errors.Unwrap(err))
	}
	defer f.Close()
	h := sha3.New384()
	if size, err = io.Copy(h, f); err != nil {
		return "", 0, fmt.Errorf("cannot read %s: %w", file, err)
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)), size, nil
}
