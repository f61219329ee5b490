// Package candid is the identity service that clients of the bakery's protocol
// know: it discharges the third-party caveats of this store's macaroons for
// those who log in, in a browser, with a form or with an agent's key. Its pages
// are also where people choose a password and set up a second factor.
//
// It sets no cookie that would log anybody in again: what a page needs for the
// next one lies sealed in the page.
package candid
