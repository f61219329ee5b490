package db

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// searchDialect is how a database matches the index of search_documents,
// called d in the query.
type searchDialect struct {
	join    string // joins the index, if it is a table of its own
	match   string // with one parameter
	rank    string // smaller is better; parameters as match when rankArg
	rankArg bool
	terms   func(phrases [][]string) string // the parameter: every phrase must occur
}

// sqliteSearch quotes every phrase, so that nothing in it is syntax.
var sqliteSearch = searchDialect{
	join:  `JOIN search_index ON search_index.rowid = d.document`,
	match: `search_index MATCH ?`,
	rank:  `bm25(search_index, 10, 4, 2, 1, 4, 4)`,
	terms: func(phrases [][]string) string {
		all := make([]string, len(phrases))
		for i, words := range phrases {
			phrase := `"` + strings.Join(words, " ") + `"`
			all[i] = `(` + phrase + ` OR name : ` + phrase + ` *)`
		}
		return strings.Join(all, " AND ")
	},
}

// postgresSearch quotes every word. Weight A is the name.
var postgresSearch = searchDialect{
	match:   `d.words @@ to_tsquery('simple', ?)`,
	rank:    `-ts_rank_cd('{0.1, 0.2, 0.4, 1.0}', d.words, to_tsquery('simple', ?))`,
	rankArg: true,
	terms: func(phrases [][]string) string {
		all := make([]string, len(phrases))
		for i, words := range phrases {
			phrase := `'` + strings.Join(words, `' <-> '`) + `'`
			all[i] = `(` + phrase + ` | ` + phrase + `:*A)`
		}
		return strings.Join(all, " & ")
	},
}

// maxPhrases bounds what one search asks of the database.
const maxPhrases = 16

// phrases are what stands between the white space of a text; each may be
// several words, as hello-world is.
func phrases(text string) [][]string {
	var list [][]string
	for _, field := range strings.Fields(cut(strings.ToValidUTF8(text, " "), 1<<10)) {
		if words := foldWords(field); len(words) > 0 && len(list) < maxPhrases {
			list = append(list, words)
		}
	}
	return list
}

// Search returns the ids of packages, best first: the name that was typed,
// then names that begin with it, then by how well and where the words match.
// Without a text they come by name.
func (db *DB) Search(ctx context.Context, q store.SearchQuery) ([]string, error) {
	return search(db.query(ctx), &db.backend.dialect().search, q)
}

// Search is DB.Search inside the transaction; it does not see what the
// transaction itself has changed.
func (tx *Tx) Search(q store.SearchQuery) ([]string, error) {
	return search(tx.query, &tx.backend.dialect().search, q)
}

func search(query queryFunc, d *searchDialect, q store.SearchQuery) (_ []string, err error) {
	defer wrap(&err, "search")
	from := `packages p`
	w := where{conditions: []string{"NOT p.unlisted"}}
	if !q.Private {
		w.and("NOT p.private")
	}
	order := `p.name, p.namespace`
	var orderArgs []any
	if strings.TrimSpace(q.Text) != "" {
		list := phrases(q.Text)
		if len(list) == 0 {
			return nil, nil
		}
		terms := d.terms(list)
		from += ` JOIN search_documents d ON d.package_id = p.id ` + d.join
		w.and(d.match, terms)
		typed := strings.ToLower(strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(q.Text, ""), "\x00", "")))
		order = `CASE WHEN p.name = ? THEN 0 WHEN p.name >= ? AND p.name < ? THEN 1 ELSE 2 END, ` + d.rank + `, ` + order
		orderArgs = []any{typed, typed, afterPrefix(typed)}
		if d.rankArg {
			orderArgs = append(orderArgs, terms)
		}
	}
	if q.Namespace != "" {
		w.and("p.namespace = ?", string(q.Namespace))
	}
	if q.NamePrefix != "" {
		w.and("p.name >= ? AND p.name < ?", q.NamePrefix, afterPrefix(q.NamePrefix))
	}
	if q.PublisherID != "" {
		w.and("p.publisher_id = ?", q.PublisherID)
	}
	if q.CommonID != "" {
		w.and("p.id IN (SELECT package_id FROM package_common_ids WHERE common_id = ?)", q.CommonID)
	}
	switch {
	case q.Category != "" && q.Featured:
		w.and("p.id IN (SELECT package_id FROM package_categories WHERE category = ? AND featured)", q.Category)
	case q.Category != "":
		w.and("p.id IN (SELECT package_id FROM package_categories WHERE category = ?)", q.Category)
	case q.Featured:
		w.and("p.id IN (SELECT package_id FROM package_categories WHERE featured)")
	}
	if len(q.Stores)+len(q.Packages) > 0 {
		w.and(`(p.store_id IN (SELECT value FROM json_each(?)) OR p.id IN (SELECT value FROM json_each(?)))`,
			listParam(q.Stores), listParam(q.Packages))
	}
	args := slices.Concat(w.args, orderArgs, []any{page(q.Limit), max(0, q.Offset)})
	return all(query, value[string], `
		SELECT p.id FROM `+from+` WHERE `+w.String()+` ORDER BY `+order+` LIMIT ? OFFSET ?`, args...)
}

// searchChanged notes that what a package is found by may have changed.
func (tx *Tx) searchChanged(packageID string) {
	if tx.stale == nil {
		tx.stale = make(map[string]struct{})
	}
	tx.stale[packageID] = struct{}{}
}

// refreshSearch writes the search documents of changed packages, in the
// transaction that changed them.
func (tx *Tx) refreshSearch() error {
	for batch := range slices.Chunk(slices.Sorted(maps.Keys(tx.stale)), maxRefs) {
		if err := tx.writeSearchDocuments(batch); err != nil {
			return failed(err, "index packages for search")
		}
	}
	return nil
}

// searchable is what a search document is made of.
type searchable struct {
	id, name  string
	listing   store.Listing
	publisher store.Account
	meta      store.Meta // of the newest released revision
}

func (tx *Tx) writeSearchDocuments(ids []string) error {
	list, err := all(tx.query, func(r rows) (s searchable, err error) {
		err = r.Scan(&s.id, &s.name, jsonColumn{&s.listing}, &s.publisher.Username, &s.publisher.DisplayName,
			jsonColumn{&s.meta})
		return s, err
	}, `
		SELECT p.id, p.name, p.listing, a.username, a.display_name, COALESCE(v.meta, '')
		FROM packages p
		JOIN accounts a ON a.id = p.publisher_id
		LEFT JOIN revisions v ON v.package_id = p.id AND v.number =
			(SELECT MAX(r.revision) FROM releases r WHERE r.package_id = p.id)
		WHERE p.id IN (SELECT value FROM json_each(?))`, listParam(ids))
	if err != nil {
		return err
	}
	for _, s := range list {
		_, err := tx.keep(`
			INSERT INTO search_documents (package_id, name, title, summary, description, publisher, common_ids)
			VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (package_id) DO UPDATE SET
				name = excluded.name, title = excluded.title, summary = excluded.summary,
				description = excluded.description, publisher = excluded.publisher,
				common_ids = excluded.common_ids`,
			s.id, fold(s.name),
			fold(cmp.Or(s.listing.Title, s.meta.Title)),
			fold(cmp.Or(s.listing.Summary, s.meta.Summary)),
			fold(cmp.Or(s.listing.Description, s.meta.Description)),
			publisherWords(s.publisher), fold(s.meta.CommonIDs...))
		if err != nil {
			return err
		}
		if _, err := tx.keep(`DELETE FROM package_common_ids WHERE package_id = ?`, s.id); err != nil {
			return err
		}
		_, err = tx.keep(`
			INSERT INTO package_common_ids (package_id, common_id)
			SELECT DISTINCT CAST(? AS TEXT), value FROM json_each(?)`, s.id, listParam(s.meta.CommonIDs))
		if err != nil {
			return err
		}
	}
	return nil
}
