package cli

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/client/snapstore"
	"github.com/larder-store/larder/internal/store"
	"github.com/larder-store/larder/roots"
)

// papers are the assertions that vouch for one revision of a snap.
type papers struct {
	chain []*assertion.Assertion // each after those that it needs
	root  string                 // account id of the anchor that they hang from
}

func untrusted(format string, args ...any) error {
	return store.Invalidf("not-vouched-for", format, args...).Try("do not use it; tell the store's operator")
}

// vouched fetches and verifies the assertions about what a store announced.
//
// The root is the public store's, which is built in, or else an account that
// signs for itself: then the choice of the store was the choice to trust it.
func vouched(ctx context.Context, device *snapstore.Device, snap snapstore.Snap) (*papers, error) {
	digest, err := hex.DecodeString(snap.Download.SHA3_384)
	if err != nil {
		return nil, untrusted("the store announced no digest of %s", snap.Name)
	}
	in := &fetched{ctx: ctx, device: device}
	if in.public, err = decodeAll(roots.Canonical()); err != nil {
		return nil, err
	}
	ref, err := assertion.NewRef("snap-revision", base64.RawURLEncoding.EncodeToString(digest))
	if err != nil {
		return nil, err
	}
	a, err := in.Find(ref)
	if err != nil {
		return nil, in.explain(err, snap.Name)
	}
	rev, err := assertion.As[assertion.SnapRevision](a)
	if err != nil {
		return nil, untrusted("the store's word on %s cannot be read: %v", snap.Name, err)
	}
	if rev.SnapID != snap.SnapID || strconv.Itoa(rev.Revision) != strconv.Itoa(snap.Revision) || int64(rev.Size) != snap.Download.Size {
		return nil, untrusted("the snap-revision of %s is about something else", snap.Name)
	}
	chain, err := assertion.Closure(in, a)
	if err != nil {
		return nil, in.explain(err, snap.Name)
	}
	return in.verify(chain, snap.Name)
}

// fetched is a Lookup that asks the store, and nobody is trusted in yet.
type fetched struct {
	ctx    context.Context
	device *snapstore.Device
	public []*assertion.Assertion // the anchor that is built in
	failed error                  // of the store, not of what it has
}

// Trusted implements assertion.Lookup.
func (f *fetched) Trusted(string) bool { return false }

// Find implements assertion.Lookup.
func (f *fetched) Find(ref assertion.Ref) (*assertion.Assertion, error) {
	for _, a := range f.public {
		if a.Ref().Equal(ref) {
			return a, nil
		}
	}
	text, err := f.device.Assertion(f.ctx, ref.Type.Name, ref.ShortKey()...)
	if errors.Is(err, snapstore.ErrNotFound) {
		return nil, fmt.Errorf("%s: %w", ref, assertion.ErrNotFound)
	}
	if err != nil {
		f.failed = err
		return nil, err
	}
	a, err := assertion.Parse(text)
	if err != nil {
		return nil, untrusted("the store's %s cannot be read: %v", ref, err)
	}
	if !a.Ref().Equal(ref) {
		return nil, untrusted("the store gave %s for %s", a.Ref(), ref)
	}
	return a, nil
}

// explain prefers that the store failed to what follows from it.
func (f *fetched) explain(err error, name string) error {
	switch {
	case f.failed != nil:
		return f.failed
	case store.KindOf(err) != store.KindInternal:
		return err
	}
	return untrusted("nobody vouches for %s: %v", name, err)
}

// verify checks a chain from its root on.
func (f *fetched) verify(chain []*assertion.Assertion, name string) (*papers, error) {
	known := new(assertion.Memory)
	known.Trust(f.public...)
	p := &papers{root: f.public[0].HeaderString("account-id")}
	now := time.Now()
	for _, a := range chain {
		ours := slices.ContainsFunc(f.public, func(b *assertion.Assertion) bool { return b.Ref().Equal(a.Ref()) })
		if ours {
			continue // every device has it
		}
		p.chain = append(p.chain, a)
		if a.Type().Name != "account-key" || a.SignKeyID() != a.HeaderString("public-key-sha3-384") || known.Trusted(a.AuthorityID()) {
			continue
		}
		key, err := assertion.As[assertion.AccountKey](a)
		if err == nil {
			err = assertion.CheckSignature(a, key, now)
		}
		if err != nil {
			return nil, untrusted("the root of %s is unsound: %v", name, err)
		}
		known.Trust(a)
		p.root = a.AuthorityID()
	}
	for _, a := range p.chain {
		err := known.Add(a, now)
		var stale *assertion.StaleError
		if err != nil && !errors.As(err, &stale) {
			return nil, untrusted("what vouches for %s does not verify: %v", name, err)
		}
	}
	return p, nil
}

func decodeAll(text []byte) ([]*assertion.Assertion, error) {
	dec := assertion.NewDecoder(bytes.NewReader(text), assertion.Limits{})
	var all []*assertion.Assertion
	for {
		a, err := dec.Decode()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
}

// write leaves the assertions in a file that devices and push-snap read.
func (p *papers) write(file string) error {
	var b bytes.Buffer
	enc := assertion.NewEncoder(&b)
	for _, a := range p.chain {
		if err := enc.Encode(a); err != nil {
			return err
		}
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		return fmt.Errorf("cannot write the assertions: %w", err)
	}
	return nil
}
