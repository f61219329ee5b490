package main

import (
	"context"
	"fmt"
)

// infoFields are what snapd asks for about one snap.
const infoFields = "architectures,base,categories,channel-map,common-ids,confinement,contact,created-at,description," +
	"download,epoch,license,links,media,name,prices,private,publisher,revision,snap-id,store-url,summary,title,type," +
	"version,website"

// benchReads sets single small reads beside a handler that knows one answer.
func benchReads(ctx context.Context, b *lab) ([]row, error) {
	l, err := b.store(ctx)
	if err != nil {
		return nil, err
	}
	names, err := l.push(ctx, "read", 1, 4096)
	if err != nil {
		return nil, err
	}
	srv, err := l.serve(ctx, b.cores.serving)
	if err != nil {
		return nil, err
	}
	defer srv.stop()
	assertion, err := srv.revisionAssertion(ctx, names[0])
	if err != nil {
		return nil, err
	}
	reads := []struct {
		what, path string
		goal       goal
	}{
		{"info of a snap", "/v2/snaps/info/" + names[0] + "?architecture=amd64&fields=" + infoFields, goal{}},
		{"assertion", assertion, goal{atLeast: 0.8}},
	}
	var rows []row
	for _, read := range reads {
		answer, err := srv.fetch(ctx, "GET", read.path, nil)
		if err != nil {
			return rows, err
		}
		r, err := b.readBesideBare(ctx, srv, answer, httpRequest("GET", read.path, nil, deviceHeader...), read.goal)
		if err != nil {
			return rows, fmt.Errorf("%s: %w", read.what, err)
		}
		r.what = read.what
		rows = append(rows, r)
	}
	return rows, nil
}

func (b *lab) readBesideBare(ctx context.Context, srv *server, a answer, request []byte, g goal) (row, error) {
	bare, err := b.startBare(ctx, bareSpec{ContentType: a.contentType, Body: a.body})
	if err != nil {
		return row{}, err
	}
	defer bare.stop()
	return b.besideBare(ctx, srv, bare, request, "bare Go, ready bytes", g)
}

// revisionAssertion is the path of the snap-revision of a snap's file.
func (s *server) revisionAssertion(ctx context.Context, name string) (string, error) {
	d, err := s.download(ctx, name)
	if err != nil {
		return "", err
	}
	key, err := assertionKey(d.SHA3)
	return "/v2/assertions/snap-revision/" + key, err
}
