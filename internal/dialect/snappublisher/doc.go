// Package snappublisher is the API that publishers of snaps speak: the
// dashboard's (/dev/api, /api/v2), the publisher gateway's for snaps (/v1/snap),
// and the upload store's (/unscanned-upload/). Its clients are snapcraft,
// craft-store, surl, and web back ends.
//
// It translates between JSON and use cases and holds no rule of the store.
package snappublisher
