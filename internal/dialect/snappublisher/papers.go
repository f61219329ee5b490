package snappublisher

import (
	"context"
	"net/http"
	"slices"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/catalog"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) papersV1() []reply.Route {
	return []reply.Route{
		{Pattern: "POST /dev/api/snaps/{id}/builds", Handle: a.addBuild},
		{Pattern: "GET /dev/api/snaps/{id}/validations", Handle: a.validations},
		{Pattern: "PUT /dev/api/snaps/{id}/validations", Handle: a.addValidation},
		{Pattern: "GET /dev/api/snaps/{id}/developers", Handle: a.developers},
		{Pattern: "PUT /dev/api/snaps/{id}/developers", Handle: a.addDevelopers},
	}
}

// maxAssertionBody bounds a request that carries one assertion in JSON, bytes.
const maxAssertionBody = 1 << 20

// stating keeps what one assertion says about a snap.
type stating func(ctx context.Context, who store.Principal, ref store.Ref, encoded []byte) (*assertion.Assertion, error)

func (a *api) addBuild(w http.ResponseWriter, r *http.Request) {
	a.keepStatement(w, r, "assertion", a.Catalog.AddBuild, wireHeaders)
}

func (a *api) addValidation(w http.ResponseWriter, r *http.Request) {
	a.keepStatement(w, r, "assertion", a.Catalog.AddValidation, wireHeaders)
}

func (a *api) addDevelopers(w http.ResponseWriter, r *http.Request) {
	ignore := r.URL.Query().Has("ignore_revoked_uploads")
	add := func(ctx context.Context, who store.Principal, ref store.Ref, encoded []byte) (*assertion.Assertion, error) {
		return a.Catalog.AddDevelopers(ctx, who, ref, encoded, ignore)
	}
	a.keepStatement(w, r, "snap_developer", add, wireDevelopers)
}

// keepStatement reads the assertion in the given field, keeps it, and answers with its
// headers: clients need JSON on success.
func (a *api) keepStatement(w http.ResponseWriter, r *http.Request, field string, keep stating, answer func(*assertion.Assertion) map[string]any) {
	who, err := a.who(r)
	if err != nil {
		failV1(w, r, err)
		return
	}
	var body map[string]any
	if err := reply.Decode(w, r, maxAssertionBody, &body); err != nil {
		failV1(w, r, err)
		return
	}
	encoded, ok := body[field].(string)
	if !ok {
		failV1(w, r, store.Invalidf("missing-field", "send the encoded assertion as text under %s", field).With("name", field))
		return
	}
	kept, err := keep(r.Context(), who, snapByID(r), []byte(encoded))
	if err != nil {
		failV1(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, answer(kept))
}

// wireHeaders are an assertion's headers as they stand in it.
func wireHeaders(a *assertion.Assertion) map[string]any { return a.Headers() }

func (a *api) developers(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		failV1(w, r, err)
		return
	}
	found, err := a.Catalog.Developers(r.Context(), who, snapByID(r))
	if err != nil {
		failV1(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusOK, wireDevelopers(found))
}

// wireDevelopers is a snap-developer as the dashboard answers it.
func wireDevelopers(a *assertion.Assertion) map[string]any {
	headers := map[string]any{"developers": []any{}}
	for _, name := range []string{"type", "authority-id", "publisher-id", "snap-id", "developers"} {
		if value := a.Header(name); value != nil {
			headers[name] = value
		}
	}
	return map[string]any{"snap_developer": headers}
}

// wireValidation is one line of the list of validations. Newer clients refuse
// any other key, so there is none.
type wireValidation struct {
	Type             string `json:"type"`
	AuthorityID      string `json:"authority-id"`
	Series           string `json:"series"`
	SnapID           string `json:"snap-id"`
	ApprovedID       string `json:"approved-snap-id"`
	ApprovedName     string `json:"approved-snap-name"`
	ApprovedRevision string `json:"approved-snap-revision"` // "-" is none yet
	Timestamp        string `json:"timestamp"`
	Revoked          string `json:"revoked"` // "true" or "false"
	Required         bool   `json:"required"`
	SignKey          string `json:"sign-key-sha3-384"`
	Revision         string `json:"revision"` // of the assertion
}

func (a *api) validations(w http.ResponseWriter, r *http.Request) {
	who, err := a.who(r)
	if err != nil {
		failV1(w, r, err)
		return
	}
	revokedToo := slices.Contains([]string{"1", "true"}, r.URL.Query().Get("include_revoked"))
	pkg, gates, err := a.Catalog.Gates(r.Context(), who, snapByID(r), revokedToo)
	if err != nil {
		failV1(w, r, err)
		return
	}
	list := make([]wireValidation, len(gates))
	for i, g := range gates {
		list[i] = validationOf(pkg, g)
	}
	reply.JSON(w, r, http.StatusOK, list)
}

// validationOf is a validation as clients list it, or the place of one.
func validationOf(pkg *store.Package, g catalog.Gate) wireValidation {
	v := wireValidation{
		Type: "validation", AuthorityID: pkg.PublisherID, Series: onlySeries, SnapID: pkg.ID,
		ApprovedID: g.Snap.ID, ApprovedName: g.Snap.Name, ApprovedRevision: "-",
		Timestamp: microTime(pkg.CreatedAt), Revoked: "false", Required: g.Required, Revision: "0",
	}
	said := g.Validation
	if said == nil {
		return v
	}
	v.AuthorityID, v.ApprovedRevision = said.AuthorityID(), said.HeaderString("approved-snap-revision")
	v.Timestamp, v.SignKey = said.HeaderString("timestamp"), said.SignKeyID()
	if revision := said.HeaderString("revision"); revision != "" {
		v.Revision = revision
	}
	if g.Revoked {
		v.Revoked = "true"
	}
	return v
}
