package charmhub

import "context"

// ListNames returns the packages of the account (permission
// account-view-packages), and if wanted those it collaborates on.
func (c *Client) ListNames(ctx context.Context, collaborations bool) ([]RegisteredName, error) {
	return c.Gateway().ListNames(ctx, collaborations)
}

// RegisterName registers a name and returns the package's id (permission
// account-register-package); an empty Type is "charm". Codes:
// "already-registered", "already-owned", "reserved-name" and others.
func (c *Client) RegisterName(ctx context.Context, request NameRequest) (string, error) {
	if request.Type == "" {
		request.Type = "charm"
	}
	return c.Gateway().RegisterName(ctx, request)
}

// UnregisterName gives a name up and returns the package's id. Codes:
// "resource-not-found", "forbidden" once it has revisions,
// "permission-required" from others than the publisher.
func (c *Client) UnregisterName(ctx context.Context, name string) (string, error) {
	return c.Gateway().UnregisterName(ctx, name)
}

// Metadata returns what the store says about a package (permission
// package-view-metadata), tracks and guardrails included.
func (c *Client) Metadata(ctx context.Context, name string) (RegisteredName, error) {
	return c.Gateway().Metadata(ctx, name)
}

// UpdateMetadata changes the members given, for example {"summary": "…"}, and
// returns the result (permission package-manage-metadata).
func (c *Client) UpdateMetadata(ctx context.Context, name string, changes map[string]any) (RegisteredName, error) {
	return c.Gateway().UpdateMetadata(ctx, name, changes)
}

// CreateTracks creates tracks and returns them as the store then has them, in
// the order of the requests (permissions package-manage-releases and
// package-view-metadata). A *RequestError for a name that no store takes. Codes:
// "invalid-tracks", "conflicting-tracks", "api-error".
func (c *Client) CreateTracks(ctx context.Context, name string, requests ...TrackRequest) ([]Track, error) {
	if _, err := c.Gateway().CreateTracks(ctx, name, requests...); err != nil {
		return nil, err
	}
	metadata, err := c.Metadata(ctx, name)
	if err != nil {
		return nil, err
	}
	tracks := make([]Track, 0, len(requests))
	for _, r := range requests {
		for _, t := range metadata.Tracks {
			if t.Name == r.Name {
				tracks = append(tracks, t)
			}
		}
	}
	return tracks, nil
}

// defaultTrack is what a channel without a track means.
func (c *Client) defaultTrack(ctx context.Context, name string) (string, error) {
	metadata, err := c.Metadata(ctx, name)
	if err != nil {
		return "", err
	}
	if metadata.DefaultTrack != nil && *metadata.DefaultTrack != "" {
		return *metadata.DefaultTrack, nil
	}
	return "latest", nil
}

// ListRevisions returns a package's revisions (permission
// package-view-revisions). The filter may be nil.
func (c *Client) ListRevisions(ctx context.Context, name string, filter *RevisionsFilter) ([]Revision, error) {
	return c.Gateway().ListRevisions(ctx, name, filter)
}
