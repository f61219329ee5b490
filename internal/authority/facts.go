package authority

import (
	"slices"
	"strconv"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/store"
)

// The facts that a store states, one method for each type of assertion. They
// sign as Sign does: once, and again only when the facts change.

// SignAccount states who an account is. Validation is unproven where empty.
func (a *Authority) SignAccount(shelf Shelf, acc store.Account) (*assertion.Assertion, bool, error) {
	validation := acc.Validation
	if validation == "" {
		validation = "unproven"
	}
	display := acc.DisplayName
	if display == "" {
		display = acc.Username
	}
	return a.Sign(shelf, filled(map[string]any{
		"type":         "account",
		"account-id":   acc.ID,
		"display-name": display,
		"username":     acc.Username,
		"validation":   validation,
	}), nil)
}

// KeyFacts say whose a public key is.
type KeyFacts struct {
	AccountID string
	Name      string
	Key       *assertion.PublicKey
	Since     time.Time // zero: what was said before, or now
	Until     time.Time // zero is no end
}

// SignAccountKey states that a key is an account's.
func (a *Authority) SignAccountKey(shelf Shelf, f KeyFacts) (*assertion.Assertion, bool, error) {
	headers := map[string]any{
		"type":                "account-key",
		"public-key-sha3-384": f.Key.ID(),
		"account-id":          f.AccountID,
		"name":                f.Name,
	}
	if !f.Until.IsZero() {
		headers["until"] = timestamp(f.Until)
	}
	since := f.Since
	if since.IsZero() {
		ref, err := assertion.NewRef("account-key", f.Key.ID())
		if err != nil {
			return nil, false, store.Invalidf(codeInvalid, "cannot sign this account-key").Because(err)
		}
		kept, err := held(shelf, ref, AnyFormat)
		if err != nil {
			return nil, false, err
		}
		if kept != nil {
			headers["since"] = kept.HeaderString("since")
		} else {
			headers["since"] = timestamp(shelf.Now())
		}
	} else {
		headers["since"] = timestamp(since)
	}
	return a.Sign(shelf, filled(headers), f.Key.Encode())
}

// Declaration is what a store says about a snap.
type Declaration struct {
	SnapID      string
	Name        string // empty takes the snap back
	PublisherID string
	Aliases     []store.Alias
	// RefreshControl lists the ids of snaps whose refreshes this one gates.
	RefreshControl []string
	// Plugs and Slots are the rules per interface, as the assertion has them.
	Plugs, Slots      map[string]any
	RevisionAuthority []assertion.RevisionAuthority
}

// SignSnapDeclaration states what a snap is called, whose it is and what it
// may do, in the lowest format that can say so.
func (a *Authority) SignSnapDeclaration(shelf Shelf, d Declaration) (*assertion.Assertion, bool, error) {
	var aliases, delegations []any
	for _, alias := range d.Aliases {
		aliases = append(aliases, map[string]any{"name": alias.Name, "target": alias.Target})
	}
	for _, r := range d.RevisionAuthority {
		delegations = append(delegations, delegation(r))
	}
	return a.Sign(shelf, map[string]any{
		"type":               "snap-declaration",
		"series":             series,
		"snap-id":            d.SnapID,
		"snap-name":          d.Name,
		"publisher-id":       d.PublisherID,
		"aliases":            aliases,
		"refresh-control":    d.RefreshControl,
		"plugs":              d.Plugs,
		"slots":              d.Slots,
		"revision-authority": delegations,
	}, nil)
}

func delegation(r assertion.RevisionAuthority) map[string]any {
	m := map[string]any{
		"account-id": r.AccountID,
		"provenance": r.Provenance,
		"on-store":   r.OnStore,
		"on-brand":   r.OnBrand,
		"on-model":   r.OnModel,
	}
	if r.MinRevision > 1 {
		m["min-revision"] = strconv.Itoa(r.MinRevision)
	}
	if r.MaxRevision > 0 {
		m["max-revision"] = strconv.Itoa(r.MaxRevision)
	}
	return m
}

// Upload is what a store says about an uploaded snap.
type Upload struct {
	SnapID      string
	Revision    int
	Blob        store.Digest
	Size        int64
	DeveloperID string
	Provenance  string // empty is the default
}

// SignSnapRevision states which revision of which snap some bytes are. Bytes
// that are stated to be another revision already are a conflict, code
// assertion-conflict. With a provenance of its own it is signed by whichever
// account the declaration's revision-authority lists and larder holds a key
// of.
func (a *Authority) SignSnapRevision(shelf Shelf, u Upload) (*assertion.Assertion, bool, error) {
	return a.signUpload(shelf, u.SnapID, u.Provenance, u.Revision, []string{"snap-id", "snap-revision"}, map[string]any{
		"type":          "snap-revision",
		"snap-sha3-384": u.Blob.Base64URL(),
		"snap-id":       u.SnapID,
		"snap-size":     strconv.FormatInt(u.Size, 10),
		"snap-revision": strconv.Itoa(u.Revision),
		"developer-id":  u.DeveloperID,
	})
}

// ResourceUpload is what a store says about an uploaded component.
type ResourceUpload struct {
	SnapID      string
	Name        string // of the component
	Revision    int    // of the component
	Blob        store.Digest
	Size        int64
	DeveloperID string
	Provenance  string // empty is the default
}

// SignSnapResourceRevision is SignSnapRevision for a component.
func (a *Authority) SignSnapResourceRevision(shelf Shelf, u ResourceUpload) (*assertion.Assertion, bool, error) {
	return a.signUpload(shelf, u.SnapID, u.Provenance, 0, []string{"resource-revision"}, map[string]any{
		"type":              "snap-resource-revision",
		"snap-id":           u.SnapID,
		"resource-name":     u.Name,
		"resource-sha3-384": u.Blob.Base64URL(),
		"resource-size":     strconv.FormatInt(u.Size, 10),
		"resource-revision": strconv.Itoa(u.Revision),
		"developer-id":      u.DeveloperID,
	})
}

// Pair says that a component's revision goes with a snap's.
type Pair struct {
	SnapID           string
	Name             string // of the component
	ResourceRevision int
	SnapRevision     int
	DeveloperID      string
	Provenance       string // empty is the default
}

// SignSnapResourcePair states that a component's revision goes with a snap's.
func (a *Authority) SignSnapResourcePair(shelf Shelf, p Pair) (*assertion.Assertion, bool, error) {
	return a.signUpload(shelf, p.SnapID, p.Provenance, p.SnapRevision, nil, map[string]any{
		"type":              "snap-resource-pair",
		"snap-id":           p.SnapID,
		"resource-name":     p.Name,
		"resource-revision": strconv.Itoa(p.ResourceRevision),
		"snap-revision":     strconv.Itoa(p.SnapRevision),
		"developer-id":      p.DeveloperID,
	})
}

// signUpload signs what may be delegated. The headers in settled are what no
// later revision of the assertion may change.
func (a *Authority) signUpload(shelf Shelf, snapID, provenance string, revision int, settled []string, headers map[string]any) (*assertion.Assertion, bool, error) {
	if provenance != "" && provenance != assertion.DefaultProvenance {
		signer, err := a.delegate(shelf, snapID, provenance, revision)
		if err != nil {
			return nil, false, err
		}
		headers["provenance"] = provenance
		headers["authority-id"] = signer
	}
	d, err := a.draft(shelf, headers, nil)
	if err != nil {
		return nil, false, err
	}
	kept, err := held(shelf, d.ref, AnyFormat)
	if err != nil {
		return nil, false, err
	}
	for _, name := range settled {
		if kept != nil && kept.HeaderString(name) != d.headers[name] {
			return nil, false, store.Conflictf(codeRevisionClash, "cannot sign %s: these bytes have %s %s already, not %s",
				short(d.ref), name, kept.HeaderString(name), d.headers[name]).
				Try("upload something that differs")
		}
	}
	return a.Sign(shelf, headers, nil)
}

// delegate picks the account that may sign with this provenance and that
// larder holds a key of.
func (a *Authority) delegate(shelf Shelf, snapID, provenance string, revision int) (string, error) {
	ref, err := assertion.NewRef("snap-declaration", series, snapID)
	if err != nil {
		return "", store.Invalidf(codeInvalid, "%.100q is no snap id", snapID).Because(err)
	}
	found, err := a.Find(shelf, ref, ref.Type.MaxFormat)
	if err != nil {
		return "", err
	}
	declaration, err := assertion.As[assertion.SnapDeclaration](found)
	if err != nil {
		return "", refused("sign for", found, err)
	}
	rows, err := shelf.SigningKeys()
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(rows, func(r store.SigningKey) bool {
		return declaration.Delegates(r.AccountID, provenance, revision)
	})
	if i < 0 {
		return "", store.Forbiddenf(codeUndelegated,
			"cannot sign for %s with provenance %s: its revision-authority lists no account that larder holds a key of", snapID, provenance).
			Try("import the key of an account that it lists, or have the declaration list one")
	}
	return rows[i].AccountID, nil
}

// StoreFacts say where a store is and who runs it.
type StoreFacts struct {
	ID         string
	URL        string
	OperatorID string // empty is this store's own account
	// Friendly lists the ids of stores whose devices may use this one's
	// delegated snaps.
	Friendly []string
	Location string
}

// SignStore states where a store is.
func (a *Authority) SignStore(shelf Shelf, f StoreFacts) (*assertion.Assertion, bool, error) {
	if f.OperatorID == "" {
		own, err := a.Own(shelf)
		if err != nil {
			return nil, false, err
		}
		f.OperatorID = own
	}
	return a.Sign(shelf, filled(map[string]any{
		"type":            "store",
		"store":           f.ID,
		"url":             f.URL,
		"operator-id":     f.OperatorID,
		"friendly-stores": f.Friendly,
		"location":        f.Location,
	}), nil)
}

// filled leaves out optional headers that say nothing.
func filled(headers map[string]any) map[string]any {
	for name, value := range headers {
		if value == "" {
			delete(headers, name)
		}
	}
	return headers
}
