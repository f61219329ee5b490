package db

import (
	"fmt"
	"testing"

	"github.com/larder-store/larder/internal/store"
)

// crowd fills a database with packages as a real store has them: some
// revisions of each, two architectures, three channels, an icon.
func crowd(b *testing.B, db *DB, count int) []store.Ref {
	b.Helper()
	refs := make([]store.Ref, count)
	for from := 0; from < count; from += 1000 {
		update(b, db, func(tx *Tx) error {
			for n := from; n < min(from+1000, count); n++ {
				p := testPackage(n)
				refs[n] = store.Ref{ID: p.ID}
				if err := addPackage(tx, p, 6); err != nil {
					return err
				}
				var releases []store.Release
				for i, channel := range []string{"stable", "candidate", "edge", "stable", "edge", "stable"} {
					r := testRelease(p, channel, i+1)
					releases = append(releases, r)
					r.Platform.Architecture = "arm64"
					releases = append(releases, r)
				}
				if _, err := tx.AppendReleases(releases); err != nil {
					return err
				}
				icon := testBlob("revision of " + p.ID)
				if err := tx.SetMedia(p.ID, []store.Medium{{Kind: "icon", Blob: icon.Digest, Size: icon.Size, ContentType: "image/png"}}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return refs
}

// BenchmarkFacts50 is the cold load of a refresh of fifty packages.
func BenchmarkFacts50(b *testing.B) {
	for _, c := range []struct {
		database string
		count    int
	}{
		{"sqlite", 1_000},
		{"sqlite", 100_000},
		{"postgres", 1_000},
	} {
		b.Run(fmt.Sprintf("%s/of=%d", c.database, c.count), func(b *testing.B) {
			db := open(b, databases[c.database](b))
			count := c.count
			refs := crowd(b, db, count)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				wanted := make([]store.Ref, 50)
				for j := range wanted {
					wanted[j] = refs[(i*7919+j*104729)%count]
				}
				found, err := db.Facts(b.Context(), store.Snap, wanted, FactsOptions{})
				if err != nil || found[49] == nil {
					b.Fatal(found, err)
				}
			}
		})
	}
}

func BenchmarkFresh(b *testing.B) {
	for name, newURL := range databases {
		b.Run(name, func(b *testing.B) {
			db := open(b, newURL(b))
			update(b, db, func(tx *Tx) error { return addPackage(tx, testPackage(1), 1) })
			b.ReportAllocs()
			for b.Loop() {
				if _, err := db.Fresh(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAssertion is the read of one assertion in a transaction.
func BenchmarkAssertion(b *testing.B) {
	for name, newURL := range databases {
		b.Run(name, func(b *testing.B) {
			db := open(b, newURL(b))
			update(b, db, func(tx *Tx) error {
				tx.Record(store.AssertionAdded, "assertion/model/x", nil)
				_, err := tx.PutAssertion(store.Assertion{Type: "model", PrimaryKey: "16/acme/pc", Encoded: make([]byte, 2000)})
				return err
			})
			b.ReportAllocs()
			for b.Loop() {
				err := db.View(b.Context(), func(tx *Tx) error {
					_, err := tx.Assertion("model", "16/acme/pc", -1)
					return err
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkUpdate is a durable commit of one setting and its change.
func BenchmarkUpdate(b *testing.B) {
	for name, newURL := range databases {
		b.Run(name, func(b *testing.B) {
			db := open(b, newURL(b))
			b.ReportAllocs()
			for b.Loop() {
				update(b, db, func(tx *Tx) error {
					tx.Record(store.SettingSet, "setting/x", nil)
					return tx.PutSetting("x", []byte(`1`), "bench")
				})
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	for name, newURL := range databases {
		b.Run(name, func(b *testing.B) {
			url := newURL(b)
			open(b, url)
			for b.Loop() {
				db, err := Open(b.Context(), url, Options{})
				if err != nil {
					b.Fatal(err)
				}
				db.Close()
			}
		})
	}
}
