package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/larder-store/larder/internal/dialect/candid"
	"github.com/larder-store/larder/internal/dialect/oci"
	"github.com/larder-store/larder/internal/dialect/snapdevice"
	"github.com/larder-store/larder/internal/dialect/snappublisher"
	"github.com/larder-store/larder/internal/dialect/sso"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/server"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/internal/upkeep"
)

func serveCommand(o *options) *cobra.Command {
	var listen string
	var demo bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve devices, making the store first if there is none",
		Long: `Serves the store until it is interrupted, then lets running downloads finish. A
directory without a store gets one, with a root of its own.`,
		Example: fmt.Sprintf(`  %[1]s serve --data ./store --listen 127.0.0.1:8444
  %[1]s serve --demo
  %[1]s serve --db postgresql://larder@db/larder --blobs 's3://KEY:SECRET@s3:9000/larder?tls=0'`, o.t.program),
		Args: none(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if _, _, err := net.SplitHostPort(listen); err != nil {
				return usagef("--listen %s is not HOST:PORT, such as 127.0.0.1:8444", listen)
			}
			return o.serve(cmd.Context(), listen, demo)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", env("LARDER_LISTEN", "127.0.0.1:8444"), "`HOST:PORT` to listen on (LARDER_LISTEN)")
	cmd.Flags().BoolVar(&demo, "demo", false, "fill the store with a few small snaps and charms to look around with")
	return cmd
}

func (o *options) serve(ctx context.Context, listen string, demo bool) error {
	signal.Ignore(syscall.SIGPIPE) // whoever read the output may be gone; clients are still there
	h, err := o.build(ctx)
	if err != nil {
		return err
	}
	defer h.close()
	founded, err := h.upkeep.Found(ctx, h.who, upkeep.Founding{RootLater: true, NoRoot: h.hasNoRoot(ctx)})
	if err != nil {
		return err
	}
	if err := h.blobs.Tidy(ctx); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return store.Unavailablef("cannot-listen", "cannot listen on %s", listen).
			Try("choose another address with --listen").Because(errors.Unwrap(err))
	}
	at := "http://" + listener.Addr().String()
	admin, err := h.identity.EnsureAdmin(ctx, h.who)
	if err != nil {
		listener.Close()
		return err
	}
	h.stopping = ctx.Done()
	srv := server.New(server.Options{
		Mounts: h.mounts(at), Checks: h.checks(o), Version: Version, StoreID: founded.StoreID, Logger: h.log,
		Metrics: h.metrics(), TrustedProxies: h.trustedProxies,
	})
	o.welcome(at, founded, h.firstAdmin(ctx, admin, at), demo)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return srv.Run(ctx, listener) })
	g.Go(func() error { return h.catalog.RunUploads(ctx) })
	g.Go(func() error { return h.deltas.Run(ctx) })
	g.Go(func() error { return h.identity.Run(ctx) })
	g.Go(func() error { return h.usage.Run(ctx) })
	g.Go(func() error {
		err := o.furnish(ctx, h, admin, demo, at)
		if ctx.Err() != nil {
			return nil // stopped on the way: the next start goes on
		}
		return err
	})
	err = g.Wait()
	h.usage.Finish(ctx)
	return err
}

// furnish does what a new store needs and clients need not wait for.
func (o *options) furnish(ctx context.Context, h *house, admin *identity.FirstAdmin, demo bool, at string) error {
	if err := h.upkeep.EnsureRoot(ctx, h.who); err != nil {
		return err
	}
	if admin != nil { // made before there was a root to sign with
		if err := h.identity.Sign(ctx, h.who, admin.User.Account.ID); err != nil {
			return err
		}
	}
	if !demo {
		return nil
	}
	note, err := h.fillDemo(ctx)
	if err == nil && !o.t.json {
		fmt.Fprintln(o.t.out, note)
		o.tryNext(o.t.out, at, true)
	}
	return err
}

// hasNoRoot reports whether the store was founded without a root of its own,
// which serving it must not change.
func (h *house) hasNoRoot(ctx context.Context) bool {
	f, err := h.upkeep.Founded(ctx)
	return err == nil && f.Authority == ""
}

// welcome tells where the store is, and what to try unless the demo is still to
// come.
func (o *options) welcome(at string, f upkeep.Founded, admin *firstAdmin, demo bool) {
	value := map[string]any{"url": at, "store-id": f.StoreID, "data": o.data, "demo": demo}
	if admin != nil {
		value["admin"] = admin
	}
	_ = o.t.print(value, func(w io.Writer) { // a closed standard output does not stop a server
		fmt.Fprintf(w, "Serving on %s\nStore ID: %s\n", at, f.StoreID)
		o.introduce(w, admin)
		if demo {
			fmt.Fprintln(w, "Filling the store with samples…")
		} else {
			o.tryNext(w, at, false)
		}
	})
}

// tryNext names three commands for a first look.
func (o *options) tryNext(w io.Writer, at string, demo bool) {
	program, name := o.t.called, "NAME"
	fmt.Fprintf(w, "\nTry next:\n")
	if demo {
		name = "hello"
		fmt.Fprintf(w, "  curl -s -H 'Snap-Device-Series: 16' '%s/v2/snaps/find?q=%s'\n", at, name)
	} else {
		fmt.Fprintf(w, "  %s push-snap --data %s ./%s.snap --register --channel stable\n", program, o.data, name)
	}
	fmt.Fprintf(w, "  curl -s -H 'Snap-Device-Series: 16' %s/v2/snaps/info/%s\n", at, name)
	fmt.Fprintf(w, "  %s status --data %s\n", program, o.data)
}

// mounts is which dialect hangs where.
func (h *house) mounts(listening string) []server.Mount {
	devices := snapdevice.New(snapdevice.Options{
		Catalog: h.catalog, Devices: h.device, Users: h.identity, BaseURL: h.baseURL, Seen: h.usage.Seen,
		StoreAssertions: func(ctx context.Context) ([]byte, string, error) {
			return h.upkeep.StoreAssertions(ctx, listening)
		},
	})
	publishers := snappublisher.New(snappublisher.Options{
		Catalog: h.catalog, Identity: h.identity, BaseURL: h.baseURL, Terms: h.terms,
	})
	uploads, rest := split(snappublisher.Under, "/unscanned-upload")
	return []server.Mount{
		{Name: "snapdevice", Under: snapdevice.Under, Exactly: snapdevice.Exactly, Handler: devices},
		{Name: "snappublisher", Under: rest, Exactly: snappublisher.Exactly, Handler: publishers},
		{Name: "uploads", Under: uploads, Handler: publishers, BodyLimit: -1}, // the catalog has limits of its own
		{Name: "sso", Under: sso.Under, Exactly: sso.Exactly, Handler: h.signOn(), BodyLimit: sso.BodyLimit, Errors: sso.Errors},
		h.identityMount(),
		h.charmhubMount(),
		h.registryMount(),
	}
}

// registryMount is the registry of charms' images.
func (h *house) registryMount() server.Mount {
	return server.Mount{
		Name: "oci", Under: oci.Under, Exactly: oci.Exactly, Errors: oci.Errors, BodyLimit: -1, // the catalog has limits of its own
		Handler: oci.New(oci.Options{Catalog: h.catalog, Identity: h.identity, BaseURL: h.baseURL}),
	}
}

// split divides paths into those that are one and the others.
func split(paths []string, one string) (those, others []string) {
	for _, p := range paths {
		if p == one {
			those = append(those, p)
		} else {
			others = append(others, p)
		}
	}
	return those, others
}

// identityMount is the identity service, where people log in.
func (h *house) identityMount() server.Mount {
	return server.Mount{
		Name: "candid", Under: candid.Under, Errors: candid.Errors, BodyLimit: candid.BodyLimit,
		Handler: candid.New(candid.Options{Identity: h.identity, BaseURL: h.baseURL, ReturnTo: h.returnTo, Stopping: h.stopping}),
	}
}

// trustedProxies are the networks of proxies whose word counts.
func (h *house) trustedProxies(ctx context.Context) ([]netip.Prefix, error) {
	return h.settings.Networks(ctx, "larder.trusted-proxies")
}

// returnTo lists the web sites that may send their users here to log in.
func (h *house) returnTo(ctx context.Context) ([]string, error) {
	return h.settings.List(ctx, "larder.identity.return-to")
}

// baseURL is what absolute URLs in answers begin with: the store's configured
// address, or the one that the request came to.
func (h *house) baseURL(r *http.Request) string {
	if u, err := h.upkeep.URL(r.Context()); err == nil && u != "" {
		return u
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	if trust, err := h.settings.Flag(r.Context(), "proxy.trust-forwarded-proto"); err == nil && trust {
		if p := r.Header.Get("X-Forwarded-Proto"); p == "https" || p == "http" {
			scheme = p
		}
	}
	return scheme + "://" + r.Host
}

// minFreeDisk is the free space below which the store calls itself unwell.
const minFreeDisk = 64 << 20

func (h *house) checks(o *options) []server.Check {
	return []server.Check{
		{Name: "database", Run: h.db.Check},
		{Name: "blobs", Run: h.blobs.Check},
		server.DiskSpace(o.data, minFreeDisk),
		server.Clock(built(), h.lastChange),
	}
}

// built is when this program was, at the earliest.
func built() time.Time { return time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC) }

// lastChange is the latest time on record.
func (h *house) lastChange(ctx context.Context) (time.Time, error) {
	seq, err := h.db.Fresh(ctx)
	if err != nil {
		return time.Time{}, err
	}
	last, err := h.db.Changes(ctx, seq-1, 1)
	if err != nil || len(last) == 0 {
		return time.Time{}, err
	}
	return last[0].At, nil
}
