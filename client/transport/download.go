package transport

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ErrWrongDigest: a downloaded file is not the one that was announced.
var ErrWrongDigest = errors.New("the file is not the one that the store announced")

// Progress tells how far an upload or a download is.
type Progress struct {
	// Done is how many bytes are on their way or arrived; it goes back when the
	// transfer starts again. Total is the size of the file in bytes, 0 if it is
	// not known.
	Done, Total int64
	// Attempt counts from 1.
	Attempt int
}

// A File is what Download fetches, as a store announced it.
type File struct {
	// URL is absolute.
	URL string
	// Size is in bytes.
	Size int64
	// Digests must all be those of the content; at least one.
	Digests []Digest
	// Header is sent with every request; may be nil.
	Header http.Header
	// Authorize adds what proves who asks; nil sends nothing. It decides by the
	// request's URL whether the file's host shall see that.
	Authorize func(*http.Request) error
}

// A Digest is what a file must hash to.
type Digest struct {
	// New makes the hash, for example sha256.New.
	New func() hash.Hash
	// Hex is the expected sum, in either case.
	Hex string
}

// check finds what makes a download pointless; its error is a sentence.
func (f File) check() error {
	if u, err := url.Parse(f.URL); err != nil || u.Host == "" {
		return errors.New("the store gave no absolute URL for the download")
	}
	if f.Size < 0 || len(f.Digests) == 0 {
		return errors.New("a download needs a size and a digest")
	}
	for _, d := range f.Digests {
		if sum, err := hex.DecodeString(d.Hex); err != nil || len(sum) != d.New().Size() {
			return errors.New("the store gave a digest that is no hexadecimal number of the right length")
		}
	}
	return nil
}

// Download fetches a file and verifies its size and digests. It is written
// beside its place, as NAME.partial, and renamed when it is whole and synced. A
// partial file of an earlier try is continued; after a failure that may pass the
// rest is asked for again, as often as Retry says. Progress may be nil.
//
// ErrWrongDigest if the content is not what was announced, even after one fresh
// start; nothing is left at the name then.
func (c *Client) Download(ctx context.Context, what File, name string, progress func(Progress)) error {
	if err := what.check(); err != nil {
		return fmt.Errorf("cannot download: %w", err)
	}
	partial := name + ".partial"
	file, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("cannot download: %w", err)
	}
	defer file.Close()
	g := &download{c: c, what: what, file: file, notify: progress}
	for _, d := range what.Digests {
		g.digests = append(g.digests, d.New())
	}
	if err := g.fetch(ctx); err != nil {
		return fmt.Errorf("cannot download %s: %w", filepath.Base(name), err)
	}
	if err := file.Sync(); err != nil {
		return fmt.Errorf("cannot download: %w", err)
	}
	if err := file.Close(); err != nil {
		return fmt.Errorf("cannot download: %w", err)
	}
	if err := os.Rename(partial, name); err != nil {
		return fmt.Errorf("cannot download: %w", err)
	}
	if directory, err := os.Open(filepath.Dir(name)); err == nil {
		_ = directory.Sync() // not every file system can
		_ = directory.Close()
	}
	return nil
}

// download is one call of Client.Download.
type download struct {
	c       *Client
	what    File
	file    *os.File
	notify  func(Progress)
	digests []hash.Hash // of the first done bytes of the file; beside what.Digests
	done    int64
	attempt int
}

// fetch starts over once if a digest is wrong: the partial file may be of
// something else.
func (g *download) fetch(ctx context.Context) error {
	if err := g.continueFrom(); err != nil {
		return err
	}
	continued := g.done > 0
	for {
		if err := g.rest(ctx); err != nil {
			return err
		}
		if g.done == g.what.Size && g.rightDigests() {
			return nil
		}
		if err := g.restart(); err != nil {
			return err
		}
		if !continued {
			_ = os.Remove(g.file.Name())
			return ErrWrongDigest
		}
		continued = false
	}
}

func (g *download) rightDigests() bool {
	for i, d := range g.what.Digests {
		if !strings.EqualFold(hex.EncodeToString(g.digests[i].Sum(nil)), d.Hex) {
			return false
		}
	}
	return true
}

// continueFrom takes up what is in the file already.
func (g *download) continueFrom() error {
	info, err := g.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() > g.what.Size {
		return g.restart()
	}
	g.done, err = io.Copy(g.hashes(), g.file)
	return err
}

func (g *download) hashes() io.Writer {
	writers := make([]io.Writer, len(g.digests))
	for i, d := range g.digests {
		writers[i] = d
	}
	return io.MultiWriter(writers...)
}

func (g *download) restart() error {
	for _, d := range g.digests {
		d.Reset()
	}
	g.done = 0
	if err := g.file.Truncate(0); err != nil {
		return err
	}
	_, err := g.file.Seek(0, io.SeekStart)
	return err
}

// rest asks for what is missing until nothing is.
func (g *download) rest(ctx context.Context) error {
	policy := g.c.Policy()
	failures := 0
	for g.attempt = 1; g.done < g.what.Size; g.attempt++ {
		before := g.done
		err := g.once(ctx)
		if err == nil {
			continue
		}
		if g.done > before {
			failures = 0
		}
		if !Passing(err) || ctx.Err() != nil {
			return WithContext(ctx, err)
		}
		if failures++; failures > policy.Times {
			return err
		}
		if waitErr := policy.PauseAfter(ctx, failures, err); waitErr != nil {
			return fmt.Errorf("%w: %w", waitErr, err)
		}
	}
	return nil
}

func (g *download) once(ctx context.Context) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, g.what.URL, nil)
	if err != nil {
		return err
	}
	if g.what.Header != nil {
		req.Header = g.what.Header.Clone()
	}
	// Compression would break offsets and lengths.
	req.Header.Set("Accept-Encoding", "identity")
	if g.done > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(g.done, 10)+"-")
	}
	if g.what.Authorize != nil {
		if err := g.what.Authorize(req); err != nil {
			return err
		}
	}
	resp, err := g.c.DoOnce(req)
	address := bareURL(req.URL)
	var refused *StoreError
	if errors.As(err, &refused) && refused.Status == http.StatusRequestedRangeNotSatisfiable && g.done > 0 {
		if err := g.restart(); err != nil {
			return err
		}
		return &NetworkError{Method: req.Method, URL: address, Attempts: 1, Err: refused}
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if g.done > 0 && !startsAt(resp, g.done) {
		if resp.StatusCode == http.StatusPartialContent {
			return &InvalidResponseError{
				Method: req.Method, URL: address, Status: resp.StatusCode,
				Err: fmt.Errorf("Content-Range %.60q does not start at byte %d", resp.Header.Get("Content-Range"), g.done),
			}
		}
		if err := g.restart(); err != nil { // the whole file comes
			return err
		}
	}
	// One byte more than announced tells a wrong file from a right one.
	n, err := io.Copy(io.MultiWriter(g.file, g.hashes(), g), io.LimitReader(resp.Body, g.what.Size-g.done+1))
	switch {
	case err != nil && ctx.Err() == nil && isWriteError(err):
		return &LocalError{err}
	case err != nil:
		return &NetworkError{Method: req.Method, URL: address, Attempts: 1, Err: err}
	case g.done < g.what.Size && n == 0:
		return &NetworkError{Method: req.Method, URL: address, Attempts: 1, Err: io.ErrUnexpectedEOF}
	}
	return nil
}

// Write counts; it comes after the file and the digests.
func (g *download) Write(p []byte) (int, error) {
	g.done += int64(len(p))
	if g.notify != nil {
		g.notify(Progress{Done: g.done, Total: g.what.Size, Attempt: g.attempt})
	}
	return len(p), nil
}

func isWriteError(err error) bool {
	var failed *os.PathError
	return errors.As(err, &failed)
}

// startsAt reads Content-Range; a 206 without one is taken by its word, as
// devices do.
func startsAt(resp *http.Response, offset int64) bool {
	if resp.StatusCode != http.StatusPartialContent {
		return false
	}
	span := resp.Header.Get("Content-Range")
	return span == "" || strings.HasPrefix(span, "bytes "+strconv.FormatInt(offset, 10)+"-")
}
