package snappublisher

import (
	"context"
	"errors"
	"io"
	"net/http"
	"regexp"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

func (a *api) setsV2() []reply.Route {
	const sets, schemas = "/api/v2/validation-sets", "/api/v2/confdb-schemas"
	return []reply.Route{
		{Pattern: "POST " + sets + "/build-assertion", Handle: a.buildValidationSet},
		{Pattern: "GET " + sets, Handle: a.validationSets},
		{Pattern: "GET " + sets + "/{name}", Handle: a.validationSets},
		{Pattern: "POST " + sets, Handle: a.publishValidationSet},
		{Pattern: "POST " + sets + "/{name}", Handle: a.publishValidationSet},

		{Pattern: "POST " + schemas + "/build-assertion", Handle: a.buildConfdbSchema},
		{Pattern: "GET " + schemas, Handle: a.confdbSchemas},
		{Pattern: "GET " + schemas + "/{name}", Handle: a.confdbSchemas},
		{Pattern: "POST " + schemas, Handle: a.publishConfdbSchema},
	}
}

// codeInvalidRequest is the code of everything that is wrong with these requests.
const codeInvalidRequest = "invalid-request"

// Bounds of a description, and of a signed assertion with its body, bytes.
const (
	maxDescription    = 1 << 20
	maxSignedDocument = 1 << 20
)

// validationSetKeys are the keys of a description. Clients let their users add a
// revision, which the schema does not have either.
var validationSetKeys = closed{
	"account-id": nil, "name": nil, "sequence": nil,
	"snaps": listOf{closed{
		"name": nil, "id": nil, "presence": nil, "revision": nil,
		"components": mapOf{closed{"presence": nil, "revision": nil}},
	}},
}

func (a *api) buildValidationSet(w http.ResponseWriter, r *http.Request) {
	buildAuthored(a, w, r, validationSetKeys, a.Catalog.BuildValidationSet)
}

// buildAuthored answers a description, which has no keys but the schema's, with
// the headers that its author signs.
func buildAuthored[T any](a *api, w http.ResponseWriter, r *http.Request, schema closed,
	build func(ctx context.Context, who store.Principal, described T) (map[string]any, error),
) {
	a.answer(w, r, func(who store.Principal) (any, error) {
		var described T
		if err := decodeClosed(w, r, maxDescription, codeInvalidRequest, schema, &described); err != nil {
			return nil, err
		}
		return build(r.Context(), who, described)
	})
}

// authoredName is what names in paths look like.
var authoredName = regexp.MustCompile(`^[\w-]{1,100}$`)

// namedInPath returns the name in the path, "" where it has none. What no name
// can be is no path.
func namedInPath(w http.ResponseWriter, r *http.Request) (name string, ok bool) {
	name = r.PathValue("name")
	if name != "" && !authoredName.MatchString(name) {
		errorList(w, r, reply.NotFound)
		return "", false
	}
	return name, true
}

func (a *api) validationSets(w http.ResponseWriter, r *http.Request) {
	a.listAuthored(w, r, validationSetOf, func(who store.Principal, name string) ([]*assertion.Assertion, error) {
		query, err := store.ParseSequenceQuery(r.URL.Query().Get("sequence"))
		if err != nil {
			return nil, err
		}
		return a.Catalog.ValidationSets(r.Context(), who, name, query)
	})
}

// listAuthored answers with all that an account has authored of a kind, or with
// what goes by the name in the path.
func (a *api) listAuthored(w http.ResponseWriter, r *http.Request, wire func(*assertion.Assertion) wireAssertion,
	list func(who store.Principal, name string) ([]*assertion.Assertion, error),
) {
	name, ok := namedInPath(w, r)
	if !ok {
		return
	}
	a.answer(w, r, func(who store.Principal) (any, error) {
		found, err := list(who, name)
		answer := wireAssertions{make([]wireAssertion, len(found))}
		for i, one := range found {
			answer.Assertions[i] = wire(one)
		}
		return answer, err
	})
}

func (a *api) publishValidationSet(w http.ResponseWriter, r *http.Request) {
	a.publishAuthored(w, r, a.Catalog.PublishValidationSet, validationSetOf)
}

// confdbSchemaKeys are the keys of a description. How deep rules may nest is in
// their own schema, which holds itself.
var confdbSchemaKeys = func() closed {
	rule := closed{"request": nil, "storage": nil, "access": nil}
	rules := listOf{rule}
	rule["content"] = rules
	return closed{
		"account-id": nil, "name": nil, "revision": nil, "summary": nil, "body": nil,
		"views": mapOf{closed{"summary": nil, "rules": rules}},
	}
}()

func (a *api) buildConfdbSchema(w http.ResponseWriter, r *http.Request) {
	buildAuthored(a, w, r, confdbSchemaKeys, a.Catalog.BuildConfdbSchema)
}

func (a *api) confdbSchemas(w http.ResponseWriter, r *http.Request) {
	a.listAuthored(w, r, confdbSchemaOf, func(who store.Principal, name string) ([]*assertion.Assertion, error) {
		return a.Catalog.ConfdbSchemas(r.Context(), who, name)
	})
}

func (a *api) publishConfdbSchema(w http.ResponseWriter, r *http.Request) {
	a.publishAuthored(w, r, a.Catalog.PublishConfdbSchema, confdbSchemaOf)
}

type publishing func(ctx context.Context, who store.Principal, encoded []byte) (*assertion.Assertion, error)

// publishAuthored keeps the signed assertion that is the request's body, whatever
// its content type says: some clients send everything as JSON.
func (a *api) publishAuthored(w http.ResponseWriter, r *http.Request, publish publishing, answer func(*assertion.Assertion) wireAssertion) {
	name, ok := namedInPath(w, r)
	if !ok {
		return
	}
	who, err := a.who(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	encoded, err := readDocument(w, r)
	if err == nil && name != "" {
		err = isCalled(encoded, name)
	}
	if err != nil {
		fail(w, r, err)
		return
	}
	published, err := publish(r.Context(), who, encoded)
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.JSON(w, r, http.StatusCreated, wireAssertions{[]wireAssertion{answer(published)}})
}

// isCalled refuses an assertion that goes by another name than the path. What is
// no assertion at all is for the use case to say.
func isCalled(encoded []byte, name string) error {
	parsed, err := assertion.Parse(encoded)
	if err != nil || parsed.HeaderString("name") == name {
		return nil
	}
	return store.Invalidf(codeInvalidRequest, "name: the assertion is called %.100q, and the path says %s", parsed.HeaderString("name"), name)
}

// readDocument reads a signed assertion as it was sent.
func readDocument(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxSignedDocument))
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &over):
		return nil, store.TooLargef(reply.CodeTooLarge, "the request body is larger than %d bytes", over.Limit)
	case err != nil:
		return nil, store.Invalidf(codeInvalidRequest, "cannot read the request body").Because(err)
	}
	return body, nil
}

// wireAssertions is how these services answer with assertions, one or many.
type wireAssertions struct {
	Assertions []wireAssertion `json:"assertions"`
}

type wireAssertion struct {
	Headers map[string]any `json:"headers"`
	Body    *string        `json:"body,omitempty"`
}

// Newer clients refuse headers that they do not know, so there are no others.
// Some that devices understand, and how an assertion is written, are not for them.
var (
	validationSetHeaders = closed{
		"type": nil, "authority-id": nil, "series": nil, "account-id": nil, "name": nil, "sequence": nil,
		"revision": nil, "timestamp": nil, "sign-key-sha3-384": nil, "snaps": validationSetKeys["snaps"],
	}
	confdbSchemaHeaders = closed{
		"type": nil, "authority-id": nil, "account-id": nil, "name": nil, "revision": nil, "summary": nil,
		"body-length": nil, "timestamp": nil, "sign-key-sha3-384": nil, "views": confdbSchemaKeys["views"],
	}
)

func validationSetOf(a *assertion.Assertion) wireAssertion {
	return wireAssertion{Headers: only(a.Headers(), validationSetHeaders).(map[string]any)}
}

func confdbSchemaOf(a *assertion.Assertion) wireAssertion {
	body := string(a.Body())
	return wireAssertion{Headers: only(a.Headers(), confdbSchemaHeaders).(map[string]any), Body: &body}
}

// only is v without what the schema has no place for.
func only(v, schema any) any {
	switch schema := schema.(type) {
	case closed:
		object, ok := v.(map[string]any)
		if !ok {
			return v
		}
		kept := make(map[string]any, len(object))
		for key, value := range object {
			if of, known := schema[key]; known {
				kept[key] = only(value, of)
			}
		}
		return kept
	case mapOf:
		object, ok := v.(map[string]any)
		if !ok {
			return v
		}
		kept := make(map[string]any, len(object))
		for key, value := range object {
			kept[key] = only(value, schema.of)
		}
		return kept
	case listOf:
		list, ok := v.([]any)
		if !ok {
			return v
		}
		kept := make([]any, len(list))
		for i := range list {
			kept[i] = only(list[i], schema.of)
		}
		return kept
	}
	return v
}
