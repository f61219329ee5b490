package charmhub

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/larder-store/larder/client/snapstore"
)

// Architecture is the stores' word for what Go and container images call
// goarch: "armhf" for "arm", "ppc64el" for "ppc64le", mostly the same.
func Architecture(goarch string) string { return snapstore.DebianArchitecture(goarch) }

// A ResolveRequest asks which revision of a charm or bundle to deploy.
type ResolveRequest struct {
	// Name or ID of the package.
	Name, ID string
	// Channel, for example "edge", "8.0/candidate" or the track "8.0", which is
	// "8.0/stable"; empty is "stable", on the default track.
	Channel string
	// Base to deploy on. The store chooses the name and the channel that are
	// empty; an empty architecture is this machine's.
	Base Base
	// Revision to take in place of what the channel holds; nil is none.
	Revision *int
	// Resources to take with Revision; without them there are none.
	Resources []ResourceRevisionRequest
	// Install counts as a deployment in the store's statistics.
	Install bool
}

// A Resolved package is what to deploy.
type Resolved struct {
	RefreshResult
	// Base that was found; its members are Unknown where a revision was asked
	// for by number, and for bundles.
	Base Base
	// SupportedBases are others that the store offered for the architecture.
	SupportedBases []Base
}

// A ResolveError says that a store has not what a ResolveRequest asks for.
// errors.Is(err, ErrNotFound) is true if it does not exist at all.
type ResolveError struct {
	// Package is the name or the id.
	Package string
	// Refused is the store's last answer.
	Refused *RefreshError
	// Suggestions are channels and bases that exist, of this architecture.
	Suggestions []BaseChannel
}

// Error is the store's message, with suggestions.
func (e *ResolveError) Error() string {
	text := fmt.Sprintf("cannot resolve %q: %v", e.Package, e.Refused)
	if len(e.Suggestions) == 0 {
		return text
	}
	const enough = 10
	var lines []string
	for _, s := range e.Suggestions[:min(enough, len(e.Suggestions))] {
		lines = append(lines, fmt.Sprintf("%s on %s %s for %s", s.Channel, s.Base.Name, s.Base.Channel, s.Base.Architecture))
	}
	return text + "; there is " + strings.Join(lines, ", ")
}

// Unwrap returns Refused.
func (e *ResolveError) Unwrap() error { return e.Refused }

// Resolve finds the revision to deploy, as juju does: a base that is not known
// is chosen among those that the store names, and where the channel has nothing
// for a base, but for another of the architecture, that one is taken. It asks
// twice at most.
//
// Errors: *ResolveError, and those of Refresh.
func (c *Consumer) Resolve(ctx context.Context, r ResolveRequest) (Resolved, error) {
	action := RefreshAction{Action: ActionDownload, Name: r.Name, ID: r.ID}
	if r.Install {
		action.Action = ActionInstall
	}
	base := Base{
		Name: cmp.Or(r.Base.Name, Unknown), Channel: cmp.Or(r.Base.Channel, Unknown),
		Architecture: cmp.Or(r.Base.Architecture, Architecture(runtime.GOARCH)),
	}
	if r.Revision != nil {
		action.Revision, action.ResourceRevisions = r.Revision, r.Resources
		result, err := c.refreshOne(ctx, action)
		return Resolved{RefreshResult: result, Base: base}, err
	}
	var err error
	if action.Channel, err = normalChannel(r.Channel); err != nil {
		return Resolved{}, err
	}
	action.Base = &base
	result, err := c.refreshOne(ctx, action)
	var refused *ResolveError
	if !errors.As(err, &refused) {
		return Resolved{RefreshResult: result, Base: base}, err
	}
	bases := otherBases(refused.Refused, action.Channel, base)
	if len(bases) == 0 {
		refused.Suggestions = suggestions(refused.Refused, base)
		return Resolved{}, refused
	}
	chosen := bases[0]
	action.Base = &chosen
	result, err = c.refreshOne(ctx, action)
	if errors.As(err, &refused) {
		refused.Suggestions = suggestions(refused.Refused, base)
	}
	return Resolved{RefreshResult: result, Base: chosen, SupportedBases: bases[1:]}, err
}

// normalChannel adds the risk where there is none, and no track.
func normalChannel(channel string) (string, error) {
	if channel == "" {
		return Stable.String(), nil
	}
	if !strings.Contains(channel, "/") && !slices.Contains(riskNames, channel) {
		channel += "/" + Stable.String()
	}
	parsed, err := ParseChannel(channel)
	return parsed.String(), err
}

func (c *Consumer) refreshOne(ctx context.Context, action RefreshAction) (RefreshResult, error) {
	results, err := c.Refresh(ctx, RefreshRequest{Actions: []RefreshAction{action}})
	if err != nil {
		return RefreshResult{}, err
	}
	if results[0].Error != nil {
		return RefreshResult{}, &ResolveError{Package: cmp.Or(action.Name, action.ID), Refused: results[0].Error}
	}
	return results[0], nil
}

// otherBases are those to ask with after a refusal, best first. Entries that are
// vague in what the store was asked to choose are passed over: the same question
// would come back.
func otherBases(refused *RefreshError, channel string, asked Base) []Base {
	var bases []Base
	offer := func(b Base) {
		b.Architecture = asked.Architecture
		vague := func(s string) bool { return s == "" || s == "all" || s == Unknown }
		if !vague(b.Name) && !vague(b.Channel) && b != asked && !slices.Contains(bases, b) {
			bases = append(bases, b)
		}
	}
	switch refused.Code {
	case "invalid-charm-base", "invalid-charm-platform", "missing-charm-platform":
		for _, b := range refused.Extra.DefaultBases {
			if b.Architecture == asked.Architecture {
				offer(b)
			}
		}
	case "revision-not-found":
		// juju compares the channels as texts: the store answers in the words
		// of the question.
		for _, r := range refused.Extra.Releases {
			if r.Channel == channel && (r.Base.Architecture == asked.Architecture || r.Base.Architecture == "all") && asked.Name != Unknown && asked.Channel != Unknown {
				offer(r.Base)
			}
		}
	}
	return bases
}

func suggestions(refused *RefreshError, asked Base) []BaseChannel {
	var found []BaseChannel
	for _, r := range refused.Extra.Releases {
		if r.Base.Architecture == asked.Architecture || r.Base.Architecture == "all" {
			found = append(found, r)
		}
	}
	return found
}

// ResolveResource returns one revision of a resource, with where to download it,
// by the id or name of the charm and one of its revisions. ErrNotFound if the
// store does not answer it.
func (c *Consumer) ResolveResource(ctx context.Context, charm ResolveRequest, resource string, revision int) (DeployedResource, error) {
	if charm.Revision == nil {
		return DeployedResource{}, invalidf("a resource is resolved for a revision of a charm")
	}
	charm.Resources = []ResourceRevisionRequest{{Name: resource, Revision: revision}}
	resolved, err := c.Resolve(ctx, charm)
	if err != nil {
		return DeployedResource{}, err
	}
	for _, r := range resolved.Entity.Resources {
		if r.Name == resource && r.Revision == revision {
			return r, nil
		}
	}
	return DeployedResource{}, &notFoundError{text: fmt.Sprintf("charm %q has no revision %d of resource %q", cmp.Or(charm.Name, charm.ID), revision, resource)}
}
