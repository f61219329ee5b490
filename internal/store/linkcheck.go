package store

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// FieldError is a fault of one field of a request, for dialects whose errors
// name the field beside the sentence.
type FieldError struct {
	Field string
	Err   *Error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }
func (e *FieldError) Unwrap() error { return e.Err }

// listingRule bounds a field of a listing.
type listingRule struct {
	field   string
	of      func(l *Listing) string
	most    int // characters
	lines   bool
	schemes []string // of an absolute URL; nil is plain text
}

var (
	webSchemes     = []string{"https", "http"}
	contactSchemes = []string{"mailto", "https", "http"}
)

// listingRules are the limits that snapd and the public store know. Every field
// may be empty: then the newest revision's own metadata speaks.
var listingRules = []listingRule{
	{"title", func(l *Listing) string { return l.Title }, 40, false, nil},
	{"summary", func(l *Listing) string { return l.Summary }, 128, false, nil},
	{"description", func(l *Listing) string { return l.Description }, 4096, true, nil},
	{"license", func(l *Listing) string { return l.License }, 256, false, nil},
	{"contact", func(l *Listing) string { return l.Contact }, maxLink, false, contactSchemes},
	{"website", func(l *Listing) string { return l.Website }, maxLink, false, webSchemes},
	{"store-url", func(l *Listing) string { return l.StoreURL }, maxLink, false, webSchemes},
}

// Limits of links.
const (
	maxLink      = 1000 // characters
	maxLinkKinds = 20
	maxLinksEach = 20
)

// linkKind is what snapd takes as a key of links.
var linkKind = regexp.MustCompile(`^[a-zA-Z](?:-?[a-zA-Z0-9])*$`)

// licenseText is made of what SPDX expressions are made of. Whether the
// identifiers exist is nobody's business but the reader's.
var licenseText = regexp.MustCompile(`^[A-Za-z0-9.+:() -]*$`)

// CheckListing returns nil when people may be shown l, or one error that joins
// a FieldError for each field at fault, all of kind invalid and code
// invalid-field.
func CheckListing(l Listing) error {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, &FieldError{Field: field, Err: Invalidf("invalid-field", format, args...)})
	}
	for _, rule := range listingRules {
		if why := rule.problem(rule.of(&l)); why != "" {
			fault(rule.field, "%s", why)
		}
	}
	if !licenseText.MatchString(l.License) {
		fault("license", "%.60q is no SPDX expression such as Apache-2.0", l.License)
	}
	if len(l.Links) > maxLinkKinds {
		fault("links", "there are %d kinds of links, at most %d are allowed", len(l.Links), maxLinkKinds)
		return errors.Join(faults...)
	}
	for _, kind := range slices.Sorted(maps.Keys(l.Links)) {
		list := l.Links[kind]
		switch {
		case len(kind) > 40 || !linkKind.MatchString(kind):
			fault("links", "%.60q is no kind of link: use letters, digits and inner hyphens", kind)
			continue
		case len(list) > maxLinksEach:
			fault("links."+kind, "there are %d links, at most %d are allowed", len(list), maxLinksEach)
			continue
		}
		for _, link := range list {
			schemes := webSchemes
			if kind == "contact" {
				schemes = contactSchemes
			}
			if why := linkProblem(link, schemes); why != "" {
				fault("links."+kind, "%s", why)
				break
			}
		}
	}
	return errors.Join(faults...)
}

func (r *listingRule) problem(text string) string {
	switch n := utf8.RuneCountInString(text); {
	case text == "":
		return ""
	case n > r.most:
		return fmt.Sprintf("it has %d characters, at most %d are allowed", n, r.most)
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(c rune) bool { return unprintable(c, r.lines) }):
		return "it has characters that cannot be shown"
	case r.schemes != nil:
		return linkProblem(text, r.schemes)
	}
	return ""
}

// unprintable is what garbles the text around it: control characters, and
// those that turn the direction of writing.
func unprintable(c rune, lines bool) bool {
	switch {
	case lines && (c == '\n' || c == '\r' || c == '\t'):
		return false
	case c >= 0x202a && c <= 0x202e, c >= 0x2066 && c <= 0x2069, c == 0x2028, c == 0x2029:
		return true
	}
	return unicode.IsControl(c)
}

// linkProblem says why a link is none that people may be sent to, or "". Web
// links name a host and carry no password; a mailto: names an address.
func linkProblem(link string, schemes []string) string {
	bad := fmt.Sprintf("%.100q is no absolute link that begins with %s:", link, strings.Join(schemes, ": or "))
	if link == "" || utf8.RuneCountInString(link) > maxLink || strings.ContainsFunc(link, func(c rune) bool { return c <= ' ' || !unicode.IsPrint(c) }) {
		return bad
	}
	u, err := url.Parse(link)
	switch {
	case err != nil || !slices.Contains(schemes, u.Scheme):
		return bad
	case u.Scheme == "mailto":
		if ValidEmail(mailbox(u)) != nil {
			return fmt.Sprintf("%.100q names no e-mail address", link)
		}
	case u.Hostname() == "" || u.Opaque != "":
		return bad
	case u.User != nil:
		return "a link has no user name or password"
	}
	return ""
}

// mailbox is the address of a mailto: link, which may have a subject.
func mailbox(u *url.URL) string {
	address, err := url.PathUnescape(u.Opaque)
	if err != nil {
		return ""
	}
	return address
}

// NormalContact writes a contact as a link: publishers also write a bare e-mail
// address. What is neither comes back as it is, for CheckListing to refuse.
func NormalContact(contact string) string {
	if ValidEmail(contact) == nil {
		return "mailto:" + contact
	}
	return contact
}
