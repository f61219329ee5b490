package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/internal/store"
)

func charmLoginCommand(o *options) *cobra.Command {
	r, f := &remote{o: o, realm: &charmRealm}, &loginFlags{flavour: string(flavourGateway), ttl: charmhub.DefaultTTL}
	var export string
	var ttl int
	cmd := &cobra.Command{
		Use:   "login",
		Short: "Log in to a store as a publisher of charms",
		Long: `Logs in to a store, and makes it the one that larder charm works on. The e-mail
address, the password and the code of a second factor are asked for. charmhub.io is
the public store. The login is kept apart from that of larder login, which is for
snaps.

With --export the login is written to a file, which only you can read, for another
machine's CHARMCRAFT_AUTH; this machine stays logged in as it was. Only such a login
can be limited, and it should be.`,
		Example: fmt.Sprintf(`  %[1]s charm login --store https://store.example
  %[1]s charm login --export ci.txt --charm pantry --channel edge --permission package-manage-revisions --ttl 2592000`, o.t.program),
		Args: none(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			limited := ""
			for _, name := range []string{"charm", "bundle", "channel", "permission", "ttl"} {
				if cmd.Flags().Changed(name) {
					limited = name
				}
			}
			if cmd.Flags().Changed("ttl") {
				if ttl < 1 {
					return usagef("--ttl takes seconds, not %d", ttl)
				}
				f.ttl = time.Duration(ttl) * time.Second
			}
			switch {
			case export != "":
				return r.told(r.exportLogin(cmd.Context(), f, export))
			case limited != "":
				return usagef("--%s goes with --export FILE", limited)
			}
			return r.told(r.logIn(cmd.Context(), f))
		},
	}
	r.register(cmd)
	f.who(cmd)
	fl := cmd.Flags()
	fl.BoolVar(&f.browser, "browser", false, "log in on a page in the browser")
	fl.StringVar(&export, "export", "", "`FILE` to write the login to, or - for standard output")
	fl.StringArrayVar(&f.charms, "charm", nil, "only for this `charm`; may be repeated")
	fl.StringArrayVar(&f.bundles, "bundle", nil, "only for this `bundle`; may be repeated")
	fl.StringArrayVar(&f.channels, "channel", nil, "only for this `channel`; may be repeated")
	fl.StringArrayVar(&f.permissions, "permission", nil, "only this `permission`, such as package-view; may be repeated")
	fl.IntVar(&ttl, "ttl", 0, "how many `seconds` it is good for; default: 30 hours")
	mustComplete(cmd, "permission", auth.AccountRegisterPackage, auth.AccountViewPackages,
		auth.PackageManage, auth.PackageManageACL, auth.PackageManageLibrary, auth.PackageManageMetadata, auth.PackageManageReleases,
		auth.PackageManageRevisions, auth.PackageView, auth.PackageViewACL, auth.PackageViewMetadata, auth.PackageViewMetrics,
		auth.PackageViewReleases, auth.PackageViewRevisions)
	return cmd
}

func charmLogoutCommand(o *options) *cobra.Command {
	return o.atCharms(&cobra.Command{
		Use:     "logout",
		Short:   "Forget the login to a store of charms",
		Long:    "Forgets the login to a store on this machine. What was exported stays good until it\nexpires, or until larder token revoke ends it there.",
		Example: fmt.Sprintf("  %[1]s charm logout", o.t.program),
		Args:    none(),
	}, logOut)
}

// charmWhoami has the keys of charmcraft's.
type charmWhoami struct {
	Logged      bool         `json:"logged"`
	Name        string       `json:"name,omitempty"`
	Username    string       `json:"username,omitempty"`
	ID          string       `json:"id,omitempty"`
	Permissions []string     `json:"permissions,omitempty"`
	Charms      []charmLimit `json:"charms,omitempty"`
	Bundles     []charmLimit `json:"bundles,omitempty"`
	Channels    []string     `json:"channels,omitempty"`
}

// charmLimit is a package that a login is limited to, by either.
type charmLimit struct {
	Name string `json:"name,omitempty"`
	ID   string `json:"id,omitempty"`
}

func charmWhoamiCommand(o *options) *cobra.Command {
	return o.atCharms(&cobra.Command{
		Use:     "whoami",
		Short:   "Show who is logged in to a store of charms, and what the login allows",
		Example: fmt.Sprintf("  %[1]s charm whoami\n  %[1]s charm whoami --format json", o.t.program),
		Args:    none(),
	}, func(ctx context.Context, r *remote, _ []string) error {
		me, err := r.charms.Whoami(ctx)
		if errors.Is(err, auth.ErrCredentialsUnavailable) {
			return o.t.print(charmWhoami{}, func(w io.Writer) { fmt.Fprintf(w, "not logged in to %s\n", r.url) })
		}
		if err != nil {
			return err
		}
		who := charmWhoami{
			Logged: true, Name: me.Account.DisplayName, Username: me.Account.Username, ID: me.Account.ID,
			Permissions: me.Permissions, Channels: me.Channels,
		}
		for _, p := range me.Packages {
			limit := charmLimit{Name: p.Name, ID: p.ID}
			if p.Name != "" {
				limit.ID = ""
			}
			if p.Type == store.TypeBundle {
				who.Bundles = append(who.Bundles, limit)
			} else {
				who.Charms = append(who.Charms, limit)
			}
		}
		return o.t.print(who, func(w io.Writer) { who.print(w) })
	})
}

func (c *charmWhoami) print(w io.Writer) {
	fmt.Fprintf(w, "name: %s\nusername: %s\nid: %s\n", c.Name, c.Username, c.ID)
	names := func(limits []charmLimit) (list []string) {
		for _, l := range limits {
			if l.Name == "" {
				l.Name = "id " + l.ID
			}
			list = append(list, l.Name)
		}
		return list
	}
	for _, l := range []struct {
		title string
		list  []string
	}{{"permissions", c.Permissions}, {"charms", names(c.Charms)}, {"bundles", names(c.Bundles)}, {"channels", c.Channels}} {
		if len(l.list) > 0 {
			fmt.Fprintf(w, "%s:\n- %s\n", l.title, strings.Join(l.list, "\n- "))
		}
	}
}
