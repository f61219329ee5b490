package snappublisher

import (
	"encoding/json"
	"fmt"
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

func (a *api) uploadsV1() []reply.Route {
	return slices.Concat(a.unscanned(), []reply.Route{
		{Pattern: "POST /dev/api/snap-push", Handle: a.snapPush},
		{Pattern: "GET /dev/api/snaps/{id}/builds/{upload}/status", Handle: a.buildStatus},
		{Pattern: "GET /dev/api/click-scan-complete/updown/{upload}", Handle: a.scanComplete},
	})
}

func (a *api) uploadsGateway() []reply.Route {
	return []reply.Route{
		{Pattern: "POST /v1/snap/{name}/revisions", Handle: a.pushRevision},
		{Pattern: "GET /v1/snap/{name}/revisions", Handle: a.listRevisions},
		{Pattern: "GET /v1/snap/{name}/revisions/review", Handle: a.reviewStatus},
	}
}

// uploadID is an id that clients send back as the JSON type that they got, or as
// another.
type uploadID string

func (id *uploadID) UnmarshalJSON(text []byte) error {
	var s string
	if err := json.Unmarshal(text, &s); err == nil {
		*id = uploadID(s)
		return nil
	}
	var n json.Number
	if err := json.Unmarshal(text, &n); err != nil {
		return fmt.Errorf("an upload id is a string or a number")
	}
	*id = uploadID(n)
	return nil
}

// maxPush bounds a claim: its components are named one by one.
const maxPush = 256 << 10

// pushBody is a claim of an upload. Series and source_uploaded say nothing that
// counts.
type pushBody struct {
	Name        string              `json:"name"`
	DryRun      bool                `json:"dry_run"`
	UploadID    uploadID            `json:"updown_id"`
	Size        int64               `json:"binary_filesize"`
	BuiltAt     string              `json:"built_at"`
	Channels    []string            `json:"channels"`
	Components  map[string]uploadID `json:"components"`
	DeltaFormat string              `json:"delta_format"`
	SourceHash  string              `json:"source_hash"`
	TargetHash  string              `json:"target_hash"`
}

func (b *pushBody) claim() (catalog.Claim, error) {
	c := catalog.Claim{
		Name: b.Name, UploadID: string(b.UploadID), Size: b.Size, Channels: b.Channels, BuiltAt: b.BuiltAt,
	}
	for name, id := range b.Components {
		if c.Components == nil {
			c.Components = make(map[string]string, len(b.Components))
		}
		c.Components[name] = string(id)
	}
	if b.DeltaFormat == "" {
		return c, nil
	}
	source, err := store.ParseHex(b.SourceHash)
	if err != nil {
		return c, err
	}
	target, err := store.ParseHex(b.TargetHash)
	c.Delta = &store.UploadDelta{Format: b.DeltaFormat, Source: source, Target: target}
	return c, err
}

func (a *api) snapPush(w http.ResponseWriter, r *http.Request) {
	var body pushBody
	who, err := a.asks(w, r, maxPush, &body)
	if err == nil {
		err = a.ready(r, who)
	}
	if err != nil {
		failV1(w, r, err)
		return
	}
	if body.DryRun {
		if err := a.Catalog.MayClaim(r.Context(), who, store.Snap, body.Name); err != nil {
			failV1(w, r, err)
			return
		}
		reply.JSON(w, r, http.StatusAccepted, map[string]any{"success": true})
		return
	}
	claim, err := body.claim()
	var u store.Upload
	if err == nil {
		u, err = a.Catalog.Claim(r.Context(), who, store.Snap, claim)
	}
	if err != nil {
		failV1(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusAccepted, map[string]any{
		"success":            true,
		"status_details_url": a.BaseURL(r) + "/dev/api/snaps/" + u.PackageID + "/builds/" + url.PathEscape(u.ID) + "/status",
		"status_url":         a.BaseURL(r) + "/dev/api/click-scan-complete/updown/" + url.PathEscape(u.ID) + "/",
	})
}

// buildCodes are the dashboard's words for how an upload stands.
var buildCodes = map[store.UploadStatus]string{
	store.UploadProcessing: "being_processed",
	store.UploadHeld:       "need_manual_review",
	store.UploadApproved:   "ready_to_release",
	store.UploadRejected:   "processing_error",
	store.UploadFailed:     "processing_error",
}

// buildStatus answers whoever knows the address: older clients and Launchpad ask
// without credentials.
func (a *api) buildStatus(w http.ResponseWriter, r *http.Request) {
	s, err := a.Catalog.UploadStatus(r.Context(), r.PathValue("id"), r.PathValue("upload"))
	if err != nil {
		failV1(w, r, err)
		return
	}
	code := buildCodes[s.Status]
	problems := make([]map[string]any, len(s.Problems))
	for i, p := range s.Problems {
		problems[i] = map[string]any{"code": orNull(p.Code), "message": p.Message}
		if p.Code == catalog.CodeDelta {
			code = p.Code
		}
	}
	body := map[string]any{
		"code": code, "processed": s.Status.Processed(), "can_release": s.Status == store.UploadApproved, "errors": problems,
	}
	if s.Revision != 0 && s.Status.Processed() {
		body["revision"] = s.Revision
		body["url"] = a.revisionURL(r, s.Package, s.Revision)
	}
	reply.JSON(w, r, http.StatusOK, body)
}

func (a *api) revisionURL(r *http.Request, name string, number int) string {
	return a.BaseURL(r) + "/api/v2/snaps/" + name + "/revisions/" + strconv.Itoa(number)
}

// scanComplete is buildStatus as Launchpad once read it.
func (a *api) scanComplete(w http.ResponseWriter, r *http.Request) {
	s, err := a.Catalog.UploadStatus(r.Context(), "", r.PathValue("upload"))
	if err != nil {
		failV1(w, r, err)
		return
	}
	body := map[string]any{
		"completed": s.Status.Processed(), "application_url": "", "revision": nil, "message": "", "package_name": orNull(s.Package),
	}
	if s.Revision != 0 && s.Status.Processed() {
		body["revision"], body["application_url"] = s.Revision, a.revisionURL(r, s.Package, s.Revision)
	}
	var messages []string
	for _, p := range s.Problems {
		messages = append(messages, p.Message)
	}
	body["message"] = strings.Join(messages, "\n")
	reply.JSON(w, r, http.StatusOK, body)
}

// pushRevision answers with a path: the client puts it behind the address that
// it knows the gateway by.
func (a *api) pushRevision(w http.ResponseWriter, r *http.Request) {
	var body struct {
		UploadID uploadID `json:"upload-id"`
	}
	who, err := a.asks(w, r, smallBody, &body)
	if err == nil {
		err = a.ready(r, who)
	}
	var u store.Upload
	name := r.PathValue("name")
	if err == nil {
		u, err = a.Catalog.Claim(r.Context(), who, store.Snap, catalog.Claim{Name: name, UploadID: string(body.UploadID)})
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{
		"status-url": "/v1/snap/" + name + "/revisions/review?upload-id=" + url.QueryEscape(u.ID),
	})
}

// reviewWords are the gateway's words. The first two end a client's wait; with
// anything else it asks again.
var reviewWords = map[store.UploadStatus]string{
	store.UploadApproved:   "approved",
	store.UploadRejected:   "rejected",
	store.UploadFailed:     "rejected",
	store.UploadHeld:       "need_manual_review",
	store.UploadProcessing: "received",
}

// reviewStatus answers with exactly one entry, which clients count.
func (a *api) reviewStatus(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	var s catalog.UploadState
	if err == nil {
		s, err = a.Catalog.ReviewStatus(r.Context(), who, store.Snap, r.PathValue("name"), r.URL.Query().Get("upload-id"))
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	problems := make([]map[string]any, len(s.Problems))
	for i, p := range s.Problems {
		problems[i] = map[string]any{"code": p.Code, "message": p.Message}
	}
	entry := map[string]any{"upload-id": s.ID, "status": reviewWords[s.Status], "revision": nil, "errors": problems}
	if s.Revision != 0 && s.Status.Processed() {
		entry["revision"] = s.Revision
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"revisions": []any{entry}})
}

// listRevisions answers with thirteen keys for each revision, which is all that
// the strictest client takes; others only on wish.
func (a *api) listRevisions(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	who, err := a.who(r)
	var q catalog.RevisionQuery
	if text := query.Get("revision"); err == nil && text != "" {
		if q.Number, err = strconv.Atoi(text); err != nil || q.Number < 1 {
			err = store.Invalidf(reply.CodeBadJSON, "%.32q is no revision", text)
		}
	}
	if err == nil {
		q.Manifests, err = gateway.Truth(r, "include-craft-yaml")
	}
	var list []catalog.PublishedRevision
	if err == nil {
		list, err = a.Catalog.RevisionList(r.Context(), who, store.Snap, r.PathValue("name"), q)
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	wanted := strings.Split(query.Get("fields"), ",")
	entries := make([]map[string]any, len(list))
	for i, rev := range list {
		entries[i] = inGateway.of(rev)
		for name, value := range moreOfRevision(rev) {
			if slices.Contains(wanted, name) {
				entries[i][name] = value
			}
		}
		if q.Manifests {
			entries[i]["craft-yaml"] = rev.Manifest
		}
	}
	reply.JSON(w, r, http.StatusOK, map[string]any{"revisions": entries})
}

// moreOfRevision is what a client gets when it names it.
func moreOfRevision(rev catalog.PublishedRevision) map[string]any {
	apps := rev.Meta.Apps
	if apps == nil {
		apps = []string{}
	}
	return map[string]any{
		"apps": apps, "type": rev.Meta.Type, "created-by": rev.CreatedBy, "provenance": rev.Provenance,
		"title": orNull(rev.Meta.Title), "summary": orNull(rev.Meta.Summary), "license": orNull(rev.Meta.License),
	}
}
