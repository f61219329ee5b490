package snapstore

import (
	"context"
	"crypto/sha3"
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

// Download fetches a file and verifies its size and SHA3-384. It is written
// beside its place, as NAME.partial, and renamed when it is whole and synced. A
// partial file of an earlier try is continued; after a failure that may pass the
// rest is asked for again, as often as the device's Retry says.
//
// Credentials go to the device's store only, whatever the file's URL is.
// Progress may be nil. ErrWrongDigest if the content is not what was announced,
// even after one fresh start; nothing is left at the name then.
func (d *Device) Download(ctx context.Context, what Download, name string, progress func(Progress)) error {
	if what.URL == "" || len(what.SHA3_384) != 2*sha3Size || what.Size < 0 {
		return invalidf("a download needs a URL, a size and a SHA3-384 digest in hex")
	}
	if u, err := url.Parse(what.URL); err != nil || u.Host == "" {
		return invalidf("the store gave no absolute URL for the download")
	}
	partial := name + ".partial"
	file, err := os.OpenFile(partial, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return fmt.Errorf("cannot download: %w", err)
	}
	defer file.Close()
	g := &download{d: d, what: what, file: file, notify: progress, digest: sha3.New384()}
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

const sha3Size = 48

// download is one call of Device.Download.
type download struct {
	d       *Device
	what    Download
	file    *os.File
	notify  func(Progress)
	digest  hash.Hash // of the first done bytes of the file
	done    int64
	attempt int
}

// fetch starts over once if the digest is wrong: the partial file may be of
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
		if g.done == g.what.Size && strings.EqualFold(hex.EncodeToString(g.digest.Sum(nil)), g.what.SHA3_384) {
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

// continueFrom takes up what is in the file already.
func (g *download) continueFrom() error {
	info, err := g.file.Stat()
	if err != nil {
		return err
	}
	if info.Size() > g.what.Size {
		return g.restart()
	}
	g.done, err = io.Copy(g.digest, g.file)
	return err
}

func (g *download) restart() error {
	g.digest.Reset()
	g.done = 0
	if err := g.file.Truncate(0); err != nil {
		return err
	}
	_, err := g.file.Seek(0, io.SeekStart)
	return err
}

// rest asks for what is missing until nothing is.
func (g *download) rest(ctx context.Context) error {
	policy := g.d.transport().Policy()
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
		if !passing(err) || ctx.Err() != nil {
			return withContext(ctx, err)
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
	// Compression would break offsets and lengths.
	req.Header = g.d.header()
	req.Header.Set("Accept-Encoding", "identity")
	if g.done > 0 {
		req.Header.Set("Range", "bytes="+strconv.FormatInt(g.done, 10)+"-")
	}
	if err := g.d.authorize(req); err != nil {
		return err
	}
	resp, err := g.d.transport().DoOnce(req)
	var refused *StoreError
	if errors.As(err, &refused) && refused.Status == http.StatusRequestedRangeNotSatisfiable && g.done > 0 {
		if err := g.restart(); err != nil {
			return err
		}
		return &NetworkError{Method: req.Method, URL: withoutQuery(g.what.URL), Attempts: 1, Err: refused}
	}
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if g.done > 0 && !startsAt(resp, g.done) {
		if resp.StatusCode == http.StatusPartialContent {
			return &InvalidResponseError{
				Method: req.Method, URL: withoutQuery(g.what.URL), Status: resp.StatusCode,
				Err: fmt.Errorf("Content-Range %.60q does not start at byte %d", resp.Header.Get("Content-Range"), g.done),
			}
		}
		if err := g.restart(); err != nil { // the whole file comes
			return err
		}
	}
	// One byte more than announced tells a wrong file from a right one.
	n, err := io.Copy(io.MultiWriter(g.file, g.digest, g), io.LimitReader(resp.Body, g.what.Size-g.done+1))
	switch {
	case err != nil && ctx.Err() == nil && isWriteError(err):
		return &localError{err}
	case err != nil:
		return &NetworkError{Method: req.Method, URL: withoutQuery(g.what.URL), Attempts: 1, Err: err}
	case g.done < g.what.Size && n == 0:
		return &NetworkError{Method: req.Method, URL: withoutQuery(g.what.URL), Attempts: 1, Err: io.ErrUnexpectedEOF}
	}
	return nil
}

// Write counts; it comes after the file and the digest.
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
