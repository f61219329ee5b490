package charmhub

import (
	"net/http"
	"slices"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/gateway"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) resourceRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "GET /v1/charm/{name}/resources", Handle: a.listResources},
		{Pattern: "GET /v1/charm/{name}/resources/{resource}/revisions", Handle: a.listResourceRevisions},
		{Pattern: "POST /v1/charm/{name}/resources/{resource}/revisions", Handle: a.pushResource},
		{Pattern: "PATCH /v1/charm/{name}/resources/{resource}/revisions", Handle: a.updateResourceRevisions},
		{Pattern: "GET /v1/charm/{name}/resources/{resource}/oci-image/upload-credentials", Handle: a.imageCredentials},
		{Pattern: "POST /v1/charm/{name}/resources/{resource}/oci-image/blob", Handle: a.imageBlob},
	}
}

// Bounds of what is said about resources, bytes: the bases of one revision, and
// those of as many as one request may name.
const (
	maxResourcePush    = 64 << 10
	maxResourceUpdates = 1 << 20
)

// listResources has one entry for each resource of each charm revision.
func (a *api) listResources(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		list, err := a.Catalog.Resources(r.Context(), who, r.PathValue("name"))
		entries := make([]object, len(list))
		for i, d := range list {
			entries[i] = object{"name": d.Name, "type": d.Type, "optional": d.Optional, "revision": d.Revision}
		}
		return object{"resources": entries}, err
	})
}

func (a *api) listResourceRevisions(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		list, err := a.Catalog.ResourceRevisions(r.Context(), who, r.PathValue("name"), r.PathValue("resource"))
		entries := make([]object, len(list))
		for i, res := range list {
			entries[i] = resourceRevision(res)
		}
		return object{"revisions": entries}, err
	})
}

// resourceRevision is a revision as publishers see it. The digests of an image are
// those of the text that is kept, not of what clients download.
func resourceRevision(res *store.ResourceRevision) object {
	entry := object{
		"name": res.Name, "revision": res.Revision, "type": res.Type, "size": res.Size, "created-at": gateway.WholeSeconds(res.CreatedAt),
		"sha256": res.SHA256, "sha384": res.SHA384, "sha512": res.SHA512, "sha3-384": res.Blob.Hex(),
		"bases": basesOf(res.Platforms),
	}
	if !res.UpdatedAt.IsZero() {
		entry["updated-at"], entry["updated-by"] = gateway.WholeSeconds(res.UpdatedAt), res.UpdatedBy
	}
	return entry
}

// resourceBase is a base as resources have it, with all its architectures in one
// entry.
type resourceBase struct {
	Name          string   `json:"name"`
	Channel       string   `json:"channel"`
	Architectures []string `json:"architectures"`
}

// basesOf joins platforms of the same base, in their order.
func basesOf(platforms []store.Platform) []resourceBase {
	bases := []resourceBase{}
	for _, p := range platforms {
		at := slices.IndexFunc(bases, func(b resourceBase) bool { return b.Name == p.BaseName && b.Channel == p.BaseChannel })
		if at < 0 {
			at = len(bases)
			bases = append(bases, resourceBase{Name: p.BaseName, Channel: p.BaseChannel})
		}
		bases[at].Architectures = append(bases[at].Architectures, p.Architecture)
	}
	return bases
}

// platformsOf is the reverse of basesOf. A base without architectures is for all.
func platformsOf(bases []resourceBase) []store.Platform {
	var platforms []store.Platform
	for _, b := range bases {
		if len(b.Architectures) == 0 {
			b.Architectures = []string{store.AnyArchitecture}
		}
		for _, arch := range b.Architectures {
			platforms = append(platforms, store.Platform{Architecture: arch, BaseName: b.Name, BaseChannel: b.Channel})
		}
	}
	return platforms
}

// pushResource answers with the path that pushes of charms are looked after at.
func (a *api) pushResource(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		var body struct {
			UploadID string         `json:"upload-id"`
			Type     string         `json:"type"`
			Bases    []resourceBase `json:"bases"`
		}
		if err := reply.Decode(w, r, maxResourcePush, &body); err != nil {
			return nil, err
		}
		if err := a.Ready(r.Context(), who); err != nil {
			return nil, err
		}
		name := r.PathValue("name")
		u, err := a.Catalog.ClaimResource(r.Context(), who, catalog.ResourceClaim{
			Name: name, Resource: r.PathValue("resource"), UploadID: body.UploadID, Type: body.Type, Platforms: platformsOf(body.Bases),
		})
		return object{"status-url": statusURL(name, u.ID)}, err
	})
}

func (a *api) updateResourceRevisions(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		var body struct {
			Updates []struct {
				Revision int            `json:"revision"`
				Bases    []resourceBase `json:"bases"`
			} `json:"resource-revision-updates"`
		}
		if err := reply.Decode(w, r, maxResourceUpdates, &body); err != nil {
			return nil, err
		}
		updates := make([]catalog.ResourceUpdate, len(body.Updates))
		for i, u := range body.Updates {
			updates[i] = catalog.ResourceUpdate{Revision: u.Revision, Platforms: platformsOf(u.Bases)}
		}
		n, err := a.Catalog.SetResourcePlatforms(r.Context(), who, r.PathValue("name"), r.PathValue("resource"), updates)
		return object{"num-resource-revisions-updated": n}, err
	})
}

// imageCredentials says where the images of a resource are pushed to.
func (a *api) imageCredentials(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		resource := r.PathValue("resource")
		pkg, err := a.Catalog.ImageResource(r.Context(), who, r.PathValue("name"), resource)
		if err != nil {
			return nil, err
		}
		repository, err := store.ImageRepository(pkg.ID, resource)
		if err != nil {
			return nil, err
		}
		username, password, err := a.Registry.UploadCredentials(r.Context(), who, store.ImageRepo{PackageID: pkg.ID, Resource: resource})
		return object{
			"image-name": a.RegistryHost(r) + "/" + repository, "username": username, "password": password.Reveal(),
		}, err
	})
}

// imageBlob answers with the text that charmcraft uploads as the resource, as it
// gets it.
func (a *api) imageBlob(w http.ResponseWriter, r *http.Request) {
	text, err := a.imageBlobOf(w, r)
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, text)
}

func (a *api) imageBlobOf(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	who, err := a.who(r)
	if err != nil {
		return nil, err
	}
	var body struct {
		Digest string `json:"image-digest"`
	}
	if err := reply.Decode(w, r, maxResourcePush, &body); err != nil {
		return nil, err
	}
	if !store.ValidImageDigest(body.Digest) {
		return nil, store.Invalidf("digest-invalid", "%.80q is not the digest of an image", body.Digest).
			Try("send sha256: and the 64 hex digits of its manifest").With("name", "image-digest")
	}
	resource := r.PathValue("resource")
	pkg, err := a.Catalog.ImageResource(r.Context(), who, r.PathValue("name"), resource)
	if err != nil {
		return nil, err
	}
	if _, _, err := a.Catalog.ImageExists(r.Context(), pkg.ID, resource, body.Digest); err != nil {
		return nil, err
	}
	d, err := a.imageDocument(r, pkg.ID, resource, body.Digest)
	if err != nil {
		return nil, err
	}
	return d.Text, nil
}
