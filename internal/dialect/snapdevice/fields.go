package snapdevice

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// subject is what a snap object tells of: a package by one of its revisions.
type subject struct {
	*store.Package
	rev *store.Revision
}

// field is one member of the snap object that refresh, info and find share.
type field struct {
	name string
	// append writes the value. Nil where the value depends on more than the
	// revision, see snapObject.
	append func([]byte, subject) []byte
}

// snapFields are all members a client may ask for: those that are the same for
// all revisions first, then those of a revision, where info and find put them
// in objects of their own.
var snapFields = [...]field{
	// Of the package.
	{"categories", func(b []byte, s subject) []byte { return wire.AppendArray(b, s.Categories, appendCategory) }},
	{"contact", func(b []byte, s subject) []byte { return wire.AppendNullable(b, s.contact()) }},
	{"description", func(b []byte, s subject) []byte { return wire.AppendString(b, s.description()) }},
	{"license", func(b []byte, s subject) []byte { return wire.AppendString(b, s.license()) }},
	{"links", func(b []byte, s subject) []byte { return appendLinks(b, s.links()) }},
	{"media", func(b []byte, s subject) []byte {
		return wire.AppendArray(b, s.Media, func(b []byte, m store.Medium) []byte { return appendMedium(b, s.ID, m) })
	}},
	{"name", func(b []byte, s subject) []byte { return wire.AppendString(b, s.Name) }},
	{"prices", func(b []byte, _ subject) []byte { return append(b, "{}"...) }}, // any price marks the snap as paid
	{"private", func(b []byte, s subject) []byte { return strconv.AppendBool(b, s.Private) }},
	{"publisher", func(b []byte, s subject) []byte { return appendPublisher(b, s.Publisher) }},
	{"snap-id", func(b []byte, s subject) []byte { return wire.AppendString(b, s.ID) }},
	{"store-url", func(b []byte, s subject) []byte { return wire.AppendNullable(b, s.Listing.StoreURL) }},
	{"summary", func(b []byte, s subject) []byte { return wire.AppendString(b, s.summary()) }},
	{"title", func(b []byte, s subject) []byte { return wire.AppendString(b, s.title()) }},
	{"unlisted", func(b []byte, s subject) []byte { return strconv.AppendBool(b, s.Unlisted) }},
	{"website", func(b []byte, s subject) []byte { return wire.AppendNullable(b, s.website()) }},

	// Of the revision.
	{"architectures", func(b []byte, s subject) []byte { return wire.AppendStrings(b, s.architectures()) }},
	{"base", func(b []byte, s subject) []byte { return wire.AppendNullable(b, s.rev.Meta.Base) }},
	{"common-ids", func(b []byte, s subject) []byte { return wire.AppendStrings(b, s.rev.Meta.CommonIDs) }},
	{"confinement", func(b []byte, s subject) []byte { return wire.AppendString(b, s.confinement()) }},
	{"created-at", func(b []byte, s subject) []byte { return wire.AppendTime(b, s.rev.CreatedAt) }},
	{"epoch", func(b []byte, s subject) []byte { return appendEpoch(b, s.rev.Meta.Epoch) }},
	{"grade", func(b []byte, s subject) []byte { return wire.AppendNullable(b, s.rev.Meta.Grade) }},
	{"integrity", func(b []byte, _ subject) []byte { return append(b, "[]"...) }},
	{"revision", func(b []byte, s subject) []byte { return wire.AppendInt(b, int64(s.rev.Number)) }},
	{"snap-yaml", func(b []byte, s subject) []byte { return wire.AppendString(b, s.rev.Manifest) }},
	{"type", func(b []byte, s subject) []byte { return wire.AppendString(b, s.snapType()) }},
	{"version", func(b []byte, s subject) []byte { return wire.AppendString(b, s.rev.Version) }},
	{"download", func(b []byte, s subject) []byte { return appendDownload(b, s, nil) }},

	{name: "resources"}, // of the release that brought the revision
	{name: "channel"},   // of the slot it was found in
}

// fieldSet has bit i set for snapFields[i].
type fieldSet uint64

func setOf(names ...string) (set fieldSet) {
	for _, name := range names {
		set |= fieldBits[name]
	}
	return set
}

func (s fieldSet) has(bit fieldSet) bool { return s&bit != 0 }

var fieldBits = func() map[string]fieldSet {
	byName := make(map[string]fieldSet, len(snapFields))
	for i, f := range snapFields {
		byName[f.name] = 1 << i
	}
	return byName
}()

var (
	fieldDownload  = setOf("download")
	fieldResources = setOf("resources")
	fieldChannel   = setOf("channel")

	// packageFields and revisionFields are the two parts of snapFields.
	packageFields  = setOf("architectures") - 1
	revisionFields = fieldSet(1)<<len(snapFields) - 1 - packageFields

	// preparedFields do not depend on more than the revision.
	preparedFields = ^(fieldResources | fieldChannel)

	// defaultFields are what a request without fields gets.
	defaultFields = setOf("created-at", "download", "license", "name", "prices", "publisher", "revision",
		"snap-id", "store-url", "summary", "title", "type", "version")
)

// parseFields reads a comma list. Names nobody knows mean nothing.
func parseFields(csv string) (set fieldSet) {
	for name := range strings.SplitSeq(csv, ",") {
		set |= fieldBits[strings.TrimSpace(name)]
	}
	return set
}

// sheetOf returns the sheet of a revision, made once while the snapshot lives.
func sheetOf(s *catalog.Snapshot, rev *store.Revision) (wire.Sheet, error) {
	return s.Memo("device/"+strconv.Itoa(rev.Number), func() ([]byte, error) {
		return newSheet(subject{s.Package(), rev}), nil
	})
}

func newSheet(s subject) wire.Sheet {
	return wire.NewSheet(len(snapFields), func(b []byte, i int) []byte {
		f := snapFields[i]
		if f.append == nil {
			return b
		}
		b = wire.AppendString(b, f.name)
		b = append(b, ':')
		b = f.append(b, s)
		return append(b, ',')
	})
}

// snapObject appends the members in want of one revision, each with its comma,
// resources and deltas included.
func snapObject(b []byte, s *catalog.Snapshot, rev *store.Revision, want fieldSet, base string,
	pins []store.ResourcePin, deltas []store.Delta) ([]byte, error) {
	prepared, err := sheetOf(s, rev)
	if err != nil {
		return b, err
	}
	if len(deltas) > 0 && want.has(fieldDownload) {
		want &^= fieldDownload
		b = append(b, `"download":`...)
		b = wire.AppendBased(b, appendDownload(nil, subject{s.Package(), rev}, deltas), base)
		b = append(b, ',')
	}
	b = prepared.AppendTo(b, uint64(want&preparedFields), base)
	if want.has(fieldResources) {
		b = append(b, `"resources":`...)
		if len(pins) == 0 {
			b = append(b, "[],"...)
			return b, nil
		}
		found := s.Facts.Attachments(pins)
		b = wire.AppendBased(b, wire.AppendArray(nil, found, func(b []byte, r *store.ResourceRevision) []byte {
			return appendResource(b, r, rev.Version)
		}), base)
		b = append(b, ',')
	}
	return b, nil
}

// What the listing leaves out the revision says of itself.
func (s subject) title() string       { return cmp.Or(s.Listing.Title, s.rev.Meta.Title, s.Name) }
func (s subject) summary() string     { return cmp.Or(s.Listing.Summary, s.rev.Meta.Summary) }
func (s subject) description() string { return cmp.Or(s.Listing.Description, s.rev.Meta.Description) }
func (s subject) license() string     { return cmp.Or(s.Listing.License, s.rev.Meta.License) }

// links are the listing's, or else the revision's own.
func (s subject) links() map[string][]string {
	if len(s.Listing.Links) > 0 {
		return s.Listing.Links
	}
	return s.rev.Meta.Links
}

func (s subject) contact() string { return cmp.Or(s.Listing.Contact, s.firstLink("contact")) }
func (s subject) website() string { return cmp.Or(s.Listing.Website, s.firstLink("website")) }

func (s subject) firstLink(kind string) string {
	if list := s.links()[kind]; len(list) > 0 {
		return list[0]
	}
	return ""
}

func (s subject) architectures() []string {
	list := make([]string, len(s.rev.Platforms))
	for i, p := range s.rev.Platforms {
		list[i] = p.Architecture
	}
	return list
}

func (s subject) confinement() string { return cmp.Or(s.rev.Meta.Confinement, "strict") }

// snapTypes are the only words for which snapd does not refuse the whole
// answer.
var snapTypes = []string{"app", "application", "gadget", "kernel", "os", "base", "snapd"}

func (s subject) snapType() string {
	if slices.Contains(snapTypes, s.rev.Meta.Type) {
		return s.rev.Meta.Type
	}
	return "app"
}

func appendCategory(b []byte, c store.Category) []byte {
	b = append(b, `{"name":`...)
	b = wire.AppendString(b, c.Name)
	b = append(b, `,"featured":`...)
	b = strconv.AppendBool(b, c.Featured)
	return append(b, '}')
}

func appendLinks(b []byte, links map[string][]string) []byte {
	b = append(b, '{')
	for _, kind := range slices.Sorted(maps.Keys(links)) {
		if len(links[kind]) > 0 {
			b = wire.AppendString(b, kind)
			b = append(b, ':')
			b = wire.AppendStrings(b, links[kind])
			b = append(b, ',')
		}
	}
	return wire.CloseObject(b)
}

func appendMedium(b []byte, packageID string, m store.Medium) []byte {
	size := func(b []byte, n int) []byte {
		if n == 0 {
			return append(b, "null"...)
		}
		return wire.AppendInt(b, int64(n))
	}
	b = append(b, `{"type":`...)
	b = wire.AppendString(b, m.Kind)
	b = append(b, `,"url":`...)
	b = wire.AppendOwnURL(b, reply.MediumPath(packageID, m.Blob))
	b = append(b, `,"width":`...)
	b = size(b, m.Width)
	b = append(b, `,"height":`...)
	b = size(b, m.Height)
	return append(b, '}')
}

func appendPublisher(b []byte, a store.Account) []byte {
	b = append(b, `{"id":`...)
	b = wire.AppendString(b, a.ID)
	b = append(b, `,"username":`...)
	b = wire.AppendString(b, a.Username)
	b = append(b, `,"display-name":`...)
	b = wire.AppendString(b, cmp.Or(a.DisplayName, a.Username))
	b = append(b, `,"validation":`...)
	b = wire.AppendString(b, cmp.Or(a.Validation, "unproven"))
	return append(b, '}')
}

func appendEpoch(b []byte, e store.Epoch) []byte {
	number := func(b []byte, n uint32) []byte { return wire.AppendInt(b, int64(n)) }
	e = e.Normal()
	b = append(b, `{"read":`...)
	b = wire.AppendArray(b, e.Read, number)
	b = append(b, `,"write":`...)
	b = wire.AppendArray(b, e.Write, number)
	return append(b, '}')
}

// appendBlob appends the open end of a download object. Its digest is hex
// here, while assertions have base64.
func appendBlob(b []byte, path string, size int64, digest store.Digest) []byte {
	b = append(b, `{"url":`...)
	b = wire.AppendOwnURL(b, path)
	b = append(b, `,"size":`...)
	b = wire.AppendInt(b, size)
	b = append(b, `,"sha3-384":"`...)
	b = append(b, digest.Hex()...)
	return append(b, '"')
}

func appendDownload(b []byte, s subject, deltas []store.Delta) []byte {
	b = appendBlob(b, snapPath(s.ID, s.rev.Number), s.rev.Size, s.rev.Blob)
	b = append(b, `,"deltas":`...)
	b = wire.AppendArray(b, deltas, func(b []byte, d store.Delta) []byte {
		b = appendBlob(b, deltaPath(d), d.Size, d.Blob)
		b = append(b, `,"format":`...)
		b = wire.AppendString(b, d.Format)
		b = append(b, `,"source":`...)
		b = wire.AppendInt(b, int64(d.Source))
		b = append(b, `,"target":`...)
		b = wire.AppendInt(b, int64(d.Target))
		return append(b, '}')
	})
	return append(b, '}')
}

// appendResource describes a component. One without a version of its own has
// the snap's.
func appendResource(b []byte, r *store.ResourceRevision, snapVersion string) []byte {
	b = append(b, `{"type":`...)
	b = wire.AppendString(b, r.Type)
	b = append(b, `,"name":`...)
	b = wire.AppendString(b, r.Name)
	b = append(b, `,"revision":`...)
	b = wire.AppendInt(b, int64(r.Revision))
	b = append(b, `,"version":`...)
	b = wire.AppendString(b, cmp.Or(r.Version, snapVersion))
	b = append(b, `,"created-at":`...)
	b = wire.AppendTime(b, r.CreatedAt)
	b = append(b, `,"description":`...)
	b = wire.AppendString(b, r.Description)
	b = append(b, `,"download":`...)
	b = appendBlob(b, componentPath(r.PackageID, store.ResourcePin{Name: r.Name, Revision: r.Revision}), r.Size, r.Blob)
	return append(b, "}}"...)
}
