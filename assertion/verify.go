package assertion

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Lookup is what is already believed.
type Lookup interface {
	// Find returns the newest edition of an assertion, or an error that is
	// ErrNotFound.
	Find(Ref) (*Assertion, error)
	// Trusted says whether an account is a trust anchor.
	Trusted(accountID string) bool
}

// Verify says whether a may be believed at the time now: whether its signing key is
// known, belongs to its authority, is valid now and at a's timestamp and may sign
// such documents; whether the signature is good; whether the authority may say such
// things; and whether what a builds on is known. It returns nil or the first error
// found, which names the failing link: a MissingError, SignatureError,
// AuthorityError, ExpiredError or FormatError, or what in returned.
//
// What an assertion was signed with long ago must be valid now, too: that is how
// keys are withdrawn.
func Verify(a *Assertion, in Lookup, now time.Time) error {
	if a.typ.NoAuthority {
		key, err := carrierKey(a, in)
		if err != nil {
			return err
		}
		if err := a.VerifySignature(key); err != nil {
			return err
		}
		return CheckConsistency(a, in)
	}
	keyRef, _ := a.SignKeyRef()
	found, err := require(a, in, link{"signing key", keyRef})
	if err != nil {
		return err
	}
	key, err := As[AccountKey](found)
	if err != nil {
		return err
	}
	if err := CheckSignature(a, key, now); err != nil {
		return err
	}
	return CheckConsistency(a, in)
}

// VerifySignature says only whether a was signed with the key. Its error is a
// SignatureError.
func (a *Assertion) VerifySignature(key *PublicKey) error {
	if a.SignKeyID() != key.ID() {
		return &SignatureError{Ref: a.Ref(), KeyID: key.ID(), Reason: "it says that it was signed with key " + quote(a.SignKeyID())}
	}
	if err := key.VerifySignature(a.Content(), a.Signature()); err != nil {
		return &SignatureError{Ref: a.Ref(), KeyID: key.ID(), Reason: err.Error()}
	}
	return nil
}

// CheckSignature says whether a was signed with key and key may sign it now. It
// says nothing about trust in key, and nothing about what a says.
func CheckSignature(a *Assertion, key *AccountKey, now time.Time) error {
	if key.format > accountKeyType.MaxFormat {
		return &FormatError{Ref: key.ref, Format: key.format, Max: accountKeyType.MaxFormat}
	}
	if a.typ.NoAuthority {
		return &AuthorityError{Ref: a.Ref(), Reason: "this type is not signed with account keys"}
	}
	if a.AuthorityID() != key.AccountID {
		return &AuthorityError{Ref: a.Ref(), AuthorityID: a.AuthorityID(),
			Reason: fmt.Sprintf("its signing key belongs to account %q", key.AccountID)}
	}
	expired := func(at time.Time, what string) error {
		return &ExpiredError{Ref: a.Ref(), Key: key.ref, At: at, What: what, Since: key.Since, Until: key.Until}
	}
	if !key.Contains(now) {
		return expired(now, "now")
	}
	if err := a.VerifySignature(key.Key); err != nil {
		return err
	}
	if !key.Allows(a) {
		return &AuthorityError{Ref: a.Ref(), AuthorityID: a.AuthorityID(),
			Reason: "the constraints of its signing key do not let it sign this"}
	}
	if at, dated := a.timestamp(); dated && !key.Contains(at) {
		return expired(at, "its timestamp")
	}
	return nil
}

// CheckConsistency says whether the authority of a may say what a says, and whether
// what a builds on is known. It takes the signature for granted.
func CheckConsistency(a *Assertion, in Lookup) error {
	known := make(map[string]*Assertion)
	if a.typ.prerequisites != nil {
		for _, l := range a.typ.prerequisites(a) {
			found, err := require(a, in, l)
			if err != nil {
				return err
			}
			known[l.role] = found
		}
	}
	reason, err := refusal(a, in, known)
	if err != nil {
		return err
	}
	if reason != "" {
		return &AuthorityError{Ref: a.Ref(), AuthorityID: a.AuthorityID(), Reason: reason}
	}
	return nil
}

// refusal says why the authority may not sign a, or "" if it may. ByNamed is not
// here: that rule needs no other document, so nothing that breaks it is parsed.
func refusal(a *Assertion, in Lookup, known map[string]*Assertion) (string, error) {
	authority := a.AuthorityID()
	switch a.typ.Authority {
	case ByTrusted:
		if !in.Trusted(authority) {
			return "only a trust anchor may sign this, and that account is none", nil
		}
	case ByDelegate:
		return delegationRefusal(a, in, known["snap-declaration"])
	case BySerialAuthority:
		return serialRefusal(a, in)
	case ByGatingPublisher:
		gating, err := As[SnapDeclaration](known["gating snap's declaration"])
		if err != nil {
			return "", err
		}
		if authority != gating.PublisherID {
			return fmt.Sprintf("only account %q may sign this, the publisher of the gating snap", gating.PublisherID), nil
		}
	case ByPublisher:
		if publisher := a.HeaderString("publisher-id"); authority != publisher && !in.Trusted(authority) {
			return fmt.Sprintf("only its publisher %q or a trust anchor may sign this", publisher), nil
		}
	}
	return "", nil
}

// delegationRefusal applies revision-authority. Nobody can be delegated what has
// the default provenance.
func delegationRefusal(a *Assertion, in Lookup, declaration *Assertion) (string, error) {
	provenance := a.HeaderString("provenance")
	if provenance == DefaultProvenance {
		if !in.Trusted(a.AuthorityID()) {
			return "only a trust anchor may sign this, and that account is none", nil
		}
		return "", nil
	}
	d, err := As[SnapDeclaration](declaration)
	if err != nil {
		return "", err
	}
	revision := 0
	if a.typ.Name != "snap-resource-revision" {
		// Components count their own revisions, to which the bounds do not apply.
		revision, err = parseInt(a.HeaderString("snap-revision"))
		if err != nil {
			return "", fmt.Errorf("cannot verify %s: header \"snap-revision\" %w", a.Ref(), err)
		}
	}
	if !d.Delegates(a.AuthorityID(), provenance, revision) {
		return fmt.Sprintf("the revision-authority of %s does not list it for provenance %q and this revision", declaration.Ref(), provenance), nil
	}
	return "", nil
}

// serialRefusal needs the model only if the brand did not sign itself.
func serialRefusal(a *Assertion, in Lookup) (string, error) {
	brand := a.HeaderString("brand-id")
	if a.AuthorityID() == brand {
		return "", nil
	}
	found, err := require(a, in, link{"model", modelOf(a)})
	if err != nil {
		return "", err
	}
	m, err := As[Model](found)
	if err != nil {
		return "", err
	}
	if !slices.Contains(m.SerialAuthority, a.AuthorityID()) {
		return fmt.Sprintf("it is neither brand %q nor in the serial-authority of %s", brand, found.Ref()), nil
	}
	return "", nil
}

func modelOf(a *Assertion) Ref {
	return ref(modelType, series, a.HeaderString("brand-id"), a.HeaderString("model"))
}

// carrierKey finds the key of a type without authority.
func carrierKey(a *Assertion, in Lookup) (*PublicKey, error) {
	switch v := a.view.(type) {
	case *AccountKeyRequest:
		return v.Key, nil
	case *SerialRequest:
		return v.DeviceKey, nil
	}
	links := a.typ.prerequisites
	if a.typ.Authority != ByDevice || links == nil || len(links(a)) != 1 {
		return nil, &FormatError{Ref: a.Ref(), Format: a.format, Max: a.typ.MaxFormat}
	}
	found, err := require(a, in, links(a)[0])
	if err != nil {
		return nil, err
	}
	serial, err := As[Serial](found)
	if err != nil {
		return nil, err
	}
	return serial.DeviceKey, nil
}

// require finds what a needs, or says that it is missing.
func require(a *Assertion, in Lookup, l link) (*Assertion, error) {
	found, err := in.Find(l.ref)
	if errors.Is(err, ErrNotFound) {
		return nil, &MissingError{Ref: l.ref, Role: l.role, For: a.Ref()}
	}
	if err != nil {
		return nil, fmt.Errorf("cannot verify %s: %w", a.Ref(), err)
	}
	return found, nil
}
