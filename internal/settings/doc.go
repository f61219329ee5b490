// Package settings holds what operators configure: the table of keys, what a
// value of each may be, and reading and writing them. Settings live in the
// database, shared by every node, under the keys that operators of the
// existing product know; a change takes effect without a restart. Secret ones
// lie there sealed under the secret of the data directory; those that an older
// version left in clear are read, and sealed when they are next set.
//
// Where the database and the blobs are is not a setting: that is local to a
// process.
package settings
