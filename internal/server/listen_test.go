package server

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
)

// start runs a server on a free port of this machine until the test ends.
func start(t *testing.T, o Options) (s *Server, address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return startOn(t, o, listener), listener.Addr().String()
}

func startOn(t *testing.T, o Options, listener net.Listener) *Server {
	t.Helper()
	if o.Logger == nil {
		o.Logger = discard()
	}
	s := New(o)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("the server did not stop cleanly: %v", err)
		}
	})
	return s
}

// at is a mount of one handler at one path.
func at(path string, handle http.HandlerFunc) []Mount {
	return []Mount{{Name: "test", Under: []string{path}, Handler: handle}}
}

// pipes is a listener whose connections lie in memory, so that a test can run
// in a synctest bubble where time passes at once.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "pipe" }
