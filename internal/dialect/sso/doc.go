// Package sso is the wire APIs with which people's clients get, renew and give
// up what proves who they are: the single sign-on's discharges, the dashboard's
// and the publisher gateway's tokens. What the tokens are is identity's; here
// are the three families' words, shapes and errors.
package sso
