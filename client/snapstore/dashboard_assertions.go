package snapstore

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/larder-store/larder/client/transport"
)

// assertionType is the media type of one encoded assertion.
const assertionType = "application/x.ubuntu.assertion"

// SignBuild tells the store who built a file: an encoded snap-build assertion,
// for the snap with this id.
func (d Dashboard) SignBuild(ctx context.Context, snapID string, assertion []byte) error {
	return d.send(ctx, http.MethodPost, d.v1(path("snaps", snapID, "builds")), map[string]string{"assertion": string(assertion)}, nil)
}

// A Validation says that a gating snap's publisher approves a revision of
// another snap.
type Validation struct {
	AuthorityID string `json:"authority-id"`
	Series      string `json:"series"`
	// SnapID is the gating snap.
	SnapID           string `json:"snap-id"`
	ApprovedSnapID   string `json:"approved-snap-id"`
	ApprovedSnapName string `json:"approved-snap-name"`
	// ApprovedRevision is a number, or "-" while none is approved.
	ApprovedRevision string `json:"approved-snap-revision"`
	Timestamp        string `json:"timestamp"`
	// Revoked is "true" or "false".
	Revoked string `json:"revoked"`
	// Required says that the gated snap needs an approval.
	Required bool `json:"required"`
	// Revision is the assertion's, as a text; empty is 0.
	Revision  string `json:"revision,omitempty"`
	SignKeyID string `json:"sign-key-sha3-384,omitempty"`
}

// Validations returns the validations of a gating snap, by its id.
func (d Dashboard) Validations(ctx context.Context, snapID string, includeRevoked bool) ([]Validation, error) {
	u := d.v1(path("snaps", snapID, "validations"))
	if includeRevoked {
		u += "?include_revoked=1"
	}
	var out []Validation
	err := d.get(ctx, u, &out)
	return out, err
}

// PutValidation publishes an encoded validation assertion of the gating snap
// with this id.
func (d Dashboard) PutValidation(ctx context.Context, snapID string, assertion []byte) error {
	return d.send(ctx, http.MethodPut, d.v1(path("snaps", snapID, "validations")), map[string]string{"assertion": string(assertion)}, nil)
}

// ValidationSetDraft is a validation set before it is signed.
type ValidationSetDraft struct {
	AccountID string              `json:"account-id"`
	Name      string              `json:"name"`
	Sequence  int                 `json:"sequence"`
	Snaps     []ValidationSetSnap `json:"snaps"`
}

// A ValidationSetSnap is one snap of a ValidationSetDraft.
type ValidationSetSnap struct {
	Name string `json:"name"`
	// ID is found by the store if empty.
	ID string `json:"id,omitempty"`
	// Presence is "required", "optional" or "invalid"; empty is required.
	Presence string `json:"presence,omitempty"`
	// Revision is 0 for any.
	Revision   int                               `json:"revision,omitempty"`
	Components map[string]ValidationSetComponent `json:"components,omitempty"`
}

// A ValidationSetComponent is a component of a ValidationSetSnap.
type ValidationSetComponent struct {
	Presence string `json:"presence"`
	// Revision is 0 for any.
	Revision int `json:"revision,omitempty"`
}

// Headers are those of an assertion. Numbers in them are texts.
type Headers map[string]any

// Text is a header as a text; "" if it is absent or something else.
func (h Headers) Text(name string) string {
	s, _ := h[name].(string)
	return s
}

// A StoredAssertion is one that the store keeps.
type StoredAssertion struct {
	Headers Headers `json:"headers"`
	// Body is that of confdb schemas, else empty.
	Body string `json:"body,omitempty"`
}

type storedAssertions struct {
	Assertions required[[]StoredAssertion] `json:"assertions"`
}

// The values of a sequence; a number as a text is one too.
const (
	SequenceLatest = "latest"
	SequenceAll    = "all"
)

// ValidationSets returns the account's validation sets: those of that name if it
// is not empty, and of that sequence if it is not empty. What does not exist is
// an empty list.
func (d Dashboard) ValidationSets(ctx context.Context, name, sequence string) ([]StoredAssertion, error) {
	u := d.v2("/validation-sets")
	if name != "" {
		u += path(name)
	}
	if sequence != "" {
		u += "?" + url.Values{"sequence": {sequence}}.Encode()
	}
	return d.assertions(ctx, transport.Call{URL: u})
}

func (d Dashboard) assertions(ctx context.Context, call transport.Call) ([]StoredAssertion, error) {
	var out storedAssertions
	call.Out = &out
	err := d.c.call(ctx, call)
	return out.Assertions.get(&err, call.URL, "assertions"), err
}

// BuildValidationSet returns the headers to sign. Nothing is stored.
func (d Dashboard) BuildValidationSet(ctx context.Context, draft ValidationSetDraft) (Headers, error) {
	return d.build(ctx, "/validation-sets/build-assertion", draft)
}

func (d Dashboard) build(ctx context.Context, p string, in any) (Headers, error) {
	var out Headers
	err := d.c.call(ctx, transport.Call{Method: http.MethodPost, URL: d.v2(p), In: in, Out: &out, Repeatable: true})
	return out, err
}

// PostValidationSet publishes a signed validation-set assertion. ErrConflict if
// that revision is there already.
func (d Dashboard) PostValidationSet(ctx context.Context, assertion []byte) (StoredAssertion, error) {
	return d.post(ctx, "/validation-sets", assertion)
}

func (d Dashboard) post(ctx context.Context, p string, assertion []byte) (StoredAssertion, error) {
	list, err := d.assertions(ctx, transport.Call{Method: http.MethodPost, URL: d.v2(p), Raw: assertion, ContentType: assertionType})
	if err != nil {
		return StoredAssertion{}, err
	}
	if len(list) != 1 {
		return StoredAssertion{}, &InvalidResponseError{Method: http.MethodPost, URL: d.v2(p), Status: 200, Err: errNotOne}
	}
	return list[0], nil
}

var errNotOne = errors.New("it does not hold the one assertion that was sent")

// ConfdbSchemaDraft is a confdb schema before it is signed.
type ConfdbSchemaDraft struct {
	AccountID string `json:"account-id"`
	Name      string `json:"name"`
	Revision  int    `json:"revision,omitempty"`
	Summary   string `json:"summary,omitempty"`
	// Views by name.
	Views map[string]any `json:"views"`
	// Body is JSON, as a text.
	Body string `json:"body,omitempty"`
}

// ConfdbSchemas returns the account's confdb schemas; that of the name if it is
// not empty. What does not exist is an empty list.
func (d Dashboard) ConfdbSchemas(ctx context.Context, name string) ([]StoredAssertion, error) {
	u := d.v2("/confdb-schemas")
	if name != "" {
		u += path(name)
	}
	return d.assertions(ctx, transport.Call{URL: u})
}

// BuildConfdbSchema returns the headers to sign, with "body" among them. Nothing
// is stored.
func (d Dashboard) BuildConfdbSchema(ctx context.Context, draft ConfdbSchemaDraft) (Headers, error) {
	return d.build(ctx, "/confdb-schemas/build-assertion", draft)
}

// PostConfdbSchema publishes a signed confdb-schema assertion.
func (d Dashboard) PostConfdbSchema(ctx context.Context, assertion []byte) (StoredAssertion, error) {
	return d.post(ctx, "/confdb-schemas", assertion)
}
