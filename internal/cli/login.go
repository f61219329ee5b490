package cli

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/client/transport"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// loginFlags say how to log in, and what the login shall allow.
type loginFlags struct {
	email       string
	stdin       bool
	otpStdin    bool
	browser     bool
	flavour     string
	permissions []string
	packages    []string // names of snaps
	charms      []string
	bundles     []string
	channels    []string
	ttl         time.Duration
}

func (f *loginFlags) register(cmd *cobra.Command) {
	fl := cmd.Flags()
	f.who(cmd)
	fl.BoolVar(&f.browser, "browser", false, "log in on a page in the browser")
	fl.StringVar(&f.flavour, "flavour", "", "`interface` to log in to: u1, candid, gateway or onprem; default: what the store was used with, else u1")
	fl.StringSliceVar(&f.permissions, "permissions", nil, "`permissions` to ask for, with commas between them; default: all that publishing takes")
	fl.StringArrayVar(&f.packages, "package", nil, "only for this `snap`; may be repeated")
	fl.StringArrayVar(&f.channels, "channel", nil, "only for channels like this `pattern`, such as */edge; may be repeated")
	fl.DurationVar(&f.ttl, "ttl", 0, "how long it is good for, a `time` such as 720h; default: what the store gives")
	mustComplete(cmd, "flavour", "u1", "candid", "gateway", "onprem")
}

// who are the flags that say who logs in.
func (f *loginFlags) who(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.email, "email", "", "`address` of the account")
	fl.BoolVar(&f.stdin, "password-stdin", false, "read the password, or the macaroon of --flavour onprem, from standard input")
	fl.BoolVar(&f.otpStdin, "otp-stdin", false, "with --password-stdin: the next line is the code of the second factor; a person is asked for it")
}

// mustComplete tells a shell which words a flag takes.
func mustComplete(cmd *cobra.Command, flag string, words ...cobra.Completion) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag: a defect
	}
}

// adminMacaroon is the variable that snapcraft reads for --flavour onprem.
const adminMacaroon = "SNAPCRAFT_ADMIN_MACAROON"

// choose settles the flavour of a remote that logs in.
func (f *loginFlags) choose(r *remote) error {
	switch {
	case f.otpStdin && !f.stdin:
		return usagef("--otp-stdin goes with --password-stdin: the password is the first line, the code the second")
	case f.flavour != "" && !slices.Contains(flavours, flavour(f.flavour)):
		return usagef("--flavour is u1, candid, gateway or onprem, not %q", f.flavour)
	case f.browser && (f.flavour == string(flavourU1) || f.flavour == string(flavourOnPrem)):
		return usagef("--browser does not go with --flavour %s", f.flavour)
	case f.browser && (f.email != "" || f.stdin || f.otpStdin):
		return usagef("--browser asks for everything on its page: leave out --email, --password-stdin and --otp-stdin")
	case f.flavour == string(flavourCandid) && (f.email != "" || f.stdin || f.otpStdin):
		return usagef("--flavour candid asks for everything on a page: leave out --email, --password-stdin and --otp-stdin")
	case f.flavour != "":
		r.flavour = flavour(f.flavour)
	case f.browser:
		r.flavour = flavourCandid
	case (f.email != "" || f.otpStdin) && (r.flavour == flavourCandid || r.flavour == flavourOnPrem):
		r.flavour = flavourU1 // whoever gives an address means the password, not how they were here last
	}
	return nil
}

// obtain logs in and keeps nothing.
func (f *loginFlags) obtain(ctx context.Context, r *remote) (auth.Credentials, error) {
	login, err := f.way(r)
	if err != nil {
		return auth.Credentials{}, err
	}
	return r.Obtain(ctx, login, f.grant(r))
}

// grant is what the login shall allow.
func (f *loginFlags) grant(r *remote) auth.Grant {
	grant := auth.Grant{Permissions: f.permissions, Description: describeHost(), TTL: f.ttl, Channels: f.channels}
	if len(grant.Permissions) == 0 {
		grant.Permissions = auth.PublisherPermissions()
		if r.flavour == flavourGateway {
			grant.Permissions = charmhub.Permissions()
		}
	}
	for _, limit := range []struct {
		kind  string
		names []string
	}{{"snap", f.packages}, {"charm", f.charms}, {"bundle", f.bundles}} {
		for _, name := range limit.names {
			grant.Packages = append(grant.Packages, auth.Package{Name: name, Type: limit.kind})
		}
	}
	return grant
}

// describeHost is how a list of tokens tells this one from others.
func describeHost() string {
	host, err := os.Hostname()
	if err != nil {
		return "larder"
	}
	return "larder@" + host
}

// way is how to log in with the remote's flavour; it asks a person for what is
// not given.
func (f *loginFlags) way(r *remote) (auth.Login, error) {
	switch {
	case f.browser || r.flavour == flavourCandid:
		return auth.CandidLogin{
			Discharger: auth.Discharger{Interactors: []auth.Interactor{r.page()}, HTTP: r.patient()},
			Dashboard:  r.flavour != flavourGateway,
		}, nil
	case r.flavour == flavourOnPrem:
		macaroon := os.Getenv(adminMacaroon)
		if f.stdin {
			lines, err := r.o.t.secretLines("the macaroon")
			if err != nil {
				return nil, err
			}
			macaroon = lines[0].Reveal()
		}
		if macaroon == "" {
			return nil, usagef("the administrator's macaroon is needed: on standard input with --password-stdin, or in %s", adminMacaroon)
		}
		return auth.OfflineLogin{AdminMacaroon: macaroon}, nil
	}
	email, password, code, err := f.ask(r.o.t)
	if err != nil {
		return nil, err
	}
	login := auth.UbuntuOneLogin{Email: email, Password: password.Reveal(), OTP: code.Reveal()}
	if fd, ok := r.o.t.onTerminal(); ok {
		login.AskOTP = func(context.Context) (string, error) {
			code, err := r.o.t.askSecret(fd, "Code of the second factor: ")
			return code.Reveal(), err
		}
	}
	if r.flavour == flavourGateway {
		return auth.UbuntuOneGatewayLogin{UbuntuOneLogin: login, ClientDescription: describeHost()}, nil
	}
	return login, nil
}

// page leads a person to a page in the browser.
func (r *remote) page() auth.Browser {
	return auth.Browser{
		ShowCode: func(code string) {
			fmt.Fprintf(r.o.t.err, "The page must show this code: %s\n", harmless(code))
		},
		Open: func(_ context.Context, url string) error {
			fmt.Fprintf(r.o.t.err, "Log in on this page:\n  %s\nWaiting for it…\n", url)
			return nil
		},
	}
}

// patient asks for as long as a person may take to log in: a service ends each
// wait after a while, and is asked again.
func (r *remote) patient() *transport.Client {
	c := r.transport()
	c.Retry = &transport.Retry{Times: 100, Factor: time.Second, Wait: func(ctx context.Context, d time.Duration) error {
		return transport.Wait(ctx, min(d, 2*time.Second))
	}}
	return c
}

// ask finds out who logs in.
func (f *loginFlags) ask(t *terminal) (email string, password, code identity.Secret, err error) {
	fd, person := t.onTerminal()
	email = f.email
	switch {
	case email == "" && (f.stdin || !person):
		return "", password, code, usagef("--email ADDRESS is needed where nobody can be asked")
	case email == "":
		if email, err = t.askLine("E-mail: "); err != nil {
			return "", password, code, err
		}
	}
	if f.stdin {
		names := []string{"the password"}
		if f.otpStdin {
			names = append(names, "the code")
		}
		lines, err := t.secretLines(names...)
		if err != nil {
			return "", password, code, err
		}
		if f.otpStdin {
			code = lines[1]
		}
		return email, lines[0], code, nil
	}
	if !person {
		return "", password, code, usagef("there is no terminal to ask for the password: use --password-stdin")
	}
	password, err = t.askSecret(fd, "Password: ")
	return email, password, code, err
}

// askLine asks a person for something that may be seen.
func (t *terminal) askLine(prompt string) (string, error) {
	fmt.Fprint(t.err, prompt)
	line, err := bufio.NewReader(oneByte{t.in}).ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		return "", store.Invalidf("nothing-typed", "nothing was typed").Because(err).Try("try again")
	}
	return line, nil
}

// oneByte reads no more than is needed, so that the next question finds its
// answer.
type oneByte struct{ io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.Reader.Read(p[:min(1, len(p))]) }

// openToLogIn finds the store to log in to, and its flavour.
func (r *remote) openToLogIn(ctx context.Context, f *loginFlags) error {
	if err := f.choose(r); err != nil {
		return err
	}
	err := r.open(ctx)
	if r.url == "" && store.KindOf(err) == store.KindUnauthorised {
		return usagef("--store URL is needed, the address of the store to log in to")
	}
	if err != nil {
		return err
	}
	if unencrypted(r.url) && !r.o.t.json {
		fmt.Fprintf(r.o.t.err, "warning: %s is not encrypted: whoever sees the traffic can log in as you\n", r.url)
	}
	return nil
}

func loginCommand(o *options) *cobra.Command {
	r, f := &remote{o: o, realm: &snapRealm}, &loginFlags{}
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Log in to a store as a publisher",
		Long: `Logs in to a store, and makes it the one that larder snap works on. The e-mail
address, the password and the code of a second factor are asked for.

The login is kept in the system's keyring, or where there is none in a file that
only you can read. LARDER_STORE_CREDENTIALS, with what export-login writes, counts
instead of it.

The store may be a larder or any other: snapcraft.io is the public one. What it is
asked for with --permissions is in its own words, such as package_push and
package_release, or with --flavour gateway package-manage-revisions.`,
		Example: fmt.Sprintf(`  %[1]s login --store https://store.example
  pass store | %[1]s login --store http://127.0.0.1:8444 --email alice@example.com --password-stdin
  %[1]s login --store snapcraft.io --permissions package_push,package_release --channel '*/edge'`, o.t.program),
		Args: none(),
		RunE: func(cmd *cobra.Command, _ []string) error { return r.told(r.logIn(cmd.Context(), f)) },
	}
	r.register(cmd)
	f.register(cmd)
	return cmd
}

func (r *remote) logIn(ctx context.Context, f *loginFlags) error {
	if r.realm.inEnvironment() {
		return store.Conflictf("credentials-in-environment", "%s is set, and would count instead of a login", r.realm.variable()).
			Try("unset it first")
	}
	if err := r.openToLogIn(ctx, f); err != nil {
		return err
	}
	credentials, err := f.obtain(ctx, r)
	if err != nil {
		return err
	}
	if err := r.Credentials.Save(ctx, credentials); err != nil {
		return err
	}
	if err := r.remember(); err != nil {
		return err
	}
	who, err := r.whoami(ctx)
	if err != nil {
		return err
	}
	return r.o.t.print(who, func(w io.Writer) {
		fmt.Fprintf(w, "Logged in to %s as %s\n", who.Store, who.name())
		if who.KeptIn != inKeyring {
			fmt.Fprintf(w, "There is no keyring here: the login is kept in %s, which only you can read\n", who.KeptIn)
		}
	})
}

// loggedIn is a login as commands print it. Lists that are empty limit nothing.
type loggedIn struct {
	Store       string           `json:"store"`
	Flavour     flavour          `json:"flavour"`
	Account     publisherAccount `json:"account"`
	Permissions []string         `json:"permissions"`
	Channels    []string         `json:"channels"`
	Packages    []string         `json:"packages"`
	Expires     *time.Time       `json:"expires,omitempty"`
	KeptIn      string           `json:"kept-in"`
}

type publisherAccount struct {
	ID          string `json:"id"`
	Username    string `json:"username,omitempty"`
	DisplayName string `json:"display-name,omitempty"`
	Email       string `json:"email,omitempty"`
}

const inKeyring = "keyring"

func (l *loggedIn) name() string {
	return cmp.Or(l.Account.Username, l.Account.Email, l.Account.DisplayName, l.Account.ID)
}

func (r *remote) whoami(ctx context.Context) (*loggedIn, error) {
	me, err := r.Whoami(ctx)
	if err != nil {
		return nil, err
	}
	l := &loggedIn{
		Store: r.url, Flavour: r.flavour, Permissions: me.Permissions, Channels: me.Channels,
		Account: publisherAccount{ID: me.Account.ID, Username: me.Account.Username, DisplayName: me.Account.DisplayName, Email: me.Account.Email},
	}
	if l.Account.DisplayName == "" {
		l.Account.DisplayName = me.Account.Name
	}
	for _, p := range me.Packages {
		l.Packages = append(l.Packages, cmp.Or(p.Name, p.ID))
	}
	if me.Expires != nil && !me.Expires.IsZero() {
		at := me.Expires.UTC()
		l.Expires = &at
	}
	switch r.Credentials.Backend.(type) {
	case auth.Keyring:
		l.KeptIn = inKeyring
	case *auth.Memory:
		l.KeptIn = r.realm.variable()
	default:
		l.KeptIn, err = publisherFile(r.realm.file)
	}
	return l, err
}

func whoamiCommand(o *options) *cobra.Command {
	return o.at(&cobra.Command{
		Use:     "whoami",
		Short:   "Show who is logged in to a store, and what the login allows",
		Example: fmt.Sprintf("  %[1]s whoami\n  %[1]s whoami --store https://store.example --format json", o.t.program),
		Args:    none(),
	}, func(ctx context.Context, r *remote, _ []string) error {
		who, err := r.whoami(ctx)
		if err != nil {
			return err
		}
		return o.t.print(who, func(w io.Writer) {
			fmt.Fprintf(w, "store: %s\naccount: %s\n", who.Store, who.name())
			for _, l := range []struct{ title, text string }{
				{"id", who.Account.ID}, {"display-name", who.Account.DisplayName}, {"email", who.Account.Email},
			} {
				if l.text != "" {
					fmt.Fprintf(w, "%s: %s\n", l.title, l.text)
				}
			}
			for _, l := range []struct {
				title string
				list  []string
			}{{"permissions", who.Permissions}, {"channels", who.Channels}, {"packages", who.Packages}} {
				fmt.Fprintf(w, "%s: %s\n", l.title, cmp.Or(strings.Join(l.list, ", "), "all"))
			}
			if who.Expires != nil {
				fmt.Fprintf(w, "expires: %s\n", who.Expires.Format(time.RFC3339))
			}
			fmt.Fprintf(w, "kept in: %s\n", who.KeptIn)
		})
	})
}

func logoutCommand(o *options) *cobra.Command {
	return o.at(&cobra.Command{
		Use:   "logout",
		Short: "Forget the login to a store",
		Long: `Forgets the login to a store on this machine. The store is not told: what was
exported stays good until it expires, or until larder token revoke ends it there.`,
		Example: fmt.Sprintf("  %[1]s logout\n  %[1]s logout --store https://store.example", o.t.program),
		Args:    none(),
	}, logOut)
}

func logOut(ctx context.Context, r *remote, _ []string) error {
	if r.realm.inEnvironment() {
		return store.Conflictf("credentials-in-environment", "the login is that of %s", r.realm.variable()).Try("unset it")
	}
	if err := r.Logout(ctx); err != nil {
		return err
	}
	if err := r.forgetLogin(); err != nil {
		return err
	}
	return r.o.t.print(map[string]string{"store": r.url}, func(w io.Writer) { fmt.Fprintf(w, "Logged out of %s\n", r.url) })
}
