// Package testservice starts the real services that tests talk to: PostgreSQL
// and an S3 server, on free ports, one of each per test process, shared by its
// tests and gone with it. A test gets a database or bucket of its own.
//
// A service that is not installed fails the test with a sentence that says how
// to get it; no test is skipped.
//
// Only tests import it.
package testservice
