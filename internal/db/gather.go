package db

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// factSet gathers the rows of factsQuery, which come in any order.
type factSet struct {
	byID map[string]*gathered
}

// gathered is one package's facts on the way.
type gathered struct {
	facts *store.Facts
	media []placedMedium
	pins  []seqPin

	collaborators []since
}

// since is an account and when it became a collaborator.
type since struct {
	at      time.Time
	account string
}

type placedMedium struct {
	position float64
	medium   store.Medium
}

type seqPin struct {
	seq int64
	pin store.ResourcePin
}

func (s *factSet) add(row *factRow) error {
	g := s.byID[row.packageID]
	if g == nil {
		g = &gathered{facts: &store.Facts{
			Revisions: make(map[int]*store.Revision),
			Resources: make(map[store.ResourcePin]*store.ResourceRevision),
		}}
		s.byID[row.packageID] = g
	}
	f, t := g.facts, &row.t
	switch row.kind {
	case "package":
		f.Package.ID = row.packageID
		f.Package.Private, f.Package.Unlisted = row.a != 0, row.b != 0
		f.Package.CreatedAt = row.at
		f.Package.Namespace, f.Package.Name = store.Namespace(t[0]), t[1]
		f.Package.PublisherID, f.Package.StoreID, f.Package.DefaultTrack = t[2], t[3], t[4]
		f.Package.Publisher = store.Account{
			ID: t[2], Username: t[6], DisplayName: t[7], Validation: t[8], CreatedAt: row.until,
		}
		return jsonColumn{&f.Package.Listing}.Scan(t[5])
	case "type":
		f.Package.Type = t[0]
	case "track":
		f.Package.Tracks = append(f.Package.Tracks, store.Track{
			Name: t[0], CreatedAt: row.at, VersionPattern: t[1], Phasing: row.number,
		})
	case "collaborator":
		g.collaborators = append(g.collaborators, since{row.at, t[0]})
	case "guardrail":
		f.Package.Guardrails = append(f.Package.Guardrails, store.Guardrail{Pattern: t[0], CreatedAt: row.at})
	case "medium":
		m := store.Medium{Kind: t[0], ContentType: t[2], Size: row.a, Width: int(row.b), Height: int(row.c)}
		if err := (digestColumn{&m.Blob}).Scan(t[1]); err != nil {
			return err
		}
		g.media = append(g.media, placedMedium{row.number, m})
	case "category":
		f.Package.Categories = append(f.Package.Categories, store.Category{Name: t[0], Featured: row.a != 0, Since: row.at})
	case "release":
		phasing, err := strconv.ParseFloat(t[7], 64)
		if err != nil {
			return err
		}
		f.Releases = append(f.Releases, store.Release{
			Seq: row.a, PackageID: row.packageID, At: row.at, By: t[0],
			Channel:  store.Channel{Track: t[1], Risk: store.Risk(row.c), Branch: t[2]},
			Platform: store.Platform{Architecture: t[3], BaseName: t[4], BaseChannel: t[5]},
			Revision: int(row.b), Percentage: row.number, Expires: row.until,
			Paused: t[6] != "", Phasing: phasing,
		})
	case "pin":
		g.pins = append(g.pins, seqPin{row.a, store.ResourcePin{Name: t[0], Revision: int(row.b)}})
	case "override":
		f.Overrides = append(f.Overrides, store.Override{
			PackageID:    row.packageID,
			Channel:      store.Channel{Track: t[1], Risk: store.Risk(row.c), Branch: t[2]},
			Architecture: t[3], Revision: int(row.b), Reason: t[4],
			At: row.at, By: t[0], Expires: row.until,
		})
	case "revision":
		v := g.revision(row)
		v.Size, v.CreatedAt = row.b, row.at
		v.Status, v.Version, v.CreatedBy, v.SHA256, v.Provenance, v.Manifest = t[0], t[1], t[2], t[4], t[6], t[7]
		return cmp.Or(digestColumn{&v.Blob}.Scan(t[3]), jsonColumn{&v.Platforms}.Scan(t[5]), jsonColumn{&v.Meta}.Scan(t[8]))
	case "texts":
		v := g.revision(row)
		v.SHA384, v.SHA512 = t[0], t[1]
		return jsonColumn{&v.Texts}.Scan(t[2])
	case "resource":
		v := g.resource(row)
		v.Size, v.CreatedAt = row.b, row.at
		v.Type, v.Version, v.Description, v.SHA256, v.Provenance = t[1], t[2], t[3], t[5], t[6]
		return cmp.Or(digestColumn{&v.Blob}.Scan(t[4]), jsonColumn{&v.Platforms}.Scan(t[7]))
	case "attachment":
		v := g.resource(row)
		v.SHA384, v.SHA512, v.Image, v.CreatedBy, v.UpdatedBy, v.UpdatedAt = t[1], t[2], t[3], t[4], t[5], row.at
	case "delta":
		d := store.Delta{PackageID: row.packageID, Format: t[0], Source: int(row.a), Target: int(row.b), Size: row.c}
		if err := (digestColumn{&d.Blob}).Scan(t[1]); err != nil {
			return err
		}
		f.Deltas = append(f.Deltas, d)
	default:
		return fmt.Errorf("cannot read a fact of kind %q", row.kind)
	}
	return nil
}

// revision is the revision that a row is about; several are about one.
func (g *gathered) revision(row *factRow) *store.Revision {
	v := g.facts.Revisions[int(row.a)]
	if v == nil {
		v = &store.Revision{PackageID: row.packageID, Number: int(row.a)}
		g.facts.Revisions[v.Number] = v
	}
	return v
}

// resource is the resource revision that a row is about.
func (g *gathered) resource(row *factRow) *store.ResourceRevision {
	pin := store.ResourcePin{Name: row.t[0], Revision: int(row.a)}
	v := g.facts.Resources[pin]
	if v == nil {
		v = &store.ResourceRevision{PackageID: row.packageID, Name: pin.Name, Revision: pin.Revision}
		g.facts.Resources[pin] = v
	}
	return v
}

// inOrder puts everything in the order that the single reads give, and the
// packages in that of refs.
func (s *factSet) inOrder(refs []store.Ref) []*store.Facts {
	byName := make(map[string]*store.Facts, len(s.byID))
	for _, g := range s.byID {
		g.sort()
		byName[g.facts.Package.Name] = g.facts
	}
	list := make([]*store.Facts, len(refs))
	for i, r := range refs {
		if r.ID == "" {
			list[i] = byName[r.Name]
		} else if g := s.byID[r.ID]; g != nil {
			list[i] = g.facts
		}
	}
	return list
}

func (g *gathered) sort() {
	f := g.facts
	slices.SortFunc(g.media, func(a, b placedMedium) int { return cmp.Compare(a.position, b.position) })
	for _, m := range g.media {
		f.Package.Media = append(f.Package.Media, m.medium)
	}
	slices.SortFunc(g.collaborators, func(a, b since) int {
		return cmp.Or(a.at.Compare(b.at), strings.Compare(a.account, b.account))
	})
	for _, c := range g.collaborators {
		f.Package.Collaborators = append(f.Package.Collaborators, c.account)
	}
	slices.SortFunc(f.Package.Guardrails, func(a, b store.Guardrail) int {
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), strings.Compare(a.Pattern, b.Pattern))
	})
	slices.SortFunc(f.Package.Tracks, func(a, b store.Track) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(f.Package.Categories, func(a, b store.Category) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(f.Releases, func(a, b store.Release) int { return cmp.Compare(a.Seq, b.Seq) })
	slices.SortFunc(f.Overrides, func(a, b store.Override) int {
		return cmp.Or(
			strings.Compare(a.Channel.Track, b.Channel.Track), cmp.Compare(a.Channel.Risk, b.Channel.Risk),
			strings.Compare(a.Channel.Branch, b.Channel.Branch), strings.Compare(a.Architecture, b.Architecture))
	})
	slices.SortFunc(f.Deltas, func(a, b store.Delta) int {
		return cmp.Or(strings.Compare(a.Format, b.Format), cmp.Compare(a.Target, b.Target), cmp.Compare(a.Source, b.Source))
	})
	slices.SortFunc(g.pins, func(a, b seqPin) int {
		return cmp.Or(cmp.Compare(a.seq, b.seq), strings.Compare(a.pin.Name, b.pin.Name))
	})
	i := 0
	for _, p := range g.pins {
		for f.Releases[i].Seq != p.seq {
			i++
		}
		f.Releases[i].Resources = append(f.Releases[i].Resources, p.pin)
	}
}
