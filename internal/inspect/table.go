package inspect

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// table is a YAML map as juju reads it, which is YAML 1.1: a bare yes is a boolean, and
// text is text only when nothing else could be meant. Its values are nil, string, bool,
// int, int64, uint64, float64, []any and *table, with aliases and merges written out.
type table struct {
	keys   []string // in the order of the document
	values map[string]any
	odd    string // a key that is no text; empty when all are
}

// get is the value of a key; a nil table has none.
func (t *table) get(key string) (value any, ok bool) {
	if t == nil {
		return nil, false
	}
	value, ok = t.values[key]
	return value, ok
}

func (t *table) sorted() []string {
	if t == nil {
		return nil
	}
	return slices.Sorted(slices.Values(t.keys))
}

// parseTable reads a member that is a YAML map. It is nil for an empty text and after
// a problem.
func (c *charmReader) parseTable(text string) *table {
	tables := c.parseTables(text, 1)
	if len(tables) == 0 {
		return nil
	}
	return tables[0]
}

// parseTables reads the first most documents of a member, which together must fit the
// limits of one; an empty document is nil.
func (c *charmReader) parseTables(text string, most int) []*table {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	limits := c.limits
	var tables []*table
	for len(tables) < most {
		if c.stop() {
			return nil
		}
		var root yaml.Node
		err := decoder.Decode(&root)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			c.problem(MalformedYAML, "", "%s", reason(err))
			return nil
		}
		if root.Kind == yaml.DocumentNode && len(root.Content) == 1 && root.Content[0].ShortTag() == "!!null" {
			tables = append(tables, nil)
			continue
		}
		if !isMap(&root) {
			c.problem(MalformedYAML, "", "the document is not a map of fields")
			return nil
		}
		weight, err := c.weigh(&root, limits)
		if err != nil {
			c.problem(MalformedYAML, "", "%v", err)
			return nil
		}
		limits.YAMLExpanded -= weight.bytes
		t, err := tableOf(root.Content[0])
		if err != nil {
			c.problem(MalformedYAML, "", "%s", reason(err))
			return nil
		}
		tables = append(tables, t)
	}
	return tables
}

// tableOf writes a weighed map out.
func tableOf(n *yaml.Node) (*table, error) {
	t := &table{values: make(map[string]any, len(n.Content)/2)}
	var merged []*yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.ShortTag() == "!!merge" {
			merged = append(merged, value)
			continue
		}
		if key.Kind != yaml.ScalarNode {
			return nil, fmt.Errorf("line %d: a key is no text", key.Line)
		}
		plain, err := scalarOf(key)
		if err != nil {
			return nil, err
		}
		if _, isText := plain.(string); !isText {
			t.odd = key.Value
		}
		v, err := valueOf(value)
		if err != nil {
			return nil, err
		}
		t.put(key.Value, v)
	}
	for _, n := range merged {
		if err := t.merge(n); err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (t *table) put(key string, value any) {
	if _, had := t.values[key]; !had {
		t.keys = append(t.keys, key)
	}
	t.values[key] = value
}

// merge adds the keys of a map, or of a list of maps, that t does not have.
func (t *table) merge(n *yaml.Node) error {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	switch n.Kind {
	case yaml.SequenceNode:
		for _, item := range n.Content {
			if err := t.merge(item); err != nil {
				return err
			}
		}
		return nil
	case yaml.MappingNode:
		other, err := tableOf(n)
		if err != nil {
			return err
		}
		for _, key := range other.keys {
			if _, had := t.values[key]; !had {
				t.put(key, other.values[key])
			}
		}
		return nil
	}
	return fmt.Errorf("line %d: what is merged is no map", n.Line)
}

func valueOf(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.AliasNode:
		return valueOf(n.Alias)
	case yaml.MappingNode:
		return tableOf(n)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, item := range n.Content {
			var err error
			if list[i], err = valueOf(item); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return scalarOf(n)
}

// bare are the words that YAML 1.1 takes for booleans and YAML 1.2 for text.
var bare = map[string]bool{
	"y": true, "Y": true, "yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true,
	"n": false, "N": false, "no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false,
}

func scalarOf(n *yaml.Node) (any, error) {
	if n.Style == 0 || n.Style == yaml.TaggedStyle && n.Tag == "!!bool" {
		if truth, ok := bare[n.Value]; ok {
			return truth, nil
		}
	}
	switch n.ShortTag() {
	case "!!str", "!!timestamp":
		return n.Value, checkText(n, n.Value)
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case string: // such as base64 decoded
		return v, checkText(n, v)
	case nil, bool, int, int64, uint64, float64:
		return v, nil
	}
	return n.Value, checkText(n, n.Value)
}

// checkText refuses what an escape can write and no database keeps as text.
func checkText(n *yaml.Node, text string) error {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return fmt.Errorf("line %d: a text is not UTF-8 or has a zero byte", n.Line)
	}
	return nil
}
