package charmhub

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/larder-store/larder/client/transport"
)

// A Library is one revision of a charm library: a Python file that charms share.
type Library struct {
	API         int    `json:"api"`
	Patch       int    `json:"patch"`
	LibraryID   string `json:"library-id"`
	LibraryName string `json:"library-name"`
	CharmName   string `json:"charm-name"`
	// Hash is ContentHash of the content.
	Hash string `json:"hash"`
	// Content is the file; empty where only metadata was asked for.
	Content string `json:"content,omitempty"`
}

// Name is CHARM.LIBRARY, as charmcraft.yaml writes it.
func (l Library) Name() string { return l.CharmName + "." + l.LibraryName }

// Version is the library's.
func (l Library) Version() LibraryVersion { return LibraryVersion{API: l.API, Patch: l.Patch} }

// A LibraryRequest asks for a library by id, or for one or all of a charm by
// name.
type LibraryRequest struct {
	LibraryID   string `json:"library-id,omitempty"`
	CharmName   string `json:"charm-name,omitempty"`
	LibraryName string `json:"library-name,omitempty"`
	// API and Patch; nil is the newest.
	API   *int `json:"api,omitempty"`
	Patch *int `json:"patch,omitempty"`
}

// maxLibraries is how many libraries one request asks for.
const maxLibraries = 1000

// ListLibraries returns libraries without their content. No login is needed; one
// that is there is used. A charm without libraries has none; an unknown library
// or charm is ErrNotFound for the whole request.
func (c *Client) ListLibraries(ctx context.Context, requests ...LibraryRequest) ([]Library, error) {
	if len(requests) == 0 || len(requests) > maxLibraries {
		return nil, invalidf("ask for 1 to %d libraries at a time, not %d", maxLibraries, len(requests))
	}
	for _, r := range requests {
		if (r.LibraryID == "") == (r.CharmName == "") {
			return nil, invalidf("a library is asked for by its id or by its charm's name")
		}
	}
	var out struct {
		Libraries *[]Library `json:"libraries"`
	}
	u := c.path("libraries", "bulk")
	err := c.Gateway().CallAnyhow(ctx, transport.Call{Method: http.MethodPost, URL: u, In: requests, Out: &out, Repeatable: true})
	if err != nil {
		return nil, explainBulk(err)
	}
	if out.Libraries == nil {
		return nil, missing(http.MethodPost, u, "libraries")
	}
	return *out.Libraries, nil
}

// explainBulk knows how the store says "not found" here: by an error whose code
// is null, and by no other.
func explainBulk(err error) error {
	var refused *StoreError
	if !errors.As(err, &refused) || refused.Status >= 500 || len(refused.Errors) == 0 || refused.Errors[0].Code != "" {
		return err
	}
	switch refused.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return err
	}
	return &notFoundError{text: "one of the libraries or charms does not exist: " + err.Error(), cause: err}
}

// A LibraryKey tells the major versions of libraries apart.
type LibraryKey struct {
	LibraryID string
	API       int
}

// LibraryTips is ListLibraries by id and API.
func (c *Client) LibraryTips(ctx context.Context, requests ...LibraryRequest) (map[LibraryKey]Library, error) {
	return libraryMap(ctx, c, requests, func(l Library) LibraryKey { return LibraryKey{l.LibraryID, l.API} })
}

// LibrariesByID is ListLibraries by id.
func (c *Client) LibrariesByID(ctx context.Context, ids ...string) (map[string]Library, error) {
	requests := make([]LibraryRequest, len(ids))
	for i, id := range ids {
		requests[i].LibraryID = id
	}
	return libraryMap(ctx, c, requests, func(l Library) string { return l.LibraryID })
}

// LibrariesByName is ListLibraries by CHARM.LIBRARY.
func (c *Client) LibrariesByName(ctx context.Context, requests ...LibraryRequest) (map[string]Library, error) {
	return libraryMap(ctx, c, requests, Library.Name)
}

func libraryMap[K comparable](ctx context.Context, c *Client, requests []LibraryRequest, key func(Library) K) (map[K]Library, error) {
	libraries, err := c.ListLibraries(ctx, requests...)
	if err != nil {
		return nil, err
	}
	found := make(map[K]Library, len(libraries))
	for _, l := range libraries {
		found[key(l)] = l
	}
	return found, nil
}

// Library returns a library with its content: the newest, the newest of an API,
// or an exact revision. No login is needed. ErrWrongDigest, beside the library,
// if the content is not what the store says of it.
func (c *Client) Library(ctx context.Context, charm, libraryID string, api, patch *int) (Library, error) {
	query := url.Values{}
	for name, value := range map[string]*int{"api": api, "patch": patch} {
		if value != nil {
			query.Set(name, strconv.Itoa(*value))
		}
	}
	u := c.path("libraries", charm, libraryID)
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	var out Library
	if err := c.Gateway().CallAnyhow(ctx, transport.Call{URL: u, Out: &out}); err != nil {
		return Library{}, err
	}
	if out.LibraryID == "" {
		return Library{}, missing(http.MethodGet, u, "library-id")
	}
	if ContentHash([]byte(out.Content)) != out.Hash {
		return out, fmt.Errorf("library %s %s: %w", out.Name(), out.Version(), ErrWrongDigest)
	}
	return out, nil
}

// CreateLibraryID registers a library of a charm and returns its id (permission
// package-manage-library).
func (c *Client) CreateLibraryID(ctx context.Context, charm, library string) (string, error) {
	if err := checkLibraryName(library); err != nil {
		return "", err
	}
	var out struct {
		LibraryID string `json:"library-id"`
	}
	u := c.path("libraries", charm)
	call := transport.Call{Method: http.MethodPost, URL: u, In: map[string]string{"library-name": library}, Out: &out}
	if err := c.Gateway().Call(ctx, call); err != nil {
		return "", err
	}
	if out.LibraryID == "" {
		return "", missing(http.MethodPost, u, "library-id")
	}
	return out.LibraryID, nil
}

// CreateLibraryRevision publishes a revision of a library and returns it
// (permission package-manage-library). Its patch must follow the newest of the
// same API, its content must differ. An empty Hash is computed.
func (c *Client) CreateLibraryRevision(ctx context.Context, l Library) (Library, error) {
	if l.CharmName == "" || l.LibraryID == "" || l.Content == "" {
		return Library{}, invalidf("a library is published with its charm's name, its id and its content")
	}
	if l.Hash == "" {
		l.Hash = ContentHash([]byte(l.Content))
	}
	in := map[string]any{"api": l.API, "patch": l.Patch, "content": l.Content, "hash": l.Hash}
	var out Library
	u := c.path("libraries", l.CharmName, l.LibraryID)
	if err := c.Gateway().Call(ctx, transport.Call{Method: http.MethodPost, URL: u, In: in, Out: &out}); err != nil {
		return Library{}, err
	}
	if out.LibraryID == "" {
		return Library{}, missing(http.MethodPost, u, "library-id")
	}
	return out, nil
}
