package identity

import (
	"regexp"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// accountID is what ids of accounts look like: generated ones, and those that
// brands choose.
var accountID = regexp.MustCompile(`^(?:[A-Za-z0-9]{32}|[a-z0-9](?:[-a-z0-9]{0,26}[a-z0-9]))$`)

// maxEmail bounds what somebody types to log in, bytes.
const maxEmail = 254

// normalEmail checks an address and returns it in lower case.
func normalEmail(text string) (string, error) {
	email := strings.ToLower(strings.TrimSpace(text))
	return email, store.ValidEmail(email)
}

func validAccountID(id string) error {
	if !accountID.MatchString(id) {
		return store.Invalidf("invalid-account-id", "%.100q cannot be the id of an account", id).
			Try("leave it out, or use 32 letters and digits, or 2 to 28 lower-case letters, digits and hyphens")
	}
	return nil
}
