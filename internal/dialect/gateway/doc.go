// Package gateway is what snaps and charms have in common on the publisher
// gateway, under /v1/snap and /v1/charm: names, what people read about a package,
// tracks, collaborators and their invites, each for one namespace.
//
// A dialect mounts its Routes beside its own, in its own shape of errors. Here is
// nothing that only one of them has, and no rule of the store.
package gateway
