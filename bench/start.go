package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// benchStart measures how soon a store that exists answers, and the memory it
// takes while nobody asks for anything.
func benchStart(ctx context.Context, b *lab) ([]row, error) {
	l, err := b.store(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := l.push(ctx, "start", 1, 4096); err != nil {
		return nil, err
	}
	var took []time.Duration
	var memory []int64
	for i := range b.sizes.starts {
		begin := time.Now()
		srv, err := l.serve(ctx, b.cores.all)
		if err != nil {
			return nil, err
		}
		if err := srv.ping(); err != nil {
			srv.stop()
			return nil, err
		}
		took = append(took, time.Since(begin))
		if i == b.sizes.starts-1 {
			select {
			case <-time.After(b.sizes.idle):
			case <-ctx.Done():
			}
			resident, err := srv.resident()
			if err != nil {
				srv.stop()
				return nil, err
			}
			memory = append(memory, resident)
		}
		if err := srv.stop(); err != nil {
			return nil, err
		}
	}
	const (
		startLimit = 100 * time.Millisecond
		idleLimit  = 40e6
	)
	start, idle := median(took), median(memory)
	return []row{{
		what: "start until the first answer", larder: duration(start), peer: duration(startLimit), beside: "limit",
		ratio: start.Seconds() / startLimit.Seconds(), goal: goal{atMost: 1},
	}, {
		what: "memory while idle", larder: megabytes(float64(idle)), peer: megabytes(idleLimit), beside: "limit",
		ratio: float64(idle) / idleLimit, goal: goal{atMost: 1},
	}}, nil
}

// ping asks whether the server is there.
func (s *server) ping() error {
	response, err := http.Get("http://" + s.address + "/_status/ping")
	if err != nil {
		return err
	}
	response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("ping: %s", response.Status)
	}
	return nil
}
