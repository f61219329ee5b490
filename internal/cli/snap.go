package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func snapCommand(o *options) *cobra.Command {
	return verbs(&cobra.Command{
		Use:   "snap",
		Short: "Publish snaps in a store, here or elsewhere, over HTTP",
		Long: `What publishers do with their snaps, in any store that they can log in to. The store
is that of the last larder login, or of --store or LARDER_STORE.`,
		Example: fmt.Sprintf("  %[1]s login --store https://store.example\n  %[1]s snap upload hello_1.0_amd64.snap --release edge\n  %[1]s snap status hello", o.t.program),
	},
		snapRegisterCommand(o), snapNamesCommand(o),
		snapUploadCommand(o), snapRevisionsCommand(o),
		snapReleaseCommand(o), snapPromoteCommand(o), snapCloseCommand(o), snapStatusCommand(o), snapTracksCommand(o),
		snapMetadataCommand(o), snapCollaboratorsCommand(o), snapMetricsCommand(o),
		snapKeysCommand(o), snapSetsCommand(o), snapBuildsCommand(o),
		snapFindCommand(o), snapInfoCommand(o), snapDownloadCommand(o))
}
