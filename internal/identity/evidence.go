package identity

import (
	"net"
	"net/http"
)

// Evidence is what a request shows for who sent it, as it came over the wire.
type Evidence struct {
	Authorization []string // the header's values; more than one proves nothing
	Macaroons     []string // the values of the header of that name
	Cookies       []string // the values of the header of that name
	Address       string   // of the client, without its port
	UserAgent     string
}

// EvidenceOf collects what a request shows. Address is the peer's, unless the
// server has already put a trusted proxy's word in its place.
func EvidenceOf(r *http.Request) Evidence {
	return Evidence{
		Authorization: r.Header["Authorization"],
		Macaroons:     r.Header["Macaroons"],
		Cookies:       r.Header["Cookie"],
		Address:       addressOf(r.RemoteAddr),
		UserAgent:     r.UserAgent(),
	}
}

func addressOf(remote string) string {
	if host, _, err := net.SplitHostPort(remote); err == nil {
		return host
	}
	return remote
}

// The codes of what is wrong with credentials.
const (
	// CodeNoCredentials: the request shows none, or none that prove anything.
	CodeNoCredentials = "macaroon-authorization-required"
	// CodeNeedsRefresh: the discharge of a pair has expired; refreshing it helps.
	CodeNeedsRefresh = "macaroon-needs-refresh"
)
