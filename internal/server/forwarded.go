package server

import (
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// headerForwardedFor lists whom a request has come by, the nearest last. What a
// client itself has written stands before what proxies have added.
const headerForwardedFor = "X-Forwarded-For"

// maxForwarded bounds how many entries of the header are looked at.
const maxForwarded = 20

// believe puts the address of the client into r, where a trusted proxy has passed
// the request on: the nearest that is no trusted proxy's. Anybody else's word
// counts for nothing. r is the server's own copy.
func (s *Server) believe(r *http.Request) {
	said := r.Header[headerForwardedFor]
	if len(said) == 0 || s.options.TrustedProxies == nil {
		return
	}
	trusted, err := s.options.TrustedProxies(r.Context())
	if err != nil {
		s.options.Logger.LogAttrs(r.Context(), slog.LevelError, "cannot read which proxies are trusted", slog.Any("error", err))
		return
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !isIn(trusted, peer.Addr()) {
		return
	}
	hops := strings.Split(strings.Join(said, ","), ",")
	client := netip.Addr{}
	for n, hop := range slices.Backward(hops) {
		if n < len(hops)-maxForwarded {
			break
		}
		address, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(hop), "[]"))
		if err != nil {
			break
		}
		client = address
		if !isIn(trusted, address) {
			break
		}
	}
	if client.IsValid() {
		r.RemoteAddr = net.JoinHostPort(client.Unmap().WithZone("").String(), "0")
	}
}

func isIn(networks []netip.Prefix, address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(address) })
}
