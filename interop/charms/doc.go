// SPDX-License-Identifier: GPL-3.0-only

// Package charms holds larder's reading of charms and bundles against juju's own Go
// reader. It has no API.
package charms
