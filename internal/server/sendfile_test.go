package server

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestAFileReachesTheConnectionAsAFile shows that nothing between a handler
// and the TCP connection hides a file from the kernel's sendfile.
func TestAFileReachesTheConnectionAsAFile(t *testing.T) {
	const size = 5<<20 + 123
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(i * 7 / 3)
	}
	path := filepath.Join(t.TempDir(), "blob")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	open := func(t *testing.T) *os.File {
		f, err := os.Open(path)
		if err != nil {
			t.Error(err)
		}
		return f
	}
	handlers := http.NewServeMux()
	handlers.HandleFunc("/content", func(w http.ResponseWriter, r *http.Request) {
		f := open(t)
		defer f.Close()
		http.ServeContent(w, r, "", time.Time{}, f)
	})
	handlers.HandleFunc("/copy", func(w http.ResponseWriter, r *http.Request) {
		f := open(t)
		defer f.Close()
		w.Header().Set("Content-Length", strconv.Itoa(size))
		io.Copy(w, f)
	})
	tests := []struct {
		name, path, ranges string
		want               []byte
		withHeader         int // bytes that go with the header, to guess their type
	}{
		{"the whole by ServeContent", "/content", "", content, 0},
		{"a range", "/content", "bytes=1000000-4999999", content[1000000:5000000], 0},
		{"a small range", "/content", "bytes=10-99", content[10:100], 0},
		{"the whole by io.Copy, its type unknown", "/copy", "", content, 512},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inner, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			watched := &watchedListener{Listener: inner}
			served := make(chan struct{}, 1)
			startOn(t, Options{Mounts: at("/", func(w http.ResponseWriter, r *http.Request) {
				handlers.ServeHTTP(w, r)
				served <- struct{}{}
			})}, watched)

			request, err := http.NewRequest("GET", "http://"+inner.Addr().String()+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			if tt.ranges != "" {
				request.Header.Set("Range", tt.ranges)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			got, err := io.ReadAll(response.Body)
			if err != nil || !bytes.Equal(got, tt.want) {
				t.Fatalf("%s: got %d bytes of %d, or others: %v", response.Status, len(got), len(tt.want), err)
			}
			<-served
			if want := int64(len(tt.want) - tt.withHeader); watched.fromFiles() != want {
				t.Errorf("%d bytes reached the connection as a file, want %d", watched.fromFiles(), want)
			}
		})
	}
}

// watchedListener hands out TCP connections that note what is copied into them
// in a way that sendfile serves.
type watchedListener struct {
	net.Listener
	mu   sync.Mutex
	sent int64
}

func (l *watchedListener) fromFiles() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

func (l *watchedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &watchedConn{conn.(*net.TCPConn), l}, nil
}

type watchedConn struct {
	*net.TCPConn
	listener *watchedListener
}

// ReadFrom goes by the rule of package net: one *io.LimitedReader around
// something with a file descriptor, or that itself.
func (c *watchedConn) ReadFrom(src io.Reader) (int64, error) {
	inner := src
	if limited, ok := src.(*io.LimitedReader); ok {
		inner = limited.R
	}
	_, isFile := inner.(syscall.Conn)
	n, err := c.TCPConn.ReadFrom(src)
	if isFile {
		c.listener.mu.Lock()
		c.listener.sent += n
		c.listener.mu.Unlock()
	}
	return n, err
}
