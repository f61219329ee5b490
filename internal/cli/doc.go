// Package cli is the command line: it parses flags, opens the store through the
// same code as the server, calls one use case and prints the answer as text or
// JSON.
package cli
