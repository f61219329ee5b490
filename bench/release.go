package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/testservice"
)

// benchReleases sets releases over HTTP beside transactions that do nothing but
// insert one row: on the database that was asked for, else on both kinds.
func benchReleases(ctx context.Context, b *lab) ([]row, error) {
	if b.newDatabase != nil {
		r, err := b.releasesBesideCommits(ctx, "given PostgreSQL")
		return []row{r}, err
	}
	r, err := b.releasesBesideCommits(ctx, "SQLite")
	if err != nil {
		return nil, err
	}
	rows := []row{r}
	url, stop, err := testservice.StartPostgreSQL("fsync=on")
	if err != nil {
		return rows, fmt.Errorf("cannot start PostgreSQL: %w", err)
	}
	defer stop()
	on := *b
	on.newDatabase = databasesIn(url)
	if r, err = on.releasesBesideCommits(ctx, "PostgreSQL"); err != nil {
		return rows, err
	}
	return append(rows, r), nil
}

func (b *lab) releasesBesideCommits(ctx context.Context, database string) (_ row, err error) {
	name := "release"
	if b.newDatabase != nil {
		name = "release_postgresql"
	}
	l, err := b.newLarder(ctx, name)
	if err != nil {
		return row{}, err
	}
	// They are made in the background after releases, and would take the
	// processor that releases are measured on.
	if err := l.run(ctx, "config", "larder.deltas.enabled=False"); err != nil {
		return row{}, err
	}
	token, err := l.employ(ctx)
	if err != nil {
		return row{}, err
	}
	snaps, err := l.pushTwice(ctx, "release", max(b.sizes.snaps, b.sizes.conns))
	if err != nil {
		return row{}, err
	}
	srv, err := l.serve(ctx, b.cores.serving)
	if err != nil {
		return row{}, err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	bare, err := b.openCommits(ctx, name)
	if err != nil {
		return row{}, err
	}
	defer func() { err = errors.Join(err, bare.db.Close()) }()
	publishers := load{
		address: srv.address, request: releasesOf(snaps, token, b.sizes.conns), conns: b.sizes.conns,
		during: b.sizes.turn, status: http.StatusOK,
	}
	r, err := b.onOneCore(func() (rounds, error) {
		return alternate(b.sizes.rounds,
			func() (sample, error) { return charged(ctx, srv.process, publishers) },
			func() (sample, error) { return bare.turn(ctx, b.sizes.conns, b.sizes.turn) })
	})
	if err != nil {
		return row{}, err
	}
	return row{
		what:   "release over HTTP, " + database,
		larder: perSecond(typical(r.larder, sample.requestsPerSecond)),
		peer:   perSecond(typical(r.peer, sample.requestsPerSecond)),
		beside: "commits of one row",
		ratio:  r.ratio(sample.requestsPerSecond),
		cpu:    r.ratio(sample.cpuPerRequest),
	}, nil
}

// pushTwice makes snaps of two revisions, and returns their names.
func (l *larder) pushTwice(ctx context.Context, prefix string, n int) (names []string, err error) {
	for version := range 2 {
		names = nil
		args := []string{"push-snap", "--register"}
		for i := range n {
			name := fmt.Sprintf("%s-%d", prefix, i)
			path, err := makeSnap(l.dir, name, version*n+i, 4096)
			if err != nil {
				return nil, err
			}
			defer os.Remove(path)
			names, args = append(names, name), append(args, path)
		}
		if err := l.run(ctx, args...); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// releasesOf are requests of which each points a channel at the revision that
// it does not have. Each connection has snaps of its own, and several, so that
// no snap's history grows out of proportion.
func releasesOf(snaps []string, token string, conns int) func(conn, i int) []byte {
	made := make([][2][]byte, len(snaps))
	for n, name := range snaps {
		for revision := range made[n] {
			body, err := json.Marshal(map[string]any{"name": name, "revision": strconv.Itoa(revision + 1), "channels": []string{"edge"}})
			if err != nil {
				panic(err) // strings only
			}
			made[n][revision] = httpRequest("POST", "/dev/api/snap-release/", body, "Authorization: Macaroon "+token)
		}
	}
	each := len(snaps) / conns
	return func(conn, i int) []byte { return made[conn*each+i%each][i/each%2] }
}

// commits is a database on which larder's own code commits rows that nothing
// depends on.
type commits struct {
	db    *db.DB
	count atomic.Int64
}

func (b *lab) openCommits(ctx context.Context, name string) (*commits, error) {
	url := "sqlite:" + filepath.Join(b.dir, name+"-commits.db")
	if b.newDatabase != nil {
		var err error
		if url, err = b.newDatabase(ctx, name+"_commits"); err != nil {
			return nil, err
		}
	}
	d, err := db.Open(ctx, url, db.Options{})
	return &commits{db: d}, err
}

// turn commits from several goroutines for a time.
func (c *commits) turn(ctx context.Context, writers int, during time.Duration) (sample, error) {
	each := make([]int, writers)
	before, err := ownTime()
	if err != nil {
		return sample{}, err
	}
	begin := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for n := range each {
		group.Go(func() error {
			for time.Since(begin) < during {
				key := strconv.FormatInt(c.count.Add(1), 10)
				_, err := c.db.Update(ctx, "bench", func(tx *db.Tx) error { return tx.PutNonce(key, "bench", begin.Add(time.Hour)) })
				if err != nil {
					return err
				}
				each[n]++
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return sample{}, err
	}
	s := sample{wall: time.Since(begin)}
	after, err := ownTime()
	s.cpu = after - before
	for _, n := range each {
		s.requests += n
	}
	return s, err
}

// ownTime is the processor time that this process has spent so far.
func ownTime() (time.Duration, error) {
	var spent syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &spent); err != nil {
		return 0, err
	}
	return time.Duration(spent.Utime.Nano() + spent.Stime.Nano()), nil
}
