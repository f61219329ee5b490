// Package reply is the JSON and the errors that all dialects have in common:
// exact content types, bounded request bodies, the body of an error in the
// shape of each API family, and a route table that answers in that shape.
//
// It knows HTTP, JSON and the domain's error kinds. It holds nothing that only
// one dialect needs, and no rule of the store.
package reply
