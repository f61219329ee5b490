package store

import "slices"

// NeedImage returns nil when p may read the package's images of a resource, or
// with push also change them. Whoever may see a package's revisions reads its
// images, as does the holder of the resource's pull credentials, who reads nothing
// else; whoever uploads revisions pushes images. Everybody else is turned away,
// from public packages, too: what pulls for a charm has credentials.
func (p Principal) NeedImage(pkg *Package, resource string, push bool) error {
	repo := ImageRepo{pkg.ID, resource}
	if len(p.Pulls) > 0 { // and is nobody else
		switch {
		case !slices.Contains(p.Pulls, repo):
			return NotFoundf("package-not-found", "the credentials are for no such repository")
		case push:
			return Forbiddenf(CodePermission, "pull credentials push nothing")
		}
		return nil
	}
	err := p.NeedOn(PermPush, pkg)
	if err != nil && !push {
		err = p.NeedOn(PermSeeRevisions, pkg)
	}
	if err != nil {
		return err
	}
	for _, l := range p.Limits {
		if l.Images != nil && !slices.Contains(l.Images, repo) {
			return Forbiddenf(CodeForeignPackage, "the credentials are not for the resource %.64s of %s", resource, pkg.Name)
		}
	}
	return nil
}

// NeedImageTags returns nil when p may also read which images a repository has, and
// go by their tags. Anybody gets the pull credentials of a public charm with the
// digests of what was released, and reads by digest: what was pushed and not
// released is its publisher's own affair.
func (p Principal) NeedImageTags() error {
	if len(p.Pulls) > 0 {
		return Forbiddenf(CodePermission, "pull credentials read no tags").Try("pull the image by its digest")
	}
	return nil
}
