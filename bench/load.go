package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// load is requests over keep-alive connections, each waiting for its answer
// before it sends the next. Requests are bytes made beforehand and answers are
// only counted: what asks must cost much less than what answers.
type load struct {
	address string // host:port
	// request returns the bytes of the i-th request of a connection.
	request func(conn, i int) []byte
	conns   int
	// It ends after this long, or after so many requests of each connection,
	// whichever is not zero.
	during   time.Duration
	requests int
	// status of a good answer, and the size of its body if not zero.
	status int
	size   int64
}

const (
	loadTimeout = 2 * time.Minute
	maxHeader   = 64 << 10
	readBuffer  = 256 << 10
)

// run sends the load. An answer that is not as expected ends it with an error.
func (l load) run(ctx context.Context) (sample, error) {
	each := make([]sample, l.conns)
	group, ctx := errgroup.WithContext(ctx)
	begin := time.Now()
	for n := range each {
		group.Go(func() error { return l.connection(ctx, n, begin, &each[n]) })
	}
	err := group.Wait()
	total := sample{wall: time.Since(begin)}
	for _, s := range each {
		total.requests += s.requests
		total.bytes += s.bytes
		total.latencies = append(total.latencies, s.latencies...)
	}
	return total, err
}

func (l load) connection(ctx context.Context, n int, begin time.Time, s *sample) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", l.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	if err := conn.SetDeadline(begin.Add(l.during + loadTimeout)); err != nil {
		return err
	}
	r := bufio.NewReaderSize(conn, readBuffer)
	sent := time.Now()
	for i := 0; (l.requests == 0 || i < l.requests) && (l.during == 0 || sent.Sub(begin) < l.during); i++ {
		if _, err := conn.Write(l.request(n, i)); err != nil {
			return err
		}
		size, err := l.answer(r)
		if err != nil {
			return fmt.Errorf("answer %d from %s: %w", i, l.address, err)
		}
		now := time.Now()
		s.requests++
		s.bytes += size
		s.latencies = append(s.latencies, now.Sub(sent))
		sent = now
	}
	return nil
}

// answer reads one response and returns the size of its body.
func (l load) answer(r *bufio.Reader) (int64, error) {
	status, size, err := readHead(r)
	if err != nil {
		return 0, err
	}
	if size == chunked {
		size, err = io.Copy(io.Discard, httputil.NewChunkedReader(r))
		if err == nil {
			_, err = r.Discard(2) // the empty line after the last chunk
		}
	} else if status != http.StatusNotModified {
		_, err = discard(r, size)
	}
	switch {
	case err != nil:
		return 0, err
	case status != l.status:
		return 0, fmt.Errorf("status %d, want %d", status, l.status)
	case l.size != 0 && size != l.size:
		return 0, fmt.Errorf("a body of %d bytes, want %d", size, l.size)
	}
	return size, nil
}

// chunked stands for a body whose size its head does not say.
const chunked = -1

func readHead(r *bufio.Reader) (status int, size int64, err error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, 0, fmt.Errorf("%.40q is no status line", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, 0, err
	}
	size = chunked
	for read := len(line); ; read += len(line) {
		if line, err = r.ReadSlice('\n'); err != nil {
			return 0, 0, err
		}
		if read > maxHeader {
			return 0, 0, errors.New("the header is too large")
		}
		name, value, found := bytes.Cut(bytes.TrimSpace(line), []byte{':'})
		if len(name) == 0 {
			return status, size, nil
		}
		if found && len(name) == len("Content-Length") && strings.EqualFold(string(name), "Content-Length") {
			if size, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return 0, 0, err
			}
		}
	}
}

// discard drops n bytes; bufio takes no more than an int at once.
func discard(r *bufio.Reader, n int64) (int64, error) {
	var done int64
	for done < n {
		d, err := r.Discard(int(min(n-done, 1<<30)))
		done += int64(d)
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

// always sends the same request.
func always(request []byte) func(conn, i int) []byte {
	return func(int, int) []byte { return request }
}

// requestHost is the name that every request calls its server by.
const requestHost = "127.0.0.1"

// httpRequest puts a request together. Header lines are "Name: value".
func httpRequest(method, path string, body []byte, header ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\n", method, path, requestHost)
	for _, line := range header {
		b.WriteString(line + "\r\n")
	}
	if body != nil {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}
