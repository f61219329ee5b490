package charmhub

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/larder-store/larder/client/auth"
	"github.com/larder-store/larder/client/transport"
)

// A Consumer asks a store what juju would: search, information, which revision
// to deploy, and the files. The zero value asks Charmhub anonymously, which is
// all that most charms need. It is safe for concurrent use if its fields are not
// changed meanwhile.
type Consumer struct {
	// URL is the store's base; empty is "https://api.charmhub.io".
	URL string
	// Authorizer proves who asks, for private charms; nil asks anonymously.
	Authorizer auth.Authorizer
	// HTTP sends the requests; nil is the zero transport.Client.
	HTTP *transport.Client
}

func (c *Consumer) base() string {
	if c.URL == "" {
		return Public().BaseURL
	}
	return strings.TrimRight(c.URL, "/")
}

func (c *Consumer) transport() *transport.Client {
	if c.HTTP == nil {
		return &transport.Client{}
	}
	return c.HTTP
}

// authorize sends credentials to the store and nobody else.
func (c *Consumer) authorize(req *http.Request) error {
	own, err := url.Parse(c.base())
	if c.Authorizer == nil || err != nil || !transport.SameOrigin(own, req.URL) {
		return nil
	}
	return c.Authorizer.Authorize(req)
}

func (c *Consumer) call(ctx context.Context, call transport.Call) error {
	call.Authorize = c.authorize
	return c.transport().JSON(ctx, call)
}

func (c *Consumer) path(elements ...string) string {
	return c.base() + transport.Path(append([]string{"v2", "charms"}, elements...)...)
}

// InfoQuery narrows Info.
type InfoQuery struct {
	// Channel is what DefaultRelease tells of; empty is the default track's most
	// stable one.
	Channel string
	// Fields are the members to answer, for example "result.summary" or
	// "channel-map"; nil is all that Package has.
	Fields []string
}

var infoFields = []string{
	"channel-map", "default-release",
	"result.bugs-url", "result.categories", "result.contains-charms", "result.deployable-on", "result.description",
	"result.license", "result.links", "result.media", "result.publisher", "result.store-url", "result.summary",
	"result.title", "result.unlisted", "result.used-by", "result.website",
}

// Info returns a charm or bundle by its name. ErrNotFound if there is none or
// the caller may not see it. The query may be nil.
func (c *Consumer) Info(ctx context.Context, name string, q *InfoQuery) (Package, error) {
	if q == nil {
		q = &InfoQuery{}
	}
	fields := q.Fields
	if fields == nil {
		fields = infoFields
	}
	query := url.Values{"fields": {strings.Join(fields, ",")}}
	if q.Channel != "" {
		query.Set("channel", q.Channel)
	}
	var out Package
	u := c.path("info", name) + "?" + query.Encode()
	if err := c.call(ctx, transport.Call{URL: u, Out: &out}); err != nil {
		return Package{}, err
	}
	if out.ID == "" || out.Name == "" {
		return Package{}, missing(http.MethodGet, c.path("info", name), "id")
	}
	return out, nil
}

// FindQuery is a search; empty members do not narrow it.
type FindQuery struct {
	// Text is searched for; empty finds what the store thinks interesting.
	Text     string
	Category string
	// Channel that something must be released to.
	Channel string
	// Type is "charm" or "bundle".
	Type string
	// Publisher is a username.
	Publisher string
	// Platforms are bases, in the store's words.
	Platforms []string
	// RelationRequires and RelationProvides, Requires and Provides are names of
	// interfaces; the store knows both spellings.
	RelationRequires, RelationProvides []string
	Requires, Provides                 []string
	// Fields are the members to answer; nil is what lists show.
	Fields []string
}

var findFields = []string{
	"default-release.channel", "default-release.revision.bases", "default-release.revision.revision",
	"default-release.revision.version",
	"result.categories", "result.deployable-on", "result.media", "result.publisher", "result.store-url",
	"result.summary", "result.title",
}

// Find searches. Packages found have no ChannelMap.
func (c *Consumer) Find(ctx context.Context, q FindQuery) ([]Package, error) {
	fields := q.Fields
	if fields == nil {
		fields = findFields
	}
	query := url.Values{"q": {q.Text}, "fields": {strings.Join(fields, ",")}}
	for name, value := range map[string]string{
		"category": q.Category, "channel": q.Channel, "type": q.Type, "publisher": q.Publisher,
		"platforms":         strings.Join(q.Platforms, ","),
		"relation-requires": strings.Join(q.RelationRequires, ","), "relation-provides": strings.Join(q.RelationProvides, ","),
		"requires": strings.Join(q.Requires, ","), "provides": strings.Join(q.Provides, ","),
	} {
		if value != "" {
			query.Set(name, value)
		}
	}
	var out struct {
		Results *[]Package `json:"results"`
		Errors  ErrorList  `json:"error-list"`
	}
	u := c.path("find")
	if err := c.call(ctx, transport.Call{URL: u + "?" + query.Encode(), Out: &out}); err != nil {
		return nil, err
	}
	if out.Results == nil || len(*out.Results) == 0 && len(out.Errors) > 0 {
		return nil, withoutResults(http.MethodGet, u, "results", out.Errors)
	}
	return *out.Results, nil
}

// withoutResults is the error for a success that is none.
func withoutResults(method, url, member string, errors ErrorList) error {
	if len(errors) > 0 {
		return &StoreError{Method: method, URL: url, Status: http.StatusOK, Errors: errors}
	}
	return missing(method, url, member)
}

// ResourceRevisions returns the revisions of a charm's resource, with where to
// download them, newest first. ErrNotFound if there is no such resource.
func (c *Consumer) ResourceRevisions(ctx context.Context, charm, resource string) ([]DeployedResource, error) {
	var out struct {
		Revisions *[]DeployedResource `json:"revisions"`
	}
	u := c.path("resources", charm, resource, "revisions")
	if err := c.call(ctx, transport.Call{URL: u, Out: &out}); err != nil {
		return nil, err
	}
	if out.Revisions == nil {
		return nil, missing(http.MethodGet, u, "revisions")
	}
	return *out.Revisions, nil
}
