package identity

import (
	"slices"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/identity/credential"
	"github.com/larder-store/larder/internal/store"
)

// Asked is what a client asks a token to allow, in the words of the wire. A nil
// list is no limit.
type Asked struct {
	Permissions []string // at least one
	Packages    []store.PackageLimit
	Channels    []string // patterns, see store.MatchChannel
	Stores      []string
	// TTL is the life of the token in seconds; nil leaves it to Expires.
	TTL *int64
	// Expires is when it ends; the zero time takes what is usual. A time later
	// than a year from now means a year.
	Expires     time.Time
	Description string
}

// Bounds of a token's life.
const (
	MinTTL     = 10                   // seconds
	MaxTTL     = 365 * 24 * 60 * 60   // seconds
	maxLife    = MaxTTL * time.Second // of whatever one login is good for
	defaultTTL = 30 * 24 * time.Hour
)

// CodeBadAsk is the code of a request for a token that makes no sense. Its
// message says where, as a JSON schema's would.
const CodeBadAsk = "invalid-request"

const (
	maxAsked       = 100 // members of each list
	maxAskedText   = 200 // bytes of each member
	maxDescription = 1000
)

func badAsk(format string, args ...any) error { return store.Invalidf(CodeBadAsk, format, args...) }

// limits checks what is asked and returns it as a token holds it.
func (a Asked) limits() (credential.Limits, error) {
	none := credential.Limits{}
	if len(a.Permissions) == 0 {
		return none, badAsk("'permissions' is a required property, of at least one item, at /")
	}
	for n, p := range a.Permissions {
		if _, known := store.WirePermission(p); !known {
			return none, badAsk("%.100q is not a permission at /permissions/%d", p, n)
		}
	}
	for _, list := range []struct {
		name string
		of   []string
	}{{"permissions", a.Permissions}, {"channels", a.Channels}, {"stores", a.Stores}} {
		if err := checkList(list.name, list.of); err != nil {
			return none, err
		}
	}
	if a.Packages != nil && len(a.Packages) == 0 {
		return none, badAsk("[] is too short at /packages")
	}
	if len(a.Packages) > maxAsked {
		return none, badAsk("the list is longer than %d at /packages", maxAsked)
	}
	for n, p := range a.Packages {
		if (p.ID == "") == (p.Name == "") || len(p.ID) > maxAskedText || len(p.Name) > maxAskedText || p.ID != "" && p.Namespace != "" {
			return none, badAsk("a package has either an id or a name at /packages/%d", n)
		}
	}
	if len(a.Description) > maxDescription {
		return none, badAsk("the text is longer than %d at /description", maxDescription)
	}
	return credential.Limits{Permissions: a.Permissions, Packages: a.Packages, Channels: a.Channels, Stores: a.Stores}, nil
}

func checkList(name string, list []string) error {
	switch {
	case list != nil && len(list) == 0:
		return badAsk("[] is too short at /%s", name)
	case len(list) > maxAsked:
		return badAsk("the list is longer than %d at /%s", maxAsked, name)
	}
	for n, v := range list {
		switch {
		case strings.TrimSpace(v) == "" || len(v) > maxAskedText:
			return badAsk("%.100q is too short or too long at /%s/%d", v, name, n)
		case slices.Contains(list[:n], v):
			return badAsk("%.100q is there twice at /%s", v, name)
		}
	}
	return nil
}

// end is when a token that is made now ends.
func (a Asked) end(now time.Time, usual time.Duration) (time.Time, error) {
	switch {
	case a.TTL != nil && *a.TTL < MinTTL:
		return time.Time{}, badAsk("%d is less than the minimum of %d at /ttl", *a.TTL, MinTTL)
	case a.TTL != nil && *a.TTL > MaxTTL:
		return time.Time{}, badAsk("%d is greater than the maximum of %d at /ttl", *a.TTL, MaxTTL)
	case a.TTL != nil:
		return now.Add(time.Duration(*a.TTL) * time.Second), nil
	case a.Expires.IsZero():
		return now.Add(usual), nil
	case !a.Expires.After(now):
		return time.Time{}, badAsk("%s is in the past at /expires", a.Expires.UTC().Format(time.RFC3339))
	}
	return earlier(a.Expires.UTC(), now.Add(maxLife)).Truncate(time.Microsecond), nil
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// later is for the times of logins: where the clock of the node that ended older
// ones is ahead of this one's, a login after that must still count.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// row is what a session's row says of limits: those that its token was made
// with. The token holds them again, with what narrowed them since.
func row(l credential.Limits) store.SessionLimits {
	return store.SessionLimits{Permissions: l.Permissions, Packages: l.Packages, Channels: l.Channels, Stores: l.Stores}
}

// together is what several limits allow together, as far as words can say it:
// of two lists what is in both. It is for showing only.
func together(limits []credential.Limits) store.SessionLimits {
	var all store.SessionLimits
	for _, l := range limits {
		all.Permissions = both(all.Permissions, l.Permissions)
		all.Packages = both(all.Packages, l.Packages)
		all.Channels = both(all.Channels, l.Channels)
		all.Stores = both(all.Stores, l.Stores)
	}
	return all
}

// both is what is in two lists, of which nil has everything.
func both[T comparable](a, b []T) []T {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	list := []T{}
	for _, v := range a {
		if slices.Contains(b, v) {
			list = append(list, v)
		}
	}
	return list
}
