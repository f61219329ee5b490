package assertion

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
)

// SystemUser lets a brand put a user on its devices.
type SystemUser struct {
	Validity
	BrandID             string
	Email               string
	Name                string
	Username            string
	Password            string // crypt(3) hash
	ForcePasswordChange bool
	SSHKeys             []string
	Series              []string
	Models              []string
	Serials             []string
	UntilExpiration     bool
}

var (
	// The range from . to _ is wider than names need; it is what devices take.
	usernamePattern = regexp.MustCompile(`^[a-z0-9][-a-z0-9+.-_]*$`)
	cryptPattern    = regexp.MustCompile(`^\$([0-9]+)\$(?:([^$]*)\$)?[a-zA-Z0-9./]+\$[a-zA-Z0-9./]+$`)
)

func readSystemUser(a *Assertion, h *fields) (any, error) {
	v := &SystemUser{
		BrandID:             a.key[0],
		Email:               h.text("email"),
		Series:              h.texts("series"),
		Models:              h.texts("models"),
		Serials:             h.texts("serials"),
		Name:                h.textOr("name", ""),
		Username:            h.matching("username", usernamePattern),
		Password:            h.textOr("password", ""),
		ForcePasswordChange: h.flag("force-password-change"),
		SSHKeys:             h.texts("ssh-keys"),
		Validity:            h.validity(),
		UntilExpiration:     h.oneOf("user-presence", "", "until-expiration") != "",
	}
	h.mandatory("until")
	if h.err != nil {
		return nil, h.err
	}
	if v.Until.Before(v.Since) {
		// Here the first moment of year 1 does not mean that there is no end.
		h.fail("until", "must not be before since")
	}
	if _, err := mail.ParseAddress(v.Email); err != nil {
		h.fail("email", "must be an address as in RFC 5322: %s", quote(v.Email))
	}
	if err := checkCrypt(v.Password); err != nil {
		h.fail("password", "%w", err)
	}
	switch {
	case len(v.Serials) > 0 && a.format < 1:
		h.fail("serials", "needs format 1")
	case v.UntilExpiration && a.format < 2:
		h.fail("user-presence", "needs format 2")
	case len(v.Serials) > 0 && len(v.Models) != 1:
		h.fail("models", "must name exactly one model, since serials are given")
	case v.ForcePasswordChange && v.Password == "":
		h.fail("force-password-change", "needs a password")
	case len(v.Models) == 0 && v.Until.After(v.Since.AddDate(1, 0, 0)):
		h.fail("until", "must be within a year of since, since no models are given")
	}
	return v, h.err
}

func systemUserFormat(headers map[string]any) int {
	switch {
	case headers["user-presence"] != nil && headers["user-presence"] != "":
		return 2
	case !empty(headers["serials"]):
		return 1
	}
	return 0
}

// checkCrypt wants a hash that devices take: SHA-512 crypt or newer, with rounds
// that finish.
func checkCrypt(password string) error {
	if password == "" {
		return nil
	}
	m := cryptPattern.FindStringSubmatch(password)
	if m == nil {
		return fmt.Errorf("must have the form $id$salt$hash, see crypt(3)")
	}
	if id, err := parseInt(m[1]); err != nil || id < 6 {
		return fmt.Errorf("must use method 6 (SHA-512) or a higher one, not %s", quote(m[1]))
	}
	if text, ok := strings.CutPrefix(m[2], "rounds="); ok {
		if rounds, err := parseInt(text); err != nil || rounds < 5000 || rounds > 999999999 {
			return fmt.Errorf("must use between 5000 and 999999999 rounds")
		}
	}
	return nil
}
