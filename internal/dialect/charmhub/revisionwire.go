package charmhub

import (
	"cmp"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/gateway"
	"github.com/larder-store/larder/internal/store"
)

// object is a JSON object whose keys clients require one by one.
type object = map[string]any

// revisionOf builds the publishers' revision. craft-store takes what has bases for
// a charm's.
func revisionOf(r catalog.PublishedRevision) object {
	return object{
		"revision":   r.Number,
		"version":    r.Version,
		"created-at": gateway.WholeSeconds(r.CreatedAt),
		"status":     revisionStatus(r),
		"errors":     problems(r.Problems),
		"bases":      publisherBases(r.Platforms),
		"size":       r.Size,
		"sha3-384":   r.Blob.Hex(),
	}
}

// moreOfRevision is what a client gets when it names it.
func moreOfRevision(r catalog.PublishedRevision) object {
	return object{
		"created-by": r.CreatedBy, "type": r.Meta.Type,
		"title": orNull(r.Meta.Title), "summary": orNull(r.Meta.Summary), "description": orNull(r.Meta.Description),
	}
}

func revisionStatus(r catalog.PublishedRevision) string {
	switch {
	case r.Status == store.StatusPending:
		return "ManualReviewPending"
	case r.Status != store.StatusApproved:
		return "rejected"
	case r.Released:
		return "released"
	}
	return "approved"
}

// publisherBases lists bases as charmcraft takes them: it makes an object of its own of
// each, which knows no key but these three.
func publisherBases(platforms []store.Platform) []object {
	list := make([]object, len(platforms))
	for i, p := range platforms {
		list[i] = publisherBase(p)
	}
	return list
}

func publisherBase(p store.Platform) object {
	return object{
		"architecture": cmp.Or(p.Architecture, store.AnyArchitecture),
		"name":         cmp.Or(p.BaseName, store.AnyArchitecture),
		"channel":      cmp.Or(p.BaseChannel, store.AnyArchitecture),
	}
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
