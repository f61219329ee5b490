package catalog

import (
	"context"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// BuildConfdbSchema returns the headers of a confdb schema for its author to
// sign, with its body among them. It needs an account, which the schema must be
// of. Every mistake is of kind invalid and names the field.
func (c *Catalog) BuildConfdbSchema(ctx context.Context, who store.Principal, r store.ConfdbSchemaRequest) (map[string]any, error) {
	if err := needAuthor(who, r.AccountID); err != nil {
		return nil, err
	}
	if err := r.Check(); err != nil {
		return nil, err
	}
	revision, err := c.nextRevision(ctx, "confdb-schema", r.AccountID, r.Name)
	if err != nil {
		return nil, err
	}
	return store.BuildConfdbSchema(r, store.ConfdbSchemaFacts{Revision: revision, At: c.now()})
}

// ConfdbSchemas lists the caller's own confdb schemas in their newest revisions,
// or the one of this name if there is any. It needs an account.
func (c *Catalog) ConfdbSchemas(ctx context.Context, who store.Principal, name string) ([]*assertion.Assertion, error) {
	if err := needAccount(who); err != nil {
		return nil, err
	}
	var list []*assertion.Assertion
	err := c.db.View(ctx, func(tx *db.Tx) error {
		list = nil
		if name != "" {
			a, err := c.find(tx, "confdb-schema", who.Account, name)
			if a != nil {
				list = append(list, a)
			}
			return err
		}
		filter := store.AssertionFilter{Type: "confdb-schema", KeyPrefix: who.Account + "/", Limit: 1000}
		for {
			rows, err := tx.Assertions(filter)
			if err != nil {
				return err
			}
			page, err := parseAll(rows)
			if err != nil {
				return err
			}
			list = newestEditions(list, page)
			if len(rows) < filter.Limit {
				return nil
			}
			filter.After = rows[len(rows)-1]
		}
	})
	return list, err
}

// newestEditions adds a page, in the order of keys, and keeps of each document
// only the newest revision.
func newestEditions(list, page []*assertion.Assertion) []*assertion.Assertion {
	for _, a := range page {
		last := len(list) - 1
		switch {
		case last < 0 || list[last].Ref().String() != a.Ref().String():
			list = append(list, a)
		case list[last].Revision() <= a.Revision():
			list[last] = a
		}
	}
	return list
}

// PublishConfdbSchema keeps a confdb schema that the caller has signed with a
// registered key of its account, for devices to fetch. It needs an account. A
// revision that is not above the stored one is a conflict with the code conflict.
func (c *Catalog) PublishConfdbSchema(ctx context.Context, who store.Principal, encoded []byte) (*assertion.Assertion, error) {
	if err := needAccount(who); err != nil {
		return nil, err
	}
	a, err := parseAuthored(encoded, "confdb-schema")
	if err != nil {
		return nil, err
	}
	headers := a.Headers()
	return a, c.authored(ctx, who, a, who.Account+"/", func(stored int, found bool) error {
		return store.CheckSignedConfdbSchema(headers, a.Body(), who.Account, stored, found)
	})
}
