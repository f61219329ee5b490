package catalog

import (
	"context"
	"time"

	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// CollectImages removes the images that nothing leads to any more: manifests that
// no tag, no revision of their resource and no list reaches, and that are not
// about one that is reached; blobs that no manifest needs; and uploads that stand
// still. What somebody has pushed within the grace time stays. It returns how many
// manifests it removed. The bytes are garbage then. It needs PermStore.
func (c *Catalog) CollectImages(ctx context.Context, who store.Principal, grace time.Duration) (manifests int, err error) {
	if err := who.Need(store.PermStore); err != nil {
		return 0, err
	}
	const page = 500
	for after := (store.ImageRepo{}); ; {
		var repos []store.ImageRepo
		err := c.db.View(ctx, func(tx *db.Tx) (err error) {
			repos, err = tx.ImageRepos(after, page)
			return err
		})
		if err != nil {
			return manifests, err
		}
		for _, repo := range repos {
			after = repo
			n, err := c.collectRepo(ctx, who, repo, grace)
			manifests += n
			if err != nil {
				return manifests, err
			}
		}
		if len(repos) < page {
			break
		}
	}
	_, err = c.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		_, err := tx.DropImageUploads("", tx.Now().Add(-grace))
		return err
	})
	return manifests, err
}

func (c *Catalog) collectRepo(ctx context.Context, who store.Principal, repo store.ImageRepo, grace time.Duration) (removed int, err error) {
	_, err = c.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		removed = 0
		before := tx.Now().Add(-grace)
		garbage, err := unreached(tx, repo, before)
		if err != nil {
			return err
		}
		for _, digest := range garbage {
			if _, err := tx.RemoveImageManifest(repo, digest); err != nil {
				return err
			}
			tx.Record(store.ImageRemoved, "image/"+repo.String(), map[string]any{"digest": digest, "garbage": true})
			removed++
		}
		_, err = tx.DropLooseImageBlobs(repo, before)
		return err
	})
	return removed, err
}

// unreached lists the manifests of a repository that nothing leads to and that
// nobody has pushed since a time.
func unreached(tx *db.Tx, repo store.ImageRepo, before time.Time) (garbage []string, err error) {
	var all, todo []string
	about := make(map[string][]string) // by subject
	lists := make(map[string]bool)     // those that have parts
	for after := ""; ; {
		page, err := tx.ImageManifests(repo, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, m := range page {
			after = m.Digest
			all = append(all, m.Digest)
			if m.Depth > 1 {
				lists[m.Digest] = true
			}
			if m.Subject != "" {
				about[m.Subject] = append(about[m.Subject], m.Digest)
			}
			if !m.PushedAt.Before(before) {
				todo = append(todo, m.Digest)
			}
		}
		if len(page) < 1000 {
			break
		}
	}
	for after := ""; ; {
		page, err := tx.ImageTags(repo, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, t := range page {
			after = t.Name
			todo = append(todo, t.Digest)
		}
		if len(page) < 1000 {
			break
		}
	}
	pins, err := tx.ImagePins(repo)
	if err != nil {
		return nil, err
	}
	todo = append(todo, pins...)
	reached := make(map[string]bool)
	for len(todo) > 0 {
		digest := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if reached[digest] {
			continue
		}
		reached[digest] = true
		todo = append(todo, about[digest]...)
		if !lists[digest] {
			continue
		}
		// One list at a time: all of a repository may name twenty million parts.
		parts, err := tx.ImageParts(repo, digest)
		if err != nil {
			return nil, err
		}
		for _, p := range parts {
			if p.Manifest && !reached[p.Digest] {
				todo = append(todo, p.Digest)
			}
		}
	}
	for _, digest := range all {
		if !reached[digest] {
			garbage = append(garbage, digest)
		}
	}
	return garbage, nil
}

// RevokeImagePulls makes the pull credentials of a charm's images count no more.
// Clients get new ones with the next refresh of the charm. It needs PermACL on the
// package.
func (c *Catalog) RevokeImagePulls(ctx context.Context, who store.Principal, name string) error {
	_, err := c.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermACL, store.Charm, name)
		if err != nil {
			return err
		}
		// The subject is the package: what was prepared of it holds the old ones.
		tx.Record(store.PullsRevoked, "package/"+pkg.ID, map[string]any{"name": pkg.Name})
		return tx.NextImageGeneration(pkg.ID, who.Name)
	})
	return err
}

// RemoveImageOf is RemoveImage for a charm by its name.
func (c *Catalog) RemoveImageOf(ctx context.Context, who store.Principal, name, resource, reference string) error {
	if err := who.Need(store.PermPush); err != nil {
		return err
	}
	var repo store.ImageRepo
	err := c.db.View(ctx, func(tx *db.Tx) error {
		pkg, err := mine(tx, who, store.PermPush, store.Charm, name)
		if err == nil {
			repo = store.ImageRepo{PackageID: pkg.ID, Resource: resource}
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.RemoveImage(ctx, who, repo, reference)
}

// Image is a manifest with the tags that point at it.
type Image struct {
	Resource string `json:"resource"`
	store.ImageManifest
	Tags   []string `json:"tags"`
	Pinned bool     `json:"pinned"` // by a revision of the resource
}

// maxImagesListed bounds a list of images.
const maxImagesListed = 10_000

// Images lists the images of a charm, by resource and digest. It needs
// PermSeeRevisions on the package.
func (c *Catalog) Images(ctx context.Context, who store.Principal, name string) (packageID string, list []Image, err error) {
	err = c.db.View(ctx, func(tx *db.Tx) error {
		list = nil
		pkg, err := mine(tx, who, store.PermSeeRevisions, store.Charm, name)
		if err != nil {
			return err
		}
		packageID = pkg.ID
		repos, err := tx.ImageReposOf(pkg.ID)
		if err != nil {
			return err
		}
		for _, repo := range repos {
			images, err := imagesOf(tx, repo, maxImagesListed-len(list))
			if err != nil {
				return err
			}
			list = append(list, images...)
		}
		return nil
	})
	return packageID, list, err
}

func imagesOf(tx *db.Tx, repo store.ImageRepo, most int) (list []Image, err error) {
	tags := make(map[string][]string)
	for after := ""; ; {
		page, err := tx.ImageTags(repo, after, 1000)
		if err != nil {
			return nil, err
		}
		for _, t := range page {
			after = t.Name
			tags[t.Digest] = append(tags[t.Digest], t.Name)
		}
		if len(page) < 1000 {
			break
		}
	}
	pins, err := tx.ImagePins(repo)
	if err != nil {
		return nil, err
	}
	pinned := make(map[string]bool)
	for _, digest := range pins {
		pinned[digest] = true
	}
	for after := ""; len(list) < most; {
		page, err := tx.ImageManifests(repo, after, min(1000, most-len(list)))
		if err != nil {
			return nil, err
		}
		for _, m := range page {
			after = m.Digest
			list = append(list, Image{Resource: repo.Resource, ImageManifest: m, Tags: tags[m.Digest], Pinned: pinned[m.Digest]})
		}
		if len(page) == 0 {
			break
		}
	}
	return list, nil
}
