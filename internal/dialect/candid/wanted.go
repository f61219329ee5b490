package candid

import (
	"strings"

	"github.com/larder-store/larder/internal/identity/credential"
)

// wanted is what a client asks to be allowed, in words for people.
type wanted struct {
	Permissions []permission
	Limits      []limit
	Description string
	More        bool
}

type permission struct{ Name, Meaning string }

type limit struct{ Of, To string }

// meanings say what the permissions allow that clients ask for by name.
var meanings = map[string]string{
	"account-register-package": "register names of packages",
	"account-view-packages":    "see your account and its packages",
	"account-manage-keys":      "register keys that sign in your name",
	"account-manage-metadata":  "change your account",
	"package-manage":           "upload, release and change your packages",
	"package-manage-acl":       "decide who works on your packages",
	"package-manage-library":   "change the libraries of your charms",
	"package-manage-metadata":  "change what people read of your packages",
	"package-manage-releases":  "release your packages",
	"package-manage-revisions": "upload revisions of your packages",
	"package-view":             "see everything of your packages",
	"package-view-acl":         "see who works on your packages",
	"package-view-metadata":    "see what people read of your packages",
	"package-view-metrics":     "see how your packages are used",
	"package-view-releases":    "see the releases of your packages",
	"package-view-revisions":   "see the revisions of your packages",
	"edit_account":             "change your account",
	"modify_account_key":       "register keys that sign in your name",
	"package_access":           "see your account and its packages",
	"package_manage":           "change your packages and who works on them",
	"package_metrics":          "see how your packages are used",
	"package_push":             "upload revisions of your packages",
	"package_register":         "register names of packages",
	"package_release":          "release your packages",
	"package_update":           "change what people read of your packages",
	"package_upload":           "upload revisions of your packages",
	"package_upload_request":   "let other services upload your packages",
	"store_admin":              "change the settings and members of stores",
	"store_review":             "decide about uploads that are held",
}

func wantedOf(a *credential.AskedFor) *wanted {
	if a == nil {
		return nil
	}
	w := &wanted{Description: a.Description, More: a.More}
	for _, p := range a.Permissions {
		w.Permissions = append(w.Permissions, permission{p, meanings[p]})
	}
	for _, l := range []struct {
		of string
		to []string
	}{{"packages", a.Packages}, {"channels", a.Channels}, {"stores", a.Stores}} {
		if l.to != nil {
			w.Limits = append(w.Limits, limit{l.of, strings.Join(l.to, ", ")})
		}
	}
	return w
}
