package snapdevice

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// assertion answers GET /v2/assertions/<type>/<key…> with the exact bytes
// that were signed. A not-found is JSON, or snapd would not know it for one.
func (a *api) assertion(w http.ResponseWriter, r *http.Request) {
	a.serveAssertion(w, r, errorList)
}

// assertionV1 is the same as older clients ask for it.
func (a *api) assertionV1(w http.ResponseWriter, r *http.Request) {
	a.serveAssertion(w, r, problem)
}

func (a *api) serveAssertion(w http.ResponseWriter, r *http.Request, shape reply.Shape) {
	found, err := a.findAssertion(r)
	if err != nil {
		reply.Fail(w, r, shape, err)
		return
	}
	reply.Bytes(w, http.StatusOK, contentAssertion, found.Encoded())
}

// findAssertion reads both forms in which a member of a sequence is asked
// for: its number as the last part of the path, or as a parameter.
func (a *api) findAssertion(r *http.Request) (*assertion.Assertion, error) {
	typeName, key := r.PathValue("type"), strings.Split(r.PathValue("key"), "/")
	query := r.URL.Query()
	maxFormat, err := parseMaxFormat(query)
	if err != nil {
		return nil, err
	}
	if !query.Has("sequence") {
		ref, err := parseRef(typeName, key)
		if err != nil {
			return nil, err
		}
		return a.catalog.Assertion(r.Context(), ref, maxFormat)
	}
	typ, err := sequenceType(typeName, key)
	if err != nil {
		return nil, err
	}
	number := 0
	if text := query.Get("sequence"); text != "latest" {
		if number, err = strconv.Atoi(text); err != nil || number < 1 {
			return nil, badArgument("sequence", "%.32q is neither a positive number nor latest", text)
		}
	}
	return a.catalog.SequenceMember(r.Context(), typ, key, number, maxFormat)
}

// parseMaxFormat reads the highest format the client understands. Without it,
// and with -1, that is any.
func parseMaxFormat(query url.Values) (int, error) {
	text := query.Get(paramMaxFormat)
	if text == "" {
		return authority.AnyFormat, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < authority.AnyFormat || n > math.MaxInt32 {
		return 0, badArgument(paramMaxFormat, "%.32q is not a number from -1", text)
	}
	return n, nil
}

// assertionStream answers the URLs that refresh hands out.
func (a *api) assertionStream(w http.ResponseWriter, r *http.Request) {
	list, err := a.streamed(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.Bytes(w, http.StatusOK, contentAssertion, authority.Encode(list))
}

func (a *api) streamed(r *http.Request) ([]*assertion.Assertion, error) {
	query := r.URL.Query()
	refs := query[paramAssertion]
	if len(refs) == 0 || len(refs) > maxStreamRefs {
		return nil, badArgument(paramAssertion, "a stream has 1 to %d assertions", maxStreamRefs)
	}
	formats := make(map[string]int)
	for _, text := range query[paramMaxFormat] {
		name, number, _ := strings.Cut(text, ":")
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 || len(formats) > maxStreamRefs {
			return nil, badArgument(paramMaxFormat, "%.64q is not <type>:<number>", text)
		}
		formats[name] = n
	}
	var list []*assertion.Assertion
	for i, text := range refs {
		if slices.Contains(refs[:i], text) {
			continue // an answer a hundred times as large helps nobody
		}
		typeName, key, _ := strings.Cut(text, "/")
		ref, err := parseRef(typeName, strings.Split(key, "/"))
		if err != nil {
			return nil, err
		}
		found, err := a.catalog.Assertion(r.Context(), ref, formats[typeName])
		if err != nil {
			return nil, err
		}
		list = append(list, found)
	}
	return list, nil
}

// acknowledged answers GET /v2/auth/store/assertions: what an administrator
// gives to a device before it uses this store. Build farms learn the store's
// id from the header.
func (a *api) acknowledged(w http.ResponseWriter, r *http.Request) {
	stream, storeID, err := a.storeAssertions(r.Context())
	if err != nil {
		fail(w, r, err)
		return
	}
	w.Header().Set("X-Assertion-Store-Id", storeID)
	reply.Bytes(w, http.StatusOK, contentAssertion, stream)
}

func nothingToAcknowledge(context.Context) ([]byte, string, error) {
	return nil, "", store.NotFoundf(codeNotFound, "this store has no store assertion").
		Try("point devices at its URL with SNAPPY_FORCE_API_URL")
}

// repair answers GET /v2/repairs/<brand>/<number>. snap-repair peeks at the
// headers as JSON, then fetches the repair and the keys that verify it. It
// walks the numbers until the first 404.
func (a *api) repair(w http.ResponseWriter, r *http.Request) {
	ref, err := parseRef("repair", []string{r.PathValue("brand"), r.PathValue("number")})
	if err != nil {
		fail(w, r, err)
		return
	}
	found, err := a.catalog.Assertion(r.Context(), ref, authority.AnyFormat)
	if err != nil {
		fail(w, r, err)
		return
	}
	w.Header().Set("Vary", "Accept")
	if strings.Contains(r.Header.Get("Accept"), reply.ContentJSON) {
		peek(w, r, found)
		return
	}
	tag := `"` + strconv.Itoa(found.Revision()) + `"`
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	stream := authority.Encode(append([]*assertion.Assertion{found}, a.repairKeys(r, found)...))
	reply.Bytes(w, http.StatusOK, contentAssertion, stream)
}

// peek tells an assertion's headers, which are strings and lists of them.
func peek(w http.ResponseWriter, r *http.Request, found *assertion.Assertion) {
	body, err := json.Marshal(map[string]any{"headers": found.Headers()})
	if err != nil {
		fail(w, r, err)
		return
	}
	reply.Bytes(w, http.StatusOK, reply.ContentJSON, body)
}

// repairKeys are the account-keys that lead to a repair root, as far as this
// store has them. The root itself is built into snap-repair alone.
func (a *api) repairKeys(r *http.Request, found *assertion.Assertion) []*assertion.Assertion {
	const longest = 5
	var keys []*assertion.Assertion
	for at := found; len(keys) < longest; {
		ref, ok := at.SignKeyRef()
		if !ok {
			break
		}
		key, err := a.catalog.Assertion(r.Context(), ref, authority.AnyFormat)
		if err != nil || key.Ref().Equal(at.Ref()) {
			break
		}
		keys, at = append(keys, key), key
	}
	return keys
}
