package db

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/larder-store/larder/internal/store"
)

// testImage is a manifest whose bytes are the text.
func testImage(repo store.ImageRepo, text string, parts ...store.ImagePart) store.ImageManifest {
	b := testBlob(text)
	return store.ImageManifest{
		Repo: repo, Digest: store.ImageDigest(b.SHA256), MediaType: store.MediaOCIManifest, Blob: b.Digest, Size: b.Size,
		Depth: 1, Annotations: map[string]string{"org.example": "ünïcode"}, Parts: parts, PushedBy: "tester",
	}
}

// putImage adds a manifest with the blobs that it names.
func putImage(tx *Tx, text string, m store.ImageManifest, blobs ...store.Blob) error {
	for _, b := range blobs {
		if _, err := tx.AddBlob(b); err != nil {
			return err
		}
		if err := tx.LinkImageBlob(m.Repo, b); err != nil {
			return err
		}
	}
	if _, err := tx.AddBlob(testBlob(text)); err != nil {
		return err
	}
	_, err := tx.PutImageManifest(m)
	tx.Record(store.ImagePushed, "image/"+m.Repo.String(), nil)
	return err
}

// fillImages puts a row into every table about images.
func fillImages(tx *Tx, p *store.Package) error {
	repo, layer := store.ImageRepo{PackageID: p.ID, Resource: "server"}, testBlob("a layer")
	m := testImage(repo, "a manifest", store.ImagePart{Digest: store.ImageDigest(layer.SHA256)})
	if err := putImage(tx, "a manifest", m, layer); err != nil {
		return err
	}
	if err := tx.PutImageTag(repo, store.ImageTag{Name: "latest", Digest: m.Digest, UpdatedBy: "tester"}); err != nil {
		return err
	}
	if err := tx.AddImageUpload(store.ImageUpload{ID: "upload", Repo: repo, Actor: "tester"}); err != nil {
		return err
	}
	if err := tx.AddImagePiece("upload", store.ImagePiece{Blob: layer}); err != nil {
		return err
	}
	return tx.NextImageGeneration(p.ID, "tester")
}

func TestImagesKeepTheirBlobs(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p := testPackage(1)
		repo := store.ImageRepo{PackageID: p.ID, Resource: "server"}
		layer, piece := testBlob("a layer"), testBlob("a piece")
		m := testImage(repo, "a manifest", store.ImagePart{Digest: store.ImageDigest(layer.SHA256)})
		update(t, db, func(tx *Tx) error {
			if err := addPackage(tx, p, 0); err != nil {
				return err
			}
			if err := putImage(tx, "a manifest", m, layer); err != nil {
				return err
			}
			if _, err := tx.AddBlob(piece); err != nil {
				return err
			}
			if err := tx.AddImageUpload(store.ImageUpload{ID: "one", Repo: repo, Actor: "tester"}); err != nil {
				return err
			}
			return tx.AddImagePiece("one", store.ImagePiece{Blob: piece})
		})
		kept := []store.Blob{layer, piece, testBlob("a manifest")}
		update(t, db, func(tx *Tx) error {
			for _, b := range kept {
				if gone, err := tx.RemoveBlob(b.Digest); err != nil || gone {
					t.Errorf("removed a blob that an image needs: %t, %v", gone, err)
				}
			}
			if n, err := tx.DropLooseImageBlobs(repo, tx.Now().Add(time.Hour)); err != nil || n != 0 {
				t.Errorf("dropped %d blobs that a manifest names, %v", n, err)
			}
			return nil
		})
		update(t, db, func(tx *Tx) error {
			tx.Record(store.ImageRemoved, "image/"+repo.String(), nil)
			if existed, err := tx.RemoveImageManifest(repo, m.Digest); err != nil || !existed {
				t.Errorf("removing the manifest: %t, %v", existed, err)
			}
			if n, err := tx.DropLooseImageBlobs(repo, tx.Now().Add(-time.Hour)); err != nil || n != 0 {
				t.Errorf("dropped %d blobs within the grace time, %v", n, err)
			}
			if n, err := tx.DropLooseImageBlobs(repo, tx.Now().Add(time.Hour)); err != nil || n != 1 {
				t.Errorf("dropped %d loose blobs, want 1, %v", n, err)
			}
			if n, err := tx.DropImageUploads("", tx.Now().Add(time.Hour)); err != nil || n != 1 {
				t.Errorf("dropped %d uploads, want 1, %v", n, err)
			}
			for _, b := range kept {
				if gone, err := tx.RemoveBlob(b.Digest); err != nil || !gone {
					t.Errorf("a blob that nothing needs stays: %v", err)
				}
			}
			return nil
		})
	})
}

func TestTagsAndReferrersAreListedInPages(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p := testPackage(1)
		repo := store.ImageRepo{PackageID: p.ID, Resource: "server"}
		m := testImage(repo, "a manifest")
		var about []string
		update(t, db, func(tx *Tx) error {
			about = nil
			if err := addPackage(tx, p, 0); err != nil {
				return err
			}
			if err := putImage(tx, "a manifest", m); err != nil {
				return err
			}
			for _, tag := range []string{"b", "A", "a.1", "_x"} {
				if err := tx.PutImageTag(repo, store.ImageTag{Name: tag, Digest: m.Digest, UpdatedBy: "tester"}); err != nil {
					return err
				}
			}
			for n := range 3 {
				text := fmt.Sprint("referrer ", n)
				r := testImage(repo, text)
				r.Subject, r.ArtifactType = m.Digest, fmt.Sprint("type-", n%2)
				about = append(about, r.Digest)
				if err := putImage(tx, text, r); err != nil {
					return err
				}
			}
			return nil
		})
		slices.Sort(about)
		view(t, db, func(tx *Tx) error {
			var tags []string
			for after := ""; ; {
				page, err := tx.ImageTags(repo, after, 2)
				if err != nil {
					return err
				}
				for _, tag := range page {
					after = tag.Name
					tags = append(tags, tag.Name)
				}
				if len(page) < 2 {
					break
				}
			}
			if want := []string{"A", "_x", "a.1", "b"}; !slices.Equal(tags, want) {
				t.Errorf("tags %q, want %q", tags, want)
			}
			list, err := tx.ImageReferrers(repo, m.Digest, "", about[0], 10)
			if err != nil || len(list) != 2 || list[0].Digest != about[1] {
				t.Errorf("referrers after the first: %v, %v", list, err)
			}
			if list, err = tx.ImageReferrers(repo, m.Digest, "type-1", "", 10); err != nil || len(list) != 1 {
				t.Errorf("referrers of one type: %v, %v", list, err)
			}
			if list, err = tx.ImageReferrers(repo, "", "", "", 10); err != nil || len(list) != 0 {
				t.Errorf("referrers of nothing: %v, %v", list, err)
			}
			return nil
		})
	})
}

func TestARemovedNameTakesItsImagesAlong(t *testing.T) {
	onBoth(t, func(t *testing.T, db *DB, _ string) {
		p := testPackage(1)
		update(t, db, func(tx *Tx) error {
			if err := addPackage(tx, p, 0); err != nil {
				return err
			}
			return fillImages(tx, p)
		})
		update(t, db, func(tx *Tx) error {
			tx.Record(store.PackageRemoved, "package/"+p.ID, nil)
			return tx.RemovePackage(p.ID)
		})
		view(t, db, func(tx *Tx) error {
			repos, err := tx.ImageRepos(store.ImageRepo{}, 10)
			if err != nil || len(repos) != 0 {
				t.Errorf("left over: %v, %v", repos, err)
			}
			return nil
		})
	})
}
