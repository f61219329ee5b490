package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// listening is the first answer of a server: how long it took, and what it said.
func (s *server) listening(started time.Time) (after time.Duration, said string) {
	return time.Since(started), s.log.String()
}

func TestServeMakesAStoreAndSaysWhatToTry(t *testing.T) {
	n := newNode(t, place{})
	larderBinary(t) // building it is not what is measured
	var id string
	for _, start := range []string{"first", "second"} {
		began := time.Now()
		s := n.startServer()
		t.Cleanup(s.stop)
		s.url = <-s.log.url
		poll(t, "the whole welcome", func() error {
			if !strings.Contains(s.log.String(), "status --data") {
				return fmt.Errorf("it says %s", s.log)
			}
			return nil
		})
		after, said := s.listening(began)
		t.Logf("%s start: URL, store id and next commands after %s", start, after.Round(time.Millisecond))

		if err := get(s.url, "/_status/ping", func(io.Reader) error { return nil }); err != nil {
			t.Errorf("the printed URL does not answer: %v", err)
		}
		m := regexp.MustCompile(`(?m)^Store ID: ([A-Za-z0-9]{32})$`).FindStringSubmatch(said)
		if m == nil {
			t.Fatalf("no store id in %s", said)
		}
		if id != "" && m[1] != id {
			t.Errorf("the second start serves store %s, the first %s", m[1], id)
		}
		id = m[1]
		_, next, _ := strings.Cut(said, "Try next:\n")
		commands := regexp.MustCompile(`(?m)^  (curl|`+regexp.QuoteMeta(larderBinary(t))+`) .*`).FindAllString(next, -1)
		if len(commands) != 3 {
			t.Errorf("want three commands to try next, got %q in\n%s", commands, said)
		}
		s.stop()
	}
}

func TestACommandFillsAStoreThatServes(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			n := newStore(t, p.make(t))
			s := n.serve()
			file := makeSnap(t, t.TempDir(), "hello", "1.0")
			if _, err := info(s.url, "hello"); err == nil {
				t.Error("the store knows hello before it was pushed")
			}
			n.must("push-snap", file, "--register", "--channel", "stable")
			soonServed(t, s.url, "hello", "stable", file)
			s.stop()
			wantServed(t, n.serve().url, "hello", "stable", file)
			n.fsckClean()
		})
	}
}

func TestTwoServersOfOneStoreAgree(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			n := newStore(t, p.make(t))
			one, two := n.serve(), n.serve()
			dir := t.TempDir()
			first, second := makeSnap(t, dir, "hello", "1.0"), makeSnap(t, dir, "hello", "2.0")
			n.must("push-snap", first, "--register", "--channel", "stable")
			n.must("push-snap", second, "--channel", "edge")
			for _, s := range []*server{one, two} {
				soonServed(t, s.url, "hello", "stable", first)
				soonServed(t, s.url, "hello", "edge", second)
			}
			n.must("override", "hello", "stable=2")
			for _, s := range []*server{one, two} {
				soonServed(t, s.url, "hello", "stable", second)
			}
			one.kill()
			n.must("delete-override", "hello", "stable")
			soonServed(t, two.url, "hello", "stable", first)
		})
	}
}

func TestASecondServerTellsThatThePortIsTaken(t *testing.T) {
	n := newStore(t, place{})
	s := n.serve()
	taken := strings.TrimPrefix(s.url, "http://")
	n.fails(7, []string{"cannot listen on " + taken, "--listen"}, "serve", "--listen", taken)
	n.fails(2, []string{"--listen", "HOST:PORT"}, "serve", "--listen", "nonsense")
}

func TestTheDemoIsMadeOnce(t *testing.T) {
	n := newNode(t, place{})
	n.env = []string{"PATH=" + t.TempDir()} // no xdelta3: deltas come when they come
	filled := func(s *server) *server {
		poll(t, "the demo", func() error {
			if said := s.log.String(); !strings.Contains(said, "Demo: ") || !strings.Contains(said, "status --data") {
				return fmt.Errorf("it says %s", said)
			}
			return nil
		})
		return s
	}
	s := filled(n.serve("--demo"))
	if _, err := info(s.url, "notes"); err != nil {
		t.Errorf("the demo is not there: %v", err)
	}
	if shown := n.must("package", "show", "charm/pantry"); !strings.Contains(shown, "latest/stable ubuntu@24.04 arm64: 1") {
		t.Errorf("the demo's charm is not there: %s", shown)
	}
	s.stop()
	before := n.must("changes", "--limit", "1000")
	filled(n.serve("--demo")).stop()
	if after := n.must("changes", "--limit", "1000"); after != before {
		t.Errorf("filling the store again changed it\nbefore:\n%s\nafter:\n%s", before, after)
	}
}

func TestARunningDownloadMayFinishWhenTheServerStops(t *testing.T) {
	n := newStore(t, place{})
	s := n.serve()
	file := makeSnap(t, t.TempDir(), "big", "1.0", noise(32<<20))
	n.must("push-snap", file, "--register", "--channel", "stable")
	found, err := info(s.url, "big")
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get(found.ChannelMap[0].Download.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	poll(t, "the port to close", func() error {
		c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			return nil
		}
		c.Close()
		return fmt.Errorf("it still accepts")
	})
	size, err := io.Copy(io.Discard, resp.Body)
	if err != nil || size != found.ChannelMap[0].Download.Size {
		t.Errorf("the download ended after %d of %d bytes: %v", size, found.ChannelMap[0].Download.Size, err)
	}
	resp.Body.Close()
	select {
	case <-s.done:
	case <-time.After(stopTimeout):
		t.Fatalf("the server goes on\n%s", s.log)
	}
	if !s.cmd.ProcessState.Success() {
		t.Errorf("the server ended with %s\n%s", s.cmd.ProcessState, s.log)
	}
}

func TestAServerOutlivesItsStandardOutput(t *testing.T) {
	n := newStore(t, place{})
	s := &server{n: n, log: newLog(), done: make(chan struct{})}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	r.Close()
	port := freePort(t)
	s.cmd = n.command("serve", "--listen", "127.0.0.1:"+port)
	s.cmd.Stdout, s.cmd.Stderr = w, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	go func() {
		defer close(s.done)
		_ = s.cmd.Wait()
	}()
	t.Cleanup(s.stop)
	poll(t, "the server to answer", func() error {
		select {
		case <-s.done:
			t.Fatalf("the server ended: %s\n%s", s.cmd.ProcessState, s.log)
		default:
		}
		return get("http://127.0.0.1:"+port, "/_status/ping", func(io.Reader) error { return nil })
	})
}

// soonServed is for what another process has changed: a server on PostgreSQL
// hears of that in a moment.
func soonServed(t testing.TB, base, name, channel, file string) {
	t.Helper()
	began := time.Now()
	poll(t, name+" in "+channel, func() error { return served(base, name, channel, file) })
	if took := time.Since(began); took > time.Second {
		t.Logf("another process saw the change after %s", took.Round(time.Millisecond))
	}
}

// freePort is for the few tests that must know the port beforehand.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
