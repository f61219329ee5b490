package delta

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// reasons are why deltas were refused, as the log of a maker has them.
type reasons struct {
	mu   sync.Mutex // guards text
	text strings.Builder
}

func (r *reasons) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.Write(p)
}

func (r *reasons) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.text.String()
}

func TestAProgramThatMisbehavesMeetsALimit(t *testing.T) {
	real := xdelta3(t)
	for _, tt := range []struct {
		name, script string
		change       func(*Options)
		want         string
	}{
		{"it fails", `cat >/dev/null; echo out of cheese >&2; exit 3`, nil, "ended with exit status 3: out of cheese"},
		{"it fails at once, reading nothing", `exit 1`, nil, "ended with exit status 1"},
		{"it talks without end", `cat </dev/zero >&2`, func(o *Options) { o.Time = 300 * time.Millisecond }, "it took longer than 300ms"},
		{"it writes without end", `exec cat /dev/zero`, nil, "it would have 80 % of"},
		{"it works without end", `while :; do :; done`, func(o *Options) { o.Time = 200 * time.Millisecond }, "it took longer than 200ms"},
		{"its child works without end", `(while :; do :; done); echo`, func(o *Options) { o.Time = 200 * time.Millisecond }, "it took longer than 200ms"},
		{"it kills itself", `kill -9 $$`, nil, "ended with signal: killed"},
		{"it writes a file", `cat >/dev/null; echo x >"$0.out"`, nil, "ended with"},
		{"its delta is none", `case "$1" in -e) cat >/dev/null; echo junk;; *) exec ` + real + ` "$@";; esac`, nil, "ended with exit status 1"},
		{"its delta makes something else", `case "$1" in -e) cat >/dev/null; echo junk;; *) cat;; esac`, nil, "it made other bytes"},
		{"its delta makes too much", `case "$1" in -e) cat >/dev/null; echo junk;; *) exec cat /dev/zero;; esac`, nil, "it made other bytes"},
		{"its delta is empty", `cat >/dev/null`, nil, "it made other bytes"},
		{"it wants too much memory", `exec ` + real + ` "$@"`, func(o *Options) { o.Memory = 40 << 20 }, "ended with exit status 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHouse(t)
			id := h.push(t, "hello", "1", 1, "stable").PackageID
			h.push(t, "hello", "2", 1, "stable")
			blobs := h.countBlobs(t)
			log := &reasons{}
			m := h.maker(t, func(o *Options) {
				o.Program, o.Time, o.Log = tool(t, tt.script), time.Minute, logTo(log)
				if tt.change != nil {
					tt.change(o)
				}
			})
			h.catchUp(t, m)
			made, refused := h.ways(t, id)
			wantWays(t, "deltas", made)
			wantWays(t, "refused", refused, "1-2")
			if !strings.Contains(log.String(), tt.want) || len(log.String()) > 10_000 {
				t.Errorf("the log says %.2000s", log)
			}
			if n := h.countBlobs(t); n != blobs {
				t.Errorf("%d blobs came", n-blobs)
			}
			h.wantNothingStaged(t)
		})
	}
}

func TestTheProgramIsGivenNoEnvironmentAndLittlePriority(t *testing.T) {
	t.Setenv("XDELTA", "-9")
	h := newHouse(t)
	h.push(t, "hello", "1", 1, "stable")
	h.push(t, "hello", "2", 1, "stable")
	log := &reasons{}
	m := h.maker(t, func(o *Options) {
		o.Program, o.Log = tool(t, `cat >/dev/null; (echo "x=$XDELTA"; nice; ulimit -v; ulimit -f; pwd) >&2; exit 1`), logTo(log)
		o.Memory = 123 << 20
	})
	h.catchUp(t, m)
	if want := `x=\n19\n125952\n0\n/`; !strings.Contains(log.String(), want) {
		t.Errorf("the log says %s", log)
	}
}

// gateway is a pair of named pipes by which a program of a test tells that it
// runs, and waits.
type gateway struct{ running, wait string }

func newGateway(t testing.TB) gateway {
	t.Helper()
	dir := t.TempDir()
	g := gateway{filepath.Join(dir, "running"), filepath.Join(dir, "wait")}
	for _, path := range []string{g.running, g.wait} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// script opens the first pipe and waits at the second, in a child that has the
// first one too.
func (g gateway) script() string {
	return `exec 3>` + g.running + `; echo half a delta; (read x <` + g.wait + `)`
}

// entered waits until the program runs; the file ends once it and its children
// are gone.
func (g gateway) entered(t testing.TB) *os.File {
	t.Helper()
	f, err := os.Open(g.running)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestStoppingKillsTheProgramAndItsChildren(t *testing.T) {
	h := newHouse(t)
	id := h.push(t, "hello", "1", 1, "stable").PackageID
	h.push(t, "hello", "2", 1, "stable")
	g := newGateway(t)
	m := h.maker(t, func(o *Options) { o.Program = tool(t, g.script()) })
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := m.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	running := g.entered(t)
	stop()
	wg.Wait()
	if _, err := io.ReadAll(running); err != nil { // ends when nobody has the pipe any more
		t.Error(err)
	}
	made, refused := h.ways(t, id)
	wantWays(t, "deltas", made)
	wantWays(t, "refused", refused)
	h.wantNothingStaged(t)

	next := h.maker(t) // the lease was given back
	h.catchUp(t, next)
	made, _ = h.ways(t, id)
	wantWays(t, "deltas", made, "1-2")
}

// What a process of the test is told in its environment.
const (
	crashURL     = "LARDER_TEST_DELTA_DB"
	crashBlobs   = "LARDER_TEST_DELTA_BLOBS"
	crashProgram = "LARDER_TEST_DELTA_PROGRAM"
)

// crashLease is how long nobody goes on where a killed node was.
const crashLease = time.Minute

// TestMain lets a test run this binary as the node that is killed.
func TestMain(m *testing.M) {
	if os.Getenv(crashURL) == "" {
		os.Exit(m.Run())
	}
	err := func() error {
		ctx := context.Background()
		d, err := db.Open(ctx, os.Getenv(crashURL), db.Options{})
		if err != nil {
			return err
		}
		b, err := openBlobs(ctx, os.Getenv(crashBlobs))
		if err != nil {
			return err
		}
		return New(Options{DB: d, Blobs: b, Program: os.Getenv(crashProgram), Lease: crashLease}).Run(ctx)
	}()
	if err != nil {
		os.Stderr.WriteString(err.Error())
		os.Exit(1)
	}
}

func TestANodeThatIsKilledLeavesNoHalfDelta(t *testing.T) {
	h := newHouse(t)
	id := h.push(t, "hello", "1", 1, "stable").PackageID
	h.push(t, "hello", "2", 1, "stable")
	blobs := h.countBlobs(t)
	g := newGateway(t)
	node := exec.Command(os.Args[0])
	node.Env = append(os.Environ(), crashURL+"="+h.url, crashBlobs+"="+h.blobs, crashProgram+"="+tool(t, g.script()))
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	g.entered(t)
	t.Cleanup(func() { // lets the orphaned program end
		if f, err := os.OpenFile(g.wait, os.O_WRONLY|syscall.O_NONBLOCK, 0); err == nil {
			f.Close()
		}
	})
	next := h.maker(t)
	newest, err := h.db.Fresh(t.Context())
	for heard := int64(-1); err == nil && heard < newest; {
		heard, err = next.opts.DB.Fresh(t.Context())
	}
	if err := errors.Join(err, next.catchUp(t.Context())); !errors.Is(err, errNotMine) {
		t.Errorf("while the other node works: %v", err)
	}
	if err := node.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = node.Wait() // it was killed

	made, refused := h.ways(t, id)
	wantWays(t, "deltas", made)
	wantWays(t, "refused", refused)
	if n := h.countBlobs(t); n != blobs {
		t.Errorf("%d blobs came", n-blobs)
	}
	if err := h.store.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.wantNothingStaged(t)

	if err := next.catchUp(t.Context()); !errors.Is(err, errNotMine) {
		t.Errorf("before the lease has lapsed: %v", err)
	}
	h.catchUp(t, h.makerLater(t, crashLease))
	made, _ = h.ways(t, id)
	wantWays(t, "deltas", made, "1-2")
	h.wantApplies(t, id)
}

// full is a blob store without room for what is staged, for a while.
type full struct {
	blob.Store
	times int
}

func (f *full) Stage(ctx context.Context, r io.Reader, o blob.PutOptions) (blob.Staged, error) {
	if f.times--; f.times >= 0 {
		return nil, blob.ErrNoSpace
	}
	return f.Store.Stage(ctx, r, o)
}

func TestAFailureThatMayPassIsTriedAgainAFewTimes(t *testing.T) {
	for _, tt := range []struct {
		times int
		want  Stats
		made  []string
	}{
		{2, Stats{Made: 2, Failed: 2}, []string{"2-1", "1-2"}}, // one for each way
		{6, Stats{Failed: 6}, nil},
	} {
		h := newHouse(t)
		id := h.push(t, "hello", "1", 1, "stable").PackageID
		h.push(t, "hello", "2", 1, "edge")
		m := h.maker(t, func(o *Options) { o.Blobs = &full{o.Blobs, tt.times} })
		tries := 1
		for ; ; tries++ {
			newest, err := h.db.Fresh(t.Context())
			for heard := int64(-1); err == nil && heard < newest; {
				heard, err = m.opts.DB.Fresh(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			if err = m.catchUp(t.Context()); err == nil {
				break
			}
			if !errors.Is(err, blob.ErrNoSpace) || tries > 10 {
				t.Fatal(err)
			}
		}
		got := m.Stats()
		got.Time = 0
		if got != tt.want {
			t.Errorf("figures: %+v, want %+v", got, tt.want)
		}
		made, refused := h.ways(t, id)
		wantWays(t, "deltas", made, tt.made...)
		wantWays(t, "refused", refused)
	}
}

// small is a blob store on a disk that is nearly full.
type small struct{ blob.Store }

func (small) Free(context.Context) (int64, bool) { return minFree + 1000, true }

func TestTheDiskIsNotFilled(t *testing.T) {
	h := newHouse(t)
	id := h.push(t, "hello", "1", 1, "stable").PackageID
	h.push(t, "hello", "2", 1, "stable")
	m := h.maker(t, func(o *Options) { o.Blobs = small{o.Blobs} })
	err := m.catchUp(t.Context())
	if !errors.Is(err, blob.ErrNoSpace) {
		t.Errorf("error %v", err)
	}
	made, refused := h.ways(t, id)
	wantWays(t, "deltas", made)
	wantWays(t, "refused", refused)
}

func TestWindowsFitTheSource(t *testing.T) {
	for size, want := range map[int64]string{1: "1048576", 1 << 20: "2097152", 100_000_000: "134217728", 1 << 40: "268435456"} {
		if got := (&xdelta{sourceSize: size}).window(); got != want {
			t.Errorf("a source of %d bytes: %s, want %s", size, got, want)
		}
	}
	if store.FormatXdelta3 != Program {
		t.Error("the format has the program's name")
	}
}
