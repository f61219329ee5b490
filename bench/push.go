package main

import (
	"context"
	"crypto/sha3"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"time"
)

// benchPush sets a push of a large snap beside the time that SHA3-384 alone
// takes over it, and measures the memory that an even larger one needs.
func benchPush(ctx context.Context, b *lab) ([]row, error) {
	l, err := b.store(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := l.push(ctx, "first", 1, 4096); err != nil { // makes the root
		return nil, err
	}
	r, err := b.pushBesideHash(ctx, l)
	if err != nil {
		return nil, err
	}
	rows := []row{{
		what:   "push of " + megabytes(float64(r.larder[0].bytes)),
		larder: bytesPerSecond(typical(r.larder, sample.bytesPerSecond)),
		peer:   bytesPerSecond(typical(r.peer, sample.bytesPerSecond)),
		beside: "SHA3-384 alone",
		ratio:  r.ratio(sample.bytesPerSecond),
		goal:   goal{atLeast: 0.85},
	}}
	added, err := b.pushMemory(ctx, l)
	if err != nil {
		return rows, err
	}
	const limit = 16e6
	return append(rows, row{
		what:   fmt.Sprintf("memory added by a push of %s", megabytes(float64(b.sizes.pushPeak))),
		larder: megabytes(float64(added)), peer: megabytes(limit), beside: "limit",
		ratio: float64(added) / limit, goal: goal{atMost: 1},
	}), nil
}

// maxPushRounds keeps the disk from filling with large snaps.
const maxPushRounds = 3

func (b *lab) pushBesideHash(ctx context.Context, l *larder) (rounds, error) {
	n := min(b.sizes.rounds, maxPushRounds)
	number := 0
	path := "" // of the snap that both sides of a round read
	next := func() (err error) {
		number++
		if path != "" {
			os.Remove(path)
		}
		path, err = makeSnap(l.dir, fmt.Sprintf("push-%d", number), number, b.sizes.push)
		return err
	}
	// Both read what the page cache holds: the disk is not what is measured.
	var r rounds
	for range n {
		if err := next(); err != nil {
			return r, err
		}
		hashed, err := hashFile(path)
		if err != nil {
			return r, err
		}
		pushed, _, err := b.pushOnce(ctx, l, path)
		if err != nil {
			return r, err
		}
		again, err := hashFile(path)
		if err != nil {
			return r, err
		}
		pushed.bytes = hashed.bytes
		hashed.wall = (hashed.wall + again.wall) / 2 // before and after
		r.larder, r.peer = append(r.larder, pushed), append(r.peer, hashed)
	}
	os.Remove(path)
	return r, nil
}

func hashFile(path string) (sample, error) { return hashStart(path, math.MaxInt64) }

// hashStart is how long SHA3-384 takes over the first bytes of a file.
func hashStart(path string, size int64) (sample, error) {
	f, err := os.Open(path)
	if err != nil {
		return sample{}, err
	}
	defer f.Close()
	begin := time.Now()
	n, err := io.CopyBuffer(struct{ io.Writer }{sha3.New384()}, struct{ io.Reader }{io.LimitReader(f, size)}, make([]byte, 256<<10))
	return sample{requests: 1, bytes: n, wall: time.Since(begin)}, err
}

// pushOnce pushes a snap and returns the most memory it took.
func (b *lab) pushOnce(ctx context.Context, l *larder, path string) (s sample, peak int64, err error) {
	begin := time.Now()
	p, err := start(b.cores.all, filepath.Join(l.dir, "push.log"), l.env, nil,
		l.binary, "push-snap", "--register", "--channel", "stable", "--data", l.data(), path)
	if err != nil {
		return sample{}, 0, err
	}
	// The kernel keeps the peak, so looking now and then misses only what
	// happens in the last moment, which is no part of the upload.
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-p.done:
			if p.err != nil {
				text, _ := os.ReadFile(filepath.Join(l.dir, "push.log"))
				return sample{}, 0, fmt.Errorf("cannot push: %w\n%s", p.err, text)
			}
			return sample{requests: 1, wall: time.Since(begin)}, peak, nil
		case <-look.C:
			if now, err := p.peak(); err == nil {
				peak = max(peak, now)
			}
		case <-ctx.Done():
			return sample{}, 0, errors.Join(ctx.Err(), p.stop())
		}
	}
}

// pushMemory is how much more memory a very large snap takes than a small one.
func (b *lab) pushMemory(ctx context.Context, l *larder) (int64, error) {
	var peaks [2]int64
	for i, size := range []int64{1 << 20, b.sizes.pushPeak} {
		path, err := makeSnap(l.dir, fmt.Sprintf("peak-%d", i), 100+i, size)
		if err != nil {
			return 0, err
		}
		_, peaks[i], err = b.pushOnce(ctx, l, path)
		os.Remove(path)
		if err != nil {
			return 0, err
		}
	}
	return max(0, peaks[1]-peaks[0]), nil
}
