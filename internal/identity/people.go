package identity

import (
	"context"
	"crypto/rand"
	"slices"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// NewUser says what account to make.
type NewUser struct {
	// AccountID of an account that exists already and shall be able to log in.
	// Empty makes a new one.
	AccountID   string
	Email       string
	Username    string // of a new account
	DisplayName string // default: the username
	Role        store.Role
	// Password to log in with. Without one the account has state reset: Reset
	// gives its owner a link.
	Password Secret
}

// Create makes an account that can log in, a member of the stores that its
// address was invited to, and where this store has a root of its own, signs who
// it is. It needs PermAccount.
func (i *Identity) Create(ctx context.Context, who store.Principal, n NewUser) (store.User, error) {
	if err := who.Need(store.PermAccount); err != nil {
		return store.User{}, err
	}
	email, err := normalEmail(n.Email)
	if err != nil {
		return store.User{}, err
	}
	if !slices.Contains(store.UserRoles, n.Role) {
		return store.User{}, errRole(n.Role)
	}
	u := store.User{
		Account: store.Account{ID: n.AccountID, Username: n.Username, DisplayName: n.DisplayName, Validation: "unproven"},
		Email:   email, EmailVerified: true, // the operator vouches for it
		OpenID: randomText(16), Role: n.Role, State: store.UserReset,
	}
	if !n.Password.IsZero() {
		if err := checkPassword(n.Password, u); err != nil {
			return store.User{}, err
		}
		if u.Password, err = i.hasher.hash(ctx, n.Password); err != nil {
			return store.User{}, err
		}
		u.State = store.UserActive
	}
	var made store.User
	_, err = i.db.Update(ctx, who.Name, func(tx *db.Tx) (err error) {
		made = u
		made.CreatedAt, made.PasswordChangedAt, made.SessionsValidAfter = tx.Now(), tx.Now(), tx.Now()
		if made.Account, err = newAccount(tx, u.Account); err != nil {
			return err
		}
		if err := tx.PutUser(made); err != nil {
			return err
		}
		record(tx, made, "created")
		if err := tx.AcceptStoreInvites(made); err != nil {
			return err
		}
		return i.sign(tx, made.Account)
	})
	return made, err
}

// newAccount is the account of a new user: a new one, or one that is there.
func newAccount(tx *db.Tx, a store.Account) (store.Account, error) {
	if a.ID != "" {
		had, err := tx.Account(a.ID)
		switch {
		case err == nil:
			if _, err := tx.User(a.ID); err == nil {
				return a, store.Conflictf(codeUserExists, "the account %s can log in already", a.ID)
			}
			if a.Username == "" || a.Username == had.Username {
				return had, nil
			}
			return a, store.Conflictf(codeUserExists, "the account %s has the username %s", a.ID, had.Username)
		case store.KindOf(err) != store.KindNotFound || a.Username == "":
			return a, err
		}
		if err := validAccountID(a.ID); err != nil {
			return a, err
		}
	} else {
		a.ID = store.NewID(rand.Reader)
	}
	if err := store.ValidUsername(a.Username); err != nil {
		return a, err
	}
	if a.DisplayName == "" {
		a.DisplayName = a.Username
	}
	if err := store.ValidDisplayName(a.DisplayName); err != nil {
		return a, err
	}
	a.CreatedAt = tx.Now()
	return a, nil
}

// sign states who an account is, where the store has a root of its own. An
// account that another authority vouches for needs no word of ours.
func (i *Identity) sign(tx *db.Tx, a store.Account) error {
	_, _, err := i.authority.SignAccount(tx, a)
	switch store.CodeOf(err) {
	case "no-authority", "no-signing-key", "assertion-conflict", "predefined-assertion":
		return nil
	}
	return err
}

// Sign states who an account is, if that could not be done when it was made. It
// needs PermAccount.
func (i *Identity) Sign(ctx context.Context, who store.Principal, accountID string) error {
	if err := who.Need(store.PermAccount); err != nil {
		return err
	}
	_, err := i.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		u, err := tx.User(accountID)
		if err != nil {
			return err
		}
		return i.sign(tx, u.Account)
	})
	return err
}

// record notes a change of an account, without its secrets.
func record(tx *db.Tx, u store.User, what string) {
	tx.Record(store.UserPut, "account/"+u.Account.ID, map[string]any{
		"what": what, "email": u.Email, "username": u.Account.Username, "role": u.Role, "state": u.State,
		"second-factor": u.SecondFactor(),
	})
}

// change lets f change a user, and notes it as what.
func (i *Identity) change(ctx context.Context, who store.Principal, accountID, what string, f func(*db.Tx, *store.User) error) (store.User, error) {
	var changed store.User
	_, err := i.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		u, err := tx.User(accountID)
		if err != nil {
			return err
		}
		if err := f(tx, &u); err != nil {
			return err
		}
		if err := tx.PutUser(u); err != nil {
			return err
		}
		record(tx, u, what)
		changed = u
		return nil
	})
	return changed, err
}

// User returns an account that can log in; its error code is "user-not-found".
// Who may see what of it is for the caller to decide.
func (i *Identity) User(ctx context.Context, accountID string) (u store.User, err error) {
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		u, err = tx.User(accountID)
		return err
	})
	return u, err
}

// UsersByEmail finds accounts by address, each once; those that do not exist
// are left out. Who may see what of them is for the caller to decide.
func (i *Identity) UsersByEmail(ctx context.Context, emails []string) (users []store.User, err error) {
	err = i.db.View(ctx, func(tx *db.Tx) error {
		users = nil
		seen := make(map[string]bool)
		for _, email := range emails {
			u, err := tx.UserByEmail(email)
			switch {
			case store.KindOf(err) == store.KindNotFound:
				continue
			case err != nil:
				return err
			case !seen[u.Account.ID]:
				seen[u.Account.ID] = true
				users = append(users, u)
			}
		}
		return nil
	})
	return users, err
}

// List lists the accounts that can log in, by address, after the given one. It
// needs PermAccount.
func (i *Identity) List(ctx context.Context, who store.Principal, after string, limit int) (users []store.User, err error) {
	if err := who.Need(store.PermAccount); err != nil {
		return nil, err
	}
	err = i.db.View(ctx, func(tx *db.Tx) (err error) {
		users, err = tx.Users(after, limit)
		return err
	})
	return users, err
}

// Shown is an account with what belongs to it.
type Shown struct {
	store.User
	SecondFactor bool                `json:"second-factor"`
	RecoveryLeft int                 `json:"recovery-codes-left"`
	HasPassword  bool                `json:"has-password"`
	Keys         []store.UserKey     `json:"keys"`
	Stores       []store.StoreMember `json:"stores"`
}

// Show shows an account, found by e-mail address, id or username. It needs
// PermAccount, or for the own account PermAccountView.
func (i *Identity) Show(ctx context.Context, who store.Principal, ref string) (s Shown, err error) {
	err = i.db.View(ctx, func(tx *db.Tx) error {
		u, err := find(tx, ref)
		if may := maySee(who, u.Account.ID); may != nil {
			return may // also of one that does not exist
		}
		if err != nil {
			return err
		}
		s = Shown{User: u, SecondFactor: u.SecondFactor(), RecoveryLeft: len(u.Recovery), HasPassword: u.Password != ""}
		if s.Keys, err = tx.UserKeys(u.Account.ID); err != nil {
			return err
		}
		s.Stores, err = tx.Memberships(u.Account.ID)
		return err
	})
	return s, err
}

// AccountID finds the id of an account by e-mail address, id or username. It
// needs what Show needs.
func (i *Identity) AccountID(ctx context.Context, who store.Principal, ref string) (string, error) {
	s, err := i.Show(ctx, who, ref)
	return s.Account.ID, err
}

// SetRole gives an account another role. Its tokens may then do what that role
// may. It needs PermAccount.
func (i *Identity) SetRole(ctx context.Context, who store.Principal, accountID string, role store.Role) (store.User, error) {
	if err := who.Need(store.PermAccount); err != nil {
		return store.User{}, err
	}
	if !slices.Contains(store.UserRoles, role) {
		return store.User{}, errRole(role)
	}
	return i.change(ctx, who, accountID, "role", func(tx *db.Tx, u *store.User) error {
		if role != store.RoleAdmin {
			if err := notLastAdmin(tx, who, *u); err != nil {
				return err
			}
		}
		u.Role = role
		return nil
	})
}

// Disable locks an account out and ends its sessions. It needs PermAccount.
func (i *Identity) Disable(ctx context.Context, who store.Principal, accountID string) (store.User, error) {
	if err := who.Need(store.PermAccount); err != nil {
		return store.User{}, err
	}
	return i.change(ctx, who, accountID, "disabled", func(tx *db.Tx, u *store.User) error {
		if err := notLastAdmin(tx, who, *u); err != nil {
			return err
		}
		u.State = store.UserDisabled
		u.SessionsValidAfter = tx.Now()
		return nil
	})
}

// Enable lets a disabled account log in again. Its old sessions stay ended. It
// needs PermAccount.
func (i *Identity) Enable(ctx context.Context, who store.Principal, accountID string) (store.User, error) {
	if err := who.Need(store.PermAccount); err != nil {
		return store.User{}, err
	}
	return i.change(ctx, who, accountID, "enabled", func(tx *db.Tx, u *store.User) error {
		u.State = store.UserActive
		if u.Password == "" {
			u.State = store.UserReset
		}
		return nil
	})
}

// notLastAdmin keeps the last administrator; only somebody on the host may
// take it.
func notLastAdmin(tx *db.Tx, who store.Principal, u store.User) error {
	if who.Role == store.RoleOperator || u.Role != store.RoleAdmin || u.State != store.UserActive {
		return nil
	}
	n, err := tx.CountUsers(store.RoleAdmin, store.UserActive)
	if err == nil && n <= 1 {
		return store.Conflictf(CodeLastAdmin, "%s is the last active administrator", u.Account.Username).
			Try("make another account an administrator first")
	}
	return err
}

// Agree notes that the account has accepted the terms. It needs
// PermAccountEdit.
func (i *Identity) Agree(ctx context.Context, who store.Principal) (store.User, error) {
	if err := own(who); err != nil {
		return store.User{}, err
	}
	return i.change(ctx, who, who.Account, "agreed to the terms", func(tx *db.Tx, u *store.User) error {
		u.AgreedAt = tx.Now()
		return nil
	})
}

// Rename gives the account that asks another username, and signs who it is
// anew. It needs PermAccountEdit.
func (i *Identity) Rename(ctx context.Context, who store.Principal, username string) (store.User, error) {
	if err := own(who); err != nil {
		return store.User{}, err
	}
	if err := store.ValidUsername(username); err != nil {
		return store.User{}, err
	}
	return i.change(ctx, who, who.Account, "username", func(tx *db.Tx, u *store.User) error {
		if u.Account.DisplayName == u.Account.Username {
			u.Account.DisplayName = username
		}
		u.Account.Username = username
		_, _, err := i.authority.SignAccount(tx, u.Account)
		if code := store.CodeOf(err); code == "no-authority" || code == "no-signing-key" {
			return nil
		}
		return err
	})
}

// own lets an account through that may change itself.
func own(who store.Principal) error {
	if who.Account == "" {
		return store.Forbiddenf(store.CodePermission, "only an account may do this")
	}
	return who.Need(store.PermAccountEdit)
}

func errRole(role store.Role) error {
	return store.Invalidf(codeInvalidRole, "there is no role %.40q", role).
		Try("the roles are viewer, publisher, reviewer and admin")
}

// since is a beginning that is past on every node, whose clocks differ.
func since(t time.Time) time.Time { return t.Add(-time.Minute) }
