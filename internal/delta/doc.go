// Package delta makes binary deltas between the revisions that devices go
// between, so that they download less: in the background, one at a time in the
// whole store, with a program from outside under limits. Everything works
// without deltas, so nothing waits for one and nothing fails for want of one.
//
// Which deltas are wanted and worth it is decided in store; who is offered one,
// in catalog and the dialects.
package delta
