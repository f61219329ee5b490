package store

import (
	"net/netip"
	"strings"
)

// AddressPrefix is what counts as one address where something is counted by
// addresses: a whole /64 of IPv6, since any host has that many. What is no address
// is "unknown".
func AddressPrefix(address string) string {
	a, err := netip.ParseAddr(strings.TrimSpace(address))
	if err != nil {
		return "unknown"
	}
	a = a.Unmap().WithZone("")
	if a.Is4() {
		return a.String()
	}
	return netip.PrefixFrom(a, 64).Masked().String()
}
