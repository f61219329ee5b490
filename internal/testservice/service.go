package testservice

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// startTimeout bounds how long a service may take until it answers.
const startTimeout = time.Minute

// spec says how to run a service.
type spec struct {
	dir     string                  // removed when the service has ended
	command func(port int) []string // stays in the foreground
	env     []string                // added to the environment
	user    *syscall.Credential     // nil is the caller's own
	signal  string                  // ends it, in the spelling of kill
	probe   func(ctx context.Context, port int) error
}

// service is a running process.
type service struct {
	port    int
	stop    func()        // asks it to end
	exited  chan struct{} // closed when it has ended and its directory is gone
	printed *output
}

// keeper runs a service ("$@") until its standard input ends, which the kernel
// sees to however the test process dies. Then it removes the directory.
const keeper = `
dir=$1 signal=$2
shift 2
exec 3<&0
"$@" </dev/null 3<&- & service=$!
trap '' PIPE # whoever read the output is dead by then
{ read -r _ <&3; touch "$dir/.over"; kill -s "$signal" $service; } >/dev/null 2>&1 & watcher=$!
wait $service
kill $watcher 2>/dev/null
if [ -e "$dir/.over" ]; then rm -rf -- "$dir"; fi
`

// start runs the service on a free port. Another process may take the port
// between the look and the use, so a failed start is tried again.
func start(s spec) (*service, error) {
	var failures error
	for range 3 {
		running, err := startOnce(s)
		if err == nil {
			return running, nil
		}
		failures = errors.Join(failures, err)
	}
	os.RemoveAll(s.dir)
	return nil, failures
}

func startOnce(s spec) (*service, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("sh", append([]string{"-c", keeper, "keeper", s.dir, s.signal}, s.command(port)...)...)
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), s.env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: s.user}
	running := &service{port: port, exited: make(chan struct{}), printed: &output{}}
	cmd.Stdout, cmd.Stderr = running.printed, running.printed
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	running.stop = func() { stdin.Close() }
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		defer close(running.exited)
		_ = cmd.Wait()
	}()
	if err := running.await(s.probe); err != nil {
		running.stop()
		return nil, err
	}
	return running, nil
}

// await returns when the service answers, has exited, or takes too long.
func (s *service) await(probe func(context.Context, int) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		err := probe(ctx, s.port)
		if err == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("it exited: %s", s.printed)
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w: %s", err, s.printed)
		case <-again.C:
		}
	}
}

// output keeps the last of what a service printed.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.buf.Len() > 16<<10 {
		o.buf.Reset()
	}
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// root is the directory of go.mod. It is found from the package's directory, in
// which a test process starts, before a test may change it.
var root, errRoot = moduleRoot()

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = parent
	}
}

// randomName is fit for a database and for a bucket.
func randomName() string {
	var b [8]byte
	rand.Read(b[:])
	return "test" + hex.EncodeToString(b[:])
}
