// Package credential is what users' credentials look like on the wire, and the
// cryptography that makes them worth something: reading what a request
// presents, minting macaroons, verifying them, the single sign-on's discharges
// and the bakery's. It is pure: no database, no clock, no settings. What a
// credential proves here still has to agree with the rows that identity keeps
// (the session, the refreshable discharge), which is why nothing here says
// that anybody may do anything.
//
// Nothing of this package prints, logs or marshals a secret: Secret and
// Macaroon show a placeholder, whatever the verb.
package credential
