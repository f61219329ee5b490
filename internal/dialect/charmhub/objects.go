package charmhub

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// member is one member of an object that a client may ask for.
type member[S any] struct {
	name   string
	append func(b []byte, s S, want *selection) []byte
}

// appendMembers appends the object with those members of s that are wanted, as
// prepared JSON.
func appendMembers[S any](b []byte, members []member[S], s S, want *selection) []byte {
	b = append(b, '{')
	for _, m := range members {
		if inner := want.of(m.name); inner != nil {
			b = wire.AppendString(b, m.name)
			b = append(b, ':')
			b = m.append(b, s, inner)
			b = append(b, ',')
		}
	}
	return wire.CloseObject(b)
}

// leaf is a member whose parts cannot be asked for.
func leaf[S any](name string, value func(b []byte, s S) []byte) member[S] {
	return member[S]{name, func(b []byte, s S, _ *selection) []byte { return value(b, s) }}
}

// subject is what the objects tell of: a package by one of its revisions, which
// may be empty.
type subject struct {
	*store.Package
	rev      *store.Revision
	contains []*store.Package // of a bundle
}

// charm is what only charms and bundles say.
func (s subject) charm() store.CharmMeta {
	if s.rev.Meta.Charm == nil {
		return store.CharmMeta{}
	}
	return *s.rev.Meta.Charm
}

// kind is one of the two words for which juju does not refuse the whole answer.
func (s subject) kind() string {
	if cmp.Or(s.rev.Meta.Type, s.Type) == store.TypeBundle {
		return store.TypeBundle
	}
	return store.TypeCharm
}

// What the listing leaves out the revision says of itself.
func (s subject) title() string       { return cmp.Or(s.Listing.Title, s.rev.Meta.Title, s.Name) }
func (s subject) summary() string     { return cmp.Or(s.Listing.Summary, s.rev.Meta.Summary) }
func (s subject) description() string { return cmp.Or(s.Listing.Description, s.rev.Meta.Description) }
func (s subject) license() string     { return cmp.Or(s.Listing.License, s.rev.Meta.License) }
func (s subject) website() string     { return cmp.Or(s.Listing.Website, s.firstLink("website")) }

func (s subject) links() map[string][]string {
	if len(s.Listing.Links) > 0 {
		return s.Listing.Links
	}
	return s.rev.Meta.Links
}

func (s subject) firstLink(kind string) string {
	if list := s.links()[kind]; len(list) > 0 {
		return list[0]
	}
	return ""
}

// resultMembers are those of "result": what is the same for all revisions.
var resultMembers = []member[subject]{
	leaf("bugs-url", func(b []byte, s subject) []byte { return wire.AppendNullable(b, s.firstLink("issues")) }),
	{"categories", func(b []byte, s subject, want *selection) []byte {
		return appendEach(b, categoryMembers, s.Categories, want)
	}},
	{"contains-charms", func(b []byte, s subject, want *selection) []byte {
		return appendEach(b, containedMembers, s.contains, want)
	}},
	leaf("deployable-on", func(b []byte, s subject) []byte { return wire.AppendStrings(b, s.charm().DeployableOn) }),
	leaf("description", func(b []byte, s subject) []byte { return wire.AppendString(b, s.description()) }),
	leaf("license", func(b []byte, s subject) []byte { return wire.AppendString(b, s.license()) }),
	leaf("links", func(b []byte, s subject) []byte {
		b = append(b, '{')
		for _, kind := range slices.Sorted(maps.Keys(s.links())) {
			b = wire.AppendString(b, kind)
			b = append(b, ':')
			b = wire.AppendStrings(b, s.links()[kind])
			b = append(b, ',')
		}
		return wire.CloseObject(b)
	}),
	{"media", func(b []byte, s subject, want *selection) []byte {
		media := make([]medium, len(s.Media))
		for i, m := range s.Media {
			media[i] = medium{m, s.ID}
		}
		return appendEach(b, mediumMembers, media, want)
	}},
	{"publisher", func(b []byte, s subject, want *selection) []byte {
		return appendMembers(b, publisherMembers, s.Publisher, want)
	}},
	leaf("store-url", func(b []byte, s subject) []byte { return wire.AppendNullable(b, s.Listing.StoreURL) }),
	leaf("summary", func(b []byte, s subject) []byte { return wire.AppendString(b, s.summary()) }),
	leaf("title", func(b []byte, s subject) []byte { return wire.AppendString(b, s.title()) }),
	leaf("unlisted", func(b []byte, s subject) []byte { return strconv.AppendBool(b, s.Unlisted) }),
	leaf("website", func(b []byte, s subject) []byte { return wire.AppendNullable(b, s.website()) }),
}

// publisherMembers are strings, every one: juju decodes the object into a map of
// strings, and fails on anything else.
var publisherMembers = []member[store.Account]{
	leaf("display-name", func(b []byte, a store.Account) []byte {
		return wire.AppendString(b, cmp.Or(a.DisplayName, a.Username))
	}),
	leaf("id", func(b []byte, a store.Account) []byte { return wire.AppendString(b, a.ID) }),
	leaf("username", func(b []byte, a store.Account) []byte { return wire.AppendString(b, a.Username) }),
	leaf("validation", func(b []byte, a store.Account) []byte {
		return wire.AppendString(b, cmp.Or(a.Validation, "unproven"))
	}),
}

var categoryMembers = []member[store.Category]{
	leaf("featured", func(b []byte, c store.Category) []byte { return strconv.AppendBool(b, c.Featured) }),
	leaf("name", func(b []byte, c store.Category) []byte { return wire.AppendString(b, c.Name) }),
}

var containedMembers = []member[*store.Package]{
	leaf("name", func(b []byte, p *store.Package) []byte { return wire.AppendString(b, p.Name) }),
	leaf("package-id", func(b []byte, p *store.Package) []byte { return wire.AppendString(b, p.ID) }),
	leaf("store-url", func(b []byte, p *store.Package) []byte { return wire.AppendString(b, p.Listing.StoreURL) }),
}

type medium struct {
	store.Medium
	packageID string
}

var mediumMembers = []member[medium]{
	leaf("type", func(b []byte, m medium) []byte { return wire.AppendString(b, m.Kind) }),
	leaf("url", func(b []byte, m medium) []byte {
		return wire.AppendOwnURL(b, reply.MediumPath(m.packageID, m.Blob))
	}),
}

// channelMembers describe where a revision stands.
var channelMembers = []member[store.Listed]{
	{"base", func(b []byte, l store.Listed, want *selection) []byte {
		return appendBase(b, l.Platform, l.Revision, want)
	}},
	leaf("name", func(b []byte, l store.Listed) []byte { return wire.AppendString(b, l.Channel.String()) }),
	leaf("released-at", func(b []byte, l store.Listed) []byte { return wire.AppendTime(b, l.ReleasedAt) }),
	leaf("risk", func(b []byte, l store.Listed) []byte { return wire.AppendString(b, l.Channel.Risk.String()) }),
	leaf("track", func(b []byte, l store.Listed) []byte { return wire.AppendString(b, l.Channel.Normal().Track) }),
}

// baseMembers must have all three keys, of which "all" is any.
var baseMembers = []member[store.Platform]{
	leaf("architecture", func(b []byte, p store.Platform) []byte { return appendKey(b, p.Architecture) }),
	leaf("channel", func(b []byte, p store.Platform) []byte { return appendKey(b, p.BaseChannel) }),
	leaf("name", func(b []byte, p store.Platform) []byte { return appendKey(b, p.BaseName) }),
}

func appendKey(b []byte, key string) []byte {
	return wire.AppendString(b, cmp.Or(key, store.AnyArchitecture))
}

// appendBase appends a base of a revision, which is null for a bundle.
func appendBase(b []byte, p store.Platform, rev *store.Revision, want *selection) []byte {
	if rev.Meta.Type == store.TypeBundle {
		return append(b, "null"...)
	}
	return appendMembers(b, baseMembers, p, want)
}

func appendBases(b []byte, rev *store.Revision, want *selection) []byte {
	return wire.AppendArray(b, rev.Platforms, func(b []byte, p store.Platform) []byte {
		return appendBase(b, p, rev, want)
	})
}

// liteMembers are those of a revision in a channel map, which has no texts.
var liteMembers = []member[subject]{
	leaf("attributes", func(b []byte, s subject) []byte {
		attributes := s.charm().Attributes
		b = append(b, '{')
		for _, name := range slices.Sorted(maps.Keys(attributes)) {
			b = wire.AppendString(b, name)
			b = append(b, ':')
			b = wire.AppendString(b, attributes[name])
			b = append(b, ',')
		}
		return wire.CloseObject(b)
	}),
	{"bases", func(b []byte, s subject, want *selection) []byte { return appendBases(b, s.rev, want) }},
	leaf("created-at", func(b []byte, s subject) []byte { return wire.AppendTime(b, s.rev.CreatedAt) }),
	leaf("download", appendDownload),
	leaf("relations", appendRelations),
	leaf("revision", func(b []byte, s subject) []byte { return wire.AppendInt(b, int64(s.rev.Number)) }),
	leaf("subordinate", func(b []byte, s subject) []byte { return strconv.AppendBool(b, s.charm().Subordinate) }),
	leaf("version", func(b []byte, s subject) []byte { return wire.AppendString(b, s.rev.Version) }),
}

// revisionMembers are those of the revision that stands for a package.
var revisionMembers = slices.Concat(liteMembers, []member[subject]{
	leaf("actions-yaml", appendText(store.TextActions)),
	leaf("bundle-yaml", appendText(store.TextBundle)),
	leaf("config-yaml", appendText(store.TextConfig)),
	leaf("metadata-yaml", appendManifest),
	leaf("readme-md", appendText(store.TextReadme)),
})

// The texts are the files in the revision's archive byte for byte: juju compares
// them, and refuses what differs.
func appendManifest(b []byte, s subject) []byte { return wire.AppendString(b, s.rev.Manifest) }

func appendText(key string) func([]byte, subject) []byte {
	return func(b []byte, s subject) []byte { return wire.AppendString(b, s.rev.Texts[key]) }
}

func appendDownload(b []byte, s subject) []byte {
	file := fileOf{size: s.rev.Size, sha256: s.rev.SHA256, sha384: s.rev.SHA384, sha512: s.rev.SHA512, sha3: s.rev.Blob}
	return file.append(b, charmPath(s.ID, s.rev.Number))
}

func appendRelations(b []byte, s subject) []byte {
	charm := s.charm()
	b = append(b, '{')
	for _, role := range [...]struct {
		name      string
		endpoints map[string]store.Relation
	}{{"provides", charm.Provides}, {"requires", charm.Requires}, {"peers", charm.Peers}} {
		if len(role.endpoints) == 0 {
			continue
		}
		b = wire.AppendString(b, role.name)
		b = append(b, ":{"...)
		for _, name := range slices.Sorted(maps.Keys(role.endpoints)) {
			b = wire.AppendString(b, name)
			b = append(b, ':')
			b = appendRelation(b, role.endpoints[name])
			b = append(b, ',')
		}
		b = wire.CloseObject(b)
		b = append(b, ',')
	}
	return wire.CloseObject(b)
}

func appendRelation(b []byte, r store.Relation) []byte {
	b = append(b, `{"interface":`...)
	b = wire.AppendString(b, r.Interface)
	if r.Limit > 0 {
		b = append(b, `,"limit":`...)
		b = wire.AppendInt(b, int64(r.Limit))
	}
	if r.Scope != "" {
		b = append(b, `,"scope":`...)
		b = wire.AppendString(b, r.Scope)
	}
	b = append(b, `,"optional":`...)
	return append(strconv.AppendBool(b, r.Optional), '}')
}

// appendEach appends an array of objects.
func appendEach[S any](b []byte, members []member[S], list []S, want *selection) []byte {
	return wire.AppendArray(b, list, func(b []byte, s S) []byte { return appendMembers(b, members, s, want) })
}
