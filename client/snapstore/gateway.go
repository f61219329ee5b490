package snapstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-store/larder/client/transport"
)

// The methods of this file are the publisher gateway, /v1/NAMESPACE. The
// permissions named are those of gateway tokens.

// ListNames returns the packages of the account (permission
// account-view-packages), and if wanted those it collaborates on.
func (c *Client) ListNames(ctx context.Context, collaborations bool) ([]RegisteredName, error) {
	var out struct {
		Results required[[]RegisteredName] `json:"results"`
	}
	u := c.gateway() + "?include-collaborations=" + strconv.FormatBool(collaborations)
	err := c.call(ctx, transport.Call{URL: u, Out: &out})
	return out.Results.get(&err, u, "results"), err
}

// A NameRequest asks for a name.
type NameRequest struct {
	Name string `json:"name"`
	// Type is "snap", "charm" or "bundle"; empty leaves it to the store.
	Type string `json:"type,omitempty"`
	// Private packages are seen by their publishers only.
	Private bool `json:"private"`
	// Team registers for a team of the account; empty is the account itself.
	Team string `json:"team,omitempty"`
}

// RegisterName registers a name and returns the package's id (permission
// account-register-package). Codes: "already-registered", "already-owned",
// "reserved-name" and others.
func (c *Client) RegisterName(ctx context.Context, request NameRequest) (string, error) {
	var out struct {
		ID required[string] `json:"id"`
	}
	u := c.gateway()
	err := c.call(ctx, transport.Call{Method: http.MethodPost, URL: u, In: request, Out: &out})
	return out.ID.get(&err, u, "id"), err
}

// UnregisterName gives a name up and returns the package's id. The store
// refuses once something was published.
func (c *Client) UnregisterName(ctx context.Context, name string) (string, error) {
	var out struct {
		ID required[string] `json:"package-id"`
	}
	u := c.gateway(name)
	err := c.call(ctx, transport.Call{Method: http.MethodDelete, URL: u, Out: &out})
	return out.ID.get(&err, u, "package-id"), err
}

// Metadata returns what the store says about a package (permission
// package-view-metadata).
func (c *Client) Metadata(ctx context.Context, name string) (RegisteredName, error) {
	return c.metadata(ctx, transport.Call{URL: c.gateway(name)})
}

// UpdateMetadata changes the members given, for example {"summary": "…"}, and
// returns the result (permission package-manage-metadata).
func (c *Client) UpdateMetadata(ctx context.Context, name string, changes map[string]any) (RegisteredName, error) {
	return c.metadata(ctx, transport.Call{Method: http.MethodPatch, URL: c.gateway(name), In: changes})
}

func (c *Client) metadata(ctx context.Context, call transport.Call) (RegisteredName, error) {
	var out struct {
		Metadata required[RegisteredName] `json:"metadata"`
	}
	call.Out = &out
	err := c.call(ctx, call)
	return out.Metadata.get(&err, call.URL, "metadata"), err
}

// RevisionsFilter narrows ListRevisions.
type RevisionsFilter struct {
	// Fields are the members to answer; nil is the store's choice.
	Fields []string
	// IncludeCraftYAML adds the file that the revision was built from.
	IncludeCraftYAML bool
	// Revision is the only one to answer; 0 is all.
	Revision int
}

// ListRevisions returns a package's revisions (permission
// package-view-revisions). The filter may be nil.
func (c *Client) ListRevisions(ctx context.Context, name string, filter *RevisionsFilter) ([]Revision, error) {
	u := c.gateway(name, "revisions")
	if filter != nil {
		query := url.Values{}
		if filter.Fields != nil {
			query.Set("fields", strings.Join(filter.Fields, ","))
		}
		if filter.IncludeCraftYAML {
			query.Set("include-craft-yaml", "true")
		}
		if filter.Revision != 0 {
			query.Set("revision", strconv.Itoa(filter.Revision))
		}
		if len(query) > 0 {
			u += "?" + query.Encode()
		}
	}
	var out struct {
		Revisions required[[]Revision] `json:"revisions"`
	}
	err := c.call(ctx, transport.Call{URL: u, Out: &out})
	return out.Revisions.get(&err, u, "revisions"), err
}

// NotifyRevision makes an uploaded file a revision of a package, once it is
// reviewed, and returns the URL of the review for WaitForReview (permission
// package-manage-revisions).
func (c *Client) NotifyRevision(ctx context.Context, name, uploadID string) (statusURL string, err error) {
	var out struct {
		StatusURL required[string] `json:"status-url"`
	}
	u := c.gateway(name, "revisions")
	err = c.call(ctx, transport.Call{Method: http.MethodPost, URL: u, In: map[string]string{"upload-id": uploadID}, Out: &out})
	return out.StatusURL.get(&err, u, "status-url"), err
}

// ListReleases returns what the channels of a package hold (permission
// package-view-releases).
func (c *Client) ListReleases(ctx context.Context, name string) (Releases, error) {
	var out struct {
		ChannelMap required[[]ChannelMapEntry] `json:"channel-map"`
		Package    struct {
			Channels []Channel `json:"channels"`
		} `json:"package"`
		Revisions []Revision `json:"revisions"`
	}
	u := c.gateway(name, "releases")
	err := c.call(ctx, transport.Call{URL: u, Out: &out})
	r := Releases{ChannelMap: out.ChannelMap.get(&err, u, "channel-map"), Revisions: out.Revisions}
	r.Package.Channels = out.Package.Channels
	return r, err
}

// Release points channels at revisions or closes them, all or none (permission
// package-manage-releases). Stores on premises may answer nothing; the result
// is then empty.
func (c *Client) Release(ctx context.Context, name string, requests ...ReleaseRequest) ([]ReleaseResult, error) {
	if len(requests) == 0 {
		return nil, invalidf("nothing to release")
	}
	var out optional[struct {
		Released []ReleaseResult `json:"released"`
	}]
	err := c.call(ctx, transport.Call{Method: http.MethodPost, URL: c.gateway(name, "releases"), In: requests, Out: &out})
	return out.value.Released, ignoreEmpty(err)
}

var trackName = regexp.MustCompile(`^[a-zA-Z0-9](?:[_.-]?[a-zA-Z0-9])*$`)

const maxTrackName = 28

// CreateTracks creates tracks and returns how many (permission
// package-manage-releases). A *RequestError for a name that no store takes.
// Codes: "invalid-tracks", "conflicting-tracks", "api-error".
func (c *Client) CreateTracks(ctx context.Context, name string, tracks ...TrackRequest) (int, error) {
	for _, t := range tracks {
		if len(t.Name) > maxTrackName || !trackName.MatchString(t.Name) {
			return 0, invalidf("the track name %.60q is not letters and digits, with single . _ - between them, %d at most", t.Name, maxTrackName)
		}
	}
	if len(tracks) == 0 {
		return 0, invalidf("no tracks to create")
	}
	var out struct {
		Created required[int] `json:"num-tracks-created"`
	}
	u := c.gateway(name, "tracks")
	err := c.call(ctx, transport.Call{Method: http.MethodPost, URL: u, In: tracks, Out: &out})
	return out.Created.get(&err, u, "num-tracks-created"), err
}

// ResourceOptions are what is known of an uploaded resource.
type ResourceOptions struct {
	// Type is left to the store if empty.
	Type ResourceType
	// Bases it is for; nil is all.
	Bases []ResourceBase
}

// PushResource makes an uploaded file a revision of a charm's resource, once it
// is reviewed, and returns the URL of the review (permission
// package-manage-revisions). Snaps have components instead: see
// Dashboard.Push.
func (c *Client) PushResource(ctx context.Context, name, resource, uploadID string, o ResourceOptions) (statusURL string, err error) {
	in := map[string]any{"upload-id": uploadID}
	if o.Type != "" {
		in["type"] = o.Type
	}
	if len(o.Bases) > 0 {
		in["bases"] = basesWithDefaults(o.Bases)
	}
	var out struct {
		StatusURL required[string] `json:"status-url"`
	}
	u := c.gateway(name, "resources", resource, "revisions")
	err = c.call(ctx, transport.Call{Method: http.MethodPost, URL: u, In: in, Out: &out})
	return out.StatusURL.get(&err, u, "status-url"), err
}

func basesWithDefaults(bases []ResourceBase) []ResourceBase {
	filled := make([]ResourceBase, len(bases))
	for i, b := range bases {
		filled[i] = b.withDefaults()
	}
	return filled
}

// ListResourceRevisions returns the revisions of a charm's resource.
// ErrNotOffered in other namespaces.
func (c *Client) ListResourceRevisions(ctx context.Context, name, resource string) ([]ResourceRevision, error) {
	c.setUp()
	if c.endpoints.Namespace != "charm" {
		return nil, fmt.Errorf("%w: resources in the namespace %q", ErrNotOffered, c.endpoints.Namespace)
	}
	var out struct {
		Revisions required[[]ResourceRevision] `json:"revisions"`
	}
	u := c.gateway(name, "resources", resource, "revisions")
	err := c.call(ctx, transport.Call{URL: u, Out: &out})
	return out.Revisions.get(&err, u, "revisions"), err
}

// UpdateResourceRevisions changes what revisions of a charm's resource are for,
// and returns how many changed.
func (c *Client) UpdateResourceRevisions(ctx context.Context, name, resource string, updates ...ResourceUpdate) (int, error) {
	if len(updates) == 0 {
		return 0, invalidf("nothing to update")
	}
	updates = slices.Clone(updates)
	for i := range updates {
		if updates[i].Revision < 1 || len(updates[i].Bases) == 0 {
			return 0, invalidf("an update needs a revision above 0 and at least one base")
		}
		updates[i].Bases = basesWithDefaults(updates[i].Bases)
	}
	var out struct {
		Updated required[int] `json:"num-resource-revisions-updated"`
	}
	u := c.gateway(name, "resources", resource, "revisions")
	in := map[string]any{"resource-revision-updates": updates}
	err := c.call(ctx, transport.Call{Method: http.MethodPatch, URL: u, In: in, Out: &out})
	return out.Updated.get(&err, u, "num-resource-revisions-updated"), err
}

// ListCollaborators returns who may publish a package (permission
// package-view-acl).
func (c *Client) ListCollaborators(ctx context.Context, name string) (Collaborators, error) {
	var out Collaborators
	err := c.call(ctx, transport.Call{URL: c.gateway(name, "collaborators"), Out: &out})
	return out, err
}

// ListInvites returns the invites of a package, old ones included.
func (c *Client) ListInvites(ctx context.Context, name string) ([]Invite, error) {
	var out struct {
		Invites required[[]Invite] `json:"invites"`
	}
	u := c.gateway(name, "collaborators", "invites")
	err := c.call(ctx, transport.Call{URL: u, Out: &out})
	return out.Invites.get(&err, u, "invites"), err
}

// Invite invites people to collaborate (permission package-manage-acl). The
// tokens are secrets for the invited.
func (c *Client) Invite(ctx context.Context, name string, emails ...string) ([]InviteToken, error) {
	var out struct {
		Tokens required[[]InviteToken] `json:"tokens"`
	}
	u := c.gateway(name, "collaborators", "invites")
	err := c.call(ctx, transport.Call{Method: http.MethodPost, URL: u, In: invitees(emails), Out: &out})
	return out.Tokens.get(&err, u, "tokens"), err
}

// RevokeInvites takes invites back.
func (c *Client) RevokeInvites(ctx context.Context, name string, emails ...string) error {
	u := c.gateway(name, "collaborators", "invites", "revoke")
	return c.call(ctx, transport.Call{Method: http.MethodPost, URL: u, In: invitees(emails)})
}

func invitees(emails []string) any {
	list := make([]map[string]string, len(emails))
	for i, e := range emails {
		list[i] = map[string]string{"email": e}
	}
	return map[string]any{"invites": list}
}

// AcceptInvite makes the account a collaborator of a package.
func (c *Client) AcceptInvite(ctx context.Context, name, token string) error {
	return c.answerInvite(ctx, name, "accept", token)
}

// RejectInvite turns an invite down.
func (c *Client) RejectInvite(ctx context.Context, name, token string) error {
	return c.answerInvite(ctx, name, "reject", token)
}

func (c *Client) answerInvite(ctx context.Context, name, answer, token string) error {
	u := c.gateway(name, "collaborators", "invites", answer)
	return c.call(ctx, transport.Call{Method: http.MethodPost, URL: u, In: map[string]string{"token": token}})
}

// ListTokens returns the account's tokens, without their secrets; expired and
// revoked ones only if wanted.
func (c *Client) ListTokens(ctx context.Context, inactive bool) ([]Token, error) {
	c.setUp()
	u := c.endpoints.GatewayURL + "/v1/tokens"
	if inactive {
		u += "?include-inactive=true"
	}
	var out struct {
		Macaroons required[[]Token] `json:"macaroons"`
	}
	err := c.call(ctx, transport.Call{URL: u, Out: &out})
	return out.Macaroons.get(&err, u, "macaroons"), err
}

// RevokeToken ends a token by its session id, as ListTokens gives it.
func (c *Client) RevokeToken(ctx context.Context, sessionID string) error {
	c.setUp()
	u := c.endpoints.GatewayURL + "/v1/tokens/revoke"
	return c.call(ctx, transport.Call{Method: http.MethodPost, URL: u, In: map[string]string{"session-id": sessionID}})
}

// Feature puts packages on the store's front page, by id, in this order, in
// place of those that are there.
func (c *Client) Feature(ctx context.Context, packageIDs ...string) error {
	return c.call(ctx, transport.Call{Method: http.MethodPut, URL: c.gateway("featured"), In: append([]string{}, packageIDs...)})
}

// Unfeature takes packages off the store's front page, by id.
func (c *Client) Unfeature(ctx context.Context, packageIDs ...string) error {
	in := map[string]any{"packages": append([]string{}, packageIDs...)}
	return c.call(ctx, transport.Call{Method: http.MethodDelete, URL: c.gateway("featured"), In: in})
}

// A Brand is an account that has stores and models of its own.
type Brand struct {
	AccountID  string   `json:"account-id"`
	Name       string   `json:"name"`
	CreatedAt  Time     `json:"created-at"`
	CreatedBy  Account  `json:"created-by"`
	ModifiedAt *Time    `json:"modified-at"`
	ModifiedBy *Account `json:"modified-by"`
}

// Brand returns a brand by its account id.
func (c *Client) Brand(ctx context.Context, accountID string) (Brand, error) {
	c.setUp()
	var out Brand
	err := c.call(ctx, transport.Call{URL: c.endpoints.GatewayURL + "/v1" + path("brand", accountID), Out: &out})
	return out, err
}

// ignoreEmpty accepts a success without a body.
func ignoreEmpty(err error) error {
	var invalid *InvalidResponseError
	if errors.As(err, &invalid) && invalid.Status < 300 {
		return nil
	}
	return err
}
