package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/client/charmhub"
	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/store"
)

func exportLoginCommand(o *options) *cobra.Command {
	r, f := &remote{o: o, realm: &snapRealm}, &loginFlags{}
	cmd := &cobra.Command{
		Use:   "export-login FILE",
		Short: "Log in and write the login for another machine",
		Long: `Logs in as larder login does, and writes the login to FILE, which only you can read,
or with - to standard output. It is kept nowhere else, and this machine stays logged
in as it was.

What is written goes into LARDER_STORE_CREDENTIALS, or for the store's other clients
into SNAPCRAFT_STORE_CREDENTIALS. Limit it to what its user needs: whoever has it
can do what it allows.`,
		Example: fmt.Sprintf(`  %[1]s export-login ci.txt --store https://store.example --package hello --channel '*/edge' --ttl 720h
  LARDER_STORE_CREDENTIALS=$(cat ci.txt) %[1]s whoami --store https://store.example`, o.t.program),
		Args: exactly(1, "the FILE to write, or -"),
		RunE: func(cmd *cobra.Command, args []string) error { return r.told(r.exportLogin(cmd.Context(), f, args[0])) },
	}
	r.register(cmd)
	f.register(cmd)
	return cmd
}

// exported is what obtain gives as other programs take it: base64.
func (f *loginFlags) exported(ctx context.Context, r *remote) (string, error) {
	if r.realm == &charmRealm {
		login, err := f.way(r)
		if err != nil {
			return "", err
		}
		return r.charms.NewCredentials(ctx, login, f.grant(r))
	}
	credentials, err := f.obtain(ctx, r)
	if err != nil {
		return "", err
	}
	return credentials.Export()
}

func (r *remote) exportLogin(ctx context.Context, f *loginFlags, file string) error {
	if _, err := os.Lstat(file); err == nil && file != "-" {
		return store.Conflictf("file-exists", "%s is there already", file).Try("remove it, or name another file")
	}
	if err := r.openToLogIn(ctx, f); err != nil {
		return err
	}
	text, err := f.exported(ctx, r)
	if err != nil {
		return err
	}
	answer := map[string]string{"store": r.url, "flavour": string(r.flavour)}
	if file == "-" {
		answer["credentials"] = text
		return r.o.t.print(answer, func(w io.Writer) { fmt.Fprintln(w, text) })
	}
	if err := writePrivate(file, []byte(text+"\n")); err != nil {
		return err
	}
	answer["file"] = file
	return r.o.t.print(answer, func(w io.Writer) {
		fmt.Fprintf(w, "The login is in %s. Use it with\n", file)
		if r.realm == &snapRealm {
			fmt.Fprintf(w, "  export LARDER_STORE=%s LARDER_STORE_CREDENTIALS=\"$(cat %s)\"\n", r.url, file)
			for _, line := range snapcraftEnvironment(r.url, r.flavour, r.endpoint, file) {
				fmt.Fprintf(w, "  %s\n", line)
			}
			return
		}
		fmt.Fprintf(w, "  export LARDER_STORE=%s CHARMCRAFT_AUTH=\"$(cat %s)\"\n", r.url, file)
		if r.url != charmhub.Public().BaseURL {
			fmt.Fprintf(w, "and for charmcraft also\n  export %s=%s %s=%s %s=%s\n", charmhub.EnvAPI, r.endpoint.BaseURL,
				charmhub.EnvUpload, cmp.Or(r.endpoint.StorageURL, r.endpoint.BaseURL), charmhub.EnvIdentity, r.endpoint.IdentityURL)
		}
	})
}

// snapcraftEnvironment is what makes snapcraft use the login in a file: nothing,
// if it has no way to.
func snapcraftEnvironment(base string, f flavour, e snapstore.Endpoints, file string) (lines []string) {
	if f == flavourGateway {
		return nil
	}
	if base != publicDashboard {
		lines = append(lines, fmt.Sprintf("export STORE_DASHBOARD_URL=%s STORE_UPLOAD_URL=%s", e.BaseURL, cmp.Or(e.StorageURL, e.BaseURL)))
	}
	switch {
	case f == flavourOnPrem:
		lines = append(lines, "export SNAPCRAFT_STORE_AUTH=onprem")
	case f == flavourCandid:
		lines = append(lines, "export SNAPCRAFT_STORE_AUTH=candid")
	case base != publicDashboard:
		lines = append(lines, "export UBUNTU_ONE_SSO_URL="+e.IdentityURL)
	}
	return append(lines, fmt.Sprintf("export SNAPCRAFT_STORE_CREDENTIALS=\"$(cat %s)\"", file))
}
