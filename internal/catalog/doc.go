// Package catalog holds the use cases on packages: register, upload, review,
// release, override and query, and the read snapshots that device traffic is
// answered from.
//
// Every use case begins with the permission it needs. Sources of packages (the
// local database, an upstream store, overrides on top of either) compose here. It
// knows no HTTP and no JSON of any dialect.
package catalog
