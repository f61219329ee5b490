package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
)

// requests are those of a client that pulls all of an image by its digest, as
// clusters do.
func (i image) requests(repository, header string) [][]byte {
	get := func(kind, reference string) []byte {
		return httpRequest("GET", "/v2/"+repository+"/"+kind+"/"+reference, nil, header, acceptManifests)
	}
	list := [][]byte{get("manifests", i.index.digest)}
	for _, c := range i.manifests {
		list = append(list, get("manifests", c.digest))
	}
	for _, c := range i.blobs {
		list = append(list, get("blobs", c.digest))
	}
	return list
}

// benchPulls sets pulls of an image, by whoever has its pull credentials, beside
// Debian's registry.
func benchPulls(ctx context.Context, b *lab) (rows []row, err error) {
	file, err := makeNoise(b.dir, slices.Max(b.sizes.layers))
	if err != nil {
		return nil, err
	}
	defer os.Remove(file)
	i, err := newImage(file, "pull", b.sizes.layers)
	if err != nil {
		return nil, err
	}
	p, err := b.newPantry(ctx, "pull")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(p.dir)
	srv, who, err := p.stock(ctx, b.cores.serving, i)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	header, err := p.bearer(ctx, srv, who, "pull")
	if err != nil {
		return nil, err
	}
	peer, dir, err := b.startRegistry(ctx, b.cores.serving)
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	defer func() { err = errors.Join(err, peer.stop()) }()
	if _, err := peer.pushImage(ctx, p.repository, header, 0, i); err != nil {
		return nil, err
	}

	list := i.requests(p.repository, header)
	side := func(s *server) func() (sample, error) {
		l := load{
			address: s.address, conns: 1, requests: len(list) * b.sizes.pulls, status: http.StatusOK,
			request: func(_, i int) []byte { return list[i%len(list)] },
		}
		return func() (sample, error) {
			got, err := charged(ctx, s.process, l)
			if want := i.size() * int64(b.sizes.pulls); err == nil && got.bytes != want {
				err = fmt.Errorf("%s sent %d bytes, want %d", s.address, got.bytes, want)
			}
			return got, err
		}
	}
	r, err := b.onOneCore(func() (rounds, error) { return alternate(b.sizes.rounds, side(srv), side(peer)) })
	if err != nil {
		return nil, err
	}
	what := "pull of an image of " + megabytes(float64(i.size()))
	rows = []row{{
		what:   what,
		larder: bytesPerSecond(typical(r.larder, sample.bytesPerSecond)),
		peer:   bytesPerSecond(typical(r.peer, sample.bytesPerSecond)),
		beside: "docker-registry",
		ratio:  r.ratio(sample.bytesPerSecond),
		goal:   goal{atLeast: 1.5},
	}, {
		what:   what + ", CPU per GB",
		larder: duration(perGigabyte(typical(r.larder, sample.cpuPerByte))),
		peer:   duration(perGigabyte(typical(r.peer, sample.cpuPerByte))),
		beside: "docker-registry",
		ratio:  r.ratio(sample.cpuPerByte),
	}}
	manifests, err := b.besideBare(ctx, srv, peer, list[0], "docker-registry", goal{})
	manifests.what = "manifest of an image"
	return append(rows, manifests), err
}

// stock serves the store with an image, and returns the image's pull credentials.
func (p *pantry) stock(ctx context.Context, cores string, i image) (srv *server, who login, err error) {
	if srv, err = p.serve(ctx, cores); err != nil {
		return nil, who, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, srv.stop())
		}
	}()
	header, err := p.bearer(ctx, srv, p.publisher(), "pull,push")
	if err != nil {
		return srv, who, err
	}
	if _, err := srv.pushImage(ctx, p.repository, header, 0, i); err != nil {
		return srv, who, err
	}
	who, err = p.pullLogin(ctx, srv, i)
	return srv, who, err
}
