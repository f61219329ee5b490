package charmhub

import "testing"

// TestGoldenConsumers holds what juju and the web site ask for to what they get.
func TestGoldenConsumers(t *testing.T) {
	s := newShop(t)
	for _, name := range []string{
		"juju-info", "juju-info-bundle", "juju-info-unknown", "site-info", "juju-find", "site-find",
		"juju-install", "juju-install-unknown-base", "juju-refresh", "juju-resource", "juju-metrics",
		"juju-refresh-errors", "juju-refresh-key-twice",
	} {
		s.golden(t, name)
	}
}
