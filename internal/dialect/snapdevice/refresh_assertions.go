package snapdevice

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/larder-store/larder/assertion"
	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/dialect/reply/wire"
	"github.com/larder-store/larder/internal/store"
)

// appendAssertions appends the result of a fetch-assertions action: where to
// get what is newer than the device's own, or which of them are missing.
func (a *api) appendAssertions(b []byte, r *http.Request, act *action, maxFormats map[string]int) ([]byte, error) {
	var (
		newer    []assertion.Ref
		problems []byte
	)
	for i := range act.refs {
		ref := &act.refs[i]
		found, err := a.newer(r, ref, maxFormats[ref.typeName])
		switch kind := store.KindOf(err); {
		case err == nil && found != nil:
			newer = append(newer, found.Ref())
		case err == nil:
		case kind == store.KindNotFound || kind == store.KindInvalid:
			problems = appendMissing(problems, ref, reply.Describe(err))
		default:
			return b, err
		}
	}
	b = append(b, `{"result":"fetch-assertions","key":`...)
	b = wire.AppendString(b, act.key)
	b = append(b, `,"assertion-stream-urls":`...)
	b = wire.AppendArray(b, streamURLs(a.base(r), newer, maxFormats), wire.AppendString)
	if len(problems) > 0 {
		b = append(b, `,"error-list":[`...)
		b = wire.CloseArray(append(b, problems...))
	}
	return append(b, '}'), nil
}

// newer returns what the device should fetch, nil when its own is as new.
func (a *api) newer(r *http.Request, ref *assertionRef, maxFormat int) (*assertion.Assertion, error) {
	if len(ref.primaryKey) > 0 {
		name, err := parseRef(ref.typeName, ref.primaryKey)
		if err != nil {
			return nil, err
		}
		found, err := a.catalog.Assertion(r.Context(), name, maxFormat)
		if err != nil || ref.ifNewerThan != noCondition && found.Revision() <= ref.ifNewerThan {
			return nil, err
		}
		return found, nil
	}
	typ, err := sequenceType(ref.typeName, ref.sequenceKey)
	if err != nil {
		return nil, err
	}
	found, err := a.catalog.SequenceMember(r.Context(), typ, ref.sequenceKey, ref.sequence, maxFormat)
	if err != nil {
		return nil, err
	}
	// The revision that the device has is one of the member it pinned or
	// follows; a later member is news whatever its revision.
	own := cmp.Or(ref.sequence, ref.atLeast, found.Sequence())
	switch {
	case found.Sequence() < ref.atLeast:
		return nil, nil
	case found.Sequence() == own && ref.ifNewerThan != noCondition && found.Revision() <= ref.ifNewerThan:
		return nil, nil
	}
	return found, nil
}

// parseRef names an assertion. A type that nobody knows has no assertions.
func parseRef(typeName string, key []string) (assertion.Ref, error) {
	if assertion.TypeByName(typeName) == nil {
		return assertion.Ref{}, unknownType(typeName)
	}
	ref, err := assertion.NewRef(typeName, key...)
	if err != nil {
		return ref, store.Invalidf(codeBadArgument, "cannot look for %s %.200q: that is not its primary key", typeName, strings.Join(key, "/")).Because(err)
	}
	return ref, nil
}

// sequenceType is the type of a sequence whose key lacks only the number.
func sequenceType(typeName string, key []string) (*assertion.Type, error) {
	typ := assertion.TypeByName(typeName)
	switch {
	case typ == nil:
		return nil, unknownType(typeName)
	case !typ.Sequence:
		return nil, store.Invalidf(codeBadArgument, "cannot look for %s by sequence: that type forms none", typeName)
	case len(key) != len(typ.Key)-1 || slices.Contains(key, ""):
		return nil, store.Invalidf(codeBadArgument, "cannot look for %s %.200q: that is not its sequence key", typeName, strings.Join(key, "/"))
	}
	return typ, nil
}

func unknownType(name string) error {
	return store.NotFoundf(codeNotFound, "no assertion type is called %.64q", name)
}

func appendMissing(b []byte, ref *assertionRef, f reply.Failure) []byte {
	b = append(b, `{"code":`...)
	b = wire.AppendString(b, f.Code)
	b = append(b, `,"message":`...)
	b = wire.AppendString(b, f.Message)
	b = append(b, `,"type":`...)
	b = wire.AppendString(b, ref.typeName)
	name, key := `,"primary-key":`, ref.primaryKey
	if len(ref.sequenceKey) > 0 {
		name, key = `,"sequence-key":`, ref.sequenceKey
	}
	b = append(b, name...)
	b = wire.AppendStrings(b, key)
	return append(b, "},"...)
}

// A stream URL says itself what the stream holds, so any node can serve it at
// any time and nothing is kept for it:
//
//	/v2/assertions/~stream?assertion=<type>/<key…>&…&max-format=<type>:<n>&…
//
// The device fetches it as it is given.
const (
	streamPath = "/v2/assertions/~stream"

	paramAssertion = "assertion"
	paramMaxFormat = "max-format"

	// maxStreamURL keeps URLs within what every proxy takes.
	maxStreamURL = 4000
	// maxStreamRefs bounds the work behind one URL, however short its keys.
	maxStreamRefs = 100
)

// streamURLs spreads refs over as many URLs as they need. None is no URL.
func streamURLs(base string, refs []assertion.Ref, maxFormats map[string]int) []string {
	var urls []string
	for len(refs) > 0 {
		var query strings.Builder
		formats := make(map[string]bool)
		n := 0
		for ; n < len(refs) && n < maxStreamRefs; n++ {
			ref := refs[n]
			part := "&" + paramAssertion + "=" + escapeRef(ref)
			if name := ref.Type.Name; !formats[name] {
				formats[name] = true
				part += "&" + paramMaxFormat + "=" + name + ":" + strconv.Itoa(maxFormats[name])
			}
			if n > 0 && query.Len()+len(part) > maxStreamURL {
				break
			}
			query.WriteString(part)
		}
		urls = append(urls, base+streamPath+"?"+query.String()[1:])
		refs = refs[n:]
	}
	return urls
}

// escapeRef writes a reference for a query; its slashes may stay.
func escapeRef(ref assertion.Ref) string {
	key := ref.ShortKey()
	parts := make([]string, 0, 1+len(key))
	parts = append(parts, ref.Type.Name)
	for _, k := range key {
		parts = append(parts, url.QueryEscape(k))
	}
	return strings.Join(parts, "/")
}
