package catalog

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/larder-store/larder/internal/blob"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// ImageRights says what who may do with the images of a resource: nothing where
// there is no such package. Everybody may ask.
func (c *Catalog) ImageRights(ctx context.Context, who store.Principal, repo store.ImageRepo) (pull, push bool, err error) {
	for _, right := range []struct {
		push bool
		has  *bool
	}{{false, &pull}, {true, &push}} {
		err := c.mayImage(ctx, who, repo, right.push)
		switch store.KindOf(err) {
		case store.KindNotFound, store.KindForbidden:
			continue
		}
		if err != nil {
			return false, false, err
		}
		*right.has = true
	}
	return pull, push, nil
}

// mayImage lets through who may pull the images of a resource, or push them, as
// the read snapshots know the package.
func (c *Catalog) mayImage(ctx context.Context, who store.Principal, repo store.ImageRepo, push bool) error {
	if err := c.catchUp(ctx); err != nil {
		return err
	}
	snaps, err := c.cache.get(ctx, store.Charm, []store.Ref{{ID: repo.PackageID}})
	if err != nil {
		return err
	}
	if snaps[0] == nil {
		return errNoRepository
	}
	return hidden(who.NeedImage(snaps[0].Package(), repo.Resource, push))
}

var errNoRepository = store.NotFoundf(store.CodeRepositoryUnknown, "there is no such repository")

// hidden speaks of a package that may not be seen as of a repository that is not
// there.
func hidden(err error) error {
	if store.CodeOf(err) == "package-not-found" {
		return errNoRepository
	}
	return err
}

// pushedTo finds the package of a repository that who pushes to.
func pushedTo(tx *db.Tx, who store.Principal, repo store.ImageRepo) (*store.Package, error) {
	pkg, err := packageOf(tx, store.Charm, store.Ref{ID: repo.PackageID})
	if err == nil {
		err = who.NeedImage(pkg, repo.Resource, true)
	}
	return pkg, hidden(err)
}

// OpenImageBlob opens a layer or a config, by its digest. It needs the right to
// pull, see store.Principal.NeedImage.
func (c *Catalog) OpenImageBlob(ctx context.Context, who store.Principal, repo store.ImageRepo, digest string) (*File, error) {
	if err := c.mayImage(ctx, who, repo, false); err != nil {
		return nil, err
	}
	if err := store.CheckImageDigest(digest); err != nil {
		return nil, err
	}
	var b store.Blob
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		b, err = tx.ImageBlob(repo, store.SHA256OfImage(digest))
		return err
	})
	if err != nil {
		return nil, err
	}
	f, err := c.openImage(ctx, b.Digest, b.Size, store.CodeBlobUnknown, digest)
	return f, err
}

// openImage opens bytes of an image. Those that were lost or set aside are not
// there, so that the next push brings them back.
func (c *Catalog) openImage(ctx context.Context, d store.Digest, size int64, code, name string) (*File, error) {
	f, err := c.open(ctx, d, size, name, time.Time{})
	if errors.Is(err, blob.ErrNotFound) {
		return nil, store.NotFoundf(code, "the bytes of %s are lost", name).Try("push it again").Because(err)
	}
	return f, err
}

// ImageManifest opens a manifest, by its digest or by a tag. It needs the right
// to pull, and for a tag store.Principal.NeedImageTags.
func (c *Catalog) ImageManifest(ctx context.Context, who store.Principal, repo store.ImageRepo, reference string) (store.ImageManifest, *File, error) {
	if err := c.mayImage(ctx, who, repo, false); err != nil {
		return store.ImageManifest{}, nil, err
	}
	if !store.ValidImageDigest(reference) {
		if err := who.NeedImageTags(); err != nil {
			return store.ImageManifest{}, nil, err
		}
	}
	m, err := c.manifestOf(ctx, repo, reference)
	if err != nil {
		return m, nil, err
	}
	f, err := c.openImage(ctx, m.Blob, m.Size, store.CodeManifestUnknown, m.Digest)
	if err == nil {
		f.Type = m.MediaType
	}
	return m, f, err
}

func (c *Catalog) manifestOf(ctx context.Context, repo store.ImageRepo, reference string) (m store.ImageManifest, err error) {
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		m, err = manifestAt(tx, repo, reference)
		return err
	})
	return m, err
}

func manifestAt(tx *db.Tx, repo store.ImageRepo, reference string) (store.ImageManifest, error) {
	if store.ValidImageDigest(reference) {
		return tx.ImageManifest(repo, reference)
	}
	if store.CheckTag(reference) != nil {
		return store.ImageManifest{}, store.NotFoundf(store.CodeManifestUnknown, "the repository has no manifest %.128q", reference)
	}
	return tx.ImageTagged(repo, reference)
}

// ImageTags lists the tags of a repository by name, after the given one. It needs
// the right to pull, and store.Principal.NeedImageTags.
func (c *Catalog) ImageTags(ctx context.Context, who store.Principal, repo store.ImageRepo, after string, limit int) (tags []store.ImageTag, err error) {
	if err := c.mayImage(ctx, who, repo, false); err != nil {
		return nil, err
	}
	if err := who.NeedImageTags(); err != nil {
		return nil, err
	}
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		tags, err = tx.ImageTags(repo, after, limit)
		if err == nil && len(tags) == 0 && after == "" {
			err = isThere(tx, repo)
		}
		return err
	})
	return tags, err
}

// isThere returns nil when anything was ever pushed to a repository.
func isThere(tx *db.Tx, repo store.ImageRepo) error {
	repos, err := tx.ImageReposOf(repo.PackageID)
	if err != nil {
		return err
	}
	for _, r := range repos {
		if r == repo {
			return nil
		}
	}
	return errNoRepository
}

// ImageReferrers lists the manifests that are about another, which need not be
// there: of one artifact type unless that is "". It needs the right to pull.
func (c *Catalog) ImageReferrers(ctx context.Context, who store.Principal, repo store.ImageRepo, subject, artifactType, after string, limit int) (list []store.ImageManifest, err error) {
	if err := c.mayImage(ctx, who, repo, false); err != nil {
		return nil, err
	}
	if err := store.CheckImageDigest(subject); err != nil {
		return nil, err
	}
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		list, err = tx.ImageReferrers(repo, subject, artifactType, after, limit)
		return err
	})
	return list, err
}

// maxReposLooked bounds how many repositories of others one question for the own
// ones looks at.
const maxReposLooked = 10_000

// ImageRepos lists the repositories that who may pull from, by package and
// resource, after the given one. Fewer than the limit may be all.
func (c *Catalog) ImageRepos(ctx context.Context, who store.Principal, after store.ImageRepo, limit int) (list []store.ImageRepo, err error) {
	if len(who.Pulls) > 0 {
		return c.pulledRepos(ctx, who, after, limit)
	}
	if err := c.catchUp(ctx); err != nil {
		return nil, err
	}
	for looked := 0; len(list) < limit && looked < maxReposLooked; {
		var repos []store.ImageRepo
		var own []store.ImageRepo
		err := c.walk(ctx, func() (err error) {
			repos, own, err = c.reposAfter(ctx, who, after)
			return err
		})
		if err != nil {
			return nil, err
		}
		list = append(list, own[:min(len(own), limit-len(list))]...)
		if len(repos) < searchPage {
			break
		}
		looked += len(repos)
		after = repos[len(repos)-1]
	}
	return list, nil
}

// reposAfter is a page of all repositories, and those of them that who may pull
// from. It keeps nothing of their packages in memory.
func (c *Catalog) reposAfter(ctx context.Context, who store.Principal, after store.ImageRepo) (repos, own []store.ImageRepo, err error) {
	err = c.db.View(ctx, func(tx *db.Tx) (err error) {
		repos, err = tx.ImageRepos(after, searchPage)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	var refs []store.Ref
	for _, repo := range repos {
		if ref := (store.Ref{ID: repo.PackageID}); !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
	}
	snaps, err := c.cache.pass(ctx, store.Charm, refs)
	if err != nil {
		return nil, nil, err
	}
	for _, repo := range repos {
		s := snaps[slices.Index(refs, store.Ref{ID: repo.PackageID})]
		if s != nil && who.NeedImage(s.Package(), repo.Resource, false) == nil {
			own = append(own, repo)
		}
	}
	return repos, own, nil
}

// pulledRepos is ImageRepos for a holder of pull credentials, which anybody may have:
// they cost no look at the repositories of others.
func (c *Catalog) pulledRepos(ctx context.Context, who store.Principal, after store.ImageRepo, limit int) (list []store.ImageRepo, err error) {
	for _, repo := range who.Pulls {
		if len(list) == limit || cmp.Or(strings.Compare(repo.PackageID, after.PackageID), strings.Compare(repo.Resource, after.Resource)) <= 0 {
			continue
		}
		err := c.mayImage(ctx, who, repo, false)
		if err == nil {
			err = c.db.View(ctx, func(tx *db.Tx) error { return isThere(tx, repo) })
		}
		switch {
		case err == nil:
			list = append(list, repo)
		case store.KindOf(err) != store.KindNotFound:
			return nil, err
		}
	}
	return list, nil
}

// maxImageConfig bounds how much of a config is read, bytes.
const maxImageConfig = 4 << 20

// ImageExists says what kind of manifest a digest names in a repository, and the
// architectures, in the words of charms, that it is for. Its error code is
// "manifest-unknown". Whether whoever asks may know is for the caller to see.
func (c *Catalog) ImageExists(ctx context.Context, packageID, resource, digest string) (mediaType string, architectures []string, err error) {
	repo := store.ImageRepo{PackageID: packageID, Resource: resource}
	if err := store.CheckImageDigest(digest); err != nil {
		return "", nil, err
	}
	m, err := c.manifestOf(ctx, repo, digest)
	if err != nil {
		return "", nil, err
	}
	architectures, err = c.imageArchitectures(ctx, repo, m)
	return m.MediaType, architectures, err
}

func (c *Catalog) imageArchitectures(ctx context.Context, repo store.ImageRepo, m store.ImageManifest) ([]string, error) {
	var doc store.ManifestDocument
	if err := c.readImage(ctx, m.Blob, m.Size, &doc); err != nil {
		return nil, err
	}
	if doc.Config == nil {
		return doc.Architectures(), nil
	}
	var config struct {
		Architecture string `json:"architecture"`
	}
	var b store.Blob
	err := c.db.View(ctx, func(tx *db.Tx) (err error) {
		b, err = tx.ImageBlob(repo, store.SHA256OfImage(doc.Config.Digest))
		return err
	})
	if err != nil || b.Size > maxImageConfig {
		return nil, err
	}
	// What is no config of an image says nothing, and is no mistake: an artifact's.
	if err := c.readImage(ctx, b.Digest, b.Size, &config); err != nil && store.KindOf(err) != store.KindInvalid {
		return nil, err
	}
	if a := store.CharmArchitecture(config.Architecture); a != "" {
		return []string{a}, nil
	}
	return nil, nil
}

// readImage decodes a small blob of JSON.
func (c *Catalog) readImage(ctx context.Context, d store.Digest, size int64, into any) error {
	r, err := c.blobs.Open(ctx, d, size)
	if err != nil {
		return fmt.Errorf("cannot read a part of an image: %w", err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, maxImageConfig))
	if err != nil {
		return fmt.Errorf("cannot read a part of an image: %w", err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return store.Invalidf(store.CodeManifestInvalid, "a part of the image is no JSON").Because(err)
	}
	return nil
}
