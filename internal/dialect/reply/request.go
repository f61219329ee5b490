package reply

import (
	"net/http"
	"strings"
)

// RequestBase is the URL, without a path, by which a client says that it reaches
// the store: what dialects hand out where nobody tells them the store's own.
func RequestBase(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// WithoutFinalSlash is the request as a route table knows it, for clients that are
// of two minds about final slashes: a redirect would lose a body.
func WithoutFinalSlash(r *http.Request) *http.Request {
	if !strings.HasSuffix(r.URL.Path, "/") || r.URL.Path == "/" {
		return r
	}
	cut := *r
	url := *r.URL
	url.Path = strings.TrimSuffix(url.Path, "/")
	url.RawPath = strings.TrimSuffix(url.RawPath, "/")
	cut.URL = &url
	return &cut
}
