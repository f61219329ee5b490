package server

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestAClientThatSendsItsHeaderSlowlyIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipes := newPipes()
		startOn(t, Options{}, pipes)
		conn := pipes.dial()
		defer conn.Close()

		go io.Copy(io.Discard, conn) // so that a last word finds a reader

		begin := time.Now()
		header := "GET / HTTP/1.1\r\nHost: x\r\nX-Filler: " + strings.Repeat("x", 1000)
		for i := range len(header) {
			if _, err := conn.Write([]byte{header[i]}); err != nil {
				break
			}
			<-time.After(time.Second)
		}
		if took := time.Since(begin); took > 12*time.Second {
			t.Errorf("cut after %s, want ReadHeaderTimeout of 10s", took)
		}
	})
}

func TestAnIdleConnectionIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipes := newPipes()
		startOn(t, Options{}, pipes)
		conn := pipes.dial()
		defer conn.Close()
		ask(t, conn, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
		begin := time.Now()
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("read %v, want the end", err)
		}
		if took := time.Since(begin); took != 2*time.Minute {
			t.Errorf("closed after %s, want IdleTimeout of 2m", took)
		}
	})
}

func TestASlowDownloadIsKeptUpAtTheFloorOfSnapd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 8 << 20
		pipes := newPipes()
		startOn(t, Options{Mounts: at("/blob", serveBlob(size))}, pipes)
		conn := pipes.dial()
		defer conn.Close()

		begin := time.Now()
		response := ask(t, conn, "GET /blob HTTP/1.1\r\nHost: x\r\n\r\n")
		got := readAt(t, response.Body, 4096)
		if got != size {
			t.Errorf("got %d of %d bytes after %s", got, size, time.Since(begin))
		}
		if took := time.Since(begin); took < 30*time.Minute {
			t.Errorf("took %s: not the slow download that this is about", took)
		}
	})
}

func TestADownloadThatStandsStillIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan time.Time, 1)
		serve := serveBlob(8 << 20)
		pipes := newPipes()
		startOn(t, Options{Mounts: at("/blob", func(w http.ResponseWriter, r *http.Request) {
			serve(w, r)
			ended <- time.Now()
		})}, pipes)
		conn := pipes.dial()
		defer conn.Close()

		begin := time.Now()
		ask(t, conn, "GET /blob HTTP/1.1\r\nHost: x\r\n\r\n")
		// Nothing is read any more.
		if took := (<-ended).Sub(begin); took > 10*time.Minute {
			t.Errorf("the handler was held for %s", took)
		}
	})
}

func TestASlowUploadIsKeptUpAndAStandingOneIsCut(t *testing.T) {
	const size = 2 << 20
	tests := []struct {
		name  string
		rate  int // bytes per second
		total int // bytes sent before the client stops
		whole bool
	}{
		{"at the floor", 4096, size, true},
		{"at a quarter of the floor", 1024, size, false},
		{"that stops after half", 64 << 10, size / 2, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				type outcome struct {
					n    int64
					err  error
					took time.Duration
				}
				received := make(chan outcome, 1)
				pipes := newPipes()
				startOn(t, Options{Mounts: at("/upload", func(w http.ResponseWriter, r *http.Request) {
					begin := time.Now()
					n, err := io.Copy(io.Discard, r.Body)
					received <- outcome{n, err, time.Since(begin)}
				})}, pipes)
				conn := pipes.dial()
				defer conn.Close()

				io.WriteString(conn, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 2097152\r\n\r\n")
				go io.Copy(io.Discard, conn) // so that the answer finds a reader
				for sent := 0; sent < tt.total; sent += tt.rate {
					if _, err := conn.Write(make([]byte, min(tt.rate, tt.total-sent))); err != nil {
						break
					}
					<-time.After(time.Second)
				}
				got := <-received
				if whole := got.err == nil && got.n == size; whole != tt.whole {
					t.Errorf("received %d bytes in %s, error %v; want whole %t", got.n, got.took, got.err, tt.whole)
				}
				if !tt.whole && got.took > 15*time.Minute {
					t.Errorf("the handler was held for %s", got.took)
				}
			})
		})
	}
}

func TestTheTimeThatAHandlerTakesIsNotTheClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipes := newPipes()
		startOn(t, Options{Mounts: at("/upload", func(w http.ResponseWriter, r *http.Request) {
			half := make([]byte, 5)
			io.ReadFull(r.Body, half)
			<-time.After(time.Hour)
			rest, err := io.ReadAll(r.Body)
			if err != nil {
				t.Errorf("cannot read the rest: %v", err)
			}
			<-time.After(time.Hour)
			if n, err := r.Body.Read(make([]byte, 1)); n != 0 || err != io.EOF {
				t.Errorf("read %d, %v after the end", n, err)
			}
			<-time.After(time.Hour)
			if err := r.Context().Err(); err != nil {
				t.Errorf("the request was taken for given up: %v", err)
			}
			w.Write(append(half, rest...))
		})}, pipes)
		conn := pipes.dial()
		defer conn.Close()
		io.WriteString(conn, "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n01234")
		go io.WriteString(conn, "56789")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(response.Body); string(body) != "0123456789" {
			t.Errorf("got %q, %v", body, err)
		}
	})
}

func TestABodyThatNobodyReadsAndThatNeverComesHoldsNoConnection(t *testing.T) {
	tests := []struct {
		name   string
		answer int // bytes that the handler sends without a look at the body
	}{
		{"with a short answer", 2},
		{"with an answer that leaves while the handler runs", 64 << 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				pipes := newPipes()
				startOn(t, Options{Mounts: at("/nonces", func(w http.ResponseWriter, _ *http.Request) {
					w.Write(make([]byte, tt.answer))
				})}, pipes)
				conn := pipes.dial()
				defer conn.Close()
				begin := time.Now()
				io.WriteString(conn, "POST /nonces HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n")
				conn.SetReadDeadline(begin.Add(time.Hour))
				if _, err := io.Copy(io.Discard, conn); err != nil {
					t.Errorf("the connection stood for %s: %v", time.Since(begin), err)
				}
				if took := time.Since(begin); took > 5*time.Minute {
					t.Errorf("closed after %s, want about the stall timeout", took)
				}
			})
		})
	}
}

// ask sends a request and returns the answer with its body unread.
func ask(t *testing.T, conn net.Conn, request string) *http.Response {
	t.Helper()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 4096), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// readAt reads body to its end at rate bytes per second.
func readAt(t *testing.T, body io.Reader, rate int64) (total int64) {
	t.Helper()
	for {
		n, err := io.CopyN(io.Discard, body, rate)
		total += n
		if err != nil {
			return total
		}
		<-time.After(time.Second)
	}
}

func serveBlob(size int) http.HandlerFunc {
	blob := bytes.Repeat([]byte("b"), size)
	return func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(blob))
	}
}
