package transport

import (
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const redacted = "<redacted>"

// secretHeaders prove who asks.
var secretHeaders = []string{
	"Authorization", "Macaroons", "Cookie", "Set-Cookie",
	"Snap-Device-Authorization", "X-Device-Authorization", "Proxy-Authorization",
}

// harmlessQuery are parameters worth reading in a log; all others are replaced,
// since download and login URLs carry secrets in theirs.
var harmlessQuery = []string{
	"architecture", "fields", "page", "size", "sequence", "series", "q", "revision", "channel", "name",
	"include-collaborations", "include-craft-yaml", "include-inactive", "include_revoked", "dry_run",
	"conflict_on_update", "category", "private",
}

func logHeaders(h http.Header) slog.Value {
	attrs := make([]slog.Attr, 0, len(h))
	for name, values := range h {
		text := strings.Join(values, ", ")
		if slices.Contains(secretHeaders, name) {
			text = redacted
		}
		attrs = append(attrs, slog.String(name, text))
	}
	slices.SortFunc(attrs, func(a, b slog.Attr) int { return strings.Compare(a.Key, b.Key) })
	return slog.GroupValue(attrs...)
}

// logURL is the URL with everything replaced that may be a secret.
func logURL(u *url.URL) string {
	shown := *u
	shown.User, shown.Fragment = nil, ""
	if query := shown.Query(); len(query) > 0 {
		for name := range query {
			if !slices.Contains(harmlessQuery, name) {
				query[name] = []string{redacted}
			}
		}
		shown.RawQuery = query.Encode()
	}
	return shown.String()
}

// bareURL is the URL for error texts.
func bareURL(u *url.URL) string {
	shown := *u
	shown.User, shown.Fragment, shown.RawQuery = nil, "", ""
	return shown.String()
}

// withoutURL takes off net/http's wrapping, which repeats the URL with its
// query.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// dropSecretsOnForeignHost is how redirects are followed: at most ten, and
// neither a body nor what proves who asks goes to another host or from https to
// http. Go itself knows only some of the headers, and repeats a body (a
// password, for example) on 307 and 308.
func dropSecretsOnForeignHost(req *http.Request, via []*http.Request) error {
	if len(via) >= 10 {
		return errors.New("stopped after 10 redirects")
	}
	if !SameOrigin(req.URL, via[0].URL) {
		if req.Body != nil && req.Body != http.NoBody {
			return errors.New("refusing to send a body, which may hold a secret, to the other host of a redirect")
		}
		for _, name := range secretHeaders {
			req.Header.Del(name)
		}
	}
	return nil
}

// SameOrigin reports whether both URLs have one scheme, host and port: then, and
// only then, what is meant for one may be sent to the other.
func SameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	switch u.Scheme {
	case "https":
		return "443"
	case "http":
		return "80"
	}
	return ""
}
