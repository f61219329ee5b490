package catalog

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Gate is one snap whose refreshes another one gates, with what was decided about
// a revision of it.
type Gate struct {
	Snap     store.Ref // the gated one; Name is empty when this store does not have it
	Required bool      // the gating snap's declaration names it
	// Validation is nil where nothing was decided yet.
	Validation *assertion.Assertion
	Revoked    bool
}

// maxValidations bounds what is listed of one snap.
const maxValidations = 10_000

// Gates lists what a snap has validated of others, and the snaps that it gates
// without having validated any revision of them, by the gated snap and revision.
// It needs PermSeeReleases.
func (c *Catalog) Gates(ctx context.Context, who store.Principal, ref store.Ref, revokedToo bool) (*store.Package, []Gate, error) {
	var pkg *store.Package
	var gates []Gate
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		gates = nil
		if pkg, err = owned(tx, who, store.PermSeeReleases, store.Snap, ref); err != nil {
			return err
		}
		gated, err := c.gated(tx, pkg)
		if err != nil {
			return err
		}
		said, err := c.validations(tx, pkg)
		if err != nil {
			return err
		}
		seen := make(map[string]bool)
		for _, a := range said {
			v, err := assertion.As[assertion.Validation](a)
			if err != nil {
				return err
			}
			if v.Revoked && !revokedToo {
				continue
			}
			seen[v.ApprovedSnapID] = true
			gates = append(gates, Gate{
				Snap: store.Ref{ID: v.ApprovedSnapID}, Required: slices.Contains(gated, v.ApprovedSnapID), Validation: a, Revoked: v.Revoked,
			})
		}
		for _, id := range gated {
			if !seen[id] {
				gates = append(gates, Gate{Snap: store.Ref{ID: id}, Required: true})
			}
		}
		return c.nameGated(tx, gates)
	})
	slices.SortStableFunc(gates, func(a, b Gate) int { return cmp.Compare(a.Snap.ID, b.Snap.ID) })
	return pkg, gates, err
}

// gated are the ids of the snaps whose refreshes pkg's declaration gates.
func (c *Catalog) gated(tx *db.Tx, pkg *store.Package) ([]string, error) {
	found, err := c.find(tx, "snap-declaration", "16", pkg.ID)
	if found == nil || err != nil {
		return nil, err
	}
	d, err := assertion.As[assertion.SnapDeclaration](found)
	if err != nil {
		return nil, err
	}
	return d.RefreshControl, nil
}

// validations are the stored ones by a snap, in the order of what they approve,
// each in its newest revision.
func (c *Catalog) validations(tx *db.Tx, pkg *store.Package) ([]*assertion.Assertion, error) {
	filter := store.AssertionFilter{Type: "validation", KeyPrefix: "16/" + pkg.ID + "/", Limit: 1000}
	var list []*assertion.Assertion
	for {
		rows, err := tx.Assertions(filter)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			a, err := assertion.Parse(row.Encoded)
			if err != nil {
				return nil, err
			}
			list = append(list, a)
		}
		if len(rows) < filter.Limit || len(list) >= maxValidations {
			break
		}
		filter.After = rows[len(rows)-1]
	}
	slices.SortStableFunc(list, func(a, b *assertion.Assertion) int {
		x, y := a.Ref().Key, b.Ref().Key
		n, m := revisionNumber(x[3]), revisionNumber(y[3])
		return cmp.Or(cmp.Compare(x[2], y[2]), cmp.Compare(n, m))
	})
	return list, nil
}

func revisionNumber(text string) int {
	n, _ := strconv.Atoi(text) // its type's rules have seen to it
	return n
}

// nameGated fills in what the gated snaps are called here.
func (c *Catalog) nameGated(tx *db.Tx, gates []Gate) error {
	names := make(map[string]string)
	for i := range gates {
		id := gates[i].Snap.ID
		name, known := names[id]
		if !known {
			pkg, err := tx.Package(id)
			switch {
			case err == nil:
				name = pkg.Name
			case store.KindOf(err) != store.KindNotFound:
				return err
			}
			names[id] = name
		}
		gates[i].Snap.Name = name
	}
	return nil
}
