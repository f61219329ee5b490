// SPDX-License-Identifier: GPL-3.0-only

// Package interop holds tests that drive larder with the code real clients
// run. It has no API; what the tests share is in package harness.
//
// Only here may code under the GPL, AGPL or LGPL be imported.
package interop
