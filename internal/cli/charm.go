package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func charmCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "charm",
		Short: "Publish charms and bundles in a store, here or elsewhere, over HTTP",
		Long: `What publishers do with their charms, in any store that they can log in to, by the
names that charmcraft gives it. The store is that of the last larder charm login, or
of --store or LARDER_STORE; info, find and download ask it as juju does.

CHARMCRAFT_AUTH, with what larder charm login --export or charmcraft login --export
has written, counts instead of a login, and after it LARDER_STORE_CREDENTIALS.`,
		Example: fmt.Sprintf(`  %[1]s charm login --store https://store.example
  %[1]s charm upload pantry_ubuntu@24.04-amd64.charm --release edge
  %[1]s charm status pantry`, o.t.program),
	},
		charmLoginCommand(o), charmLogoutCommand(o), charmWhoamiCommand(o),
		charmRegisterCommand(o), charmUnregisterCommand(o), charmNamesCommand(o),
		charmUploadCommand(o), charmRevisionsCommand(o),
		charmReleaseCommand(o), charmPromoteCommand(o), charmCloseCommand(o), charmStatusCommand(o), charmCreateTrackCommand(o),
		charmResourcesCommand(o), charmResourceRevisionsCommand(o), charmUploadResourceCommand(o), charmArchitecturesCommand(o),
		charmCreateLibCommand(o), charmPublishLibCommand(o), charmFetchLibCommand(o), charmFetchLibsCommand(o), charmListLibCommand(o),
		charmInfoCommand(o), charmFindCommand(o), charmDownloadCommand(o))
}

// atCharms makes cmd one that works on a remote store of charms.
func (o *options) atCharms(cmd *cobra.Command, run func(ctx context.Context, r *remote, args []string) error) *cobra.Command {
	return o.in(&charmRealm, cmd, run)
}

// onCharm is atCharms for a command whose first argument is the name of a charm.
func (o *options) onCharm(cmd *cobra.Command, run func(ctx context.Context, r *remote, name string, args []string) error) *cobra.Command {
	return o.onOne(&charmRealm, cmd, run)
}

// stamp is a time as charmcraft prints it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
