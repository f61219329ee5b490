package identity

import (
	"strings"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// maySee lets through who looks after accounts, and the account itself.
func maySee(who store.Principal, accountID string) error {
	if isSelf(who, accountID) {
		return who.Need(store.PermAccountView)
	}
	return who.Need(store.PermAccount)
}

// mayEdit lets through who looks after accounts, and the account itself.
func mayEdit(who store.Principal, accountID string) error {
	if isSelf(who, accountID) {
		return who.Need(store.PermAccountEdit)
	}
	return who.Need(store.PermAccount)
}

// mayGuard is mayEdit for what guards an account, such as its second factor. A
// token is not enough for the account itself, else whoever stole one would own
// the account for good.
func mayGuard(who store.Principal, accountID string) error {
	if err := mayEdit(who, accountID); err != nil {
		return err
	}
	if isSelf(who, accountID) && who.Session != "" {
		return store.Forbiddenf(CodeNeedsLogin, "a token may not change how the account logs in").
			Try("log in with the password first")
	}
	return nil
}

func isSelf(who store.Principal, accountID string) bool {
	return who.Account != "" && who.Account == accountID
}

// find finds a user by e-mail address, account id or username.
func find(tx *db.Tx, ref string) (store.User, error) {
	if strings.Contains(ref, "@") {
		return tx.UserByEmail(ref)
	}
	u, err := tx.User(ref)
	if store.KindOf(err) == store.KindNotFound {
		return tx.UserByUsername(ref)
	}
	return u, err
}
