package cli

import (
	"cmp"
	"context"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/client/transport"
	"github.com/larder-store/larder/internal/store"
)

// A remote is a store that a command asks over HTTP, as a publisher. It never
// opens the data directory.
type remote struct {
	*snapstore.Client
	charms *charmhub.Client // of the same store, where the realm is that of charms

	o        *options
	realm    *realm
	named    string // --store
	url      string // of the store, once it is open
	flavour  flavour
	endpoint snapstore.Endpoints
}

// A flavour is which of a store's interfaces are used, and how to log in there.
type flavour string

const (
	flavourU1      flavour = "u1"      // the dashboard; address and password
	flavourCandid  flavour = "candid"  // the dashboard; a page in the browser
	flavourGateway flavour = "gateway" // the publisher gateway; address and password
	flavourOnPrem  flavour = "onprem"  // the gateway of an air-gapped store; the administrator's macaroon
)

var flavours = []flavour{flavourU1, flavourCandid, flavourGateway, flavourOnPrem}

// publicDashboard is where publishers of the public store log in.
const publicDashboard = "https://dashboard.snapcraft.io"

// at makes cmd one that works on a remote store of snaps.
func (o *options) at(cmd *cobra.Command, run func(ctx context.Context, r *remote, args []string) error) *cobra.Command {
	return o.in(&snapRealm, cmd, run)
}

// in makes cmd one that works on a remote store.
func (o *options) in(where *realm, cmd *cobra.Command, run func(ctx context.Context, r *remote, args []string) error) *cobra.Command {
	r := &remote{o: o, realm: where}
	r.register(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := r.open(cmd.Context()); err != nil {
			return r.told(err)
		}
		return r.told(run(cmd.Context(), r, args))
	}
	return cmd
}

func (r *remote) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&r.named, "store", os.Getenv("LARDER_STORE"), "`URL` of the store (LARDER_STORE); default: where larder login was last")
	cmd.Flags().Lookup("store").DefValue = ""
}

// open finds the store and what was left of a login there.
func (r *remote) open(ctx context.Context) error {
	kept, err := readLogins()
	if err != nil {
		return err
	}
	if r.url, err = storeURL(cmp.Or(r.named, kept.last(r.realm))); err != nil {
		return err
	}
	if r.url == "" {
		return store.Unauthorisedf("not-logged-in", "not logged in to any store").
			Try("log in with " + r.o.t.program + " " + r.realm.login + " --store URL, or name a store with --store or LARDER_STORE")
	}
	if r.realm == &charmRealm {
		return r.openAs(ctx, flavourGateway)
	}
	return r.openAs(ctx, cmp.Or(r.flavour, kept.Stores[r.url].Flavour, guessed(r.url)))
}

// openAs makes the client. From here on, what is printed may come from the store.
func (r *remote) openAs(ctx context.Context, f flavour) error {
	file, err := publisherFile(r.realm.file)
	if err != nil {
		return err
	}
	r.flavour = f
	keep := []auth.Option{auth.FromEnvironment(r.realm.variable()), auth.FileFallback(file)}
	if r.realm == &charmRealm {
		err = r.openCharms(ctx, keep)
	} else {
		r.endpoint = endpointsOf(r.url, f)
		r.Client, err = snapstore.Open(ctx, r.realm.application, r.endpoint, keep...)
	}
	if err != nil {
		return err
	}
	r.Client.HTTP = r.transport()
	r.o.t.out = harmlessWriter{r.o.t.out}
	return nil
}

// A person waits for the answer: some seconds of trying again, unless the
// environment says otherwise.
var patience = transport.Retry{Times: 4, Factor: time.Second}

func (r *remote) transport() *transport.Client {
	c := &transport.Client{UserAgent: "larder/" + Version, Logger: r.o.logger()}
	if os.Getenv(transport.EnvRetries) == "" && os.Getenv(transport.EnvBackoff) == "" {
		c.Retry = &patience
	}
	return c
}

// storeURL reads an address as people write it. The public store is also
// called snapcraft.io, and that of charms charmhub.io.
func storeURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}
	bad := store.Invalidf("bad-store-url", "%q is not the address of a store", text).Try("write it as https://HOST or http://HOST:PORT")
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "":
		return "", bad
	case u.User != nil: // which would be kept, and shown
		return "", store.Invalidf("bad-store-url", "the address of a store holds no name or password").Try("leave them out and log in")
	case u.Host == "snapcraft.io":
		return publicDashboard, nil
	case u.Host == "charmhub.io":
		return charmhub.Public().BaseURL, nil
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), nil
}

// guessed is the flavour of a store that nobody has logged in to.
func guessed(base string) flavour {
	switch {
	case strings.HasPrefix(base, "https://api.charmhub.io"):
		return flavourGateway
	case strings.HasSuffix(base, gatewayPath):
		return flavourOnPrem
	}
	return flavourU1
}

// gatewayPath is where air-gapped stores have their gateway.
const gatewayPath = "/publishergw"

func endpointsOf(base string, f flavour) snapstore.Endpoints {
	switch {
	case base == publicDashboard && f == flavourGateway:
		return snapstore.SnapGateway()
	case base == publicDashboard:
		return snapstore.UbuntuOneSnapStore()
	case f == flavourOnPrem:
		root := strings.TrimSuffix(base, gatewayPath)
		return snapstore.OnPrem(root+gatewayPath, root)
	case f == flavourGateway:
		e := snapstore.At(base)
		e.WhoamiPath = "/v1/tokens/whoami"
		return e
	}
	return snapstore.At(base)
}

// byGateway reports whether the gateway's calls are the ones to use where both
// interfaces have one.
func (r *remote) byGateway() bool { return r.flavour == flavourGateway || r.flavour == flavourOnPrem }

// needGateway refuses what only the gateway has, where it is out of reach: the
// public dashboard's logins are not good for the public gateway.
func (r *remote) needGateway() error {
	if r.url == publicDashboard && !r.byGateway() {
		return store.Invalidf("needs-gateway", "the dashboard of the public store does not offer this").
			Try("log in with " + r.o.t.program + " login --store snapcraft.io --flavour gateway")
	}
	return nil
}

// needDashboard refuses what only the dashboard has, likewise.
func (r *remote) needDashboard() error {
	if r.url == publicDashboard && r.byGateway() {
		return store.Invalidf("needs-dashboard", "the gateway of the public store does not offer this").
			Try("log in with " + r.o.t.program + " login --store snapcraft.io --flavour u1")
	}
	return nil
}

// unencrypted reports whether passwords would cross a network in plain text.
func unencrypted(base string) bool {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

// ownNames completes the names of the account's packages, if it is logged in and
// the store answers at once.
func (r *remote) ownNames(cmd *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), time.Second)
	defer cancel()
	if r.open(ctx) != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	r.Client.HTTP = &transport.Client{HTTP: &http.Client{}, Retry: &transport.Retry{}}
	names, err := r.names(ctx, true)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var found []cobra.Completion
	for _, n := range names {
		found = append(found, n.Name)
	}
	slices.Sort(found)
	return found, cobra.ShellCompDirectiveNoFileComp
}

// onSnap is at for a command whose first argument is the name of a snap.
func (o *options) onSnap(cmd *cobra.Command, run func(ctx context.Context, r *remote, name string, args []string) error) *cobra.Command {
	return o.onOne(&snapRealm, cmd, run)
}

// onOne is in for a command whose first argument is the name of a package.
func (o *options) onOne(where *realm, cmd *cobra.Command, run func(ctx context.Context, r *remote, name string, args []string) error) *cobra.Command {
	o.in(where, cmd, func(ctx context.Context, r *remote, args []string) error { return run(ctx, r, args[0], args[1:]) })
	cmd.ValidArgsFunction = func(cmd *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
		named, _ := cmd.Flags().GetString("store")
		return (&remote{o: o, realm: where, named: named}).ownNames(cmd, args, typed)
	}
	return cmd
}
