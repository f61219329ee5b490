// Package assertion parses, encodes, verifies and signs the signed documents
// that snap devices trust: assertions.
//
// It is a public library: nothing in it knows the server. What a type of
// assertion is (its primary key, its optional keys and their defaults, whether it
// forms sequences, who may sign it, what must be known first) is one row of one
// table. Bytes are kept as they were received, headers this package has never
// heard of included.
//
// # Reading
//
// [Parse] reads one assertion, [Decoder] a stream of them. Both accept what they
// can hold and pass on faithfully, which is more than what they understand: an
// assertion whose format is newer than the table knows is kept whole and can be
// verified and relayed, but [Assertion.Supported] is false and its type's own
// headers are not vouched for. A type that is not in the table is refused with
// [ErrUnknownType], because without its primary key it can neither be stored nor
// found.
//
// Parsing says nothing about trust.
//
// # Trusting
//
// [Verify] answers whether an assertion may be believed, given what is already
// known ([Lookup]); [Memory] is a lookup that holds a handful of assertions and
// lets in only what verifies. What fails names the link that is missing or wrong:
// [MissingError], [SignatureError], [AuthorityError], [ExpiredError].
//
// # Signing
//
// [Sign] writes the canonical form and signs it through a [Signer], which may be
// a key in memory ([GenerateKey], [ParsePrivateKeys]) or anything else that
// implements [crypto.Signer] over RSA, such as a token ([NewSigner]).
//
// The package must not import anything outside the standard library, do I/O of
// its own, or keep global state.
package assertion
