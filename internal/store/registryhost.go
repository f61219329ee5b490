package store

import (
	"regexp"
	"strings"
)

var wholeRegistryHost = regexp.MustCompile(`\A` + registryHost + `\z`)

// ValidRegistryHost reports whether the name of an image may begin with host. A
// word without a dot or a port is taken for a part of a repository's name, unless
// it is localhost or has a capital letter.
func ValidRegistryHost(host string) bool {
	return len(host) <= maxRepository && wholeRegistryHost.MatchString(host) && !looksLikePath(host)
}

func looksLikePath(host string) bool {
	return host != "localhost" && !strings.ContainsAny(host, ".:") && host == strings.ToLower(host)
}

// RegistryHost is the host of a URL's scheme and host as the name of an image
// must begin: with the port also where it is the usual one, if the host would be
// taken for something else without.
func RegistryHost(scheme, host string) string {
	switch {
	case !looksLikePath(host):
		return host
	case scheme == "https":
		return host + ":443"
	}
	return host + ":80"
}
