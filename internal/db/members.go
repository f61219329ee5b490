package db

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// StoreMembers lists who has roles in a store, by username.
func (tx *Tx) StoreMembers(storeID string) (_ []store.StoreMember, err error) {
	defer wrap(&err, "list the members of store %q", storeID)
	return all(tx.query, scanMember, memberQuery+` WHERE m.store_id = ? ORDER BY a.username, a.id`, storeID)
}

// Memberships lists the stores an account has roles in, by id.
func (tx *Tx) Memberships(accountID string) (_ []store.StoreMember, err error) {
	defer wrap(&err, "list the memberships of account %q", accountID)
	return all(tx.query, scanMember, memberQuery+` WHERE m.account_id = ? ORDER BY m.store_id`, accountID)
}

const memberQuery = `
	SELECT m.store_id, m.roles, COALESCE(u.email, ''), a.id, a.username, a.display_name, a.validation, a.created_at
	FROM store_members m JOIN accounts a ON a.id = m.account_id LEFT JOIN users u ON u.account_id = m.account_id`

func scanMember(r rows) (m store.StoreMember, err error) {
	err = r.Scan(&m.StoreID, jsonColumn{&m.Roles}, &m.Email, &m.Account.ID, &m.Account.Username, &m.Account.DisplayName,
		&m.Account.Validation, timeColumn{&m.Account.CreatedAt})
	return m, err
}

// PutStoreMember gives an account roles in a store; no roles remove it.
func (tx *Tx) PutStoreMember(storeID, accountID string, roles []string) (err error) {
	defer wrap(&err, "set the roles of a member of store %q", storeID)
	if len(roles) == 0 {
		_, err = tx.exec(`DELETE FROM store_members WHERE store_id = ? AND account_id = ?`, storeID, accountID)
		return err
	}
	_, err = tx.exec(`
		INSERT INTO store_members (store_id, account_id, roles) VALUES (?, ?, ?)
		ON CONFLICT (store_id, account_id) DO UPDATE SET roles = excluded.roles`, storeID, accountID, asJSON(roles))
	return err
}

const storeInviteColumns = `store_id, email, roles, status, created_at, expires_at`

func scanStoreInvite(r rows) (i store.StoreInvite, err error) {
	err = r.Scan(&i.StoreID, &i.Email, jsonColumn{&i.Roles}, &i.Status, timeColumn{&i.CreatedAt}, timeColumn{&i.ExpiresAt})
	return i, err
}

// StoreInvites lists a store's invites by address.
func (tx *Tx) StoreInvites(storeID string) (_ []store.StoreInvite, err error) {
	defer wrap(&err, "list the invites of store %q", storeID)
	return all(tx.query, scanStoreInvite, `
		SELECT `+storeInviteColumns+` FROM store_invites WHERE store_id = ? ORDER BY email`, storeID)
}

// StoreInvitesOf lists the open invites of an address, by store.
func (tx *Tx) StoreInvitesOf(email string) (_ []store.StoreInvite, err error) {
	defer wrap(&err, "list the invites of an address")
	return all(tx.query, scanStoreInvite, `
		SELECT `+storeInviteColumns+` FROM store_invites
		WHERE email = ? AND status = 'pending' AND expires_at > ? ORDER BY store_id`, strings.ToLower(email), micros(tx.now))
}

// PutStoreInvite creates an invite or replaces it.
func (tx *Tx) PutStoreInvite(i store.StoreInvite) (err error) {
	defer wrap(&err, "store an invite to store %q", i.StoreID)
	_, err = tx.exec(`
		INSERT INTO store_invites (`+storeInviteColumns+`) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (store_id, email) DO UPDATE SET
			roles = excluded.roles, status = excluded.status, created_at = excluded.created_at, expires_at = excluded.expires_at`,
		i.StoreID, strings.ToLower(i.Email), asJSON(i.Roles), i.Status, micros(i.CreatedAt), micros(i.ExpiresAt))
	return err
}

const disputeColumns = `id, namespace, name, account_id, comment, created_at, decided_at, decision`

func scanDispute(r rows) (d store.Dispute, err error) {
	err = r.Scan(&d.ID, &d.Namespace, &d.Name, &d.AccountID, &d.Comment, timeColumn{&d.CreatedAt},
		timeColumn{&d.DecidedAt}, &d.Decision)
	return d, err
}

// Disputes lists claims to names, oldest first; only undecided ones on wish.
func (tx *Tx) Disputes(openOnly bool) (_ []store.Dispute, err error) {
	defer wrap(&err, "list disputes")
	return all(tx.query, scanDispute, `
		SELECT `+disputeColumns+` FROM name_disputes WHERE decided_at = 0 OR NOT ? ORDER BY created_at, id LIMIT 1000`, openOnly)
}

// Dispute finds a claim; its error code is "dispute-not-found".
func (tx *Tx) Dispute(id string) (_ store.Dispute, err error) {
	defer wrap(&err, "read dispute %q", id)
	d, err := first(tx.query, scanDispute, `SELECT `+disputeColumns+` FROM name_disputes WHERE id = ?`, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("dispute-not-found", "no dispute has the id %q", id)
	}
	return d, err
}

// PutDispute files a claim or decides it. A second one of an account to the same
// name fails with the code "dispute-already-exists".
func (tx *Tx) PutDispute(d store.Dispute) (err error) {
	defer wrap(&err, "store a dispute about %q", d.Name)
	taken, err := tx.exists(`
		SELECT 1 FROM name_disputes WHERE namespace = ? AND name = ? AND account_id = ? AND id <> ?`,
		string(d.Namespace), d.Name, d.AccountID, d.ID)
	if err != nil {
		return err
	}
	if taken {
		return store.Conflictf("dispute-already-exists", "the name %s is disputed by you already", d.Name)
	}
	_, err = tx.exec(`
		INSERT INTO name_disputes (`+disputeColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET decided_at = excluded.decided_at, decision = excluded.decision`,
		d.ID, string(d.Namespace), d.Name, d.AccountID, d.Comment, micros(d.CreatedAt), micros(d.DecidedAt), d.Decision)
	return err
}
