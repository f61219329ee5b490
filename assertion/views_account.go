package assertion

import (
	"regexp"
	"time"
)

// Account is a publisher, brand or operator.
type Account struct {
	AccountID   string
	Username    string // may be empty
	DisplayName string
	Validation  string // "unproven", "starred" or "verified"; what a newer store may say is passed on
	Timestamp   time.Time
}

func readAccount(a *Assertion, h *fields) (any, error) {
	v := &Account{
		AccountID:   a.key[0],
		DisplayName: h.text("display-name"),
		Validation:  h.text("validation"),
		Timestamp:   h.date("timestamp"),
		Username:    h.textOr("username", ""),
	}
	// Root accounts of 2016 carry the old word.
	if v.Validation == "certified" {
		v.Validation = "verified"
	}
	return v, h.err
}

// Validity is a span of time. It includes its start and not its end.
type Validity struct {
	Since time.Time
	Until time.Time // zero: no end
}

// Contains says whether t lies within.
func (v Validity) Contains(t time.Time) bool {
	return !t.Before(v.Since) && (v.Until.IsZero() || t.Before(v.Until))
}

func (f *fields) validity() Validity {
	v := Validity{Since: f.date("since"), Until: f.dateOr("until")}
	if f.err == nil && !v.Until.IsZero() && v.Until.Before(v.Since) {
		f.fail("until", "must not be before since")
	}
	return v
}

// AccountKey says that a public key belongs to an account.
type AccountKey struct {
	Validity
	AccountID string
	Name      string // empty in old documents
	Key       *PublicKey

	ref         Ref
	format      int
	constraints []matcher // empty: may sign anything
}

// Allows says whether the key's constraints let it sign a. A key without
// constraints may sign anything its account may.
func (k *AccountKey) Allows(a *Assertion) bool {
	if len(k.constraints) == 0 {
		return true
	}
	for _, c := range k.constraints {
		if c.matches(a.headers) {
			return true
		}
	}
	return false
}

func readAccountKey(a *Assertion, h *fields) (any, error) {
	v := &AccountKey{
		AccountID: h.text("account-id"),
		Name:      h.matchingOr("name", keyNamePattern, ""),
		Validity:  h.validity(),
		Key:       carriedKey(a, h),
		ref:       a.Ref(),
		format:    a.format,
	}
	if h.has("constraints") {
		v.constraints = readConstraints(a, h)
	}
	return v, h.err
}

// readConstraints compiles what a key is limited to. Before format 1 the header
// meant nothing, and a key that carries it all the same must not be taken for an
// unlimited one.
func readConstraints(a *Assertion, h *fields) []matcher {
	if a.format < 1 {
		h.fail("constraints", "needs format 1")
	}
	var constraints []matcher
	compiler := new(constraintCompiler)
	h.each("constraints", func(f *fields) {
		f.mandatory("headers")
		headers := f.mapping("headers")
		t := &fields{values: headers, where: f.where + " headers", err: f.err}
		name := t.text("type")
		if t.err == nil && name != regexp.QuoteMeta(name) {
			t.fail("type", "must be a name and not a pattern: %s", quote(name))
		}
		f.err = t.err
		if f.err != nil {
			return
		}
		m, err := compiler.compileMap(headers, "")
		if err != nil {
			f.fail("headers", "%w", err)
			return
		}
		constraints = append(constraints, m)
	})
	if h.err == nil && len(constraints) == 0 {
		h.fail("constraints", "must not be empty")
	}
	return constraints
}

func accountKeyFormat(headers map[string]any) int {
	if _, ok := headers["constraints"]; ok {
		return 1
	}
	return 0
}

// AccountKeyRequest proves that who asks for an account-key holds the private key.
type AccountKeyRequest struct {
	Validity
	AccountID string
	Name      string
	Key       *PublicKey
}

func readAccountKeyRequest(a *Assertion, h *fields) (any, error) {
	v := &AccountKeyRequest{
		AccountID: h.text("account-id"),
		Name:      h.matching("name", keyNamePattern),
		Validity:  h.validity(),
		Key:       carriedKey(a, h),
	}
	if h.err == nil && v.Key.ID() != a.SignKeyID() {
		h.reject("not signed with the key it carries")
	}
	return v, h.err
}

// carriedKey reads the key in the body, which the primary key must name.
func carriedKey(a *Assertion, h *fields) *PublicKey {
	if h.err != nil {
		return nil
	}
	key, err := ParsePublicKey(a.Body())
	if err != nil {
		h.reject("body must be a public key: %w", err)
		return nil
	}
	if key.ID() != a.key[0] {
		h.reject("body holds the key %s and not %s as the headers say", key.ID(), quote(a.key[0]))
	}
	return key
}
