// Package authority holds what larder knows and signs: the trust anchors, the
// stored assertions, and the keys it can sign with.
//
// Nothing enters the stored assertions that does not chain to an anchor. What
// larder signs is signed once and stored, never per request. Packages, releases
// and blobs are not its business.
package authority
