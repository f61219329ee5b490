package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"gopkg.in/macaroon.v2"
)

// benchLogins sets the check of a publisher's token beside the check of the
// macaroon alone, and a login with a password beside argon2id alone.
func benchLogins(ctx context.Context, b *lab) (rows []row, err error) {
	l, err := b.newLarder(ctx, "login")
	if err != nil {
		return nil, err
	}
	token, err := l.employ(ctx)
	if err != nil {
		return nil, err
	}
	hash, err := l.passwordHash(ctx)
	if err != nil {
		return nil, err
	}
	srv, err := l.serve(ctx, b.cores.serving)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	checks, err := b.tokensBesideMacaroons(ctx, srv, token)
	if err != nil {
		return nil, err
	}
	logins, err := b.loginsBesideArgon2(ctx, srv, hash)
	if err != nil {
		return []row{checks}, err
	}
	return []row{checks, logins}, nil
}

const whoamiPath = "/api/v2/tokens/whoami"

func (b *lab) tokensBesideMacaroons(ctx context.Context, srv *server, token string) (row, error) {
	header := "Authorization: Macaroon " + token
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+srv.address+whoamiPath, nil)
	if err != nil {
		return row{}, err
	}
	request.Header.Set("Authorization", "Macaroon "+token)
	a, err := read(request)
	if err != nil {
		return row{}, err
	}
	twin, key, err := twinOf(token)
	if err != nil {
		return row{}, err
	}
	bare, err := b.startBare(ctx, bareSpec{ContentType: a.contentType, Body: a.body, Token: twin, TokenKey: key})
	if err != nil {
		return row{}, err
	}
	defer bare.stop()
	r, err := b.besideBare(ctx, srv, bare, httpRequest("GET", whoamiPath, nil, header), "bare Go, macaroon.v2", goal{})
	r.what = "check of a publisher's token"
	return r, err
}

// twinOf is a macaroon with everything that the token says, under a key that is
// known here.
func twinOf(token string) (twin string, key []byte, err error) {
	m, err := decodeMacaroon(token)
	if err != nil {
		return "", nil, err
	}
	key = []byte("a key that is as long as keys are")
	other, err := macaroon.New(key, m.Id(), m.Location(), m.Version())
	if err != nil {
		return "", nil, err
	}
	for _, c := range m.Caveats() {
		if err := other.AddFirstPartyCaveat(c.Id); err != nil {
			return "", nil, err
		}
	}
	raw, err := other.MarshalBinary()
	return base64.RawURLEncoding.EncodeToString(raw), key, err
}

func decodeMacaroon(text string) (*macaroon.Macaroon, error) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read a macaroon: %w", err)
	}
	m := new(macaroon.Macaroon)
	return m, m.UnmarshalBinary(raw)
}

// passwordHash says how a password is hashed.
type passwordHash struct {
	memory uint32 // KiB
	passes uint32
}

// passwordHash reads it from the one that is kept.
func (l *larder) passwordHash(ctx context.Context) (h passwordHash, err error) {
	db, _, err := l.database()
	if err != nil {
		return h, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var text string
	if err := db.QueryRowContext(ctx, "SELECT password FROM users WHERE email = '"+publisherAddress+"'").Scan(&text); err != nil {
		return h, fmt.Errorf("cannot find the publisher's password: %w", err)
	}
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return h, errors.New("the password is not hashed with argon2id")
	}
	_, err = fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &h.memory, &h.passes)
	return h, err
}

func (b *lab) loginsBesideArgon2(ctx context.Context, srv *server, hash passwordHash) (row, error) {
	caveat, err := srv.loginCaveat(ctx)
	if err != nil {
		return row{}, err
	}
	body, err := json.Marshal(map[string]string{"email": publisherAddress, "password": publisherPassword, "caveat_id": caveat})
	if err != nil {
		return row{}, err
	}
	logins := load{
		address: srv.address, conns: 1, requests: b.sizes.logins, status: http.StatusOK,
		request: always(httpRequest("POST", "/api/v2/tokens/discharge", body)),
	}
	argon := func() (sample, error) {
		var s sample
		begin := time.Now()
		for range b.sizes.logins {
			sent := time.Now()
			argon2.IDKey([]byte(publisherPassword), make([]byte, 16), hash.passes, hash.memory, 1, 32)
			s.latencies = append(s.latencies, time.Since(sent))
		}
		s.requests, s.wall = b.sizes.logins, time.Since(begin)
		return s, nil
	}
	r, err := b.onOneCore(func() (rounds, error) {
		return alternate(b.sizes.rounds, func() (sample, error) { return logins.run(ctx) }, argon)
	})
	if err != nil {
		return row{}, err
	}
	at := func(s sample) float64 { return percentile(s.latencies, 50).Seconds() }
	return row{
		what:   "login with a password",
		larder: duration(seconds(typical(r.larder, at))),
		peer:   duration(seconds(typical(r.peer, at))),
		beside: fmt.Sprintf("argon2id, %d MiB, %d passes", hash.memory>>10, hash.passes),
		ratio:  r.ratio(at),
	}, nil
}

// loginCaveat asks for a token that a login discharges, and returns the caveat
// for it.
func (s *server) loginCaveat(ctx context.Context) (string, error) {
	a, err := s.fetch(ctx, "POST", "/dev/api/acl/", []byte(`{"permissions":["package_access"]}`))
	if err != nil {
		return "", err
	}
	var answer struct {
		Macaroon string `json:"macaroon"`
	}
	if err := json.Unmarshal(a.body, &answer); err != nil {
		return "", err
	}
	m, err := decodeMacaroon(answer.Macaroon)
	if err != nil {
		return "", err
	}
	for _, c := range m.Caveats() {
		if len(c.VerificationId) > 0 {
			return string(c.Id), nil
		}
	}
	return "", errors.New("the token has no caveat that a login could discharge")
}
