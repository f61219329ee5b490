package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/blob/blobstore"
	"github.com/larder-store/larder/internal/blob/partial"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/delta"
	"github.com/larder-store/larder/internal/device"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/settings"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/upkeep"
)

// house is an open store: every room over one database and one blob store.
// The server and each command open it through the same code.
type house struct {
	db        *db.DB
	blobs     blob.Store
	authority *authority.Authority
	catalog   *catalog.Catalog
	device    *device.Devices
	deltas    *delta.Maker
	usage     *catalog.Usage
	identity  *identity.Identity
	settings  *settings.Settings
	upkeep    *upkeep.Upkeep
	pace      pace
	log       *slog.Logger
	who       store.Principal // whoever runs the command
	stopping  <-chan struct{} // of a server: closed when it is about to stop
}

// errNotMade is why most commands refuse a directory without a store.
func (o *options) errNotMade() error {
	return store.NotFoundf("no-store", "there is no store in %s", o.data).
		Try("make one with " + o.t.program + " init --data " + o.data + ", or name another directory with --data")
}

// errNoSecret is why a command refuses a database without the secret that its
// keys are sealed under: a new one would open none of them.
func errNoSecret(dir string) error {
	return store.NotFoundf("no-secret", "cannot open the store: its secret is not in %s", dir).
		Try("copy it there from the store's first node or from where you kept it, as " +
			authority.SecretPath(dir) + ", or set " + authority.SecretEnv)
}

// open opens the store that the options name. It must have been made before.
func (o *options) open(ctx context.Context) (*house, error) {
	if !authority.HasSecret(o.data, os.Getenv) {
		if o.db != "" || o.hasDatabase() {
			return nil, errNoSecret(o.data)
		}
		return nil, o.errNotMade()
	}
	h, err := o.build(ctx)
	if err != nil {
		return nil, err
	}
	_, err = h.upkeep.Founded(ctx)
	if store.KindOf(err) == store.KindNotFound {
		err = o.errNotMade()
	}
	if err == nil {
		err = h.upkeep.EnsureRoot(ctx, h.who)
	}
	if err != nil {
		h.close()
		return nil, err
	}
	return h, nil
}

// inStore is the RunE of a command that works on the open store.
func (o *options) inStore(run func(ctx context.Context, h *house, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		h, err := o.open(cmd.Context())
		if err != nil {
			return err
		}
		defer h.close()
		return run(cmd.Context(), h, args)
	}
}

// build opens or makes the database, the blob store and the secret.
func (o *options) build(ctx context.Context) (*house, error) {
	if err := o.checkOwner(os.Geteuid()); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.data, 0o700); err != nil {
		return nil, fmt.Errorf("cannot make the data directory: %w", err)
	}
	if !authority.HasSecret(o.data, os.Getenv) && (o.db != "" || o.hasDatabase()) {
		if err := o.mustBeNew(ctx); err != nil {
			return nil, err
		}
	}
	secret, err := authority.OpenSecret(o.data, os.Getenv)
	if err != nil {
		return nil, err
	}
	return o.buildWith(ctx, secret)
}

// mustBeNew refuses a store that was made with a secret that is not here, such
// as on a second node: with one of its own, this node could sign nothing.
func (o *options) mustBeNew(ctx context.Context) error {
	h, err := o.buildWith(ctx, authority.Secret{})
	if err != nil {
		return err
	}
	defer h.close()
	switch _, err := h.upkeep.Founded(ctx); store.KindOf(err) {
	case store.KindNotFound:
		return nil
	default:
		if err == nil {
			err = errNoSecret(o.data)
		}
		return err
	}
}

// buildWith opens or makes the database and the blob store.
func (o *options) buildWith(ctx context.Context, secret authority.Secret) (_ *house, err error) {
	h := &house{log: slog.Default(), who: store.Host(userName()), pace: newPace()}
	h.db, err = db.Open(ctx, o.databaseURL(), db.Options{Log: h.log})
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			h.close()
		}
	}()
	h.blobs, err = blobstore.Open(ctx, o.blobsURL(), filepath.Join(o.data, "spool"))
	if err != nil {
		return nil, blobsUnreachable(o.blobsURL(), err)
	}
	h.authority = authority.New(secret)
	h.settings = settings.New(h.db, h.authority)
	h.device = device.New(h.db, h.authority, device.Config{Limit: h.pace.ticket, Approve: h.approve})
	h.identity = identity.New(identity.Options{
		DB: h.db, Authority: h.authority, Log: h.log, Federation: h.federation,
	})
	pieces, err := partial.Open(filepath.Join(o.data, "partial"), partial.Options{})
	if err != nil {
		return nil, err
	}
	h.catalog = catalog.New(catalog.Options{
		DB: h.db, Blobs: h.blobs, Authority: h.authority, Log: h.log, Hear: h.hear,
		Setting: h.settings.Get, Partial: pieces,
		ApplyDelta: func(ctx context.Context, source *store.Revision, delta io.Reader, most int64, into func(io.Reader) error) error {
			return h.deltas.Apply(ctx, source, delta, most, into)
		},
	})
	h.deltas = h.deltaMaker()
	h.usage = catalog.NewUsage(catalog.UsageOptions{DB: h.db, Authority: h.authority, Log: h.log})
	h.upkeep = &upkeep.Upkeep{
		DB: h.db, Blobs: h.blobs, Authority: h.authority, Catalog: h.catalog, Settings: h.settings, Log: h.log,
	}
	return h, nil
}

// hear makes the rooms that keep settings in mind forget what has changed.
func (h *house) hear(c store.Change) {
	switch c.Subject {
	case "", "setting/proxy.device-auth.secret", "setting/proxy.cohort.secret":
		h.device.Forget()
	}
	if _, key := store.SubjectID(c.Subject, "token-key"); key || c.Subject == "" {
		h.identity.Forget()
	}
}

// federation is the OpenID provider that the settings name.
func (h *house) federation(ctx context.Context) (f identity.Federation, err error) {
	for _, s := range []struct {
		key  string
		take func(string)
	}{
		{"larder.oidc.issuer", func(v string) { f.Issuer = v }},
		{"larder.oidc.name", func(v string) { f.Name = v }},
		{"larder.oidc.client-id", func(v string) { f.ClientID = v }},
		{"larder.oidc.client-secret", func(v string) { f.ClientSecret = identity.NewSecret(v) }},
		{"larder.oidc.scopes", func(v string) { f.Scopes = strings.Fields(v) }},
	} {
		value, err := h.settings.Get(ctx, s.key)
		if err != nil {
			return f, err
		}
		s.take(value)
	}
	f.AllowSignup, err = h.settings.Flag(ctx, "larder.oidc.allow-signup")
	return f, err
}

// approve decides who gets a serial. A model is no secret, and a serial opens
// its brand's stores, so it takes the operator's word.
func (h *house) approve(ctx context.Context, a device.Applicant) (bool, error) {
	allowed, err := h.settings.Flag(ctx, "proxy.device-auth.register-devices")
	if err != nil {
		return false, err
	}
	if allowed {
		return h.pace.serial(), nil
	}
	return false, store.Forbiddenf("device-service-disallowed", "this store gives no serials to devices").
		Try("the operator allows it with larder config proxy.device-auth.register-devices=True")
}

// blobsUnreachable says which blob store failed, without its secret, unless err
// says something better.
func blobsUnreachable(url string, err error) error {
	if store.KindOf(err) != store.KindInternal {
		return err
	}
	return store.Unavailablef("blobs-unreachable", "cannot open the blob store %s", blobstore.Redact(url)).
		Try("check that it is there and that --blobs or LARDER_BLOBS is right").Because(err)
}

func (h *house) close() {
	if h.db != nil {
		h.db.Close()
	}
}

// userName is whom the change log names for a command on the host.
func userName() string {
	if sudo := os.Getenv("SUDO_USER"); sudo != "" {
		return sudo
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return fmt.Sprintf("uid-%d", os.Getuid())
}
