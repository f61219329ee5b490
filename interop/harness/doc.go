// SPDX-License-Identifier: GPL-3.0-only

// Package harness runs a real larder for tests and gives them what a real
// installation has around it: a root authority and brands that can sign, snaps
// to push, and devices that ask.
//
// Expectations about larder live in the tests, not here; the one exception is
// how a server announces itself (see [Larder.Serve]).
package harness
