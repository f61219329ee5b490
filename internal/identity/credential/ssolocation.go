package credential

import (
	"net"
	"slices"
	"strings"
)

// U1Location is the location that snapd looks for in a root, whatever single
// sign-on it is told to use.
const U1Location = "login.ubuntu.com"

// SSOHosts says under which names the single sign-on is reached.
type SSOHosts struct {
	// Netloc is the host, with its port where that is not the scheme's, of the
	// URL that clients are configured with.
	Netloc string
	// Aliases are the hosts of the public dashboard that resolve to this
	// server; whoever comes by one of them expects the public names.
	Aliases []string
	// Fixed, where set, is the location for everybody.
	Fixed string
}

// Location chooses the location of the single sign-on's caveat and discharges
// for the client of a request. Each client picks its caveat by another text;
// no signature covers it.
func (s SSOHosts) Location(userAgent, host string) string {
	switch {
	case s.Fixed != "":
		return s.Fixed
	case strings.HasPrefix(userAgent, "snapd/"), s.isAlias(host):
		return U1Location
	}
	return s.Netloc
}

func (s SSOHosts) isAlias(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return slices.ContainsFunc(s.Aliases, func(alias string) bool { return strings.EqualFold(alias, host) })
}
