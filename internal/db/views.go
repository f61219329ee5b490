package db

import (
	"database/sql"
	"errors"

	"github.com/larder-store/larder/internal/store"
)

const viewColumns = `id, name, brand, private, created_at, review_policy`

func scanView(r rows) (v store.View, err error) {
	err = r.Scan(&v.ID, &v.Name, &v.Brand, &v.Private, timeColumn{&v.CreatedAt}, &v.ReviewPolicy)
	return v, err
}

// View finds a store; its error code is "store-not-found".
func (tx *Tx) View(id string) (_ store.View, err error) {
	defer wrap(&err, "read store %q", id)
	v, err := first(tx.query, scanView, `SELECT `+viewColumns+` FROM stores WHERE id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("store-not-found", "no store has the id %q", id)
	}
	if err != nil {
		return store.View{}, err
	}
	v.Includes, err = all(tx.query, value[string], `
		SELECT included_id FROM store_includes WHERE store_id = ? ORDER BY included_id`, id)
	if err != nil {
		return store.View{}, err
	}
	v.Packages, err = all(tx.query, value[string], `
		SELECT package_id FROM store_packages WHERE store_id = ? ORDER BY package_id`, id)
	return v, err
}

// Views lists all stores by id.
func (tx *Tx) Views() (_ []store.View, err error) {
	defer wrap(&err, "list stores")
	views, err := all(tx.query, scanView, `SELECT `+viewColumns+` FROM stores ORDER BY id`)
	if err != nil {
		return nil, err
	}
	byID := make(map[string]*store.View, len(views))
	for i := range views {
		byID[views[i].ID] = &views[i]
	}
	var id, other string
	err = each(tx.query, func(r rows) error {
		if err := r.Scan(&id, &other); err != nil {
			return err
		}
		byID[id].Includes = append(byID[id].Includes, other)
		return nil
	}, `SELECT store_id, included_id FROM store_includes ORDER BY included_id`)
	if err != nil {
		return nil, err
	}
	err = each(tx.query, func(r rows) error {
		if err := r.Scan(&id, &other); err != nil {
			return err
		}
		byID[id].Packages = append(byID[id].Packages, other)
		return nil
	}, `SELECT store_id, package_id FROM store_packages ORDER BY package_id`)
	return views, err
}

// PutView creates a store or replaces it, with what it includes.
func (tx *Tx) PutView(v store.View) (err error) {
	defer wrap(&err, "store the store %q", v.ID)
	_, err = tx.exec(`
		INSERT INTO stores (`+viewColumns+`) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET
			name = excluded.name, brand = excluded.brand, private = excluded.private,
			created_at = excluded.created_at, review_policy = excluded.review_policy`,
		v.ID, v.Name, v.Brand, v.Private, micros(v.CreatedAt), v.ReviewPolicy)
	if err != nil {
		return err
	}
	if _, err := tx.exec(`DELETE FROM store_includes WHERE store_id = ?`, v.ID); err != nil {
		return err
	}
	_, err = tx.exec(`
		INSERT INTO store_includes (store_id, included_id)
		SELECT DISTINCT CAST(? AS TEXT), value FROM json_each(?)`, v.ID, listParam(v.Includes))
	if err != nil {
		return err
	}
	if _, err := tx.exec(`DELETE FROM store_packages WHERE store_id = ?`, v.ID); err != nil {
		return err
	}
	_, err = tx.exec(`
		INSERT INTO store_packages (store_id, package_id)
		SELECT DISTINCT CAST(? AS TEXT), value FROM json_each(?)`, v.ID, listParam(v.Packages))
	return err
}

// DeleteView removes a store, with what it includes.
func (tx *Tx) DeleteView(id string) (err error) {
	defer wrap(&err, "remove the store %q", id)
	for _, statement := range []string{
		`DELETE FROM store_members WHERE store_id = ?`,
		`DELETE FROM store_invites WHERE store_id = ?`,
		`DELETE FROM store_includes WHERE store_id = ?`,
		`DELETE FROM store_packages WHERE store_id = ?`,
		`DELETE FROM stores WHERE id = ?`,
	} {
		if _, err := tx.exec(statement, id); err != nil {
			return err
		}
	}
	return nil
}
