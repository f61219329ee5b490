package charmhub

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/gateway"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) uploadRoutes() []reply.Route {
	return []reply.Route{
		{Pattern: "POST /v1/charm/{name}/revisions", Handle: a.pushRevision},
		{Pattern: "GET /v1/charm/{name}/revisions", Handle: a.listRevisions},
		{Pattern: "GET /v1/charm/{name}/revisions/review", Handle: a.reviewStatus},
	}
}

// maxClaim bounds the claim of an upload, bytes.
const maxClaim = 64 << 10

func (a *api) pushRevision(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		var body struct {
			UploadID string `json:"upload-id"`
		}
		if err := reply.Decode(w, r, maxClaim, &body); err != nil {
			return nil, err
		}
		if err := a.Ready(r.Context(), who); err != nil {
			return nil, err
		}
		name := r.PathValue("name")
		u, err := a.Catalog.Claim(r.Context(), who, store.Charm, catalog.Claim{Name: name, UploadID: body.UploadID})
		if err != nil {
			return nil, err
		}
		return object{"status-url": statusURL(name, u.ID)}, nil
	})
}

// statusURL is where a client asks what has become of an upload, whether of a
// charm or of a resource: a path, since charmcraft puts it behind the address
// that it knows the store by.
func statusURL(name, uploadID string) string {
	return "/v1/charm/" + url.PathEscape(name) + "/revisions/review?upload-id=" + url.QueryEscape(uploadID)
}

// reviewWords are the store's words for how an upload stands. charmcraft ends its
// wait with approved or rejected, and asks again with anything else.
var reviewWords = map[store.UploadStatus]string{
	store.UploadApproved:   "approved",
	store.UploadRejected:   "rejected",
	store.UploadFailed:     "rejected",
	store.UploadHeld:       "need_manual_review",
	store.UploadProcessing: "received",
}

// reviewStatus answers with exactly one entry, which clients count. Its revision
// is that of the resource where a resource was uploaded.
func (a *api) reviewStatus(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		s, err := a.Catalog.ReviewStatus(r.Context(), who, store.Charm, r.PathValue("name"), r.URL.Query().Get("upload-id"))
		if err != nil {
			return nil, err
		}
		entry := object{"upload-id": s.ID, "status": reviewWords[s.Status], "revision": nil, "errors": problems(s.Problems)}
		if s.Revision != 0 && s.Status.Processed() {
			entry["revision"] = s.Revision
		}
		return object{"revisions": []object{entry}}, nil
	})
}

// problems are null where there are none: charmcraft prints an empty list as a
// failure without a reason.
func problems(list []store.UploadProblem) any {
	if len(list) == 0 {
		return nil
	}
	out := make([]object, len(list))
	for i, p := range list {
		out[i] = object{"code": p.Code, "message": p.Message}
	}
	return out
}

func (a *api) listRevisions(w http.ResponseWriter, r *http.Request) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		query := r.URL.Query()
		var q catalog.RevisionQuery
		var err error
		if text := query.Get("revision"); text != "" {
			if q.Number, err = strconv.Atoi(text); err != nil || q.Number < 1 {
				return nil, store.Invalidf(reply.CodeBadJSON, "%.32q is no revision", text)
			}
		}
		if q.Manifests, err = gateway.Truth(r, "include-craft-yaml"); err != nil {
			return nil, err
		}
		list, err := a.Catalog.RevisionList(r.Context(), who, store.Charm, r.PathValue("name"), q)
		if err != nil {
			return nil, err
		}
		wanted := strings.Split(query.Get("fields"), ",")
		entries := make([]object, len(list))
		for i, rev := range list {
			entries[i] = revisionOf(rev)
			for name, value := range moreOfRevision(rev) {
				if slices.Contains(wanted, name) {
					entries[i][name] = value
				}
			}
			if q.Manifests {
				entries[i]["craft-yaml"] = orNull(rev.Texts[store.TextCraft])
			}
		}
		return object{"revisions": entries}, nil
	})
}
