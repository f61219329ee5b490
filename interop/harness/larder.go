// SPDX-License-Identifier: GPL-3.0-only

package harness

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	startTimeout   = 20 * time.Second
	stopTimeout    = 20 * time.Second
	commandTimeout = 60 * time.Second
)

// Place says where a larder keeps its rows and blobs. An empty field means
// larder's default inside the data directory.
type Place struct {
	DB    string // --db URL
	Blobs string // --blobs URL
}

// secretFile is what the nodes of a store must have in common besides database
// and blobs, in each one's data directory.
const secretFile = "secret"

// Larder is one data directory with at most one server process on it.
type Larder struct {
	// URL is where the running server answers; empty when none runs.
	URL string
	// Data is the data directory.
	Data string

	t      testing.TB
	place  Place
	server *process
}

// New makes a store with the given arguments of `larder init`. It starts no
// server.
func New(t testing.TB, place Place, init ...string) *Larder {
	t.Helper()
	l := newLarder(t, place)
	l.Run(append([]string{"init"}, init...)...)
	return l
}

func newLarder(t testing.TB, place Place) *Larder {
	l := &Larder{t: t, Data: filepath.Join(t.TempDir(), "data"), place: place}
	t.Cleanup(func() {
		if l.server != nil {
			l.Stop()
		}
	})
	return l
}

// Start makes a store whose authority is the given one, and serves it.
func Start(t testing.TB, place Place, authority *Authority) *Larder {
	t.Helper()
	l := New(t, place, authority.Init(t)...)
	l.Serve()
	return l
}

// Node is another node of the same store, as on another host: it has the
// secret, the database and the blobs in common with l, which must name both in
// its place, and nothing else. It starts no server.
func (l *Larder) Node() *Larder {
	l.t.Helper()
	if l.place.DB == "" || l.place.Blobs == "" {
		l.t.Fatal("a store inside a data directory has one node")
	}
	node := newLarder(l.t, l.place)
	secret, err := os.ReadFile(filepath.Join(l.Data, secretFile))
	if err != nil {
		l.t.Fatal(err)
	}
	if err := os.MkdirAll(node.Data, 0o700); err != nil {
		l.t.Fatal(err)
	}
	writeFile(l.t, filepath.Join(node.Data, secretFile), secret)
	return node
}

// Run runs a larder command on the data directory and returns its standard
// output. The test ends if the command fails.
func (l *Larder) Run(args ...string) string {
	l.t.Helper()
	return l.Type("", args...)
}

// Type is Run with something on standard input.
func (l *Larder) Type(input string, args ...string) string {
	l.t.Helper()
	stdout, stderr, err := l.try(input, args)
	if err != nil {
		l.t.Fatalf("larder %s: %v\nstdout: %s\nstderr: %s", strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout
}

// Try is Run for commands that may fail.
func (l *Larder) Try(args ...string) (stdout, stderr string, err error) {
	l.t.Helper()
	return l.try("", args)
}

func (l *Larder) try(input string, args []string) (stdout, stderr string, err error) {
	l.t.Helper()
	if _, err := binary(); err != nil { // takes time that is not the command's
		l.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), commandTimeout)
	defer cancel()
	cmd := l.command(ctx, args...)
	cmd.Stdin = strings.NewReader(input)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

// command is a larder command that has not started. Where the data is goes
// through the environment, since an S3 URL holds a secret that must not stand
// in a process list.
func (l *Larder) command(ctx context.Context, args ...string) *exec.Cmd {
	l.t.Helper()
	path, err := binary()
	if err != nil {
		l.t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + l.Data,
		"TMPDIR=" + os.TempDir(),
		"LARDER_DATA=" + l.Data,
	}
	if l.place.DB != "" {
		cmd.Env = append(cmd.Env, "LARDER_DB="+l.place.DB)
	}
	if l.place.Blobs != "" {
		cmd.Env = append(cmd.Env, "LARDER_BLOBS="+l.place.Blobs)
	}
	return cmd
}

// process is a running server. Its log is safe to read while it runs.
type process struct {
	cmd  *exec.Cmd
	log  *log
	done chan struct{} // closed once Wait has returned
	err  error         // what Wait returned; read it after done
}

// Serve starts the server on a port that the kernel chooses and waits until
// its status check answers 200. The server must print its URL on one of its
// first lines; that is how the port becomes known.
func (l *Larder) Serve() {
	l.t.Helper()
	l.serve("127.0.0.1:0")
}

// Restart stops the server and starts another, which answers where the first did:
// what stands in documents that clients keep.
func (l *Larder) Restart() {
	l.t.Helper()
	_, at, _ := strings.Cut(l.URL, "://")
	l.Stop()
	l.serve(at)
}

func (l *Larder) serve(at string) {
	l.t.Helper()
	if l.server != nil {
		l.t.Fatal("the server already runs")
	}
	p := &process{
		cmd:  l.command(context.Background(), "serve", "--listen", at),
		log:  newLog(),
		done: make(chan struct{}),
	}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		l.t.Fatalf("cannot start larder: %v", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	l.server = p

	deadline := time.After(startTimeout)
	select {
	case l.URL = <-p.log.url:
	case <-p.done:
		l.server = nil
		l.t.Fatalf("larder serve ended before it printed its URL: %v\n%s", p.err, p.log)
	case <-deadline:
		l.t.Fatalf("larder serve printed no URL\n%s", p.log)
	}
	l.waitHealthy(deadline)
	l.t.Logf("larder serves at %s", l.URL)
}

func (l *Larder) waitHealthy(deadline <-chan time.Time) {
	l.t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var last string
	for {
		resp, err := http.Get(l.URL + "/_status/check")
		if err == nil {
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
			last = fmt.Sprintf("%s: %s", resp.Status, body)
		} else {
			last = err.Error()
		}
		select {
		case <-tick.C:
		case <-deadline:
			l.t.Fatalf("the status check did not turn good: %s\n%s", last, l.server.log)
		}
	}
}

// Stop ends the server as an init system does and fails the test if it does
// not end cleanly.
func (l *Larder) Stop() {
	l.t.Helper()
	p := l.signal(syscall.SIGTERM)
	if p.err != nil {
		l.t.Errorf("larder did not end cleanly on SIGTERM: %v\n%s", p.err, p.log)
	} else if l.t.Failed() {
		l.t.Logf("server log:\n%s", p.log)
	}
}

// Kill ends the server as a crash does.
func (l *Larder) Kill() {
	l.t.Helper()
	l.signal(syscall.SIGKILL)
}

func (l *Larder) signal(sig syscall.Signal) *process {
	l.t.Helper()
	p := l.server
	if p == nil {
		l.t.Fatal("no server runs")
	}
	l.server, l.URL = nil, ""
	p.cmd.Process.Signal(sig)
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		p.cmd.Process.Kill()
		<-p.done
		l.t.Errorf("larder did not end within %s of %s\n%s", stopTimeout, sig, p.log)
	}
	return p
}

// Log is what the running server has written so far.
func (l *Larder) Log() string {
	if l.server == nil {
		return ""
	}
	return l.server.log.String()
}

// log collects a process's output and reports the first URL in it.
type log struct {
	url chan string // receives one value

	mu    sync.Mutex // guards the fields below
	text  bytes.Buffer
	found bool
}

var serverURL = regexp.MustCompile(`http://127\.0\.0\.1:[1-9][0-9]*`)

func newLog() *log { return &log{url: make(chan string, 1)} }

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	if !l.found {
		// A line that is still being written may hold half a port.
		if end := bytes.LastIndexByte(l.text.Bytes(), '\n'); end >= 0 {
			if url := serverURL.Find(l.text.Bytes()[:end]); url != nil {
				l.found = true
				l.url <- string(url)
			}
		}
	}
	return len(p), nil
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
