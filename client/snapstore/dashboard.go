package snapstore

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-store/larder/client/transport"
)

// Dashboard has the calls of a snap store's dashboard, /dev/api and /api/v2. The
// permissions named are those of dashboard tokens.
type Dashboard struct{ c *Client }

// Dashboard returns the dashboard of the client's store.
func (c *Client) Dashboard() Dashboard {
	c.setUp()
	return Dashboard{c}
}

// v1 and v2 are the URLs of the two generations. Some paths of the first end in
// a slash, and those that do not must not.
func (d Dashboard) v1(p string) string { return d.c.endpoints.BaseURL + "/dev/api" + p }
func (d Dashboard) v2(p string) string { return d.c.endpoints.BaseURL + "/api/v2" + p }

func (d Dashboard) get(ctx context.Context, u string, out any) error {
	return d.c.call(ctx, transport.Call{URL: u, Out: out})
}

func (d Dashboard) send(ctx context.Context, method, u string, in, out any) error {
	return d.c.call(ctx, transport.Call{Method: method, URL: u, In: in, Out: out})
}

// DashboardName asks for a name.
type DashboardName struct {
	Name string `json:"snap_name"`
	// Series is always "16"; empty is that.
	Series  string `json:"series"`
	Private bool   `json:"is_private,omitempty"`
	// Store is the id of the store to register in; empty is the global one.
	Store string `json:"store,omitempty"`
	// Comment is for the reviewer.
	Comment string `json:"registrant_comment,omitempty"`
	// DryRun only checks.
	DryRun bool `json:"-"`
}

// A DashboardRegistration is a registered name; SnapID is empty after a dry run.
type DashboardRegistration struct {
	SnapID string `json:"snap_id"`
	Name   string `json:"snap_name"`
}

// RegisterName registers a name (permission package_register). Codes:
// "already_registered", "already_claimed", "already_owned", "reserved_name",
// "register_window" (StoreError.Extra has "retry_after" in seconds), "invalid".
func (d Dashboard) RegisterName(ctx context.Context, name DashboardName) (DashboardRegistration, error) {
	name.Series = first(name.Series, "16")
	u := d.v1("/register-name/")
	if name.DryRun {
		u += "?dry_run=true"
	}
	var out DashboardRegistration
	err := d.send(ctx, http.MethodPost, u, name, &out)
	return out, err
}

// DisputeName says why a name that somebody else has should be the caller's, and
// returns the page where the answer will be.
func (d Dashboard) DisputeName(ctx context.Context, name, comment string) (statusURL string, err error) {
	var out struct {
		StatusURL string `json:"status_url"`
	}
	in := map[string]string{"snap_name": name, "comment": comment}
	err = d.send(ctx, http.MethodPost, d.v1("/register-name-dispute/"), in, &out)
	return out.StatusURL, err
}

// An AccountKey is a public key that the account signs with.
type AccountKey struct {
	AccountID string `json:"account-id,omitempty"`
	Name      string `json:"name"`
	// PublicKeySHA3_384 is the key's id, in base64 for URLs.
	PublicKeySHA3_384 string `json:"public-key-sha3-384"`
	Since             *Time  `json:"since,omitempty"`
	Until             *Time  `json:"until,omitempty"`
}

// DashboardAccount is the caller's account with its snaps and stores.
type DashboardAccount struct {
	Account
	Keys []AccountKey `json:"account-keys"`
	// Snaps by series and name; "16" is the only series.
	Snaps  map[string]map[string]AccountSnap `json:"snaps"`
	Stores []AccountStore                    `json:"stores"`
}

// Snap finds one of the account's snaps by name.
func (a *DashboardAccount) Snap(name string) (AccountSnap, bool) {
	s, ok := a.Snaps["16"][name]
	return s, ok
}

// AccountSnap is a snap of an account.
type AccountSnap struct {
	// SnapID is empty while the name is disputed.
	SnapID string `json:"snap-id"`
	// Status is for example "Approved", "Revoked" or "DisputePending".
	Status          string            `json:"status"`
	Private         bool              `json:"private"`
	Unlisted        bool              `json:"unlisted"`
	Since           Time              `json:"since"`
	Store           string            `json:"store"`
	Price           any               `json:"price"`
	IconURL         *string           `json:"icon_url"`
	LatestRevisions []AccountRevision `json:"latest_revisions"`
	Publisher       Account           `json:"publisher"`
}

// AccountRevision is one of a snap's newest revisions.
type AccountRevision struct {
	Revision      int      `json:"revision"`
	Version       string   `json:"version"`
	Status        string   `json:"status"`
	Architectures []string `json:"architectures"`
	Channels      []string `json:"channels"`
	Since         Time     `json:"since"`
}

// AccountStore is a store in which the account has a role: admin, review, view
// or access.
type AccountStore struct {
	ID    string   `json:"id"`
	Name  string   `json:"name"`
	Roles []string `json:"roles"`
}

// Account returns the caller's account. Code "user-not-ready" while it has not
// accepted the store's terms or has no username.
func (d Dashboard) Account(ctx context.Context) (DashboardAccount, error) {
	var out struct {
		DashboardAccount
		// Older stores have only these.
		OldID   string       `json:"account_id"`
		OldName string       `json:"displayname"`
		OldKeys []AccountKey `json:"account_keys"`
	}
	if err := d.get(ctx, d.v1("/account"), &out); err != nil {
		return DashboardAccount{}, err
	}
	a := out.DashboardAccount
	a.ID, a.DisplayName = first(a.ID, out.OldID), first(a.DisplayName, out.OldName)
	if a.Keys == nil {
		a.Keys = out.OldKeys
	}
	return a, nil
}

// SnapID returns the id of one of the account's snaps; ErrNotFound if the
// account has none of that name.
func (d Dashboard) SnapID(ctx context.Context, name string) (string, error) {
	account, err := d.Account(ctx)
	if err != nil {
		return "", err
	}
	if snap, ok := account.Snap(name); ok && snap.SnapID != "" {
		return snap.SnapID, nil
	}
	return "", &notFoundError{"the account has no snap " + strconv.Quote(name)}
}

type notFoundError struct{ text string }

func (e *notFoundError) Error() string        { return e.text }
func (e *notFoundError) Is(target error) bool { return target == ErrNotFound }

// SetUsername chooses the account's username.
func (d Dashboard) SetUsername(ctx context.Context, username string) error {
	return d.send(ctx, http.MethodPatch, d.v1("/account"), map[string]string{"short_namespace": username}, nil)
}

// An Agreement tells whether the account accepted the store's terms.
type Agreement struct {
	Accepted   bool   `json:"latest_tos_accepted"`
	LatestDate *Time  `json:"latest_tos_date"`
	AcceptedAt *Time  `json:"accepted_tos_date"`
	URL        string `json:"tos_url"`
}

// Agreement returns what the account accepted.
func (d Dashboard) Agreement(ctx context.Context) (Agreement, error) {
	var out Agreement
	err := d.get(ctx, d.v1("/agreement/"), &out)
	return out, err
}

// AcceptAgreement accepts the store's terms.
func (d Dashboard) AcceptAgreement(ctx context.Context) (Agreement, error) {
	var out Agreement
	err := d.send(ctx, http.MethodPost, d.v1("/agreement/"), map[string]bool{"latest_tos_accepted": true}, &out)
	return out, err
}

// RegisterKey registers a public key (permission modify_account_key). The
// request is an encoded account-key-request assertion, signed by that key.
func (d Dashboard) RegisterKey(ctx context.Context, accountKeyRequest []byte) (AccountKey, error) {
	var out struct {
		Key AccountKey `json:"account_key"`
	}
	in := map[string]string{"account_key_request": string(accountKeyRequest)}
	err := d.send(ctx, http.MethodPost, d.v1("/account/account-key"), in, &out)
	return out.Key, err
}

// A Push makes an uploaded file a revision.
type Push struct {
	Name     string `json:"name"`
	UploadID string `json:"updown_id,omitempty"`
	// Series is always "16"; empty is that.
	Series string `json:"series,omitempty"`
	// Size is that of the uploaded file in bytes.
	Size int64 `json:"binary_filesize,omitempty"`
	// SourceUploaded is false for everything that is built elsewhere.
	SourceUploaded bool `json:"source_uploaded"`
	// BuiltAt is the manifest's snapcraft-started-at; empty sends none.
	BuiltAt string `json:"built_at,omitempty"`
	// Channels to release to once the review is passed.
	Channels []string `json:"channels,omitempty"`
	// Components are the upload ids of the snap's components by name.
	Components map[string]string `json:"components,omitempty"`
}

// A Pushed upload is being reviewed.
type Pushed struct {
	// StatusURL is for WaitForReview.
	StatusURL string
}

// Push makes an uploaded file a revision, once it is reviewed (permission
// package_push or package_upload). Codes: "resource-not-found" (register the
// name first), "resource-forbidden", "user-not-ready".
func (d Dashboard) Push(ctx context.Context, push Push) (Pushed, error) {
	push.Series = first(push.Series, "16")
	var out struct {
		Details required[string] `json:"status_details_url"`
		Old     string           `json:"status_url"`
	}
	u := d.v1("/snap-push/")
	err := d.send(ctx, http.MethodPost, u, push, &out)
	if !out.Details.sent && out.Old != "" {
		return Pushed{StatusURL: out.Old}, err
	}
	return Pushed{StatusURL: out.Details.get(&err, u, "status_details_url")}, err
}

// CheckPush asks whether the account may push to this name, and uploads
// nothing; errors as Push.
func (d Dashboard) CheckPush(ctx context.Context, name string) error {
	in := map[string]any{"name": name, "dry_run": true}
	return d.send(ctx, http.MethodPost, d.v1("/snap-push/"), in, nil)
}

// A DashboardRelease points channels at a revision.
type DashboardRelease struct {
	Name     string
	Revision int
	Channels []string
	// Progressive releases to a part of the devices; nil is to all.
	Progressive *ProgressiveRelease
}

// A ProgressiveRelease is a release to a part of the devices.
type ProgressiveRelease struct {
	// Percentage of the devices, above 0; 100 ends it.
	Percentage float64 `json:"percentage"`
	// Paused holds it at what it reached.
	Paused bool `json:"paused"`
}

// A ChannelState is what a channel holds, in the dashboard's older form.
type ChannelState struct {
	// Channel is without its track: "stable" or "stable/branch".
	Channel string `json:"channel"`
	// Info is "specific", "branch", "tracking" (closed, following a less risky
	// one) or "none".
	Info      string  `json:"info"`
	Revision  int     `json:"revision,omitempty"`
	Version   string  `json:"version,omitempty"`
	ExpiresAt *string `json:"expires_at,omitempty"`
}

// ChannelTree is by track, series ("16") and architecture.
type ChannelTree map[string]map[string]map[string][]ChannelState

// A Released release, with all channels after it.
type Released struct {
	Success bool `json:"success"`
	// OpenedChannels were closed before.
	OpenedChannels []string    `json:"opened_channels"`
	Tree           ChannelTree `json:"channel_map_tree"`
}

// Release points channels at a revision, on all its architectures (permission
// package_release). Codes: "invalid-field", "macaroon-permission-required",
// "resource-not-found".
func (d Dashboard) Release(ctx context.Context, r DashboardRelease) (Released, error) {
	if len(r.Channels) == 0 {
		return Released{}, invalidf("no channel to release to")
	}
	in := map[string]any{"name": r.Name, "revision": strconv.Itoa(r.Revision), "channels": r.Channels}
	if r.Progressive != nil {
		if r.Progressive.Percentage <= 0 || r.Progressive.Percentage > 100 {
			return Released{}, invalidf("a percentage of devices is above 0 and at most 100, not %v", r.Progressive.Percentage)
		}
		in["progressive"] = r.Progressive
	}
	var out Released
	err := d.send(ctx, http.MethodPost, d.v1("/snap-release/"), in, &out)
	return out, err
}

// Closed channels, with all channels after it.
type Closed struct {
	ClosedChannels []string    `json:"closed_channels"`
	Tree           ChannelTree `json:"channel_map_tree"`
}

// Close closes channels of a snap, by its id.
func (d Dashboard) Close(ctx context.Context, snapID string, channels ...string) (Closed, error) {
	if len(channels) == 0 {
		return Closed{}, invalidf("no channel to close")
	}
	var out Closed
	err := d.send(ctx, http.MethodPost, d.v1(path("snaps", snapID, "close")), map[string]any{"channels": channels}, &out)
	return out, err
}

// State returns what a snap's channels hold, by its id; of one architecture if
// that is not empty.
func (d Dashboard) State(ctx context.Context, snapID, architecture string) (ChannelTree, error) {
	query := url.Values{"series": {"16"}}
	if architecture != "" {
		query.Set("architecture", architecture)
	}
	var out struct {
		Tree ChannelTree `json:"channel_map_tree"`
	}
	err := d.get(ctx, d.v1(path("snaps", snapID, "state"))+"?"+query.Encode(), &out)
	return out.Tree, err
}

// Promote releases what one channel holds to another, on every architecture, and
// returns the revisions. A progressive release in the source channel is not
// promoted, what it replaces is. ErrNotFound if the source channel is closed.
func (d Dashboard) Promote(ctx context.Context, name, from, to string) ([]int, error) {
	held, err := d.ChannelMap(ctx, name)
	if err != nil {
		return nil, err
	}
	from = withTrack(from)
	var revisions []int
	for _, e := range held.ChannelMap {
		if withTrack(e.Channel) == from && e.Progressive.Percentage == nil && !slices.Contains(revisions, e.Revision) {
			revisions = append(revisions, e.Revision)
		}
	}
	if len(revisions) == 0 {
		return nil, &notFoundError{fmt.Sprintf("channel %s of snap %q holds nothing", from, name)}
	}
	for i, revision := range revisions {
		_, err := d.Release(ctx, DashboardRelease{Name: name, Revision: revision, Channels: []string{to}})
		if err != nil {
			return revisions[:i], err
		}
	}
	return revisions, nil
}

var risks = []string{"stable", "candidate", "beta", "edge"}

// withTrack writes "latest" where a channel has no track.
func withTrack(channel string) string {
	if head, _, _ := strings.Cut(channel, "/"); slices.Contains(risks, head) {
		return "latest/" + channel
	}
	return channel
}
