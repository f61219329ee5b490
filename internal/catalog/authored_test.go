package catalog

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/assertion/assertiontest"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// author is an account with a key, known to a house that trusts who signed both.
func (h *house) author(t *testing.T, account string) (store.Principal, *assertiontest.Authority) {
	t.Helper()
	author := h.foreign(t).Certify(t, account, assertiontest.BrandKey)
	if _, err := h.AddAssertions(t.Context(), operator, []*assertion.Assertion{author.Account, author.Key}); err != nil {
		t.Fatal(err)
	}
	return store.Principal{Role: store.RolePublisher, Name: account, Account: account}, author
}

func setHeaders(name, sequence, revision string, more ...any) assertiontest.Headers {
	return assertiontest.With(assertiontest.Headers{
		"type": "validation-set", "series": "16", "name": name, "sequence": sequence, "revision": revision,
		"timestamp": assertiontest.Time,
		"snaps":     []any{map[string]any{"name": "hello", "id": assertiontest.SnapID(1)}},
	}, more...)
}

// TestOneOfTwoPublishersOfARevisionWins whichever of two processes they ask: the
// others learn that it is taken.
func TestOneOfTwoPublishersOfARevisionWins(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		who, author := h.author(t, "writer")
		processes := []*Catalog{h.Catalog, h.neighbour(t)}
		for revision := range 3 {
			const publishers = 8
			texts := make([][]byte, publishers)
			for i := range texts {
				snaps := []any{map[string]any{"name": fmt.Sprintf("snap-%d", i), "id": assertiontest.SnapID(i + 1)}}
				texts[i] = author.Sign(t, setHeaders("fought", "1", fmt.Sprint(revision), "account-id", "writer", "snaps", snaps), nil).Encoded()
			}
			failures := make([]error, publishers)
			var wg sync.WaitGroup
			for i := range texts {
				wg.Go(func() {
					_, failures[i] = processes[i%2].PublishValidationSet(context.WithoutCancel(t.Context()), who, texts[i])
				})
			}
			wg.Wait()
			winner := slices.Index(failures, nil)
			for i, err := range failures {
				if i != winner && (store.KindOf(err) != store.KindConflict || store.CodeOf(err) != "conflict") {
					t.Errorf("revision %d: publisher %d was told %v", revision, i, err)
				}
			}
			if winner < 0 {
				t.Fatal("nobody won")
			}
			list, err := h.neighbour(t).ValidationSets(t.Context(), who, "fought", store.SequenceQuery{All: true})
			if err != nil || len(list) != 1 || string(list[0].Encoded()) != string(texts[winner]) {
				t.Errorf("revision %d: kept is %v (%v), not what the winner sent", revision, list, err)
			}
		}
	})
}

func TestSetsAreListedBySequence(t *testing.T) {
	inHouses(t, func(t *testing.T, h *house) {
		who, author := h.author(t, "writer")
		for _, s := range [][3]string{{"b", "10", "0"}, {"b", "2", "0"}, {"b", "2", "1"}, {"a-1", "1", "0"}, {"a", "3", "0"}, {"a", "1", "4"}} {
			if _, err := h.PublishValidationSet(t.Context(), who, author.Sign(t, setHeaders(s[0], s[1], s[2], "account-id", "writer"), nil).Encoded()); err != nil {
				t.Fatal(err)
			}
		}
		for _, tt := range []struct {
			name string
			q    store.SequenceQuery
			want []string
		}{
			{"", store.SequenceQuery{}, []string{"a 3 0", "a-1 1 0", "b 10 0"}},
			{"", store.SequenceQuery{All: true}, []string{"a 1 4", "a 3 0", "a-1 1 0", "b 2 1", "b 10 0"}},
			{"", store.SequenceQuery{Number: 1}, []string{"a 1 4", "a-1 1 0"}},
			{"a", store.SequenceQuery{}, []string{"a 3 0"}},
			{"a", store.SequenceQuery{All: true}, []string{"a 1 4", "a 3 0"}},
			{"b", store.SequenceQuery{Number: 2}, []string{"b 2 1"}},
			{"b", store.SequenceQuery{Number: 3}, nil},
			{"none", store.SequenceQuery{All: true}, nil},
		} {
			list, err := h.ValidationSets(t.Context(), who, tt.name, tt.q)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range list {
				got = append(got, fmt.Sprint(a.HeaderString("name"), " ", a.Sequence(), " ", a.Revision()))
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("%q %+v: %v, want %v", tt.name, tt.q, got, tt.want)
			}
		}
		err := h.db.View(t.Context(), func(tx *db.Tx) error {
			count, bytes, err := tx.AssertionsKept("validation-set", "16/writer/")
			if count != 5 || bytes < 5*500 {
				t.Errorf("kept are %d of %d bytes", count, bytes)
			}
			if count, bytes, _ := tx.AssertionsKept("validation-set", "16/write/"); count != 0 || bytes != 0 {
				t.Errorf("another has %d of %d bytes", count, bytes)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestOnlyAccountsAuthor(t *testing.T) {
	h := newHouse(t)
	for name, who := range map[string]store.Principal{"a device": {}, "the host": operator} {
		_, build := h.BuildValidationSet(t.Context(), who, store.ValidationSetRequest{})
		_, list := h.ValidationSets(t.Context(), who, "", store.SequenceQuery{})
		_, publish := h.PublishValidationSet(t.Context(), who, nil)
		_, buildSchema := h.BuildConfdbSchema(t.Context(), who, store.ConfdbSchemaRequest{})
		_, schemas := h.ConfdbSchemas(t.Context(), who, "")
		_, publishSchema := h.PublishConfdbSchema(t.Context(), who, nil)
		for i, err := range []error{build, list, publish, buildSchema, schemas, publishSchema} {
			if store.KindOf(err) != store.KindForbidden || store.CodeOf(err) != "no-account" {
				t.Errorf("%s, use case %d: %v", name, i, err)
			}
		}
	}
}

func TestAnAccountHasOnlySoManySets(t *testing.T) {
	h := newHouse(t)
	who, author := h.author(t, "writer")
	publish := func(name, revision string) error {
		_, err := h.PublishValidationSet(t.Context(), who, author.Sign(t, setHeaders(name, "1", revision, "account-id", "writer"), nil).Encoded())
		return err
	}
	if err := publish("first", "0"); err != nil {
		t.Fatal(err)
	}
	h.update(t, func(tx *db.Tx) error {
		for n := range maxAuthored - 1 {
			row := store.Assertion{
				Type: "validation-set", PrimaryKey: fmt.Sprintf("16/writer/many/%d", n+1), SequenceKey: "16/writer/many", Sequence: n + 1,
				AuthorityID: "writer", Encoded: []byte("as many as there may be"),
			}
			if _, err := tx.PutAssertion(row); err != nil {
				return err
			}
		}
		tx.Record(store.AssertionAdded, "assertion/validation-set", nil)
		return nil
	})
	if err := publish("second", "0"); store.KindOf(err) != store.KindTooLarge || store.CodeOf(err) != "too-many-assertions" {
		t.Errorf("one more set: %v", err)
	}
	if err := publish("first", "1"); err != nil {
		t.Errorf("another revision of one that is there: %v", err)
	}
}
