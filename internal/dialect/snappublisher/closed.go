package snappublisher

import (
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/larder-store/larder/internal/dialect/reply"
	"github.com/larder-store/larder/internal/store"
)

// Some requests have schemas that allow no other keys, so that a slip of the pen
// is an error and not a setting that nobody reads. A schema here says which keys
// there are; of what types their values are is for the decoder.

// closed is an object with these keys. A value is closed, listOf, mapOf, or nil
// for anything.
type closed map[string]any

// listOf is a list of such elements, mapOf an object of such values under any keys.
type (
	listOf struct{ of any }
	mapOf  struct{ of any }
)

// decodeClosed reads a request that must fit a schema. Mistakes have the code.
func decodeClosed(w http.ResponseWriter, r *http.Request, limit int64, code string, schema, into any) error {
	var body json.RawMessage
	err := reply.Decode(w, r, limit, &body)
	if err == nil {
		var generic any
		if err = reply.Unmarshal(body, &generic); err == nil {
			err = unexpected(generic, schema, "/")
		}
	}
	if err == nil {
		err = reply.Unmarshal(body, into)
	}
	var e *store.Error
	if errors.As(err, &e) && e.Kind == store.KindInvalid {
		named := *e
		named.Code = code
		return &named
	}
	return err
}

// unexpected names the first key that the schema has no place for. The words are
// about those of the public stores, whose users look for them.
func unexpected(v, schema any, at string) error {
	switch schema := schema.(type) {
	case closed:
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		for _, key := range slices.Sorted(maps.Keys(object)) {
			of, known := schema[key]
			if !known {
				return store.Invalidf(reply.CodeBadJSON, "additional properties are not allowed ('%.100s' was unexpected) at %s", key, at)
			}
			if err := unexpected(object[key], of, below(at, key)); err != nil {
				return err
			}
		}
	case mapOf:
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		for _, key := range slices.Sorted(maps.Keys(object)) {
			if err := unexpected(object[key], schema.of, below(at, key)); err != nil {
				return err
			}
		}
	case listOf:
		list, ok := v.([]any)
		if !ok {
			return nil
		}
		for i, element := range list {
			if err := unexpected(element, schema.of, below(at, strconv.Itoa(i))); err != nil {
				return err
			}
		}
	}
	return nil
}

// below is the JSON pointer to a part; the root is "/", as public stores have it.
func below(at, key string) string {
	if len(key) > 100 {
		key = key[:100]
	}
	if at == "/" {
		return at + key
	}
	return at + "/" + key
}
