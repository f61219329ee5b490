// Command bench sets larder beside its peers and its limits: a bare Go handler
// that moves the same bytes, nginx with the same file, SHA3-384 over the same
// snap. It prints one table; README.md says how to read it.
//
// Every figure is a ratio of two things measured in one run on one machine,
// turn and turn about, so that a slow or noisy machine changes both. The
// server under test is the real program in a process of its own, on one
// processor; what asks it runs on another.
package main
