package oci

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/identity"
	"github.com/larder-store/larder/internal/store"
)

// What one page of a list holds at most.
const (
	pageOfNames     = 500
	pageOfReferrers = 50 // with annotations of store.MaxAnnotations each
)

// window is which part of a list a client asks for.
type window struct {
	n    int
	last string // what the page before ended with
}

func windowOf(r *http.Request, most int) (window, error) {
	q := r.URL.Query()
	v := window{most, q.Get("last")}
	if text := q.Get("n"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 0 {
			return v, store.Invalidf("pagination-number-invalid", "n is a number of entries, not %.40q", text)
		}
		v.n = min(n, most)
	}
	return v, nil
}

// link tells where the next page is.
func link(w http.ResponseWriter, path string, v window, more url.Values) {
	q := url.Values{"n": {strconv.Itoa(v.n)}, "last": {v.last}}
	for name, values := range more {
		q[name] = values
	}
	w.Header().Set("Link", "<"+path+"?"+q.Encode()+`>; rel="next"`)
}

func (a *api) listTags(c *call) error {
	v, err := windowOf(c.r, pageOfNames)
	if err != nil {
		return err
	}
	tags, err := a.Catalog.ImageTags(c.r.Context(), c.who, c.repo, v.last, v.n+1)
	if err != nil {
		return err
	}
	names := []string{}
	for _, t := range tags[:min(v.n, len(tags))] {
		names = append(names, t.Name)
	}
	if len(tags) > v.n && v.n > 0 {
		v.last = names[v.n-1]
		link(c.w, c.path("tags", "list"), v, nil)
	}
	reply.JSON(c.w, c.r, http.StatusOK, map[string]any{"name": c.name, "tags": names})
	return nil
}

// listRepositories answers with the repositories that whoever asks may pull from.
func (a *api) listRepositories(w http.ResponseWriter, r *http.Request) {
	caller, err := a.Identity.RegistryCaller(r.Context(), a.service(r), identity.EvidenceOf(r))
	if err == nil && caller.ByToken && !allows(caller, "registry", "catalog", "*") {
		err = errScope
	}
	if err != nil {
		a.refuse(w, r, "registry:catalog:*", err)
		return
	}
	if err := a.repositories(w, r, caller.Principal); err != nil {
		fail(w, r, err)
	}
}

func (a *api) repositories(w http.ResponseWriter, r *http.Request, who store.Principal) error {
	v, err := windowOf(r, pageOfNames)
	if err != nil {
		return err
	}
	var after store.ImageRepo
	if v.last != "" {
		id, resource, ok := store.ParseImageRepository(v.last)
		if !ok {
			return store.Invalidf("name-invalid", "%.100q is no repository", v.last)
		}
		after = store.ImageRepo{PackageID: id, Resource: resource}
	}
	repos, err := a.Catalog.ImageRepos(r.Context(), who, after, v.n+1)
	if err != nil {
		return err
	}
	names := []string{}
	for _, repo := range repos[:min(v.n, len(repos))] {
		name, err := store.ImageRepository(repo.PackageID, repo.Resource)
		if err != nil {
			return err
		}
		names = append(names, name)
	}
	if len(repos) > v.n && v.n > 0 {
		v.last = names[v.n-1]
		link(w, "/v2/_catalog", v, nil)
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"repositories": names})
	return nil
}

// referrer is a manifest in the list of those that are about another.
type referrer struct {
	MediaType    string            `json:"mediaType"`
	Digest       string            `json:"digest"`
	Size         int64             `json:"size"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
}

func (a *api) listReferrers(c *call) error {
	v, err := windowOf(c.r, pageOfReferrers)
	if err != nil {
		return err
	}
	kind := c.r.URL.Query().Get("artifactType")
	subject := c.r.PathValue("digest")
	found, err := a.Catalog.ImageReferrers(c.r.Context(), c.who, c.repo, subject, kind, v.last, v.n+1)
	if err != nil {
		return err
	}
	list := []referrer{}
	for _, m := range found[:min(v.n, len(found))] {
		list = append(list, referrer{m.MediaType, m.Digest, m.Size, m.ArtifactType, m.Annotations})
	}
	more := url.Values{}
	if kind != "" {
		c.w.Header().Set("OCI-Filters-Applied", "artifactType")
		more.Set("artifactType", kind)
	}
	if len(found) > v.n && v.n > 0 {
		v.last = list[v.n-1].Digest
		link(c.w, c.path("referrers", subject), v, more)
	}
	c.w.Header().Set("Content-Type", store.MediaOCIIndex)
	reply.JSON(c.w, c.r, http.StatusOK, map[string]any{
		"schemaVersion": 2, "mediaType": store.MediaOCIIndex, "manifests": list,
	})
	return nil
}
