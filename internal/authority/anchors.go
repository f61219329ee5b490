package authority

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/store"
)

// Anchor is a root account and key that is trusted, or, for the built-in one,
// could be.
type Anchor struct {
	AccountID   string    `json:"account-id"`
	KeyID       string    `json:"key-id"`
	DisplayName string    `json:"display-name"`
	Origin      string    `json:"origin"` // a file's name, or one of the Origin constants
	Off         bool      `json:"off,omitempty"`
	AddedAt     time.Time `json:"added-at,omitzero"` // zero for the built-in
	AddedBy     string    `json:"added-by,omitempty"`
}

// Anchors lists what is trusted, the built-in anchor first, even when it is
// switched off.
func (a *Authority) Anchors(shelf Shelf) ([]Anchor, error) {
	rows, err := shelf.TrustAnchors()
	if err != nil {
		return nil, fmt.Errorf("cannot read the trust anchors: %w", err)
	}
	own := builtInPair()
	list := []Anchor{{
		AccountID: own.accountID(), KeyID: own.keyID(), DisplayName: own.account.HeaderString("display-name"),
		Origin: OriginBuiltIn, Off: switchedOff(rows),
	}}
	for _, r := range rows {
		if r.Origin == originOff {
			continue
		}
		docs, err := ParseStream(r.Documents, maxStream)
		if err != nil {
			return nil, fmt.Errorf("cannot read the trust anchor %s: %w", r.AccountID, err)
		}
		anchor := Anchor{AccountID: r.AccountID, KeyID: r.KeyID, Origin: r.Origin, AddedAt: r.AddedAt, AddedBy: r.AddedBy}
		for _, d := range docs {
			if d.Type().Name == "account" {
				anchor.DisplayName = d.HeaderString("display-name")
			}
		}
		list = append(list, anchor)
	}
	return list, nil
}

// AnchorDocuments returns the accounts and account-keys of the anchors, in no
// order. No stored assertion takes the place of one of them.
func (a *Authority) AnchorDocuments(shelf Shelf) ([]*assertion.Assertion, error) {
	t, err := loadTrust(shelf)
	if err != nil {
		return nil, err
	}
	var docs []*assertion.Assertion
	for _, d := range t.fixed {
		if t.accounts[d.HeaderString("account-id")] { // the others are what devices predefine
			docs = append(docs, d)
		}
	}
	return docs, nil
}

// Own returns the account that this store signs as by default. It fails with
// kind not-found, code no-authority, when the store has no root of its own.
func (a *Authority) Own(shelf Shelf) (accountID string, err error) {
	rows, err := shelf.TrustAnchors()
	if err != nil {
		return "", fmt.Errorf("cannot read the trust anchors: %w", err)
	}
	for _, r := range rows {
		if r.Origin == OriginOwn {
			return r.AccountID, nil
		}
	}
	return "", store.NotFoundf(codeNoAuthority, "this store has no root of its own to sign with").
		Try("make or import one with larder init")
}

// rootPair is an account and its key that are signed with that key: nothing
// but a person's decision makes it trustworthy.
type rootPair struct{ account, key *assertion.Assertion }

func (p rootPair) accountID() string { return p.key.HeaderString("account-id") }
func (p rootPair) keyID() string     { return p.key.Ref().Key[0] }

func (p rootPair) documents() []byte {
	return Encode([]*assertion.Assertion{p.account, p.key})
}

func builtInPair() rootPair {
	pairs, _, err := rootPairs(builtIn().anchor, time.Time{})
	if err != nil || len(pairs) != 1 {
		panic(fmt.Sprintf("the built-in anchor is %d root pairs: %v", len(pairs), err))
	}
	return pairs[0]
}

// rootPairs finds the self-signed pairs among documents, and the rest. Their
// signatures are checked, and at a time other than zero that the keys are
// valid then.
func rootPairs(docs []*assertion.Assertion, at time.Time) (pairs []rootPair, rest []*assertion.Assertion, err error) {
	used := make(map[*assertion.Assertion]bool)
	for _, d := range docs {
		if d.Type().Name != "account-key" || d.SignKeyID() != d.Ref().Key[0] {
			continue
		}
		key, err := assertion.As[assertion.AccountKey](d)
		if err != nil {
			return nil, nil, refused("trust", d, err)
		}
		when := at
		if at.IsZero() {
			when = key.Since
		}
		if err := assertion.CheckSignature(d, key, when); err != nil {
			return nil, nil, refused("trust", d, err)
		}
		i := slices.IndexFunc(docs, func(acc *assertion.Assertion) bool {
			return acc.Type().Name == "account" && acc.Ref().Key[0] == key.AccountID && acc.SignKeyID() == d.Ref().Key[0]
		})
		if i < 0 {
			return nil, nil, store.Invalidf(codeNoAnchor, "cannot trust %s: account %s, signed with that key, is not in the files",
				short(d.Ref()), key.AccountID).Try("name the file with the root's account assertion, too")
		}
		if err := assertion.CheckSignature(docs[i], key, when); err != nil {
			return nil, nil, refused("trust", docs[i], err)
		}
		used[d], used[docs[i]] = true, true
		pairs = append(pairs, rootPair{account: docs[i], key: d})
	}
	for _, d := range docs {
		if !used[d] {
			rest = append(rest, d)
		}
	}
	return pairs, rest, nil
}

// Documents are encoded assertions and where they come from.
type Documents struct {
	Origin string // a file's name
	Text   []byte
}

// AddAnchor trusts the self-signed pairs of account and account-key in
// documents; what else the stream holds is added as Add does, under the new
// trust. Origin says where the documents come from, actor who wants it. The
// built-in anchor's own documents switch it on again.
func (a *Authority) AddAnchor(shelf Shelf, documents []byte, origin, actor string) ([]Anchor, Added, error) {
	return a.AddAnchors(shelf, []Documents{{origin, documents}}, actor)
}

// AddAnchors is AddAnchor for several files that belong together: a root's
// account may be in one and its account-key in another.
func (a *Authority) AddAnchors(shelf Shelf, files []Documents, actor string) ([]Anchor, Added, error) {
	docs, origins, err := readAll(files)
	if err != nil {
		return nil, Added{}, err
	}
	pairs, rest, err := rootPairs(docs, shelf.Now())
	if err != nil {
		return nil, Added{}, err
	}
	if len(pairs) == 0 {
		return nil, Added{}, store.Invalidf(codeNoAnchor, "cannot trust this: it holds no account-key that is signed with itself").
			Try("a root is an account and an account-key, both signed with that key")
	}
	var anchors []Anchor
	for _, p := range pairs {
		origin := origins[p.account]
		if other := origins[p.key]; other != origin {
			origin += ", " + other
		}
		if err := a.putAnchor(shelf, p, origin, actor); err != nil {
			return nil, Added{}, err
		}
		anchors = append(anchors, Anchor{AccountID: p.accountID(), KeyID: p.keyID(),
			DisplayName: p.account.HeaderString("display-name"), Origin: origin, AddedAt: shelf.Now(), AddedBy: actor})
	}
	added, err := a.Add(shelf, rest)
	return anchors, added, err
}

// readAll reads files, each document once, and remembers which file each came
// from.
func readAll(files []Documents) (docs []*assertion.Assertion, origins map[*assertion.Assertion]string, err error) {
	origins = make(map[*assertion.Assertion]string)
	seen := make(map[string]bool)
	for _, f := range files {
		list, err := ParseStream(f.Text, maxStream)
		if err != nil {
			return nil, nil, fmt.Errorf("cannot read %s: %w", f.Origin, err)
		}
		for _, d := range list {
			if text := string(d.Encoded()); !seen[text] {
				seen[text], origins[d] = true, f.Origin
				docs = append(docs, d)
			}
		}
	}
	return docs, origins, nil
}

func (a *Authority) putAnchor(shelf Shelf, p rootPair, origin, actor string) error {
	rows, err := shelf.TrustAnchors()
	if err != nil {
		return fmt.Errorf("cannot read the trust anchors: %w", err)
	}
	off, public := switchedOff(rows), builtInPair()
	anchor := store.TrustAnchor{AccountID: p.accountID(), KeyID: p.keyID(), Origin: origin,
		Documents: p.documents(), AddedAt: shelf.Now(), AddedBy: actor}
	switch same := p.keyID() == public.keyID() && p.accountID() == public.accountID(); {
	case same && !off:
		return nil
	case same:
		if _, err := shelf.RemoveTrustAnchor(p.accountID(), p.keyID()); err != nil {
			return err
		}
		shelf.Record(store.TrustAdded, "trust/"+p.accountID(), map[string]string{"key-id": p.keyID(), "origin": OriginBuiltIn})
		return nil
	case p.accountID() == public.accountID() && !off:
		return store.Conflictf(codeClash, "cannot trust %s: account %s is the built-in anchor's", short(p.key.Ref()), p.accountID()).
			Try("switch that one off first with: larder trust remove " + p.accountID())
	}
	for _, r := range rows {
		same := r.AccountID == anchor.AccountID && r.KeyID == anchor.KeyID
		if same && (r.Origin == OriginOwn || origin != OriginOwn && bytes.Equal(r.Documents, anchor.Documents)) {
			return nil
		}
	}
	if err := shelf.AddTrustAnchor(anchor); err != nil {
		return fmt.Errorf("cannot keep the trust anchor %s: %w", anchor.AccountID, err)
	}
	shelf.Record(store.TrustAdded, "trust/"+anchor.AccountID, map[string]string{"key-id": anchor.KeyID, "origin": origin})
	return nil
}

// RemoveAnchor stops trusting an anchor, named by account or key id. While
// stored assertions hang on it this takes force; they stay stored and
// served, but nothing new chains through them. The built-in anchor is
// switched off instead. Removing this store's own root takes force, too.
func (a *Authority) RemoveAnchor(shelf Shelf, id, actor string, force bool) error {
	anchors, err := a.Anchors(shelf)
	if err != nil {
		return err
	}
	anchors = slices.DeleteFunc(anchors, func(x Anchor) bool { return x.Off || x.AccountID != id && x.KeyID != id })
	if len(anchors) == 0 {
		return store.NotFoundf(codeNotFound, "cannot remove the trust anchor %s: there is none", id).
			Try("see larder trust list")
	}
	for _, x := range anchors {
		if !force {
			if err := a.unused(shelf, x); err != nil {
				return err
			}
		}
		if x.Origin == OriginBuiltIn {
			err = shelf.AddTrustAnchor(store.TrustAnchor{AccountID: x.AccountID, KeyID: x.KeyID, Origin: originOff,
				Documents: []byte{}, AddedAt: shelf.Now(), AddedBy: actor})
		} else {
			_, err = shelf.RemoveTrustAnchor(x.AccountID, x.KeyID)
		}
		if err != nil {
			return fmt.Errorf("cannot remove the trust anchor %s: %w", id, err)
		}
		shelf.Record(store.TrustRemoved, "trust/"+x.AccountID, map[string]string{"key-id": x.KeyID, "origin": x.Origin})
	}
	return nil
}

// unused fails when something hangs on the anchor. Whatever chains to it does
// so through a document that its key has signed.
func (a *Authority) unused(shelf Shelf, x Anchor) error {
	const force = "remove it all the same with --force"
	if x.Origin == OriginOwn {
		return store.Conflictf(codeAnchorInUse, "cannot remove the trust anchor %s: it is this store's own root", x.AccountID).Try(force)
	}
	rows, err := shelf.Assertions(store.AssertionFilter{SignKey: x.KeyID, Limit: 1})
	if err != nil {
		return fmt.Errorf("cannot look for what hangs on the trust anchor %s: %w", x.AccountID, err)
	}
	if len(rows) > 0 {
		return store.Conflictf(codeAnchorInUse, "cannot remove the trust anchor %s: stored assertions hang on it, such as %s %s",
			x.AccountID, rows[0].Type, rows[0].PrimaryKey).Try(force)
	}
	return nil
}
