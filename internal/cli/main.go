package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/larder-store/larder/internal/server"
	"github.com/larder-store/larder/internal/store"
)

// Version is stamped by the build.
var Version = "dev"

// Main runs the command line args (args[0] is the program's name, which picks
// the personality) and returns the exit code.
func Main(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := server.UntilSignal(context.Background())
	defer stop()
	return run(ctx, args, in, out, errOut)
}

func run(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) int {
	t := &terminal{in: in, out: out, err: errOut, program: personality(args[0]), called: args[0]}
	o := &options{t: t}
	root := newRoot(o)
	root.SetArgs(args[1:])
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	if ctx.Err() != nil {
		err = errInterrupted
	}
	t.json = t.json || o.format == "json" // an error may come before check
	t.fail(err)
	return exitCode(err)
}

// personality is the name the program answers to. Operators of the existing
// product call the same commands by that product's names.
func personality(arg0 string) string {
	switch name := strings.TrimSuffix(filepath.Base(arg0), ".exe"); name {
	case "snap-proxy", "snap-store-proxy", "enterprise-store":
		return name
	default:
		return "larder"
	}
}

// Exit codes. Scripts may rely on them.
const (
	exitOK          = 0
	exitInternal    = 1
	exitUsage       = 2
	exitNotFound    = 3
	exitConflict    = 4
	exitInvalid     = 5
	exitForbidden   = 6
	exitUnavailable = 7
	exitTooLarge    = 8
	exitDamage      = 9  // fsck found damage
	exitRejected    = 10 // the store rejected what was uploaded
	exitHeld        = 11 // what was uploaded is held for review
	exitInterrupted = 130
)

var exitByKind = map[store.Kind]int{
	store.KindInternal:     exitInternal,
	store.KindNotFound:     exitNotFound,
	store.KindConflict:     exitConflict,
	store.KindInvalid:      exitInvalid,
	store.KindUnauthorised: exitForbidden,
	store.KindForbidden:    exitForbidden,
	store.KindUnavailable:  exitUnavailable,
	store.KindTooLarge:     exitTooLarge,
}

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// errDamage makes fsck exit with exitDamage after it has reported what it found.
var errDamage = errors.New("the store is damaged (see above)")

// errInterrupted stands for whatever failed because a signal ended the command.
var errInterrupted = errors.New("interrupted: nothing is left half done; run it again")

func exitCode(err error) int {
	var usage usageError
	var ended outcome
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &ended):
		return ended.exit
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.Is(err, errDamage):
		return exitDamage
	}
	return exitByKind[store.KindOf(err)]
}

func newRoot(o *options) *cobra.Command {
	t := o.t
	cobra.EnableCommandSorting = false // the table below is in the order of a newcomer's day
	root := &cobra.Command{
		Use:   t.program,
		Short: "A self-hosted store for snaps and charms",
		Long: `larder is a store for snaps and charms that you run yourself: as an air-gapped
store fed by archives, as a store that you publish to, or at the edge of the
public one.

Commands work on the data directory, with or without a running server, except for
login, snap and charm, which publish in any store over HTTP, and need none here. LARDER_DATA,
LARDER_DB, LARDER_BLOBS and LARDER_LISTEN say the same as the flags. Prefer them
for URLs that hold a password: every user of a machine sees the arguments of its
commands. LARDER_SECRET, base64 of 32 bytes, stands in for the file secret in the
data directory, for nodes that share a database.

Exit codes: 1 internal error, 2 usage, 3 not found, 4 conflict, 5 invalid input,
6 not allowed, 7 out of reach, 8 too large, 9 damage found, 10 rejected and 11 held by
a store's review, 130 interrupted.`,
		Example: fmt.Sprintf(`  %[1]s serve --data ./store --listen 127.0.0.1:8444
  %[1]s push-snap ./hello_1.0_amd64.snap --register --channel stable
  %[1]s status`, t.program),
		Version:           Version,
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return o.check() },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w: see %s --help", err, cmd.CommandPath())
	})
	verbs(root)
	root.SetVersionTemplate("{{.Version}}\n")
	o.register(root.PersistentFlags())
	o.complete(root)
	root.SetHelpCommandGroupID("about")
	root.SetCompletionCommandGroupID("about")
	root.AddGroup(
		&cobra.Group{ID: "run", Title: "Run a store:"},
		&cobra.Group{ID: "snaps", Title: "Snaps and charms:"},
		&cobra.Group{ID: "publish", Title: "Publish in a store, here or elsewhere:"},
		&cobra.Group{ID: "people", Title: "Accounts and tokens:"},
		&cobra.Group{ID: "trust", Title: "Trust and assertions:"},
		&cobra.Group{ID: "care", Title: "Look after it:"},
		&cobra.Group{ID: "about", Title: "About these commands:"},
	)
	for _, c := range commands {
		cmd := c.make(o)
		cmd.GroupID = c.group
		root.AddCommand(cmd)
	}
	return root
}

// commands is the table of verbs, in the order help shows them.
var commands = []struct {
	group string
	make  func(*options) *cobra.Command
}{
	{"run", initCommand},
	{"run", serveCommand},
	{"run", statusCommand},
	{"run", configCommand},
	{"run", storeCommand},

	{"snaps", pushSnapCommand},
	{"snaps", listPushedSnapsCommand},
	{"snaps", pushCharmCommand},
	{"snaps", packageCommand},
	{"snaps", releaseCommand},
	{"snaps", closeCommand},
	{"snaps", overrideCommand},
	{"snaps", listOverridesCommand},
	{"snaps", deleteOverrideCommand},
	{"snaps", reviewCommand},
	{"snaps", disputeCommand},
	{"snaps", imageCommand},

	{"publish", loginCommand},
	{"publish", logoutCommand},
	{"publish", whoamiCommand},
	{"publish", exportLoginCommand},
	{"publish", snapCommand},
	{"publish", charmCommand},

	{"people", accountCommand},
	{"people", tokenCommand},

	{"trust", trustCommand},
	{"trust", pushAccountKeysCommand},
	{"trust", assertionCommand},

	{"care", fsckCommand},
	{"care", gcCommand},
	{"care", backupCommand},
	{"care", restoreCommand},
	{"care", changesCommand},
}
