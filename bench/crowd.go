package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

const (
	perRefresh = 10  // packages of a refresh
	warmSet    = 500 // packages that are asked for again and again
)

// benchCrowd sets a store with very many packages beside one with few: what a
// refresh costs when its packages are in memory, and when they are not.
func benchCrowd(ctx context.Context, b *lab) ([]row, error) {
	few, err := b.newCrowd(ctx, b.sizes.few)
	if err != nil {
		return nil, err
	}
	b.note("crowd: %d packages…", b.sizes.many)
	many, err := b.newCrowd(ctx, b.sizes.many)
	if err != nil {
		return nil, err
	}
	warm, err := b.onOneCore(func() (rounds, error) { return warmCrowds(ctx, b, many, few) })
	if err != nil {
		return nil, err
	}
	cold, err := b.onOneCore(func() (rounds, error) { return coldCrowds(ctx, b, many, few) })
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, r := range []struct {
		what   string
		rounds rounds
	}{{"in memory", warm}, {"not in memory", cold}} {
		for _, p := range []int{50, 99} {
			at := func(s sample) float64 { return percentile(s.latencies, p).Seconds() }
			rows = append(rows, row{
				what:   fmt.Sprintf("refresh of %d among %d packages, %s, p%d", perRefresh, b.sizes.many, r.what, p),
				larder: duration(seconds(typical(r.rounds.larder, at))),
				peer:   duration(seconds(typical(r.rounds.peer, at))),
				beside: fmt.Sprintf("larder, %d packages", b.sizes.few),
				ratio:  r.rounds.ratio(at),
				goal:   goal{atMost: 1.3},
			})
		}
	}
	return rows, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// crowd is a store with many packages.
type crowd struct {
	*larder
	packages int
}

func (b *lab) newCrowd(ctx context.Context, packages int) (*crowd, error) {
	l, err := b.newLarder(ctx, fmt.Sprintf("crowd%d", packages))
	if err != nil {
		return nil, err
	}
	names, err := l.push(ctx, "template", 1, 4096)
	if err != nil {
		return nil, err
	}
	return &crowd{l, packages}, l.clone(ctx, names[0], packages)
}

// ask refreshes packages one request after the other and keeps the time of
// each.
func (c *crowd) ask(ctx context.Context, s *server, requests [][]byte) (sample, error) {
	l := load{
		address: s.address, conns: 1, requests: len(requests), status: http.StatusOK,
		request: func(_, i int) []byte { return requests[i] },
	}
	return l.run(ctx)
}

// refreshes are requests about packages of the crowd: numbers says which.
func refreshes(numbers []int) [][]byte {
	var requests [][]byte
	for len(numbers) >= perRefresh {
		var ids []string
		for _, n := range numbers[:perRefresh] {
			ids = append(ids, cloneID(n))
		}
		requests = append(requests, refreshHTTP(refreshOf(ids)))
		numbers = numbers[perRefresh:]
	}
	return requests
}

// warmCrowds asks both stores for the same few packages, again and again.
func warmCrowds(ctx context.Context, b *lab, many, few *crowd) (rounds, error) {
	side := func(c *crowd) (func() (sample, error), func() error, error) {
		srv, err := c.serve(ctx, b.cores.serving)
		if err != nil {
			return nil, nil, err
		}
		random := rand.New(rand.NewPCG(3, 4))
		set := random.Perm(c.packages)[:min(warmSet, c.packages)]
		turn := func() (sample, error) {
			var numbers []int
			for range b.sizes.asks * perRefresh {
				numbers = append(numbers, 0)
			}
			for i := range b.sizes.asks {
				for j, at := range random.Perm(len(set))[:perRefresh] {
					numbers[i*perRefresh+j] = set[at]
				}
			}
			return c.ask(ctx, srv, refreshes(numbers))
		}
		return turn, srv.stop, nil
	}
	manyTurn, stopMany, err := side(many)
	if err != nil {
		return rounds{}, err
	}
	fewTurn, stopFew, err := side(few)
	if err != nil {
		return rounds{}, errors.Join(err, stopMany())
	}
	r, err := alternate(b.sizes.rounds, manyTurn, fewTurn)
	return r, errors.Join(err, stopMany(), stopFew())
}

// coldCrowds asks servers that have just started for packages that nobody has
// asked them for.
func coldCrowds(ctx context.Context, b *lab, many, few *crowd) (rounds, error) {
	random := rand.New(rand.NewPCG(5, 6))
	side := func(c *crowd) func() (sample, error) {
		return func() (s sample, err error) {
			srv, err := c.serve(ctx, b.cores.serving)
			if err != nil {
				return s, err
			}
			defer func() { err = errors.Join(err, srv.stop()) }()
			numbers := random.Perm(c.packages)[:b.sizes.few/perRefresh*perRefresh]
			// The first few open connections and prepare statements.
			requests := refreshes(numbers)
			first := len(requests) / 10
			if _, err := c.ask(ctx, srv, requests[:first]); err != nil {
				return s, err
			}
			return c.ask(ctx, srv, requests[first:])
		}
	}
	return alternate(b.sizes.rounds, side(many), side(few))
}
