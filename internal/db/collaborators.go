package db

import (
	"database/sql"
	"errors"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// Collaborators lists who publishes a package besides its publisher, oldest
// first.
func (tx *Tx) Collaborators(packageID string) (_ []store.Collaborator, err error) {
	defer wrap(&err, "list the collaborators of package %q", packageID)
	return all(tx.query, func(r rows) (c store.Collaborator, err error) {
		err = r.Scan(&c.PackageID, timeColumn{&c.CreatedAt}, &c.CreatedBy, timeColumn{&c.UpdatedAt},
			&c.Account.ID, &c.Account.Username, &c.Account.DisplayName, &c.Account.Validation, timeColumn{&c.Account.CreatedAt})
		return c, err
	}, `
		SELECT c.package_id, c.created_at, c.created_by, c.updated_at, a.id, a.username, a.display_name, a.validation, a.created_at
		FROM collaborators c JOIN accounts a ON a.id = c.account_id
		WHERE c.package_id = ? ORDER BY c.created_at, c.account_id`, packageID)
}

func (tx *Tx) collaboratorIDs(packageID string) ([]string, error) {
	return all(tx.query, value[string], `
		SELECT account_id FROM collaborators WHERE package_id = ? ORDER BY created_at, account_id`, packageID)
}

// PutCollaborator lets an account publish a package, too.
func (tx *Tx) PutCollaborator(c store.Collaborator) (err error) {
	defer wrap(&err, "add a collaborator to package %q", c.PackageID)
	_, err = tx.exec(`
		INSERT INTO collaborators (package_id, account_id, created_at, created_by, updated_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (package_id, account_id) DO UPDATE SET updated_at = excluded.updated_at`,
		c.PackageID, c.Account.ID, micros(c.CreatedAt), c.CreatedBy, micros(c.UpdatedAt))
	return err
}

// RemoveCollaborator reports whether the account was one.
func (tx *Tx) RemoveCollaborator(packageID, accountID string) (existed bool, err error) {
	defer wrap(&err, "remove a collaborator of package %q", packageID)
	n, err := tx.exec(`DELETE FROM collaborators WHERE package_id = ? AND account_id = ?`, packageID, accountID)
	return n > 0, err
}

// Collaborations lists the ids of the packages that an account collaborates on.
func (tx *Tx) Collaborations(accountID string) (_ []string, err error) {
	defer wrap(&err, "list the collaborations of account %q", accountID)
	return all(tx.query, value[string], `
		SELECT package_id FROM collaborators WHERE account_id = ? ORDER BY package_id`, accountID)
}

const inviteColumns = `token, package_id, email, created_at, created_by, expires_at,
	accepted_at, accepted_by, revoked_at, revoked_by`

func scanInvite(r rows) (i store.Invite, err error) {
	err = r.Scan(&i.Token, &i.PackageID, &i.Email, timeColumn{&i.CreatedAt}, &i.CreatedBy, timeColumn{&i.ExpiresAt},
		timeColumn{&i.AcceptedAt}, &i.AcceptedBy, timeColumn{&i.RevokedAt}, &i.RevokedBy)
	return i, err
}

// Invites lists a package's invites, oldest first.
func (tx *Tx) Invites(packageID string) (_ []store.Invite, err error) {
	defer wrap(&err, "list the invites of package %q", packageID)
	return all(tx.query, scanInvite, `
		SELECT `+inviteColumns+` FROM collaborator_invites WHERE package_id = ? ORDER BY created_at, email`, packageID)
}

// Invite finds an invite by the hash of its token; its error code is
// "invite-not-found".
func (tx *Tx) Invite(token string) (_ store.Invite, err error) {
	defer wrap(&err, "read an invite")
	i, err := first(tx.query, scanInvite, `SELECT `+inviteColumns+` FROM collaborator_invites WHERE token = ?`, token)
	if errors.Is(err, sql.ErrNoRows) {
		err = store.NotFoundf("invite-not-found", "there is no such invite")
	}
	return i, err
}

// PutInvite creates an invite or replaces it.
func (tx *Tx) PutInvite(i store.Invite) (err error) {
	defer wrap(&err, "store an invite to package %q", i.PackageID)
	_, err = tx.exec(`
		INSERT INTO collaborator_invites (`+inviteColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (token) DO UPDATE SET
			accepted_at = excluded.accepted_at, accepted_by = excluded.accepted_by,
			revoked_at = excluded.revoked_at, revoked_by = excluded.revoked_by`,
		i.Token, i.PackageID, strings.ToLower(i.Email), micros(i.CreatedAt), i.CreatedBy, micros(i.ExpiresAt),
		micros(i.AcceptedAt), i.AcceptedBy, micros(i.RevokedAt), i.RevokedBy)
	return err
}

// AddGuardrail adds a pattern for names of tracks and reports whether it was
// new.
func (tx *Tx) AddGuardrail(packageID string, g store.Guardrail) (added bool, err error) {
	defer wrap(&err, "add a guardrail to package %q", packageID)
	n, err := tx.exec(`
		INSERT INTO guardrails (package_id, pattern, created_at) VALUES (?, ?, ?)
		ON CONFLICT (package_id, pattern) DO NOTHING`, packageID, g.Pattern, micros(g.CreatedAt))
	return n > 0, err
}

// RemoveGuardrail reports whether there was such a pattern.
func (tx *Tx) RemoveGuardrail(packageID, pattern string) (existed bool, err error) {
	defer wrap(&err, "remove a guardrail of package %q", packageID)
	n, err := tx.exec(`DELETE FROM guardrails WHERE package_id = ? AND pattern = ?`, packageID, pattern)
	return n > 0, err
}

func (tx *Tx) guardrails(packageID string) ([]store.Guardrail, error) {
	return all(tx.query, func(r rows) (g store.Guardrail, err error) {
		err = r.Scan(&g.Pattern, timeColumn{&g.CreatedAt})
		return g, err
	}, `SELECT pattern, created_at FROM guardrails WHERE package_id = ? ORDER BY created_at, pattern`, packageID)
}
