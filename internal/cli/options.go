package cli

import (
	"log/slog"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// options are the flags that every command takes, and the environment
// variables that say the same.
type options struct {
	t *terminal

	data    string // directory of everything local to this process
	db      string // database URL; default: SQLite in data
	blobs   string // blob store URL; default: files in data
	format  string
	verbose bool
}

func (o *options) register(f *pflag.FlagSet) {
	f.StringVar(&o.data, "data", env("LARDER_DATA", defaultData()), "data `directory` (LARDER_DATA)")
	f.StringVar(&o.db, "db", os.Getenv("LARDER_DB"), "database `URL`, sqlite:PATH or postgresql://… (LARDER_DB); default: SQLite in the data directory")
	f.StringVar(&o.blobs, "blobs", os.Getenv("LARDER_BLOBS"), "blob store `URL`, file:DIR or s3://KEY:SECRET@HOST:PORT/BUCKET?tls=0 (LARDER_BLOBS); default: files in the data directory")
	f.StringVar(&o.format, "format", "text", "how to print: `text` or json")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "log what happens, in detail")
	// A password in a default would show in --help.
	for _, name := range []string{"db", "blobs"} {
		f.Lookup(name).DefValue = ""
	}
}

// complete tells a shell what the flags take.
func (o *options) complete(cmd *cobra.Command) {
	formats := cobra.FixedCompletions([]cobra.Completion{"text", "json"}, cobra.ShellCompDirectiveNoFileComp)
	if err := cmd.RegisterFlagCompletionFunc("format", formats); err != nil {
		panic(err) // there is no such flag: a defect
	}
}

func (o *options) check() error {
	switch o.format {
	case "text":
	case "json":
		o.t.json = true
	default:
		return usagef("--format is text or json, not %q", o.format)
	}
	// Rooms that are given no logger of their own log to the default one.
	slog.SetDefault(o.logger())
	return nil
}

func (o *options) databaseURL() string {
	if o.db != "" {
		return o.db
	}
	return "sqlite:" + filepath.Join(o.data, "larder.db")
}

// hasDatabase reports whether the default database is there.
func (o *options) hasDatabase() bool {
	_, err := os.Stat(filepath.Join(o.data, "larder.db"))
	return err == nil
}

func (o *options) blobsURL() string {
	if o.blobs != "" {
		return o.blobs
	}
	return "file:" + filepath.Join(o.data, "blobs")
}

func env(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// defaultData is where a system service keeps its data, and for anyone else
// where a user's programs do.
func defaultData() string {
	if os.Geteuid() == 0 {
		return "/var/lib/larder"
	}
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "larder")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "larder-data"
	}
	return filepath.Join(home, ".local", "share", "larder")
}
