package snapstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/transport"
)

// A Device asks a store what a machine would: search, information, what to
// install, and the files. The zero value asks the public snap store for the
// machine that the program runs on. It is safe for concurrent use if its fields
// are not changed meanwhile.
type Device struct {
	// URL is the store's base; empty is "https://api.snapcraft.io".
	URL string
	// Series is always "16"; empty is that.
	Series string
	// Architecture is Debian's word, for example "amd64" or "armhf"; empty is
	// this machine's.
	Architecture string
	// StoreID is that of a brand's store; empty is the global one.
	StoreID string
	// Authorizer proves who asks, for private packages; nil asks anonymously.
	Authorizer auth.Authorizer
	// HTTP sends the requests; nil is the zero transport.Client.
	HTTP *transport.Client
}

// Device returns a Device of the same store that sends the client's credentials
// if there are some.
func (c *Client) Device() *Device {
	c.setUp()
	return &Device{URL: c.endpoints.DeviceURL, HTTP: c.HTTP, Authorizer: optionalAuthorizer{c}}
}

// optionalAuthorizer goes on without credentials where there are none.
type optionalAuthorizer struct{ c *Client }

func (a optionalAuthorizer) Authorize(req *http.Request) error {
	err := a.c.authorize(req)
	if errors.Is(err, auth.ErrCredentialsUnavailable) {
		return nil
	}
	return err
}

func (a optionalAuthorizer) Refresh(ctx context.Context, refused *http.Request) error {
	if r, ok := a.c.session.(auth.Refresher); ok {
		return r.Refresh(ctx, refused)
	}
	return auth.ErrCannotRefresh
}

var debianArchitectures = map[string]string{
	"386": "i386", "arm": "armhf", "ppc64le": "ppc64el",
}

// DebianArchitecture is the stores' word for what Go and container images call
// goarch: "armhf" for "arm", "ppc64el" for "ppc64le", mostly the same.
func DebianArchitecture(goarch string) string { return first(debianArchitectures[goarch], goarch) }

func (d *Device) base() string {
	return strings.TrimRight(first(d.URL, "https://api.snapcraft.io"), "/")
}

func (d *Device) architecture() string {
	return first(d.Architecture, DebianArchitecture(runtime.GOARCH))
}

func (d *Device) transport() *transport.Client {
	if d.HTTP == nil {
		return &transport.Client{}
	}
	return d.HTTP
}

// header has both families of names: stores look at one or the other depending
// on the call.
func (d *Device) header() http.Header {
	h := http.Header{}
	for _, family := range [][3]string{
		{"Snap-Device-Series", "Snap-Device-Architecture", "Snap-Device-Store"},
		{"X-Ubuntu-Series", "X-Ubuntu-Architecture", "X-Ubuntu-Store"},
	} {
		h.Set(family[0], first(d.Series, "16"))
		h.Set(family[1], d.architecture())
		if d.StoreID != "" {
			h.Set(family[2], d.StoreID)
		}
	}
	return h
}

// authorize sends credentials to the store and nobody else.
func (d *Device) authorize(req *http.Request) error {
	own, err := url.Parse(d.base())
	if d.Authorizer == nil || err != nil || !transport.SameOrigin(own, req.URL) {
		return nil
	}
	return d.Authorizer.Authorize(req)
}

func (d *Device) call(ctx context.Context, call transport.Call) error {
	return d.callAgainIf(ctx, call, func() bool { return false })
}

// callAgainIf renews the user's credentials once: if the store refuses them as
// stale, or its answer says so, which stale finds out.
func (d *Device) callAgainIf(ctx context.Context, call transport.Call, stale func() bool) error {
	var sent *http.Request
	header := d.header()
	maps.Copy(header, call.Header)
	call.Header = header
	call.Authorize = func(req *http.Request) error {
		sent = req
		return d.authorize(req)
	}
	err := d.transport().JSON(ctx, call)
	var refused *StoreError
	wanted := err == nil && stale() || errors.As(err, &refused) && refused.NeedsRefresh
	refresher, ok := d.Authorizer.(auth.Refresher)
	if !ok || sent == nil || !wanted {
		return err
	}
	if refreshErr := refresher.Refresh(ctx, sent); refreshErr != nil {
		if err == nil {
			return nil // the answer is good for everything but private snaps
		}
		return fmt.Errorf("%w: %w", refreshErr, err)
	}
	return d.transport().JSON(ctx, call)
}

// A SnapDetails is a snap with what its channels hold.
type SnapDetails struct {
	Name         string            `json:"name"`
	SnapID       string            `json:"snap-id"`
	Snap         Snap              `json:"snap"`
	DefaultTrack *string           `json:"default-track"`
	ChannelMap   []DetailedChannel `json:"channel-map"`
}

// A DetailedChannel is one channel with its revision.
type DetailedChannel struct {
	Snap
	Channel struct {
		Architecture string `json:"architecture"`
		Name         string `json:"name"`
		Track        string `json:"track"`
		Risk         string `json:"risk"`
		ReleasedAt   *Time  `json:"released-at"`
	} `json:"channel"`
}

// infoFields are what Info asks for when nothing is said.
var infoFields = []string{
	"architectures", "base", "channel-map", "confinement", "created-at", "description", "download", "epoch", "license",
	"links", "media", "name", "private", "publisher", "resources", "revision", "snap-id", "store-url", "summary",
	"title", "type", "version", "website",
}

// Info returns a snap by its name, on all architectures. ErrNotFound if there is
// none or the caller may not see it.
func (d *Device) Info(ctx context.Context, name string, fields ...string) (SnapDetails, error) {
	if len(fields) == 0 {
		fields = infoFields
	}
	var out SnapDetails
	u := d.base() + "/v2/snaps/info" + path(name) + "?" + url.Values{"fields": {strings.Join(fields, ",")}}.Encode()
	err := d.call(ctx, transport.Call{URL: u, Out: &out})
	return out, err
}

// FindQuery is a search; empty members do not narrow it.
type FindQuery struct {
	// Text is searched for.
	Text string
	// Name is the beginning of names, in place of Text.
	Name     string
	Category string
	CommonID string
	// Private finds the caller's own private snaps only.
	Private bool
	// Channel is a risk that the snaps must be released to.
	Channel string
	// Fields are the members to answer; nil is what lists show.
	Fields []string
}

// A Found snap.
type Found struct {
	Name   string `json:"name"`
	SnapID string `json:"snap-id"`
	Snap   Snap   `json:"snap"`
	// Revision is that in Channel.
	Revision struct {
		Snap
		Channel string `json:"channel"`
	} `json:"revision"`
}

var findFields = []string{
	"base", "confinement", "license", "media", "private", "publisher", "revision", "summary", "title", "type", "version", "channel",
}

// Find searches.
func (d *Device) Find(ctx context.Context, q FindQuery) ([]Found, error) {
	query := url.Values{"architecture": {d.architecture()}}
	for name, value := range map[string]string{
		"q": q.Text, "name": q.Name, "category": q.Category, "common-id": q.CommonID, "channel": q.Channel,
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if q.Private {
		query.Set("private", "true")
	}
	fields := q.Fields
	if fields == nil {
		fields = findFields
	}
	query.Set("fields", strings.Join(fields, ","))
	var out struct {
		Results required[[]Found] `json:"results"`
	}
	u := d.base() + "/v2/snaps/find?" + query.Encode()
	err := d.call(ctx, transport.Call{URL: u, Out: &out})
	return out.Results.get(&err, u, "results"), err
}

// An Installed snap is the context of a refresh.
type Installed struct {
	SnapID string `json:"snap-id"`
	// InstanceKey is the caller's name for it, unique in the request.
	InstanceKey string `json:"instance-key"`
	Revision    int    `json:"revision"`
	// TrackingChannel is for example "latest/stable".
	TrackingChannel string          `json:"tracking-channel"`
	Epoch           json.RawMessage `json:"epoch,omitempty"`
	CohortKey       string          `json:"cohort-key,omitempty"`
	RefreshedDate   *Time           `json:"refreshed-date,omitempty"`
}

// An Action asks for a revision.
type Action struct {
	// Action is "install", "refresh" or "download".
	Action string `json:"action"`
	// InstanceKey is the caller's name for it; that of an Installed snap for a
	// refresh.
	InstanceKey string `json:"instance-key"`
	// Name for an install or download, SnapID for a refresh.
	Name   string `json:"name,omitempty"`
	SnapID string `json:"snap-id,omitempty"`
	// Channel or Revision; neither is the channel "stable", or for a refresh
	// the one that is tracked.
	Channel   string `json:"channel,omitempty"`
	Revision  int    `json:"revision,omitempty"`
	CohortKey string `json:"cohort-key,omitempty"`
}

// MarshalJSON adds "epoch": null, which installs and downloads carry.
func (a Action) MarshalJSON() ([]byte, error) {
	type plain Action
	if a.Action == "refresh" {
		return json.Marshal(plain(a))
	}
	return json.Marshal(struct {
		plain
		Epoch any `json:"epoch"`
	}{plain: plain(a)})
}

// An ActionResult answers an Action.
type ActionResult struct {
	// Result is the action, or "error".
	Result           string `json:"result"`
	InstanceKey      string `json:"instance-key"`
	SnapID           string `json:"snap-id"`
	Name             string `json:"name"`
	Snap             Snap   `json:"snap"`
	EffectiveChannel string `json:"effective-channel"`
	RedirectChannel  string `json:"redirect-channel"`
	// Error is set when Result is "error".
	Error *ErrorItem `json:"error"`
}

var actionFields = []string{
	"architectures", "base", "confinement", "created-at", "download", "epoch", "license", "name", "private", "publisher",
	"resources", "revision", "snap-id", "snap-yaml", "summary", "title", "type", "version",
}

// Refresh asks what to install or refresh to. Deltas are offered if
// deltaFormats names their formats.
func (d *Device) Refresh(ctx context.Context, installed []Installed, actions []Action, deltaFormats ...string) ([]ActionResult, error) {
	if len(actions) == 0 {
		return nil, invalidf("no action to ask for")
	}
	var out struct {
		Results required[[]ActionResult] `json:"results"`
		Errors  ErrorList                `json:"error-list"`
	}
	in := map[string]any{
		"context": append([]Installed{}, installed...), "actions": actions, "fields": actionFields,
	}
	u := d.base() + "/v2/snaps/refresh"
	call := transport.Call{Method: http.MethodPost, URL: u, In: in, Out: &out, Repeatable: true}
	if len(deltaFormats) > 0 {
		call.Header = http.Header{"Snap-Accept-Delta-Format": {strings.Join(deltaFormats, ",")}}
	}
	err := d.callAgainIf(ctx, call, func() bool {
		return out.Errors.Has("user-authorization-needs-refresh")
	})
	results := out.Results.get(&err, u, "results")
	if err == nil && len(results) == 0 && len(out.Errors) > 0 {
		err = &StoreError{Method: http.MethodPost, URL: u, Status: http.StatusOK, Errors: out.Errors}
	}
	return results, err
}

// Resolve returns the revision that a channel holds for this architecture, or
// the given revision if that is not 0; an empty channel is "stable". ErrNotFound
// if there is none.
func (d *Device) Resolve(ctx context.Context, name, channel string, revision int) (ActionResult, error) {
	action := Action{Action: "download", InstanceKey: "download-1", Name: name, Channel: channel, Revision: revision}
	if revision != 0 {
		action.Channel = ""
	}
	results, err := d.Refresh(ctx, nil, []Action{action})
	if err != nil {
		return ActionResult{}, err
	}
	i := slices.IndexFunc(results, func(r ActionResult) bool { return r.InstanceKey == action.InstanceKey })
	if i < 0 {
		return ActionResult{}, &notFoundError{"the store answered nothing about snap " + strconv.Quote(name)}
	}
	if e := results[i].Error; e != nil {
		if slices.Contains([]string{"name-not-found", "id-not-found", "revision-not-found"}, e.Code) {
			return results[i], &notFoundError{fmt.Sprintf("snap %q: %s", name, e)}
		}
		return results[i], fmt.Errorf("cannot resolve snap %q: %s", name, e)
	}
	return results[i], nil
}
