// Package store is the domain: the types of the glossary and the pure rules over
// them. Which revision does this device get, what does this channel point at
// today, may this principal do that: each is one function here with a table test.
//
// It imports only the standard library, does no I/O, reads no clock (the time is
// an argument) and knows neither HTTP, SQL nor assertions.
package store
