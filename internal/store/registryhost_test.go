package store

import (
	"strings"
	"testing"
)

func TestHostsOfRegistries(t *testing.T) {
	digest := "sha256:" + strings.Repeat("a", 64)
	for host, valid := range map[string]bool{
		"store.example": true, "store.example:5000": true, "localhost": true, "localhost:8000": true, "larder:80": true, "Larder": true,
		"192.0.2.1": true, "[2001:db8::1]": true, "[2001:db8::1]:5000": true, "a-b.example": true,
		"larder": false, "": false, "under_score.example": false, "2001:db8::1": false, "store.example/path": false,
		"https://store.example": false, "store.example:": false, "-a.example": false, "a..b": false, "a b": false, "store.example\n": false,
		strings.Repeat("a", 300) + ".example": false,
	} {
		if ValidRegistryHost(host) != valid {
			t.Errorf("%q is valid: %t", host, !valid)
		}
		if !valid {
			continue
		}
		d, err := ParseImageDocument(BuildImageDocument(host, "charm/key/server", digest, "", ""))
		if err != nil || d.Host != host || d.Repository != "charm/key/server" {
			t.Errorf("%q is read as %+v, %v", host, d, err)
		}
	}
	for _, c := range []struct{ scheme, host, want string }{
		{"https", "store.example", "store.example"}, {"http", "store.example:8000", "store.example:8000"},
		{"https", "larder", "larder:443"}, {"http", "larder", "larder:80"}, {"http", "localhost", "localhost"},
		{"http", "larder:8000", "larder:8000"},
	} {
		if got := RegistryHost(c.scheme, c.host); got != c.want || !ValidRegistryHost(got) {
			t.Errorf("%s://%s has the registry %q, want %q", c.scheme, c.host, got, c.want)
		}
	}
}
