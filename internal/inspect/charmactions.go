package inspect

import (
	"regexp"
	"slices"
)

var actionRule = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?$`)

// actions reads actions.yaml: names to what an action takes. All of it but parallel and
// execution-group is a JSON schema, with params in place of properties.
func (c *charmReader) actions(text string) {
	c.member = actionsYAML
	t := c.parseTable(text)
	for _, name := range t.sorted() {
		if !actionRule.MatchString(name) {
			c.problem(InvalidAction, name, "is no valid name; use lower-case letters, digits and hyphens inside")
		}
		c.reserved(InvalidAction, name, name)
		value := t.values[name]
		if value == nil {
			continue
		}
		action, isMap := value.(*table)
		if !isMap {
			c.wrong(name, "a map, such as one with description and params")
			continue
		}
		c.action(action, name)
	}
}

func (c *charmReader) action(action *table, where string) {
	schema := &table{values: map[string]any{}}
	for _, key := range action.keys {
		value := action.values[key]
		switch key {
		case "description", "title", "execution-group":
			c.textOf(value, join(where, key))
		case "parallel":
			if _, ok := value.(bool); !ok {
				c.wrong(join(where, key), "true or false")
			}
		case "required":
			if _, ok := value.([]any); !ok {
				c.wrong(join(where, key), "a list of names of parameters")
				continue
			}
			schema.put(key, value)
		case "params":
			params := c.tableAt(value, join(where, key))
			if params == nil {
				continue
			}
			if word := c.foreignWord(params, join(where, key)); word {
				continue
			}
			for _, name := range params.sorted() {
				c.schema(params.values[name], join(where, key)+"."+name)
			}
		default:
			if word := c.foreignWord(value, join(where, key)); !word {
				schema.put(key, value)
			}
		}
	}
	c.schema(schema, where)
}

// foreignWord finds what would lead out of a schema, and keys that are no text, at any
// depth.
func (c *charmReader) foreignWord(value any, where string) bool {
	switch v := value.(type) {
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return c.foreignWord(item, where) })
	case *table:
		if v.odd != "" {
			c.tableAt(v, where)
			return true
		}
		for _, key := range v.sorted() {
			if key == "$ref" || key == "$schema" {
				c.problem(InvalidAction, join(where, key), "is not understood by juju; write the schema out in its place")
				return true
			}
			if c.foreignWord(v.values[key], join(where, key)) {
				return true
			}
		}
	}
	return false
}
