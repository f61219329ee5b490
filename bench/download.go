package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// nginxConfig serves one directory with sendfile and logs nothing. The paths
// are those it would otherwise take from where it is installed.
const nginxConfig = `%[1]s
daemon off;
master_process on;
worker_processes 1;
pid %[2]s/nginx.pid;
error_log stderr warn;
events { worker_connections 512; }
http {
	access_log off;
	sendfile on;
	keepalive_requests 1000000000;
	client_body_temp_path %[2]s/body;
	proxy_temp_path %[2]s/proxy;
	fastcgi_temp_path %[2]s/fastcgi;
	uwsgi_temp_path %[2]s/uwsgi;
	scgi_temp_path %[2]s/scgi;
	server {
		listen %[3]s;
		root %[2]s/files;
	}
}
`

// listenPatience is how long a peer has until it takes connections.
const listenPatience = 10 * time.Second

// startNginx serves one file under the name "blob".
func (b *lab) startNginx(ctx context.Context, file string) (*server, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return nil, errors.New("nginx is missing: install the Debian package nginx-light; make bench does")
	}
	dir, err := os.MkdirTemp(b.dir, "nginx-")
	if err != nil {
		return nil, err
	}
	if err := os.Mkdir(filepath.Join(dir, "files"), 0o700); err != nil {
		return nil, err
	}
	if err := os.Symlink(file, filepath.Join(dir, "files", "blob")); err != nil {
		return nil, err
	}
	// Started as root, its worker would be a user who may not read the file.
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;"
	}
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, fmt.Appendf(nil, nginxConfig, user, dir, address), 0o600); err != nil {
		return nil, err
	}
	log := filepath.Join(dir, "log")
	p, err := start(b.cores.serving, log, nil, nil, program, "-c", config, "-e", log)
	if err != nil {
		return nil, err
	}
	s := &server{p, address}
	if err := s.answers(ctx); err != nil {
		text, _ := os.ReadFile(log)
		return nil, errors.Join(fmt.Errorf("cannot start nginx: %w\n%s", err, text), p.stop())
	}
	return s, nil
}

// freeAddress is one that nobody listens on now.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

// answers waits until the server takes connections.
func (s *server) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, listenPatience)
	defer cancel()
	retry := time.NewTicker(5 * time.Millisecond)
	defer retry.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-retry.C:
		case <-s.done:
			return fmt.Errorf("it ended: %w", s.err)
		case <-ctx.Done():
			return err
		}
	}
}

const rangeSize = 64 << 10

// benchDownloads sets downloads of a file that is in the page cache beside
// nginx's of the same file.
func benchDownloads(ctx context.Context, b *lab) ([]row, error) {
	l, err := b.store(ctx)
	if err != nil {
		return nil, err
	}
	names, err := l.push(ctx, "large", 1, b.sizes.blob)
	if err != nil {
		return nil, err
	}
	srv, err := l.serve(ctx, b.cores.serving)
	if err != nil {
		return nil, err
	}
	defer srv.stop()
	d, err := srv.download(ctx, names[0])
	if err != nil {
		return nil, err
	}
	file := filepath.Join(l.data(), "blobs", d.SHA3[:2], d.SHA3[2:4], d.SHA3)
	nginx, err := b.startNginx(ctx, file)
	if err != nil {
		return nil, err
	}
	defer nginx.stop()
	at, err := url.Parse(d.URL)
	if err != nil {
		return nil, err
	}

	whole := func(path string) func(int, int) []byte { return always(httpRequest("GET", path, nil, deviceHeader...)) }
	ranges := func(path string) func(int, int) []byte { return randomRanges(path, d.Size) }
	loads := []struct {
		what    string
		request func(path string) func(conn, i int) []byte
		load    load
	}{
		{"download of " + megabytes(float64(d.Size)), whole, load{conns: 1, status: http.StatusOK, size: d.Size}},
		{"ranges of 64 KiB", ranges, load{conns: b.sizes.conns, status: http.StatusPartialContent, size: rangeSize}},
	}
	var rows []row
	for _, each := range loads {
		side := func(s *server, path string) func() (sample, error) {
			l := each.load
			l.address, l.request, l.during = s.address, each.request(path), b.sizes.turn
			return func() (sample, error) { return charged(ctx, s.process, l) }
		}
		r, err := b.onOneCore(func() (rounds, error) {
			return alternate(b.sizes.rounds, side(srv, at.Path), side(nginx, "/blob"))
		})
		if err != nil {
			return rows, fmt.Errorf("%s: %w", each.what, err)
		}
		rows = append(rows, row{
			what:   each.what,
			larder: bytesPerSecond(typical(r.larder, sample.bytesPerSecond)),
			peer:   bytesPerSecond(typical(r.peer, sample.bytesPerSecond)),
			beside: "nginx, sendfile",
			ratio:  r.ratio(sample.bytesPerSecond),
			goal:   goal{atLeast: 0.95},
		}, row{
			what:   each.what + ", CPU per GB",
			larder: duration(perGigabyte(typical(r.larder, sample.cpuPerByte))),
			peer:   duration(perGigabyte(typical(r.peer, sample.cpuPerByte))),
			beside: "nginx, sendfile",
			ratio:  r.ratio(sample.cpuPerByte),
			goal:   goal{atMost: 1.05},
		})
	}
	return rows, nil
}

func perGigabyte(secondsPerByte float64) time.Duration {
	return time.Duration(secondsPerByte * 1e9 * float64(time.Second))
}

// randomRanges asks for ranges anywhere in a file, the same in every run.
func randomRanges(path string, size int64) func(conn, i int) []byte {
	const many = 256
	random := rand.New(rand.NewPCG(1, 2))
	requests := make([][]byte, many)
	for i := range requests {
		from := random.Int64N(size - rangeSize)
		requests[i] = httpRequest("GET", path, nil,
			append(deviceHeader, "Range: bytes="+strconv.FormatInt(from, 10)+"-"+strconv.FormatInt(from+rangeSize-1, 10))...)
	}
	return func(conn, i int) []byte { return requests[(conn*31+i)%many] }
}

// download is where a snap's file is, by info.
func (s *server) download(ctx context.Context, name string) (download, error) {
	a, err := s.fetch(ctx, "GET", "/v2/snaps/info/"+name+"?fields=download", nil)
	if err != nil {
		return download{}, err
	}
	var info struct {
		ChannelMap []struct {
			Download download `json:"download"`
		} `json:"channel-map"`
	}
	if err := json.Unmarshal(a.body, &info); err != nil {
		return download{}, err
	}
	if len(info.ChannelMap) == 0 {
		return download{}, fmt.Errorf("%s is in no channel: %.300s", name, a.body)
	}
	return info.ChannelMap[0].Download, nil
}

// assertionKey spells a digest as assertions and their URLs do.
func assertionKey(sha3 string) (string, error) {
	raw, err := hex.DecodeString(sha3)
	return base64.RawURLEncoding.EncodeToString(raw), err
}
