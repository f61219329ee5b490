package store

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of what people choose for their accounts.
const (
	maxEmail       = 254 // bytes, as mail servers have it
	maxDisplayName = 100 // characters
	minPassword    = 8   // bytes
	maxPassword    = 1024
	maxDecoration  = 6 // bytes that make no good password of a bad one
)

// usernameRule is what devices accept as the username of an account.
var usernameRule = regexp.MustCompile(`^[a-z0-9](?:[-a-z0-9]{0,26}[a-z0-9])$`)

// reservedUsernames belong to accounts that devices know, or would pass for
// somebody who runs the store.
var reservedUsernames = []string{
	"admin", "administrator", "anonymous", "canonical", "generic", "host", "larder", "nobody", "operator", "owner", "root",
	"security", "snapd", "staff", "store", "support", "system", "ubuntu",
}

// ValidUsername returns nil when a new local account may have this username:
// 2 to 28 lower-case letters, digits and inner hyphens, and no reserved word.
func ValidUsername(name string) error {
	if !usernameRule.MatchString(name) {
		return Invalidf("invalid-username", "%.60q cannot be a username", name).
			Try("use 2 to 28 lower-case letters, digits and inner hyphens")
	}
	if slices.Contains(reservedUsernames, name) {
		return Invalidf("reserved-username", "the username %s is reserved", name).Try("choose another one")
	}
	return nil
}

// ValidEmail returns nil when address is a plain e-mail address: no display
// name, no quotes, no comment. Whether it takes mail is not known; its domain
// need not have a dot, as in closed networks.
func ValidEmail(address string) error {
	bad := Invalidf("invalid-email", "%.100q is no e-mail address", address).Try("write it as name@example.com")
	local, domain, _ := cutLast(address, "@")
	switch parsed, err := mail.ParseAddress(address); {
	case len(address) > maxEmail || len(local) > 64 || domain == "":
		return bad
	case err != nil || parsed.Address != address || parsed.Name != "":
		return bad
	case strings.ContainsAny(address, "\"()<>[]\\,;: ") || strings.HasPrefix(domain, "-") || strings.HasSuffix(domain, "."):
		return bad
	case strings.ContainsFunc(address, func(r rune) bool { return !unicode.IsPrint(r) }):
		return bad
	}
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// ValidDisplayName returns nil when name can be shown as that of an account: one
// line of 1 to 100 characters that does not begin or end with a blank and turns
// no text around.
func ValidDisplayName(name string) error {
	switch n := utf8.RuneCountInString(name); {
	case n == 0 || n > maxDisplayName:
		return Invalidf("invalid-display-name", "a display name has 1 to %d characters, not %d", maxDisplayName, n)
	case strings.TrimSpace(name) != name:
		return Invalidf("invalid-display-name", "a display name does not begin or end with a blank")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return unprintable(r, false) }):
		return Invalidf("invalid-display-name", "the display name has characters that cannot be shown")
	}
	return nil
}

// commonPasswords are the ones that guessing begins with, of those that are
// long enough. A few characters after them do not help.
var commonPasswords = []string{
	"12345678", "87654321", "11111111", "00000000", "abcdefgh", "abcd1234", "asdfghjk", "asdfasdf", "baseball", "changeme",
	"computer", "football", "iloveyou", "internet", "letmein1", "master12", "michelle", "passw0rd", "password", "princess",
	"qwertyui", "qwertyuiop", "qwerty12", "qwer1234", "1q2w3e4r", "1qaz2wsx", "starwars", "sunshine", "superman", "trustno1",
	"welcome1", "whatever", "p@ssw0rd", "p@ssword", "adminadmin", "administrator", "rootroot", "testtest", "secret12",
	"snapcraft", "ubuntu12", "correcthorsebatterystaple",
}

// CheckPassword returns nil when password is good enough for the account: 8 to
// 1024 bytes, and neither the account's own username or e-mail address nor one
// that everybody tries first with a few characters after it. There is no rule of composition. The error never
// holds the password.
func CheckPassword(password, username, email string) error {
	weak := func(why string) error {
		return Invalidf("password-policy-error", "the password cannot be taken: %s", why).
			Try("use at least 8 characters that nobody guesses, such as four words")
	}
	local, _, _ := cutLast(email, "@")
	same := func(other string) bool {
		more := len(password) - len(other)
		return other != "" && more >= 0 && more <= maxDecoration && strings.EqualFold(password[:len(other)], other)
	}
	switch {
	case len(password) < minPassword:
		return weak("it is too short")
	case len(password) > maxPassword:
		return TooLargef("password-policy-error", "the password cannot be taken: it has more than %d bytes", maxPassword)
	case !utf8.ValidString(password) || strings.ContainsRune(password, 0):
		return weak("it is no text")
	case same(username) || same(email) || same(local):
		return weak("it is the username or the e-mail address")
	case strings.Count(password, password[:1]) == len(password):
		return weak("it is one character again and again")
	case slices.ContainsFunc(commonPasswords, same):
		return weak("it is one of those that everybody tries first")
	}
	return nil
}
