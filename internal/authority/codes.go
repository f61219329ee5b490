package authority

// The codes of this room's errors.
const (
	codeInvalid       = "invalid-assertion"        // does not parse, or breaks a rule of its type
	codeTooLarge      = "assertion-too-large"      //
	codeNotFound      = "not-found"                // devices know this word
	codeMissing       = "missing-assertion"        // something it chains to is not known
	codeUntrusted     = "untrusted-authority"      // signed well, by an account that may not say this
	codeBadSignature  = "bad-signature"            //
	codeExpired       = "signing-key-expired"      //
	codeClash         = "predefined-assertion"     // would replace a trust anchor or what devices predefine
	codeRevisionClash = "assertion-conflict"       // same revision, other bytes
	codeNoAnchor      = "no-trust-anchor"          // a file without a self-signed root pair
	codeAnchorInUse   = "trust-anchor-in-use"      //
	codeNoKey         = "no-signing-key"           // larder holds no key to sign this with
	codeWeakKey       = "weak-signing-key"         //
	codeInvalidKey    = "invalid-signing-key"      //
	codeNoAuthority   = "no-authority"             // the store has no root of its own
	codeHasAuthority  = "authority-exists"         // it has another already
	codeUndelegated   = "revision-not-delegated"   // the declaration's revision-authority does not list us
	codeKeyNotInFiles = "signing-key-not-in-files" // init: no account-key for the signing key
)
