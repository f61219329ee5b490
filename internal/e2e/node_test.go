package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/testservice"
)

const (
	commandTimeout = 2 * time.Minute
	startTimeout   = time.Minute
	stopTimeout    = time.Minute
)

// place says where a store keeps its rows and blobs; empty fields mean the
// defaults inside the data directory.
type place struct {
	db, blobs string
}

// places are the databases and blob stores that the tests of durability run on.
var places = []struct {
	name string
	make func(testing.TB) place
}{
	{"sqlite and files", func(testing.TB) place { return place{} }},
	{"postgresql and s3", func(t testing.TB) place {
		return place{db: testservice.PostgreSQL(t), blobs: testservice.S3(t)}
	}},
}

// node is one data directory and the commands and the server that run on it.
type node struct {
	t     testing.TB
	dir   string
	place place
	env   []string // added to every process
}

// newNode names a data directory that does not exist yet.
func newNode(t testing.TB, p place) *node {
	return &node{t: t, dir: filepath.Join(t.TempDir(), "store"), place: p}
}

// newStore is a node whose store signs with a key that needs no search.
func newStore(t testing.TB, p place) *node {
	t.Helper()
	n := newNode(t, p)
	n.must("init", rootFlags(t)...)
	return n
}

// rootFlags are files of a root of trust, as larder init takes them.
func rootFlags(t testing.TB) []string {
	t.Helper()
	root := assertiontest.NewRoot(t, "acme", assertiontest.RootKey)
	dir := t.TempDir()
	return []string{
		"--authority", "acme",
		"--root-account", write(t, dir, "account.assert", root.Account.Encoded()),
		"--root-account-key", write(t, dir, "account-key.assert", root.Key.Encoded()),
		"--signing-key", write(t, dir, "key.pem", assertiontest.PEM(assertiontest.RootKey)),
	}
}

func write(t testing.TB, dir, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func encode(docs ...*assertion.Assertion) []byte {
	var b bytes.Buffer
	for _, d := range docs {
		b.Write(d.Encoded())
		b.WriteString("\n")
	}
	return b.Bytes()
}

// command is a larder command that has not started. Where the data is goes
// through the environment, since URLs may hold passwords.
func (n *node) command(args ...string) *exec.Cmd {
	n.t.Helper()
	cmd := exec.Command(larderBinary(n.t), args...)
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + filepath.Dir(n.dir),
		"TMPDIR=" + os.TempDir(),
		"LARDER_DATA=" + n.dir,
		"LARDER_DB=" + n.place.db,
		"LARDER_BLOBS=" + n.place.blobs,
	}, n.env...)
	return cmd
}

// answer is what a finished command left.
type answer struct {
	args        []string
	out, errOut string
	code        int // exit code; -1 when a signal ended it
}

func (a answer) String() string {
	return fmt.Sprintf("larder %s: exit code %d\nstdout: %s\nstderr: %s", strings.Join(a.args, " "), a.code, a.out, a.errOut)
}

// run runs a command to its end.
func (n *node) run(args ...string) answer {
	n.t.Helper()
	return n.finish(n.command(args...))
}

func (n *node) finish(cmd *exec.Cmd) answer {
	n.t.Helper()
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	guard := time.AfterFunc(commandTimeout, func() { cmd.Process.Kill() })
	err := cmd.Wait()
	if !guard.Stop() {
		n.t.Errorf("larder %s did not end within %s", strings.Join(cmd.Args[1:], " "), commandTimeout)
	}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		n.t.Fatal(err)
	}
	return answer{cmd.Args[1:], out.String(), errOut.String(), cmd.ProcessState.ExitCode()}
}

// must is run for what has to succeed; it returns standard output.
func (n *node) must(verb string, args ...string) string {
	n.t.Helper()
	a := n.run(append([]string{verb}, args...)...)
	if a.code != 0 {
		n.t.Fatal(a)
	}
	return a.out
}

// fails is run for what has to end with the exit code and an error that holds
// every one of the texts.
func (n *node) fails(code int, texts []string, args ...string) answer {
	n.t.Helper()
	a := n.run(args...)
	if a.code != code {
		n.t.Errorf("want exit code %d: %s", code, a)
	}
	for _, text := range texts {
		if !strings.Contains(a.errOut, text) {
			n.t.Errorf("the error does not say %q: %s", text, a)
		}
	}
	return a
}

// ask runs a command with --format json and decodes its answer.
func (n *node) ask(into any, args ...string) {
	n.t.Helper()
	out := n.must(args[0], append(args[1:], "--format", "json")...)
	if err := json.Unmarshal([]byte(out), into); err != nil {
		n.t.Fatalf("larder %s printed no JSON: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// fsckClean fails the test unless the whole store is sound.
func (n *node) fsckClean(flags ...string) {
	n.t.Helper()
	a := n.run(append([]string{"fsck"}, flags...)...)
	if a.code != 0 || !strings.Contains(a.out, ": clean\n") {
		n.t.Errorf("the store is not clean: %s", a)
	}
}

// server is a running larder serve.
type server struct {
	n    *node
	url  string
	cmd  *exec.Cmd
	log  *log
	done chan struct{} // closed once the process has ended
}

// serve starts a server on a port that the kernel chooses and returns when its
// status check is good. The test's end stops it.
func (n *node) serve(args ...string) *server {
	n.t.Helper()
	s := n.startServer(args...)
	n.t.Cleanup(s.stop)
	deadline := time.After(startTimeout)
	select {
	case s.url = <-s.log.url:
	case <-s.done:
		n.t.Fatalf("larder serve ended before it printed its URL\n%s", s.log)
	case <-deadline:
		n.t.Fatalf("larder serve printed no URL\n%s", s.log)
	}
	poll(n.t, "the status check to turn good", func() error {
		resp, err := http.Get(s.url + "/_status/check")
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 4096))
			return fmt.Errorf("%s: %s", resp.Status, body)
		}
		return nil
	})
	return s
}

func (n *node) startServer(args ...string) *server {
	n.t.Helper()
	s := &server{n: n, log: newLog(), done: make(chan struct{})}
	s.cmd = n.command(append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait() // its state is looked at after done
	}()
	return s
}

// stop ends the server as an init system does; it must end cleanly.
func (s *server) stop() {
	if s.end(syscall.SIGTERM) && !s.cmd.ProcessState.Success() {
		s.n.t.Errorf("larder serve ended with %s on SIGTERM\n%s", s.cmd.ProcessState, s.log)
	}
}

// kill ends the server as a crash does.
func (s *server) kill() { s.end(syscall.SIGKILL) }

// end reports whether the server was running still.
func (s *server) end(signal syscall.Signal) bool {
	s.n.t.Helper()
	select {
	case <-s.done:
		return false
	default:
	}
	s.cmd.Process.Signal(signal)
	select {
	case <-s.done:
	case <-time.After(stopTimeout):
		s.cmd.Process.Kill()
		<-s.done
		s.n.t.Errorf("larder serve did not end within %s of %s\n%s", stopTimeout, signal, s.log)
	}
	return true
}

// poll tries until it succeeds; the test ends if that takes too long.
func poll(t testing.TB, what string, try func() error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), startTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("waited in vain for %s: %v", what, err)
		}
	}
}

// log collects what a process prints and reports the first URL in it.
type log struct {
	url chan string // receives one value

	mu    sync.Mutex // guards what follows
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
