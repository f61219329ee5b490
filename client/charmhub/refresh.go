package charmhub

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"github.com/larder-store/larder/client/transport"
)

// Unknown is what a Base says in a member that the store shall choose.
const Unknown = "NA"

// The words of RefreshAction.Action.
const (
	ActionInstall  = "install"
	ActionDownload = "download"
	ActionRefresh  = "refresh"
)

// A Deployed charm is the context of a refresh.
type Deployed struct {
	// InstanceKey is the caller's name for it, unique in the request.
	InstanceKey string `json:"instance-key"`
	// ID is the package's.
	ID       string `json:"id"`
	Revision int    `json:"revision"`
	Base     Base   `json:"base"`
	// TrackingChannel is for example "latest/stable".
	TrackingChannel string `json:"tracking-channel,omitempty"`
	RefreshDate     *Time  `json:"refresh-date,omitempty"`
	// Metrics are counted by the store: "units", "relations". May be nil.
	Metrics map[string]string `json:"metrics,omitempty"`
}

// A RefreshAction asks for a revision: by channel and base, by number, or for
// the next one of a Deployed charm.
type RefreshAction struct {
	// Action is ActionInstall, ActionDownload or ActionRefresh.
	Action string
	// InstanceKey is the caller's name for it; that of a Deployed charm for a
	// refresh. Empty is a random one.
	InstanceKey string
	// ID or Name; a refresh takes neither or the ID.
	ID, Name string
	// Channel and Base, or Revision. Members of Base may be Unknown.
	Channel  string
	Base     *Base
	Revision *int
	// ResourceRevisions are the resources to answer for a Revision; without
	// them none are.
	ResourceRevisions []ResourceRevisionRequest
}

// A ResourceRevisionRequest names a revision of a resource.
type ResourceRevisionRequest struct {
	Name     string `json:"name"`
	Revision int    `json:"revision"`
}

// MarshalJSON writes "base": null where a revision is asked for, as juju does,
// and no base for a refresh.
func (a RefreshAction) MarshalJSON() ([]byte, error) {
	members := map[string]any{"action": a.Action, "instance-key": a.InstanceKey}
	if a.Action != ActionRefresh || a.Base != nil {
		members["base"] = a.Base
	}
	for name, value := range map[string]string{"id": a.ID, "name": a.Name, "channel": a.Channel} {
		if value != "" {
			members[name] = value
		}
	}
	if a.Revision != nil {
		members["revision"] = *a.Revision
	}
	if len(a.ResourceRevisions) > 0 {
		members["resource-revisions"] = a.ResourceRevisions
	}
	return json.Marshal(members)
}

func (a RefreshAction) check() error {
	switch a.Action {
	case ActionRefresh:
		if a.InstanceKey == "" {
			return invalidf("a refresh needs the instance key of what is deployed")
		}
		return nil
	case ActionInstall, ActionDownload:
	default:
		return invalidf("%.20q is no action; it is install, download or refresh", a.Action)
	}
	switch {
	case (a.ID == "") == (a.Name == ""):
		return invalidf("an %s needs a name or an id, not both", a.Action)
	case a.Revision == nil && (a.Channel == "" || a.Base == nil):
		return invalidf("%s%s: ask for a channel and a base, or for a revision", a.Name, a.ID)
	case a.Revision != nil && (a.Channel != "" || a.Base != nil):
		return invalidf("%s%s: ask for a revision, or for a channel and a base", a.Name, a.ID)
	}
	return nil
}

// A RefreshRequest is one question about any number of charms.
type RefreshRequest struct {
	Deployed []Deployed
	Actions  []RefreshAction
	// Fields of Entity to answer; nil is all.
	Fields []string
	// ControllerMetrics and ModelMetrics are for the store's statistics; nil
	// tells nothing. A request may consist of them.
	ControllerMetrics, ModelMetrics map[string]string
}

// A RefreshResult answers a RefreshAction.
type RefreshResult struct {
	InstanceKey string `json:"instance-key"`
	ID          string `json:"id"`
	Name        string `json:"name"`
	// Result is the action, or "error".
	Result string `json:"result"`
	// EffectiveChannel is the one that was read in the end; empty for a
	// revision that was asked for by number.
	EffectiveChannel string `json:"effective-channel"`
	RedirectChannel  string `json:"redirect-channel"`
	ReleasedAt       *Time  `json:"released-at"`
	// Entity is a charm or, despite the name on the wire, a bundle.
	Entity Entity `json:"charm"`
	// Error is set when the action failed.
	Error *RefreshError `json:"error"`
}

// A RefreshError says why one action failed.
type RefreshError struct {
	// Code is for example "name-not-found", "revision-not-found" or
	// "invalid-charm-base".
	Code    string `json:"code"`
	Message string `json:"message"`
	Extra   struct {
		// Releases are what could be asked for instead (revision-not-found).
		Releases []BaseChannel `json:"releases"`
		// DefaultBases are those to ask with (invalid-charm-base).
		DefaultBases []Base `json:"default-bases"`
	} `json:"extra"`
}

// A BaseChannel is a channel on a base.
type BaseChannel struct {
	Base    Base   `json:"base"`
	Channel string `json:"channel"`
}

// notFoundCodes are the codes of an action that mean ErrNotFound.
var notFoundCodes = []string{
	"name-not-found", "id-not-found", "not-found", "revision-not-found", "resource-not-found", "charm-resource-not-found", "channel-not-found",
}

// Error is the store's message.
func (e *RefreshError) Error() string { return ErrorItem{Code: e.Code, Message: e.Message}.String() }

// Is makes errors.Is(err, ErrNotFound) true by the code.
func (e *RefreshError) Is(target error) bool {
	return target == ErrNotFound && slices.Contains(notFoundCodes, e.Code)
}

// refreshFields is what juju asks for, in its order.
var refreshFields = []string{
	"actions-yaml", "bases", "config-yaml", "created-at", "download", "id", "license", "metadata-yaml", "name", "publisher",
	"resources", "revision", "summary", "type", "version",
}

// Refresh asks what to deploy, refresh to or download, and returns one result per
// action, in the order of the actions. Failures of single actions are in the
// results. No action and nothing deployed only tells metrics.
//
// Errors: *RequestError, *StoreError, and *InvalidResponseError if the answers do
// not fit the questions.
func (c *Consumer) Refresh(ctx context.Context, r RefreshRequest) ([]RefreshResult, error) {
	actions := slices.Clone(r.Actions)
	place := make(map[string]int, len(actions))
	for i := range actions {
		a := &actions[i]
		if err := a.check(); err != nil {
			return nil, err
		}
		if a.InstanceKey == "" {
			a.InstanceKey = rand.Text()
		}
		if _, twice := place[a.InstanceKey]; twice {
			return nil, invalidf("two actions have the instance key %.60q", a.InstanceKey)
		}
		place[a.InstanceKey] = i
	}
	in := map[string]any{"context": append([]Deployed{}, r.Deployed...), "actions": append([]RefreshAction{}, actions...)}
	switch {
	case r.Fields != nil:
		in["fields"] = r.Fields
	case len(actions) > 0:
		in["fields"] = refreshFields
	}
	metrics := map[string]map[string]string{}
	for name, values := range map[string]map[string]string{"controller": r.ControllerMetrics, "model": r.ModelMetrics} {
		if len(values) > 0 {
			metrics[name] = values
		}
	}
	if len(metrics) > 0 {
		in["metrics"] = metrics
	}
	var out struct {
		Results *[]RefreshResult `json:"results"`
		Errors  ErrorList        `json:"error-list"`
	}
	u := c.path("refresh")
	if err := c.call(ctx, transport.Call{Method: http.MethodPost, URL: u, In: in, Out: &out, Repeatable: true}); err != nil {
		return nil, err
	}
	if out.Results == nil || len(*out.Results) == 0 && len(actions) > 0 {
		return nil, withoutResults(http.MethodPost, u, "results", out.Errors)
	}
	return inOrder(*out.Results, actions, place, u)
}

// inOrder sorts the results as the actions are and refuses any that are too
// many, missing or strange.
func inOrder(results []RefreshResult, actions []RefreshAction, place map[string]int, u string) ([]RefreshResult, error) {
	invalid := func(format string, args ...any) error {
		return &InvalidResponseError{Method: http.MethodPost, URL: u, Status: http.StatusOK, Err: fmt.Errorf(format, args...)}
	}
	ordered, answered := make([]RefreshResult, len(actions)), make([]bool, len(actions))
	for _, r := range results {
		i, asked := place[r.InstanceKey]
		if !asked || answered[i] {
			return nil, invalid("it has a result for the instance key %.60q that was not asked for or has one already", r.InstanceKey)
		}
		ordered[i], answered[i] = r, true
	}
	if i := slices.Index(answered, false); i >= 0 {
		return nil, invalid("it has no result for the instance key %.60q", actions[i].InstanceKey)
	}
	return ordered, nil
}
