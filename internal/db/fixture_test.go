package db

import (
	"crypto/sha256"
	"crypto/sha3"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/larder-store/larder/internal/store"
)

var day = time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)

func testAccount(n int) store.Account {
	return store.Account{
		ID: fmt.Sprintf("account%025d", n), Username: fmt.Sprintf("user-%d", n),
		DisplayName: fmt.Sprintf("User Number %d", n), Validation: "unproven", CreatedAt: day,
	}
}

func testPackage(n int) *store.Package {
	return &store.Package{
		ID: fmt.Sprintf("package%025d", n), Namespace: store.Snap, Name: fmt.Sprintf("name-%d", n),
		PublisherID: testAccount(1).ID, Publisher: testAccount(1), StoreID: store.GlobalStore, CreatedAt: day,
		Listing: store.Listing{Title: fmt.Sprintf("Title %d", n), Links: map[string][]string{"website": {"https://example.com"}}},
	}
}

// testBlob is the row of a blob whose bytes are the text.
func testBlob(text string) store.Blob {
	sum := sha256.Sum256([]byte(text))
	return store.Blob{Digest: sha3.Sum384([]byte(text)), SHA256: hex.EncodeToString(sum[:]), Size: int64(len(text))}
}

func testRevision(p *store.Package, number int) *store.Revision {
	b := testBlob(fmt.Sprintf("revision of %s", p.ID))
	return &store.Revision{
		PackageID: p.ID, Number: number, Status: store.StatusApproved, Version: fmt.Sprintf("1.%d", number),
		CreatedAt: day, CreatedBy: p.PublisherID, Blob: b.Digest, SHA256: b.SHA256, Size: b.Size,
		Platforms:  []store.Platform{{Architecture: "amd64"}},
		Provenance: "global-upload", Manifest: "name: " + p.Name + "\n",
		Meta: store.Meta{Type: "app", Base: "core24", Summary: "A summary", Epoch: store.Epoch{Read: []uint32{0}, Write: []uint32{0}}},
	}
}

func testRelease(p *store.Package, channel string, revision int) store.Release {
	c, err := store.ParseChannel(channel)
	if err != nil {
		panic(err)
	}
	return store.Release{
		PackageID: p.ID, At: day, By: "tester", Channel: c.Normal(),
		Platform: store.Platform{Architecture: "amd64"}, Revision: revision,
	}
}

// addPackage registers a package with a publisher, revisions 1…n, and the
// last of them in latest/stable.
func addPackage(tx *Tx, p *store.Package, revisions int) error {
	if err := tx.PutAccount(testAccount(1)); err != nil {
		return err
	}
	if err := tx.InsertPackage(p); err != nil {
		return err
	}
	tx.Record(store.PackageRegistered, "package/"+p.ID, nil)
	if revisions == 0 {
		return nil
	}
	if _, err := tx.AddBlob(testBlob("revision of " + p.ID)); err != nil {
		return err
	}
	for n := 1; n <= revisions; n++ {
		if err := tx.InsertRevision(testRevision(p, n)); err != nil {
			return err
		}
	}
	_, err := tx.AppendReleases([]store.Release{testRelease(p, "stable", revisions)})
	return err
}
