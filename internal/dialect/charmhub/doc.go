// Package charmhub speaks Charmhub's API: to juju (/v2/charms and the downloads
// under /api/v1), which deploys and refreshes charms, and to publishers
// (/v1/charm), who upload and release them.
//
// It translates between JSON and the use cases of the catalog, and holds no rule
// of the store. What snaps and charms have in common on the publisher's side is
// in package gateway.
package charmhub
