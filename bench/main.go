package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"syscall"
	"time"
)

// benchmark is a few rows of the table that are measured together.
type benchmark struct {
	name string
	run  func(ctx context.Context, b *lab) ([]row, error)
}

var benchmarks = []benchmark{
	{"refresh", benchRefresh},
	{"charms", benchCharms},
	{"read", benchReads},
	{"download", benchDownloads},
	{"push", benchPush},
	{"upload", benchUploads},
	{"release", benchReleases},
	{"session", benchSessions},
	{"login", benchLogins},
	{"start", benchStart},
	{"crowd", benchCrowd},
	{"image-pull", benchPulls},
	{"image-push", benchImagePushes},
	{"registry-token", benchRegistryTokens},
}

// lab is where benchmarks run, and how much of everything they do.
type lab struct {
	dir    string
	binary string // of larder
	cores  cores
	sizes  sizes
	shared *larder // see store
	// newDatabase makes an empty database and returns its URL; nil leaves it
	// to larder, which then takes SQLite.
	newDatabase func(ctx context.Context, name string) (string, error)
	// note tells a person what goes on.
	note func(format string, args ...any)
}

// sizes are how much is measured: enough to be stable, or just enough to show
// that it works.
type sizes struct {
	rounds   int
	turn     time.Duration // of one side under load
	conns    int           // connections of a load
	blob     int64         // bytes of the downloaded snap
	push     int64         // bytes of the pushed snap
	pushPeak int64         // bytes of the snap whose memory is measured
	uploads  int           // that come in at once
	upload   int64         // bytes of each
	snaps    int           // that are released again and again
	charms   int           // of one model
	sessions int           // opened per turn
	logins   int           // per turn
	starts   int
	idle     time.Duration // before memory counts as idle
	few      int           // packages of the small store
	many     int           // packages of the large one
	asks     int           // refreshes per turn whose latencies are measured
	layers   []int64       // bytes of each layer of an image
	piece    int64         // bytes of a piece of a layer
	pulls    int           // of an image per turn
}

var full = sizes{
	rounds: 7, turn: 2 * time.Second, conns: 8,
	blob: 100 << 20, push: 1 << 30, pushPeak: 2 << 30,
	uploads: 16, upload: 1 << 30, snaps: 64, charms: 50, sessions: 200, logins: 20,
	starts: 10, idle: 3 * time.Second,
	few: 1000, many: 1_000_000, asks: 2000,
	layers: []int64{64 << 10, 8 << 20, 256 << 20}, piece: 16 << 20, pulls: 8,
}

func main() {
	if file := os.Getenv(bareVariable); file != "" {
		if err := serveBare(file); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if err := run(); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

func run() error {
	s := full
	only := flag.String("run", "", "run the benchmarks whose names match this `pattern`: refresh, charms, read, download, push, upload, release, session, login, start, crowd, image-pull, image-push, registry-token")
	flag.IntVar(&s.rounds, "rounds", s.rounds, "turns of each side")
	flag.DurationVar(&s.turn, "turn", s.turn, "how long one turn lasts")
	flag.IntVar(&s.conns, "connections", s.conns, "connections that ask at once")
	flag.IntVar(&s.many, "packages", s.many, "packages of the large store")
	mebibytes := flag.Int64("mebibytes", s.push>>20, "size of the files that are pushed and uploaded; that of the largest is twice as much")
	binary := flag.String("larder", "", "the `program` to measure; default: build it")
	dir := flag.String("dir", "", "`directory` for stores and snaps, some twenty gigabytes; default: a temporary one")
	postgres := flag.String("postgresql", "", "make databases in the PostgreSQL at this `URL` rather than in SQLite")
	flag.Parse()
	s.push, s.upload, s.pushPeak = *mebibytes<<20, *mebibytes<<20, *mebibytes<<21
	pattern, err := regexp.Compile(*only)
	if err != nil || flag.NArg() > 0 {
		return errors.Join(err, errors.New("see -help"))
	}

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	b := &lab{binary: *binary, sizes: s, note: func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}}
	if *postgres != "" {
		b.newDatabase = databasesIn(*postgres)
	}
	if b.dir, err = os.MkdirTemp(*dir, "larder-bench-"); err != nil {
		return err
	}
	defer os.RemoveAll(b.dir)
	if b.cores, err = availableCores(); err != nil {
		return err
	}
	if b.binary == "" {
		if b.binary, err = buildLarder(ctx, b.dir); err != nil {
			return err
		}
	} else if b.binary, err = filepath.Abs(b.binary); err != nil {
		return err
	}

	rows, err := b.all(ctx, pattern)
	fmt.Printf("%s/%s, %s, processors %s; served on %s, asked from %s; %d rounds\n\n",
		runtime.GOOS, runtime.GOARCH, runtime.Version(), b.cores.all, b.cores.serving, b.cores.asking, s.rounds)
	return errors.Join(printTable(os.Stdout, rows), err)
}

// all runs the benchmarks that match. One that fails does not stop the others.
func (b *lab) all(ctx context.Context, pattern *regexp.Regexp) (rows []row, failures error) {
	for _, bench := range benchmarks {
		if !pattern.MatchString(bench.name) || ctx.Err() != nil {
			continue
		}
		b.note("%s…", bench.name)
		r, err := bench.run(ctx, b)
		rows = append(rows, r...)
		if err != nil {
			failures = errors.Join(failures, fmt.Errorf("%s: %w", bench.name, err))
		}
	}
	return rows, failures
}

// onOneCore runs f with this process kept to the processor that asks.
func (b *lab) onOneCore(f func() (rounds, error)) (rounds, error) {
	if err := pin(b.cores.asking); err != nil {
		return rounds{}, err
	}
	r, err := f()
	return r, errors.Join(err, pin(b.cores.all))
}
