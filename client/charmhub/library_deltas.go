package charmhub

import (
	"context"
	"errors"
)

// A LibraryDelta is a library that differs from what the store has.
type LibraryDelta struct {
	LibraryFile
	// Store is the newest version of the same API in the store; nil if it has
	// none.
	Store *LibraryVersion
	// SameVersion says that the content differs and the version does not: raise
	// LIBPATCH.
	SameVersion bool
}

// Unpublished returns the libraries of a charm that are newer than in the store,
// unknown to it, or changed without a new version.
func (f LibraryFiles) Unpublished(ctx context.Context, c *Client, charm string) ([]LibraryDelta, error) {
	files, err := f.List(charm)
	if err != nil || len(files) == 0 {
		return nil, err
	}
	tips, err := c.TipsOf(ctx, files...)
	if err != nil {
		return nil, err
	}
	var deltas []LibraryDelta
	for _, file := range files {
		tip, known := tips[LibraryKey{file.ID, file.API}]
		version := tip.Version()
		switch {
		case !known:
			deltas = append(deltas, LibraryDelta{LibraryFile: file})
		case version.Before(file.LibraryVersion):
			deltas = append(deltas, LibraryDelta{LibraryFile: file, Store: &version})
		case version == file.LibraryVersion && tip.Hash != file.Hash:
			deltas = append(deltas, LibraryDelta{LibraryFile: file, Store: &version, SameVersion: true})
		}
	}
	return deltas, nil
}

// TipsOf returns the newest of each file's API that the store has; libraries that
// it does not know are left out.
func (c *Client) TipsOf(ctx context.Context, files ...LibraryFile) (map[LibraryKey]Library, error) {
	requests := make([]LibraryRequest, len(files))
	for i := range files {
		requests[i] = LibraryRequest{LibraryID: files[i].ID, API: &files[i].API}
	}
	// One library that the store does not know spoils the answer for all; each is
	// then asked for by itself.
	tips, err := c.LibraryTips(ctx, requests...)
	if !errors.Is(err, ErrNotFound) {
		return tips, err
	}
	tips = map[LibraryKey]Library{}
	for _, r := range requests {
		one, err := c.LibraryTips(ctx, r)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return nil, err
		}
		for key, tip := range one {
			tips[key] = tip
		}
	}
	return tips, nil
}
