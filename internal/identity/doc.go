// Package identity turns whatever a dialect was given (basic auth, a macaroon, a
// device session, an API token) into one store.Principal, and owns accounts,
// credentials and logins.
package identity
