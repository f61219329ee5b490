package authority

import (
	"bytes"
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/store"
)

// Sign says something as an authority whose key larder holds, once, and keeps
// it. Saying the same again returns what is kept; saying something else about
// the same makes the next revision. The time of signing is not part of what
// is said.
//
// The headers name the type and its primary key. Where they leave it out,
// authority-id is the brand or account that the type is signed by, or else
// this store's own; timestamp is now; revision and format are always filled
// in. It reports whether something new was signed. Without a key for the
// authority it fails with code no-signing-key.
func (a *Authority) Sign(shelf Shelf, headers map[string]any, body []byte) (signed *assertion.Assertion, fresh bool, err error) {
	k, err := newKnown(shelf)
	if err != nil {
		return nil, false, err
	}
	return a.sign(k, headers, body)
}

func (a *Authority) sign(k *known, headers map[string]any, body []byte) (*assertion.Assertion, bool, error) {
	d, err := a.draft(k.shelf, headers, body)
	if err != nil {
		return nil, false, err
	}
	if k.fixed[d.ref.String()] != nil {
		return nil, false, store.Conflictf(codeClash, "cannot sign %s: it would take the place of a trust anchor's or a predefined document", short(d.ref))
	}
	kept, err := held(k.shelf, d.ref, AnyFormat)
	if err != nil {
		return nil, false, err
	}
	if kept != nil && d.saysWhat(kept) {
		return kept, false, nil
	}
	if kept != nil && kept.AuthorityID() != d.authority {
		return nil, false, store.Conflictf(codeRevisionClash, "cannot sign %s as account %s: account %s has signed one that is held",
			short(d.ref), d.authority, kept.AuthorityID())
	}
	if kept != nil {
		d.headers["revision"] = strconv.Itoa(kept.Revision() + 1)
	}
	if _, ok := d.headers["timestamp"]; !ok && hasTimestamp(d.ref.Type) {
		d.headers["timestamp"] = timestamp(k.shelf.Now())
	}
	signed, err := a.signWith(k, d)
	if err != nil {
		return nil, false, err
	}
	r := row(signed)
	if _, err := k.shelf.PutAssertion(r); err != nil {
		return nil, false, fmt.Errorf("cannot keep %s: %w", short(d.ref), err)
	}
	recordAdded(k.shelf, r)
	k.accept(signed)
	return signed, true, nil
}

// draft is something to say that is not signed yet.
type draft struct {
	ref       assertion.Ref
	authority string
	headers   map[string]any
	body      []byte
}

func (a *Authority) draft(shelf Shelf, headers map[string]any, body []byte) (*draft, error) {
	d := &draft{headers: normal(headers), body: body}
	name, _ := headers["type"].(string)
	typ := assertion.TypeByName(name)
	if typ == nil {
		return nil, store.Invalidf(codeInvalid, "cannot sign a %.100q: there is no such type", name)
	}
	if typ.NoAuthority {
		return nil, store.Invalidf(codeInvalid, "cannot sign a %s: devices sign those", name)
	}
	var key []string
	for _, member := range typ.Key {
		value, ok := headers[member.Name].(string)
		if !ok && member.Default != "" {
			value = member.Default
		}
		d.headers[member.Name] = value
		key = append(key, value)
	}
	var err error
	if d.ref, err = assertion.NewRef(name, key...); err != nil {
		return nil, store.Invalidf(codeInvalid, "cannot sign this %s", name).Because(err)
	}
	switch id, _ := headers["authority-id"].(string); {
	case id != "":
		d.authority = id
	case typ.Authority == assertion.ByNamed:
		d.authority, _ = headers[typ.Signer].(string)
	case typ.Authority == assertion.BySerialAuthority, typ.Name == "system-user", typ.Name == "preseed":
		d.authority, _ = headers["brand-id"].(string)
	default:
		if d.authority, err = a.Own(shelf); err != nil {
			return nil, err
		}
	}
	d.headers["authority-id"] = d.authority
	return d, nil
}

// unsaid are the headers that do not belong to what is said.
var unsaid = []string{"format", "revision", "timestamp", "body-length", "sign-key-sha3-384"}

// saysWhat reports whether d says just what kept says.
func (d *draft) saysWhat(kept *assertion.Assertion) bool {
	have, want := kept.Headers(), normal(d.headers)
	for _, name := range unsaid {
		delete(have, name)
		delete(want, name)
	}
	return bytes.Equal(kept.Body(), d.body) && reflect.DeepEqual(normal(have), want)
}

// normal copies headers in the one form in which they are read back: lists
// are []any, and nothing is empty but strings.
func normal(headers map[string]any) map[string]any {
	m := make(map[string]any, len(headers))
	for name, value := range headers {
		if v := normalValue(value); v != nil {
			m[name] = v
		}
	}
	return m
}

func normalValue(value any) any {
	switch v := value.(type) {
	case []string:
		list := make([]any, len(v))
		for i, s := range v {
			list[i] = s
		}
		return normalValue(list)
	case []any:
		list := make([]any, 0, len(v))
		for _, elem := range v {
			list = append(list, normalValue(elem))
		}
		if len(list) == 0 {
			return nil
		}
		return list
	case map[string]any:
		m := normal(v)
		if len(m) == 0 {
			return nil
		}
		return m
	}
	return value
}

// hasTimestamp says whether a type tells when it was signed.
func hasTimestamp(typ *assertion.Type) bool {
	switch typ.Name {
	case "account-key", "cluster", "hardware-identity", "snap-developer", "system-user":
		return false
	}
	return true
}

// signWith signs d with the first key that may sign it.
func (a *Authority) signWith(k *known, d *draft) (*assertion.Assertion, error) {
	rows, err := a.signingKeys(k, d)
	if err != nil {
		return nil, err
	}
	var refusal error
	for _, r := range rows {
		signer, err := a.keys.signer(r)
		if err != nil {
			return nil, err
		}
		signed, err := assertion.Sign(d.headers, d.body, signer)
		if err != nil {
			return nil, store.Invalidf(codeInvalid, "cannot sign this %s", short(d.ref)).Because(err)
		}
		err = refused("sign", signed, assertion.Verify(signed, k, k.shelf.Now()))
		if err == nil {
			return signed, nil
		}
		if refusal == nil {
			refusal = err
		}
	}
	return nil, refusal
}

// signingKeys lists the keys that larder holds of d's authority, best first:
// a key that another certifies before a root's own, the newest first.
func (a *Authority) signingKeys(k *known, d *draft) ([]store.SigningKey, error) {
	all, err := k.shelf.SigningKeys()
	if err != nil {
		return nil, fmt.Errorf("cannot read the signing keys: %w", err)
	}
	type candidate struct {
		row   store.SigningKey
		class int
	}
	var list []candidate
	for _, r := range all {
		if r.AccountID != d.authority || len(r.Uses) > 0 && !slices.Contains(r.Uses, d.ref.Type.Name) {
			continue
		}
		list = append(list, candidate{row: r, class: k.classOf(r.KeyID)})
	}
	if len(list) == 0 {
		return nil, store.Forbiddenf(codeNoKey, "cannot sign %s: larder holds no key of account %s", short(d.ref), d.authority).
			Try("import that account's signing key")
	}
	slices.SortStableFunc(list, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.class, b.class), b.row.CreatedAt.Compare(a.row.CreatedAt), cmp.Compare(a.row.KeyID, b.row.KeyID))
	})
	rows := make([]store.SigningKey, len(list))
	for i, c := range list {
		rows[i] = c.row
	}
	return rows, nil
}

// classOf ranks a key for signing; keys that cannot sign now come last, so
// that the error about them is met only where there is no better one.
func (k *known) classOf(keyID string) int {
	ref, err := assertion.NewRef("account-key", keyID)
	if err != nil {
		return 3
	}
	found, err := k.Find(ref)
	if err != nil {
		return 3
	}
	view, err := assertion.As[assertion.AccountKey](found)
	switch {
	case err != nil || !view.Contains(k.shelf.Now()):
		return 2
	case found.SignKeyID() == keyID:
		return 1
	}
	return 0
}
