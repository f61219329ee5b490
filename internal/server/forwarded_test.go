package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestOnlyATrustedProxySaysWhoAsks(t *testing.T) {
	var seen string
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("2001:db8::/64")}
	s := New(Options{
		Logger:         discard(),
		TrustedProxies: func(context.Context) ([]netip.Prefix, error) { return trusted, nil },
		Mounts:         at("/v2/snaps", func(_ http.ResponseWriter, r *http.Request) { seen = r.RemoteAddr }),
	})
	for _, c := range []struct {
		name, peer string
		said       []string
		want       string
	}{
		{"a proxy's word", "10.0.0.1:5", []string{"192.0.2.7"}, "192.0.2.7:0"},
		{"a proxy's word, by IPv6", "[2001:db8::1]:5", []string{"2001:db8:1::7"}, "[2001:db8:1::7]:0"},
		{"a stranger's word", "192.0.2.9:5", []string{"192.0.2.7"}, "192.0.2.9:5"},
		{"no word", "10.0.0.1:5", nil, "10.0.0.1:5"},
		{"what the client has written itself", "10.0.0.1:5", []string{"198.51.100.1, 192.0.2.7"}, "192.0.2.7:0"},
		{"in a header of its own", "10.0.0.1:5", []string{"198.51.100.1", "192.0.2.7"}, "192.0.2.7:0"},
		{"through two proxies", "10.0.0.1:5", []string{"198.51.100.1, 192.0.2.7, 10.0.0.2"}, "192.0.2.7:0"},
		{"a client that is a proxy", "10.0.0.1:5", []string{"10.0.0.9"}, "10.0.0.9:0"},
		{"nonsense", "10.0.0.1:5", []string{"192.0.2.7, unknown"}, "10.0.0.1:5"},
		{"nonsense behind a proxy", "10.0.0.1:5", []string{"nonsense, 10.0.0.2"}, "10.0.0.2:0"},
		{"IPv4 written as IPv6", "[::ffff:10.0.0.1]:5", []string{"::ffff:192.0.2.7"}, "192.0.2.7:0"},
	} {
		r := httptest.NewRequest("GET", "/v2/snaps/find", nil)
		r.RemoteAddr = c.peer
		r.Header["X-Forwarded-For"] = c.said
		s.ServeHTTP(httptest.NewRecorder(), r)
		if seen != c.want {
			t.Errorf("%s: %s, want %s", c.name, seen, c.want)
		}
		if r.RemoteAddr != c.peer {
			t.Errorf("%s: the request itself was changed", c.name)
		}
	}
}
