package inspect

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
)

// schemaTypes are the types of JSON schema, draft 4.
var schemaTypes = []string{"array", "boolean", "integer", "number", "null", "object", "string"}

// checkSchemaWord makes sure of the value of a keyword. Unknown ones mean nothing and
// may be anything.
func (c *charmReader) checkSchemaWord(word string, value any, where string) {
	switch word {
	case "$ref", "$schema", "id", "title", "description":
		c.textOf(value, where)
	case "type":
		c.schemaType(value, where)
	case "properties", "definitions":
		c.schemaMap(value, where)
	case "patternProperties":
		c.schemaPatterns(value, where)
	case "dependencies":
		c.schemaDependencies(value, where)
	case "additionalProperties", "additionalItems":
		c.schemaOrBool(value, where)
	case "items":
		c.schemaOrList(value, where)
	case "oneOf", "anyOf", "allOf":
		c.schemaList(value, where)
	case "not":
		c.schema(value, where)
	case "required":
		c.schemaRequired(value, where)
	case "enum":
		c.schemaEnum(value, where)
	case "pattern":
		c.schemaPattern(value, where)
	case "minimum", "maximum":
		c.schemaNumber(value, where)
	case "multipleOf":
		c.schemaMultiple(value, where)
	case "exclusiveMinimum", "exclusiveMaximum", "uniqueItems":
		c.schemaBool(value, where)
	case "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties":
		c.schemaCount(value, where)
	default:
		if !isJSON(value) {
			c.problem(InvalidAction, where, "is not a value that JSON has")
		}
	}
}

// schemaBounds are keywords that need or bound one another.
var schemaBounds = [][2]string{{"minimum", "maximum"}, {"minLength", "maxLength"}, {"minProperties", "maxProperties"}}

// schema makes sure that a value has the shape of a JSON schema of draft 4. It does not
// follow references.
func (c *charmReader) schema(value any, where string) {
	t, isMap := value.(*table)
	if !isMap {
		c.problem(InvalidAction, where, "must be a map, as a JSON schema is")
		return
	}
	for _, key := range t.sorted() {
		c.checkSchemaWord(key, t.values[key], join(where, key))
	}
	for _, bound := range schemaBounds {
		least, hasLeast := asFloat(t.values[bound[0]])
		most, hasMost := asFloat(t.values[bound[1]])
		if hasLeast && hasMost && least > most {
			c.problem(InvalidAction, join(where, bound[0]), "is greater than %s", bound[1])
		}
	}
	for _, pair := range [][2]string{{"exclusiveMinimum", "minimum"}, {"exclusiveMaximum", "maximum"}} {
		if t.has(pair[0]) && !t.has(pair[1]) {
			c.problem(InvalidAction, join(where, pair[0]), "needs %s beside it", pair[1])
		}
	}
}

// isJSON says whether JSON can hold a value: it has no infinite numbers.
func isJSON(value any) bool {
	switch v := value.(type) {
	case float64:
		return !math.IsNaN(v) && !math.IsInf(v, 0)
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !isJSON(item) })
	case *table:
		return !slices.ContainsFunc(v.keys, func(key string) bool { return !isJSON(v.values[key]) })
	}
	return true
}

func (c *charmReader) schemaBool(value any, where string) {
	if _, ok := value.(bool); !ok {
		c.wrong(where, "true or false")
	}
}

func (c *charmReader) schemaNumber(value any, where string) {
	if _, ok := asFloat(value); !ok || !isJSON(value) {
		c.wrong(where, "a number")
	}
}

func (c *charmReader) schemaMultiple(value any, where string) {
	if x, ok := asFloat(value); !ok || !isJSON(value) || x <= 0 {
		c.wrong(where, "a number greater than 0")
	}
}

func (c *charmReader) schemaCount(value any, where string) {
	if x, ok := asFloat(value); !ok || x < 0 || x != math.Trunc(x) || !isJSON(value) {
		c.wrong(where, "a whole number that is not negative")
	}
}

func (c *charmReader) schemaPattern(value any, where string) {
	pattern, ok := value.(string)
	if !ok {
		c.wrong(where, "text")
		return
	}
	if _, err := regexp.Compile(pattern); err != nil {
		c.problem(InvalidAction, where, "is no regular expression that juju can read: %v", err)
	}
}

func (c *charmReader) schemaType(value any, where string) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	var seen []string
	for _, item := range list {
		name, _ := item.(string)
		if !slices.Contains(schemaTypes, name) || slices.Contains(seen, name) {
			c.problem(InvalidAction, where, "must be one of %s, or a list of some of them", strings.Join(schemaTypes, ", "))
			return
		}
		seen = append(seen, name)
	}
}

func (c *charmReader) schemaMap(value any, where string) {
	t := c.tableAt(value, where)
	for _, key := range t.sorted() {
		c.schema(t.values[key], join(where, key))
	}
}

func (c *charmReader) schemaPatterns(value any, where string) {
	t := c.tableAt(value, where)
	for _, key := range t.sorted() {
		c.schemaPattern(key, join(where, key))
		c.schema(t.values[key], join(where, key))
	}
}

func (c *charmReader) schemaDependencies(value any, where string) {
	t := c.tableAt(value, where)
	for _, key := range t.sorted() {
		list, isList := t.values[key].([]any)
		if !isList {
			c.schema(t.values[key], join(where, key))
		}
		for _, item := range list {
			c.textOf(item, join(where, key))
		}
	}
}

func (c *charmReader) schemaOrBool(value any, where string) {
	if _, ok := value.(bool); !ok {
		c.schema(value, where)
	}
}

func (c *charmReader) schemaOrList(value any, where string) {
	if _, ok := value.([]any); ok {
		c.schemaList(value, where)
		return
	}
	c.schema(value, where)
}

func (c *charmReader) schemaList(value any, where string) {
	list, ok := value.([]any)
	if !ok {
		c.wrong(where, "a list of JSON schemas")
	}
	for i, item := range list {
		c.schema(item, fmt.Sprintf("%s[%d]", where, i))
	}
}

func (c *charmReader) schemaRequired(value any, where string) {
	list, ok := value.([]any)
	if !ok {
		c.wrong(where, "a list of names of parameters")
	}
	seen := map[string]bool{}
	for _, item := range list {
		name := c.textOf(item, where)
		if seen[name] {
			c.problem(InvalidAction, where, "names %.60q twice", name)
		}
		seen[name] = true
	}
}

func (c *charmReader) schemaEnum(value any, where string) {
	list, ok := value.([]any)
	if !ok {
		c.wrong(where, "a list")
	}
	seen := map[string]bool{}
	for _, item := range list {
		text, err := json.Marshal(plainJSON(item))
		switch {
		case err != nil:
			c.problem(InvalidAction, where, "has a value that JSON does not have")
		case seen[string(text)]:
			c.problem(InvalidAction, where, "has %.60s twice", text)
		}
		seen[string(text)] = true
	}
}

// plainJSON is a value with tables as maps.
func plainJSON(value any) any {
	switch v := value.(type) {
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = plainJSON(item)
		}
		return list
	case *table:
		m := make(map[string]any, len(v.keys))
		for _, key := range v.keys {
			m[key] = plainJSON(v.values[key])
		}
		return m
	}
	return value
}
