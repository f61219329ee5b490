// Package auth holds what every store client needs to log in: credentials, where
// they are kept, and macaroon discharges. It imports nothing of internal/.
package auth
