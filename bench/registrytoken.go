package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
)

// benchRegistryTokens sets the token of the registry that a cluster asks for
// before it pulls beside the signature that is in it.
func benchRegistryTokens(ctx context.Context, b *lab) (rows []row, err error) {
	i, err := newImage("", "token", nil)
	if err != nil {
		return nil, err
	}
	p, err := b.newPantry(ctx, "token")
	if err != nil {
		return nil, err
	}
	srv, who, err := p.stock(ctx, b.cores.serving, i)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	path := p.tokenPath("pull")
	a, err := srv.ask(ctx, "GET", path, nil, who.header())
	if err != nil {
		return nil, err
	}
	var answer struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(a.body, &answer); err != nil {
		return nil, err
	}
	signed := strings.LastIndexByte(answer.Token, '.')
	if signed < 1 {
		return nil, errors.New("the registry's token is not signed")
	}
	bare, err := b.startBare(ctx, bareSpec{ContentType: a.contentType, Body: a.body, Sign: signed})
	if err != nil {
		return nil, err
	}
	defer bare.stop()
	r, err := b.besideBare(ctx, srv, bare, httpRequest("GET", path, nil, who.header()), "bare Go, ES256", goal{})
	r.what = "token to pull an image"
	return []row{r}, err
}
