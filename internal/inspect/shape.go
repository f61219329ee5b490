package inspect

import (
	"fmt"
	"strconv"
)

// The functions below read a value that has to be of one type; where is its place in
// the document, for a problem. What is absent is the zero value and no problem, and
// what is there and null is of no type, as juju sees it.

func (f *findings) wrong(where, want string) {
	f.problem(WrongShape, where, "must be %s", want)
}

func (f *findings) textIn(t *table, where, key string) string {
	value, ok := t.get(key)
	if !ok {
		return ""
	}
	return f.textOf(value, join(where, key))
}

func (f *findings) textOf(value any, where string) string {
	text, ok := value.(string)
	if !ok {
		f.wrong(where, "text; put what looks like a number or a boolean in quotes")
	}
	return text
}

func (f *findings) boolIn(t *table, where, key string) bool {
	value, ok := t.get(key)
	if !ok {
		return false
	}
	truth, ok := asBool(value)
	if !ok {
		f.wrong(join(where, key), "true or false")
	}
	return truth
}

func (f *findings) listIn(t *table, where, key string) []any {
	value, ok := t.get(key)
	if !ok {
		return nil
	}
	list, ok := value.([]any)
	if !ok {
		f.wrong(join(where, key), "a list")
	}
	return list
}

func (f *findings) textsIn(t *table, where, key string) []string {
	var texts []string
	for i, item := range f.listIn(t, where, key) {
		texts = append(texts, f.textOf(item, fmt.Sprintf("%s[%d]", join(where, key), i)))
	}
	return texts
}

// tableIn is nil for what is no map.
func (f *findings) tableIn(t *table, where, key string) *table {
	value, ok := t.get(key)
	if !ok {
		return nil
	}
	return f.tableAt(value, join(where, key))
}

func (f *findings) tableAt(value any, where string) *table {
	t, ok := value.(*table)
	switch {
	case !ok:
		f.wrong(where, "a map")
		return nil
	case t.odd != "":
		f.wrong(where, fmt.Sprintf("a map from text; put the key %.40s in quotes", t.odd))
	}
	return t
}

func join(where, key string) string {
	if where == "" {
		return key
	}
	return where + "." + key
}

// asBool takes a boolean, or the text of one as juju does.
func asBool(value any) (truth, ok bool) {
	switch v := value.(type) {
	case bool:
		return v, true
	case string:
		truth, err := strconv.ParseBool(v)
		return truth, err == nil
	}
	return false, false
}

// asInt takes a whole number, or the text of one as juju does.
func asInt(value any) (n int64, ok bool) {
	switch v := value.(type) {
	case int:
		return int64(v), true
	case int64:
		return v, true
	case string:
		n, err := strconv.ParseInt(v, 0, 64)
		return n, err == nil
	}
	return 0, false
}

func asFloat(value any) (x float64, ok bool) {
	switch v := value.(type) {
	case int:
		return float64(v), true
	case int64:
		return float64(v), true
	case uint64:
		return float64(v), true
	case float64:
		return v, true
	}
	return 0, false
}
