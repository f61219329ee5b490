package charmhub

import (
	"strconv"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// entityFields are the members of "charm" in the answer to a refresh, as a client
// asks for them. The last is not the revision's alone, and is appended apart.
var entityFields = [...]struct {
	name   string
	append func(b []byte, s subject) []byte
}{
	{"actions-yaml", appendText(store.TextActions)},
	{"bases", func(b []byte, s subject) []byte { return appendBases(b, s.rev, everything) }},
	{"bundle-yaml", appendText(store.TextBundle)},
	{"config-yaml", appendText(store.TextConfig)},
	{"created-at", func(b []byte, s subject) []byte { return wire.AppendTime(b, s.rev.CreatedAt) }},
	{"download", appendDownload},
	{"id", func(b []byte, s subject) []byte { return wire.AppendString(b, s.ID) }},
	{"license", func(b []byte, s subject) []byte { return wire.AppendString(b, s.license()) }},
	{"metadata-yaml", appendManifest},
	{"name", func(b []byte, s subject) []byte { return wire.AppendString(b, s.Name) }},
	{"publisher", func(b []byte, s subject) []byte {
		return appendMembers(b, publisherMembers, s.Publisher, everything)
	}},
	{"revision", func(b []byte, s subject) []byte { return wire.AppendInt(b, int64(s.rev.Number)) }},
	{"subordinate", func(b []byte, s subject) []byte { return strconv.AppendBool(b, s.charm().Subordinate) }},
	{"summary", func(b []byte, s subject) []byte { return wire.AppendString(b, s.summary()) }},
	{"type", func(b []byte, s subject) []byte { return wire.AppendString(b, s.kind()) }},
	{"version", func(b []byte, s subject) []byte { return wire.AppendString(b, s.rev.Version) }},
	{name: "resources"},
}

// fieldSet has bit i set for entityFields[i].
type fieldSet uint64

const (
	fieldResources fieldSet = 1 << (len(entityFields) - 1)
	allFields               = fieldResources<<1 - 1
)

var fieldBits = func() map[string]fieldSet {
	bits := make(map[string]fieldSet, len(entityFields))
	for i, f := range entityFields {
		bits[f.name] = 1 << i
	}
	return bits
}()

// sheetOf returns what is prepared of a revision, made once while the snapshot
// lives.
func sheetOf(s *catalog.Snapshot, rev *store.Revision) (wire.Sheet, error) {
	return s.Memo("charm/"+strconv.Itoa(rev.Number), func() ([]byte, error) {
		about := subject{s.Package(), rev, nil}
		return wire.NewSheet(len(entityFields), func(b []byte, i int) []byte {
			f := entityFields[i]
			if f.append == nil {
				return b
			}
			b = wire.AppendString(b, f.name)
			b = append(b, ':')
			b = f.append(b, about)
			return append(b, ',')
		}), nil
	})
}
