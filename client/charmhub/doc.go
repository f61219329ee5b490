// Package charmhub is the client of Charmhub: what juju asks and what charm
// publishers do. It imports nothing of internal/.
package charmhub
