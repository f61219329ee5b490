package snapdevice

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// listedSnap is a package as the v1 API lists it: by one revision, in one
// channel.
type listedSnap struct {
	subject
	channel store.Channel
}

func listedAs(f *catalog.Found) listedSnap {
	return listedSnap{subject{f.Snapshot.Package(), f.Choice.Revision}, f.Choice.Effective}
}

// fieldV1 is one member of the flat object of the v1 API.
type fieldV1 struct {
	name string
	// asked: only there when it is asked for by name.
	asked  bool
	append func([]byte, listedSnap) []byte
}

// fieldsV1 are all its members. Prices are numbers here, and what v2 spells
// with hyphens has underscores.
var fieldsV1 = [...]fieldV1{
	{name: "aliases", append: func(b []byte, s listedSnap) []byte { return appendAliases(b, s.rev.Meta.Aliases) }},
	{name: "anon_download_url", append: appendDownloadURL},
	{name: "apps", append: func(b []byte, s listedSnap) []byte { return wire.AppendStrings(b, s.rev.Meta.Apps) }},
	{name: "architecture", append: func(b []byte, s listedSnap) []byte { return wire.AppendStrings(b, s.architectures()) }},
	{name: "base", append: func(b []byte, s listedSnap) []byte { return wire.AppendNullable(b, s.rev.Meta.Base) }},
	{name: "binary_filesize", append: func(b []byte, s listedSnap) []byte { return wire.AppendInt(b, s.rev.Size) }},
	{name: "channel", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.channel.Name()) }},
	{name: "common_ids", append: func(b []byte, s listedSnap) []byte { return wire.AppendStrings(b, s.rev.Meta.CommonIDs) }},
	{name: "confinement", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.confinement()) }},
	{name: "contact", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.contact()) }},
	{name: "content", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.content()) }},
	{name: "date_published", append: func(b []byte, s listedSnap) []byte { return wire.AppendTime(b, s.CreatedAt) }},
	{name: "deltas", append: emptyArray},
	{name: "description", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.description()) }},
	{name: "developer_id", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.Publisher.ID) }},
	{name: "developer_name", append: appendPublisherName},
	{name: "developer_validation", append: func(b []byte, s listedSnap) []byte {
		return wire.AppendString(b, cmp.Or(s.Publisher.Validation, "unproven"))
	}},
	{name: "download_sha3_384", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.rev.Blob.Hex()) }},
	{name: "download_url", append: appendDownloadURL},
	{name: "epoch", asked: true, append: func(b []byte, s listedSnap) []byte { return appendEpoch(b, s.rev.Meta.Epoch) }},
	{name: "gated_snap_ids", append: emptyArray},
	{name: "icon_url", append: func(b []byte, s listedSnap) []byte { return appendIcon(b, s.Package) }},
	{name: "last_updated", append: func(b []byte, s listedSnap) []byte { return wire.AppendTime(b, s.rev.CreatedAt) }},
	{name: "license", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.license()) }},
	{name: "links", append: func(b []byte, s listedSnap) []byte { return appendLinks(b, s.links()) }},
	{name: "media", asked: true, append: func(b []byte, s listedSnap) []byte {
		return wire.AppendArray(b, s.Media, func(b []byte, m store.Medium) []byte { return appendMediumV1(b, s.ID, m) })
	}},
	{name: "name", append: func(b []byte, s listedSnap) []byte {
		return wire.AppendString(b, s.Name+"."+s.Publisher.Username)
	}},
	{name: "origin", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.Publisher.Username) }},
	{name: "package_name", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.Name) }},
	{name: "prices", append: func(b []byte, _ listedSnap) []byte { return append(b, "{}"...) }},
	{name: "private", append: func(b []byte, s listedSnap) []byte { return strconv.AppendBool(b, s.Private) }},
	{name: "publisher", append: appendPublisherName},
	{name: "ratings_average", append: func(b []byte, _ listedSnap) []byte { return append(b, "0.0"...) }},
	{name: "release", append: func(b []byte, _ listedSnap) []byte { return append(b, `["`+onlySeries+`"]`...) }},
	{name: "revision", append: func(b []byte, s listedSnap) []byte { return wire.AppendInt(b, int64(s.rev.Number)) }},
	{name: "screenshot_urls", append: func(b []byte, s listedSnap) []byte { return appendScreenshots(b, s.Package) }},
	{name: "sections", asked: true, append: func(b []byte, s listedSnap) []byte {
		return wire.AppendArray(b, s.Categories, appendCategory)
	}},
	{name: "snap_id", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.ID) }},
	{name: "summary", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.summary()) }},
	{name: "support_url", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.firstLink("issues")) }},
	{name: "title", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.title()) }},
	{name: "version", append: func(b []byte, s listedSnap) []byte { return wire.AppendString(b, s.rev.Version) }},
	{name: "website", append: func(b []byte, s listedSnap) []byte { return wire.AppendNullable(b, s.website()) }},
}

// alwaysV1 is there whatever is asked for.
const alwaysV1 = "package_name"

// wantV1 says which members a request wants; nil is those that need not be
// asked for.
type wantV1 []string

func parseFieldsV1(csv string) wantV1 {
	if csv == "" {
		return nil
	}
	return strings.Split(csv, ",")
}

func (w wantV1) has(f *fieldV1) bool {
	if w == nil {
		return !f.asked
	}
	return f.name == alwaysV1 || slices.Contains(w, f.name)
}

// appendSnapV1 appends the flat object.
func appendSnapV1(b []byte, s listedSnap, want wantV1, base string) []byte {
	object := append(make([]byte, 0, 2048), '{')
	for i := range fieldsV1 {
		if f := &fieldsV1[i]; want.has(f) {
			object = wire.AppendString(object, f.name)
			object = append(object, ':')
			object = f.append(object, s)
			object = append(object, ',')
		}
	}
	return wire.AppendBased(b, wire.CloseObject(object), base)
}

// content is the type in v1's words.
func (s listedSnap) content() string {
	if t := s.snapType(); t != "app" {
		return t
	}
	return "application"
}

func emptyArray(b []byte, _ listedSnap) []byte { return append(b, "[]"...) }

func appendPublisherName(b []byte, s listedSnap) []byte {
	return wire.AppendString(b, cmp.Or(s.Publisher.DisplayName, s.Publisher.Username))
}

func appendDownloadURL(b []byte, s listedSnap) []byte {
	return wire.AppendOwnURL(b, snapPath(s.ID, s.rev.Number))
}

func appendAliases(b []byte, list []store.Alias) []byte {
	return wire.AppendArray(b, list, func(b []byte, a store.Alias) []byte {
		b = append(b, `{"name":`...)
		b = wire.AppendString(b, a.Name)
		b = append(b, `,"target":`...)
		b = wire.AppendString(b, a.Target)
		return append(b, '}')
	})
}

func appendIcon(b []byte, p *store.Package) []byte {
	for _, m := range p.Media {
		if m.Kind == "icon" {
			return wire.AppendOwnURL(b, reply.MediumPath(p.ID, m.Blob))
		}
	}
	return append(b, `""`...)
}

func appendScreenshots(b []byte, p *store.Package) []byte {
	b = append(b, '[')
	for _, m := range p.Media {
		if m.Kind == "screenshot" {
			b = append(wire.AppendOwnURL(b, reply.MediumPath(p.ID, m.Blob)), ',')
		}
	}
	return wire.CloseArray(b)
}

// appendMediumV1 leaves out a size that is not known.
func appendMediumV1(b []byte, packageID string, m store.Medium) []byte {
	b = append(b, '{')
	if m.Width > 0 && m.Height > 0 {
		b = append(b, `"height":`...)
		b = wire.AppendInt(b, int64(m.Height))
		b = append(b, `,"width":`...)
		b = wire.AppendInt(b, int64(m.Width))
		b = append(b, ',')
	}
	b = append(b, `"type":`...)
	b = wire.AppendString(b, m.Kind)
	b = append(b, `,"url":`...)
	b = wire.AppendOwnURL(b, reply.MediumPath(packageID, m.Blob))
	return append(b, '}')
}
