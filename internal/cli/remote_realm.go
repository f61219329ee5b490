package cli

import (
	"context"
	"os"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/charmhub"
)

// A realm is a kind of package that people publish. Each has logins of its own:
// what allows something to snaps says nothing about charms.
type realm struct {
	kind        string // of package, and the command that publishes it
	application string // the login's owner in a keyring
	file        string // that holds logins where there is no keyring
	// variables may hold exported credentials, which then count instead of those
	// that a login left; the first that is set does.
	variables []string
	// The commands, after the program's name.
	login, whoami, export string
}

// credentialsVariable holds exported credentials of either realm.
const credentialsVariable = "LARDER_STORE_CREDENTIALS"

var (
	snapRealm = realm{
		kind: "snap", application: "larder", file: "credentials.json", variables: []string{credentialsVariable},
		login: "login", whoami: "whoami", export: "export-login FILE",
	}
	charmRealm = realm{
		kind: "charm", application: "larder-charm", file: "charm-credentials.json",
		variables: []string{auth.EnvCharmcraft, credentialsVariable},
		login:     "charm login", whoami: "charm whoami", export: "charm login --export FILE",
	}
)

// variable is the one that counts: what is set, or else the realm's own.
func (r *realm) variable() string {
	for _, name := range r.variables {
		if os.Getenv(name) != "" {
			return name
		}
	}
	return r.variables[0]
}

// inEnvironment reports whether credentials were exported for the realm.
func (r *realm) inEnvironment() bool { return os.Getenv(r.variable()) != "" }

// openCharms makes the client of a store of charms. charmcraft's variable for
// the registry counts here too.
func (r *remote) openCharms(ctx context.Context, keep []auth.Option) error {
	r.endpoint = charmhub.At(r.url)
	if public := charmhub.Public(); r.url == public.BaseURL {
		r.endpoint = public
	}
	var err error
	r.charms, err = charmhub.Open(ctx, r.realm.application, r.endpoint, keep...)
	if err != nil {
		return err
	}
	r.charms.RegistryURL = os.Getenv(charmhub.EnvRegistry)
	r.Client = r.charms.Gateway()
	return nil
}
