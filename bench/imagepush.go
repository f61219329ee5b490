package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"
)

// pusher is a client that pushes images over one connection. The kernel copies
// layers from their file to the socket: sending costs little beside receiving.
type pusher struct {
	conn       net.Conn
	answers    *bufio.Reader
	repository string
	header     string // Authorization
	piece      int64  // bytes of each request that brings a layer; 0 is all at once
	stop       func() bool
}

func (s *server) newPusher(ctx context.Context, repository, header string, piece int64) (*pusher, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	p := &pusher{conn: conn, answers: bufio.NewReader(conn), repository: repository, header: header, piece: piece}
	p.stop = context.AfterFunc(ctx, func() { conn.Close() })
	return p, conn.SetDeadline(time.Now().Add(uploadTimeout))
}

func (p *pusher) close() {
	p.stop()
	p.conn.Close()
}

// send sends a part of a content, and returns where the answer says to go on.
func (p *pusher) send(want int, method, path, contentType string, c content, from, size int64) (string, error) {
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\nContent-Length: %d\r\nContent-Type: %s\r\n",
		method, path, requestHost, p.header, size, contentType)
	if method == http.MethodPatch {
		head += fmt.Sprintf("Content-Range: %d-%d\r\n", from, from+size-1)
	}
	if _, err := io.WriteString(p.conn, head+"\r\n"); err != nil {
		return "", err
	}
	if err := c.write(p.conn, from, size); err != nil {
		return "", fmt.Errorf("cannot send %s: %w", c.digest, err)
	}
	response, err := http.ReadResponse(p.answers, nil)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return "", err
	}
	if response.StatusCode != want {
		return "", fmt.Errorf("%s %s: %s: %.300s", method, path, response.Status, text)
	}
	return response.Header.Get("Location"), nil
}

// write writes size bytes of the content.
func (c content) write(w io.Writer, from, size int64) error {
	if at := min(from, int64(len(c.head))); at < int64(len(c.head)) {
		n := min(size, int64(len(c.head))-at)
		if _, err := w.Write(c.head[at : at+n]); err != nil {
			return err
		}
		from, size = from+n, size-n
	}
	if size == 0 {
		return nil
	}
	f, err := os.Open(c.file)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Seek(from-int64(len(c.head)), io.SeekStart); err != nil {
		return err
	}
	_, err = io.CopyN(w, f, size)
	return err
}

// blob pushes a layer or a config: in one request after the one that asks where
// to, or in pieces with one more to end them.
func (p *pusher) blob(c content) error {
	const bytes = "application/octet-stream"
	location, err := p.send(http.StatusAccepted, http.MethodPost, "/v2/"+p.repository+"/blobs/uploads/", bytes, content{}, 0, 0)
	if err != nil {
		return err
	}
	rest, size := int64(0), c.size()
	for p.piece > 0 && rest < size {
		n := min(p.piece, size-rest)
		path, err := relative(location, "")
		if err != nil {
			return err
		}
		if location, err = p.send(http.StatusAccepted, http.MethodPatch, path, bytes, c, rest, n); err != nil {
			return err
		}
		rest += n
	}
	path, err := relative(location, c.digest)
	if err != nil {
		return err
	}
	_, err = p.send(http.StatusCreated, http.MethodPut, path, bytes, c, rest, size-rest)
	return err
}

// relative is a location without its host, and with the digest if there is one.
func relative(location, digest string) (string, error) {
	u, err := url.Parse(location)
	if err != nil {
		return "", err
	}
	if digest != "" {
		q := u.Query()
		q.Set("digest", digest)
		u.RawQuery = q.Encode()
	}
	return u.RequestURI(), nil
}

const imageTag = "latest"

// image pushes an image: first the blobs, then what needs them.
func (p *pusher) image(i image) error {
	for _, c := range i.blobs {
		if err := p.blob(c); err != nil {
			return err
		}
	}
	for _, c := range i.manifests {
		if err := p.manifest(c, c.digest, typeManifest); err != nil {
			return err
		}
	}
	return p.manifest(i.index, imageTag, typeIndex)
}

func (p *pusher) manifest(c content, reference, mediaType string) error {
	_, err := p.send(http.StatusCreated, http.MethodPut, "/v2/"+p.repository+"/manifests/"+reference, mediaType, c, 0, c.size())
	return err
}

// pushImage pushes an image and says how long it took, and what processor time
// the server spent.
func (s *server) pushImage(ctx context.Context, repository, header string, piece int64, i image) (_ sample, err error) {
	before, err := s.cpuTime()
	if err != nil {
		return sample{}, err
	}
	begin := time.Now()
	p, err := s.newPusher(ctx, repository, header, piece)
	if err != nil {
		return sample{}, err
	}
	defer p.close()
	if err := p.image(i); err != nil {
		return sample{}, fmt.Errorf("cannot push an image: %w", err)
	}
	took := time.Since(begin)
	after, err := s.cpuTime()
	return sample{requests: 1, bytes: i.size(), wall: took, cpu: after - before}, err
}

// benchImagePushes sets pushes of images, of which nothing is there yet, beside
// Debian's registry, and measures the memory that a very large layer needs.
func benchImagePushes(ctx context.Context, b *lab) (rows []row, err error) {
	file, err := makeNoise(b.dir, max(slices.Max(b.sizes.layers), b.sizes.pushPeak))
	if err != nil {
		return nil, err
	}
	defer os.Remove(file)
	for _, way := range []struct {
		name  string
		piece int64
	}{{"in one request", 0}, {"in pieces of " + megabytes(float64(b.sizes.piece)), b.sizes.piece}} {
		registry, hash, err := b.pushesBesidePeers(ctx, file, way.piece)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", way.name, err)
		}
		what := fmt.Sprintf("push of an image of %s, layers %s", megabytes(float64(hash.larder[0].bytes)), way.name)
		for _, peer := range []struct {
			rounds rounds
			name   string
			goal   goal
		}{{registry, "docker-registry", goal{atLeast: 0.9}}, {hash, "SHA3-384 alone", goal{}}} {
			rows = append(rows, row{
				what:   what,
				larder: bytesPerSecond(typical(peer.rounds.larder, sample.bytesPerSecond)),
				peer:   bytesPerSecond(typical(peer.rounds.peer, sample.bytesPerSecond)),
				beside: peer.name,
				ratio:  peer.rounds.ratio(sample.bytesPerSecond),
				cpu:    peer.rounds.ratio(sample.cpuPerByte),
				goal:   peer.goal,
			})
		}
	}
	added, err := b.layerMemory(ctx, file)
	if err != nil {
		return rows, err
	}
	const limit = 16e6
	return append(rows, row{
		what:   "memory added by a push of a layer of " + megabytes(float64(b.sizes.pushPeak)),
		larder: megabytes(float64(added)), peer: megabytes(limit), beside: "limit",
		ratio: float64(added) / limit, goal: goal{atMost: 1},
	}), nil
}

// pushesBesidePeers pushes images to larder and the registry turn and turn about.
// Before and after each push to larder, SHA3-384 has the layers for itself.
func (b *lab) pushesBesidePeers(ctx context.Context, file string, piece int64) (registry, hash rounds, err error) {
	p, err := b.newPantry(ctx, fmt.Sprintf("push-%d", piece))
	if err != nil {
		return registry, hash, err
	}
	defer os.RemoveAll(p.dir) // the next ones need the disk
	srv, err := p.serve(ctx, b.cores.all)
	if err != nil {
		return registry, hash, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	peer, dir, err := b.startRegistry(ctx, b.cores.all)
	if err != nil {
		return registry, hash, err
	}
	defer os.RemoveAll(dir)
	defer func() { err = errors.Join(err, peer.stop()) }()
	header, err := p.bearer(ctx, srv, p.publisher(), "pull,push")
	if err != nil {
		return registry, hash, err
	}
	push := func(s *server, turn int) (sample, error) {
		i, err := newImage(file, fmt.Sprintf("push %d", turn), b.sizes.layers)
		if err != nil {
			return sample{}, err
		}
		return s.pushImage(ctx, p.repository, header, piece, i)
	}
	var hashed []sample
	mine, others := 0, 0
	registry, err = alternate(min(b.sizes.rounds, maxPushRounds), func() (sample, error) {
		mine++
		before, err := hashLayers(file, b.sizes.layers)
		if err != nil {
			return sample{}, err
		}
		s, err := push(srv, mine)
		if err != nil {
			return s, err
		}
		after, err := hashLayers(file, b.sizes.layers)
		after.wall, after.cpu = (before.wall+after.wall)/2, (before.cpu+after.cpu)/2
		hashed = append(hashed, after)
		return s, err
	}, func() (sample, error) {
		others++
		return push(peer, others)
	})
	if err != nil {
		return registry, hash, err
	}
	return registry, rounds{larder: registry.larder, peer: hashed[1:]}, nil // the first turn warmed up
}

// hashLayers is the time that SHA3-384 takes over as many bytes as the layers
// have, in this process.
func hashLayers(file string, layers []int64) (total sample, err error) {
	before, err := ownTime()
	if err != nil {
		return total, err
	}
	for _, size := range layers {
		s, err := hashStart(file, size)
		if err != nil {
			return total, err
		}
		total.bytes, total.wall = total.bytes+s.bytes, total.wall+s.wall
	}
	after, err := ownTime()
	total.cpu = after - before
	return total, err
}

// layerMemory is how much more memory a server that has started takes while a
// very large layer comes in.
func (b *lab) layerMemory(ctx context.Context, file string) (added int64, err error) {
	p, err := b.newPantry(ctx, "push-peak")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(p.dir)
	large, err := newContent(nil, file, b.sizes.pushPeak)
	if err != nil {
		return 0, err
	}
	srv, err := p.serve(ctx, b.cores.all)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	header, err := p.bearer(ctx, srv, p.publisher(), "pull,push")
	if err != nil {
		return 0, err
	}
	client, err := srv.newPusher(ctx, p.repository, header, 0)
	if err != nil {
		return 0, err
	}
	defer client.close()
	small, err := newContent([]byte("first"), "", 0)
	if err != nil {
		return 0, err
	}
	return srv.memoryAdded(ctx, b.sizes.idle, func() error { return client.blob(small) }, func() error { return client.blob(large) })
}
