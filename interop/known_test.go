// SPDX-License-Identifier: GPL-3.0-only

package interop

import (
	"context"
	"fmt"
	"testing"

	"github.com/snapcore/snapd/asserts"
	"github.com/snapcore/snapd/snap"
	"github.com/snapcore/snapd/store"

	"github.com/larder-store/larder/interop/harness"
)

func assertionHit(t *testing.T, s *shop) {
	client := s.anonymous(t)
	info := s.info(t, tool)
	root := harness.Root()
	for _, ref := range []*asserts.Ref{
		{Type: asserts.AccountType, PrimaryKey: []string{root.ID}},
		{Type: asserts.AccountType, PrimaryKey: []string{s.brand.ID}},
		{Type: asserts.AccountKeyType, PrimaryKey: []string{root.Key.PublicKeyID()}},
		{Type: asserts.AccountKeyType, PrimaryKey: []string{s.brand.Key.PublicKeyID()}},
		{Type: asserts.ModelType, PrimaryKey: []string{"16", s.brand.ID, "desk"}},
		{Type: asserts.SnapDeclarationType, PrimaryKey: []string{"16", info.SnapID}},
	} {
		got, err := client.Assertion(ref.Type, ref.PrimaryKey, nil)
		if err != nil {
			t.Errorf("%s: %v", ref, err)
			continue
		}
		if got.Ref().Unique() != ref.Unique() {
			t.Errorf("asked for %s, got %s", ref, got.Ref())
		}
		// Everything leads to a root that the device trusts.
		db := harness.OpenDatabase(t)
		fetcher := asserts.NewFetcher(db, retrieve(client), db.Add)
		if err := fetcher.Save(got); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
	// What was added comes back as the bytes that were signed.
	model, err := client.Assertion(asserts.ModelType, []string{"16", s.brand.ID, "desk"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if string(asserts.Encode(model)) != string(asserts.Encode(s.public.Model)) {
		t.Error("the model changed on its way")
	}
}

func assertionMiss(t *testing.T, s *shop) {
	client := s.anonymous(t)
	for _, ref := range []*asserts.Ref{
		{Type: asserts.AccountType, PrimaryKey: []string{"nobody"}},
		{Type: asserts.SnapDeclarationType, PrimaryKey: []string{"16", "GoneGoneGoneGoneGoneGoneGoneGone"}},
		{Type: asserts.StoreType, PrimaryKey: []string{"nowhere"}},
		{Type: asserts.SnapRevisionType, PrimaryKey: []string{"no-digest", "global-upload"}},
		{Type: asserts.ValidationType, PrimaryKey: []string{"16", "a", "b", "1"}},
	} {
		if _, err := client.Assertion(ref.Type, ref.PrimaryKey, nil); !asserts.IsNotFound(err) {
			t.Errorf("%s: got %v", ref, err)
		}
	}
}

// resolve runs rounds of bulk requests until the pool wants nothing more, as
// snapd does, and returns how many assertion streams it was sent to.
func resolve(t *testing.T, client *store.Store, pool *asserts.Pool, actions ...*store.SnapAction) (results []store.SnapActionResult, streams int) {
	t.Helper()
	return resolveWith(t, client, pool, nil, actions...)
}

// resolveWith is resolve for a device that has snaps.
func resolveWith(t *testing.T, client *store.Store, pool *asserts.Pool, installed []*store.CurrentSnap, actions ...*store.SnapAction) (results []store.SnapActionResult, streams int) {
	t.Helper()
	for range 10 {
		got, fetched, err := client.SnapAction(context.Background(), installed, actions, pool, nil, nil)
		if failed, ok := err.(*store.SnapActionError); ok && failed.NoResults {
			return results, streams
		}
		if err != nil {
			t.Fatal(err)
		}
		results = append(results, got...)
		installed, actions = nil, nil
		for _, result := range fetched {
			streams += len(result.StreamURLs)
			batch := asserts.NewBatch(nil)
			if err := client.DownloadAssertions(result.StreamURLs, batch, nil); err != nil {
				t.Fatal(err)
			}
			if _, err := pool.AddBatch(batch, result.Grouping); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Fatal("the pool is still not resolved")
	return nil, 0
}

func (s *shop) declaration(t *testing.T, name string) *asserts.AtRevision {
	t.Helper()
	return unresolved(asserts.SnapDeclarationType, "16", s.info(t, name).SnapID)
}

func unresolved(typ *asserts.AssertionType, key ...string) *asserts.AtRevision {
	return &asserts.AtRevision{Ref: asserts.Ref{Type: typ, PrimaryKey: key}, Revision: asserts.RevisionNotKnown}
}

// wantFound checks that the database has the assertion, which it can only if
// all that it rests on is there too.
func wantFound(t *testing.T, db *asserts.Database, ref *asserts.Ref) asserts.Assertion {
	t.Helper()
	a, err := ref.Resolve(db.Find)
	if err != nil {
		t.Errorf("after the commit: %v", err)
	}
	return a
}

func assertionsBulk(t *testing.T, s *shop) {
	db := harness.OpenDatabase(t)
	pool := asserts.NewPool(db, 16)
	wanted := map[string]*asserts.AtRevision{
		"tool":  s.declaration(t, tool),
		"heavy": s.declaration(t, heavy),
		"model": unresolved(asserts.ModelType, "16", s.brand.ID, "desk"),
	}
	for group, at := range wanted {
		if err := pool.AddUnresolved(at, group); err != nil {
			t.Fatal(err)
		}
	}
	// One assertion that two groups want is a grouping of its own.
	if err := pool.AddUnresolved(s.declaration(t, tool), "heavy"); err != nil {
		t.Fatal(err)
	}
	resolve(t, s.public.Client(t, s.URL), pool)
	if errs := pool.Errors(); errs != nil {
		t.Fatalf("groups in error: %v", errs)
	}
	if err := pool.CommitTo(db); err != nil {
		t.Fatal(err)
	}
	for _, at := range wanted {
		wantFound(t, db, &at.Ref)
	}
}

func assertionsBulkCurrent(t *testing.T, s *shop) {
	client := s.anonymous(t)
	db := harness.OpenDatabase(t)
	at := s.declaration(t, tool)
	fetcher := asserts.NewFetcher(db, retrieve(client), db.Add)
	if err := fetcher.Fetch(&at.Ref); err != nil {
		t.Fatal(err)
	}
	pool := asserts.NewPool(db, 16)
	if err := pool.AddToUpdate(&at.Ref, "tool"); err != nil {
		t.Fatal(err)
	}
	_, streams := resolve(t, client, pool)
	if errs := pool.Errors(); errs != nil {
		t.Errorf("groups in error: %v", errs)
	}
	if streams != 0 {
		t.Errorf("got %d streams for what is current", streams)
	}
}

func assertionsBulkMiss(t *testing.T, s *shop) {
	db := harness.OpenDatabase(t)
	pool := asserts.NewPool(db, 16)
	good := s.declaration(t, tool)
	if err := pool.AddUnresolved(good, "good"); err != nil {
		t.Fatal(err)
	}
	if err := pool.AddUnresolved(unresolved(asserts.SnapDeclarationType, "16", "GoneGoneGoneGoneGoneGoneGoneGone"), "bad"); err != nil {
		t.Fatal(err)
	}
	resolve(t, s.anonymous(t), pool)
	if err := pool.Err("bad"); !asserts.IsNotFound(err) && err != asserts.ErrUnresolved {
		t.Errorf("the group of what is missing: got %v", err)
	}
	if err := pool.Err("good"); err != nil {
		t.Errorf("the other group: %v", err)
	}
	if err := pool.CommitTo(db); err != nil {
		t.Fatal(err)
	}
	wantFound(t, db, &good.Ref)
}

func assertionsWithInstall(t *testing.T, s *shop) {
	db := harness.OpenDatabase(t)
	pool := asserts.NewPool(db, 16)
	at := s.declaration(t, heavy)
	if err := pool.AddUnresolved(at, "heavy"); err != nil {
		t.Fatal(err)
	}
	results, _ := resolve(t, s.anonymous(t), pool, install(heavy, "stable"))
	if len(results) != 1 || results[0].Revision != snap.R(1) {
		t.Errorf("got %d install results", len(results))
	}
	if err := pool.CommitTo(db); err != nil {
		t.Fatal(err)
	}
	wantFound(t, db, &at.Ref)
}

func (s *shop) setKey(sequence ...int) []string {
	key := []string{"16", s.brand.ID, setName}
	for _, n := range sequence {
		key = append(key, fmt.Sprint(n))
	}
	return key
}

func wantSequence(t *testing.T, got asserts.Assertion, err error, want int) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	set, ok := got.(*asserts.ValidationSet)
	if !ok || set.Name() != setName || set.Sequence() != want {
		t.Errorf("got %s, want sequence %d", got.Ref(), want)
	}
}

func validationSetBySequence(t *testing.T, s *shop) {
	for _, sequence := range []int{1, 2} {
		got, err := s.anonymous(t).SeqFormingAssertion(asserts.ValidationSetType, s.setKey(), sequence, nil)
		wantSequence(t, got, err, sequence)
	}
}

func validationSetByKey(t *testing.T, s *shop) {
	got, err := s.anonymous(t).Assertion(asserts.ValidationSetType, s.setKey(1), nil)
	wantSequence(t, got, err, 1)
}

func validationSetLatest(t *testing.T, s *shop) {
	got, err := s.anonymous(t).SeqFormingAssertion(asserts.ValidationSetType, s.setKey(), 0, nil)
	wantSequence(t, got, err, 2)
}

func validationSetMiss(t *testing.T, s *shop) {
	client := s.anonymous(t)
	if _, err := client.SeqFormingAssertion(asserts.ValidationSetType, s.setKey(), 9, nil); !asserts.IsNotFound(err) {
		t.Errorf("missing sequence: got %v", err)
	}
	if _, err := client.SeqFormingAssertion(asserts.ValidationSetType, []string{"16", s.brand.ID, "no-such-set"}, 0, nil); !asserts.IsNotFound(err) {
		t.Errorf("missing set: got %v", err)
	}
	if _, err := client.Assertion(asserts.ValidationSetType, s.setKey(9), nil); !asserts.IsNotFound(err) {
		t.Errorf("missing key: got %v", err)
	}
}

func validationSetsBulk(t *testing.T, s *shop) {
	for _, test := range []struct {
		name string
		at   asserts.AtSequence
		want int // 0: nothing newer is sent
	}{
		{"latest", asserts.AtSequence{Revision: asserts.RevisionNotKnown}, 2},
		{"pinned", asserts.AtSequence{Sequence: 1, Pinned: true, Revision: asserts.RevisionNotKnown}, 1},
		{"tracking from the first", asserts.AtSequence{Sequence: 1}, 2},
		{"tracking from the last", asserts.AtSequence{Sequence: 2}, 0},
	} {
		client := s.anonymous(t)
		db := harness.OpenDatabase(t)
		pool := asserts.NewPool(db, 16)
		at := test.at
		at.Type, at.SequenceKey = asserts.ValidationSetType, s.setKey()
		add := pool.AddUnresolvedSequence
		if at.Revision != asserts.RevisionNotKnown {
			add = pool.AddSequenceToUpdate
			fetcher := asserts.NewFetcher(db, retrieve(client), db.Add)
			if err := fetcher.Fetch(&asserts.Ref{Type: at.Type, PrimaryKey: s.setKey(at.Sequence)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := add(&at, "set"); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		_, streams := resolve(t, client, pool)
		if errs := pool.Errors(); errs != nil {
			t.Errorf("%s: groups in error: %v", test.name, errs)
		}
		if err := pool.CommitTo(db); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if test.want == 0 {
			if streams != 0 {
				t.Errorf("%s: got %d streams", test.name, streams)
			}
			continue
		}
		wantFound(t, db, &asserts.Ref{Type: at.Type, PrimaryKey: s.setKey(test.want)})
	}
}
