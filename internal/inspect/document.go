package inspect

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// document is the top-level map of a YAML file. Each field is decoded on its own,
// so that one in the wrong shape is named and hides no other.
type document struct {
	*findings
	fields map[string]yaml.Node
}

// parseDocument reads a YAML map within limits. Faults that leave nothing to look at
// become a problem and a document without fields.
func parseDocument(text []byte, limits Limits, f *findings) document {
	d := document{findings: f}
	if int64(len(text)) > limits.YAMLBytes {
		d.problem(TooLong, "", "document of %d bytes, at most %d are read", len(text), limits.YAMLBytes)
		return d
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		d.problem(MalformedYAML, "", "%s", reason(err))
		return d
	}
	if !isMap(&root) {
		d.problem(MalformedYAML, "", "the document is not a map of fields")
		return d
	}
	if _, err := f.weigh(&root, limits); err != nil {
		d.problem(MalformedYAML, "", "%v", err)
		return d
	}
	if err := root.Decode(&d.fields); err != nil {
		d.problem(MalformedYAML, "", "%s", reason(err))
	}
	return d
}

// isMap says whether a document is a map.
func isMap(root *yaml.Node) bool {
	return root.Kind == yaml.DocumentNode && len(root.Content) == 1 && root.Content[0].Kind == yaml.MappingNode
}

// weigh says what a document expands to, or why that is too much, and drops the earlier
// of equal keys.
func (f *findings) weigh(root *yaml.Node, limits Limits) (extent, error) {
	w := weigher{findings: f, limits: limits, anchors: map[*yaml.Node]extent{}}
	return w.weigh(root, 0)
}

// reason is a YAML error on one line, without the library's name.
func reason(err error) string {
	return strings.Join(strings.Fields(strings.TrimPrefix(err.Error(), "yaml: ")), " ")
}

// weigher measures what a document expands to before anything expands it, and
// drops the earlier of two equal keys, as snapd's parser does.
type weigher struct {
	*findings
	limits  Limits
	anchors map[*yaml.Node]extent
}

// extent is the size of a node with all aliases written out.
type extent struct {
	bytes int64
	depth int
}

const valueWeight = 16 // bytes that any value counts for, beside its text

// unfinished is the extent of an anchor while the walk is inside it.
var unfinished = extent{bytes: -1}

// weigh measures n, which lies level levels deep.
func (w *weigher) weigh(n *yaml.Node, level int) (extent, error) {
	if n.Kind == yaml.AliasNode {
		e := w.anchors[n.Alias]
		if e == unfinished {
			return e, fmt.Errorf("line %d: anchor %q contains itself", n.Line, n.Value)
		}
		return e, w.checkDepth(n, level+e.depth)
	}
	if err := w.checkDepth(n, level); err != nil {
		return extent{}, err
	}
	if n.Anchor != "" {
		w.anchors[n] = unfinished
	}
	if n.Kind == yaml.MappingNode {
		w.dropDuplicates(n)
		if len(n.Content)/2 > w.limits.YAMLKeys {
			return extent{}, fmt.Errorf("line %d: map of more than %d keys", n.Line, w.limits.YAMLKeys)
		}
	}
	e := extent{bytes: int64(valueWeight + len(n.Value))}
	for _, child := range n.Content {
		c, err := w.weigh(child, level+1)
		if err != nil {
			return extent{}, err
		}
		e.bytes += c.bytes
		e.depth = max(e.depth, c.depth+1)
		if e.bytes > w.limits.YAMLExpanded {
			return extent{}, fmt.Errorf("line %d: expands to more than %d bytes", n.Line, w.limits.YAMLExpanded)
		}
	}
	if n.Anchor != "" {
		w.anchors[n] = e
	}
	return e, nil
}

func (w *weigher) checkDepth(n *yaml.Node, depth int) error {
	if depth > w.limits.YAMLDepth {
		return fmt.Errorf("line %d: nested deeper than %d", n.Line, w.limits.YAMLDepth)
	}
	return nil
}

func (w *weigher) dropDuplicates(n *yaml.Node) {
	last := make(map[string]int, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; key.Kind == yaml.ScalarNode && key.Tag != "!!merge" {
			if _, twice := last[key.Value]; twice {
				w.warn(DuplicateKey, key.Value, "comes again on line %d; the last one counts", key.Line)
			}
			last[key.Value] = i
		}
	}
	if len(last) == len(n.Content)/2 {
		return
	}
	kept := n.Content[:0]
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if at, ok := last[key.Value]; ok && at != i && key.Kind == yaml.ScalarNode && key.Tag != "!!merge" {
			continue
		}
		kept = append(kept, key, n.Content[i+1])
	}
	n.Content = kept
}

// into decodes a field; an absent one leaves target alone. Parts of the field that
// fit are kept even when others do not.
func (d document) into(field string, target any) {
	node, ok := d.fields[field]
	if !ok {
		return
	}
	if err := node.Decode(target); err != nil {
		d.problem(WrongShape, field, "%s", reason(err))
	}
}

func (d document) text(field string) string {
	var s string
	d.into(field, &s)
	return s
}

func (d document) list(field string) []string {
	var l stringList
	d.into(field, &l)
	return l
}

// stringList is a list of text that may be written as a single text.
type stringList []string

func (l *stringList) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return n.Decode((*[]string)(l))
	}
	if n.ShortTag() != "!!null" {
		*l = stringList{n.Value}
	}
	return nil
}

// plainValue turns a decoded attribute into what devices accept: maps with text keys,
// lists, text, bool, int64 and float64.
func plainValue(v any) (any, error) {
	switch v := v.(type) {
	case nil:
		return nil, errors.New("an attribute has no value")
	case bool, string, int64:
		return v, nil
	case int:
		return int64(v), nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%v is no number to work with", v)
		}
		return v, nil
	case time.Time: // an unquoted date
		return v.Format(time.RFC3339), nil
	case []any:
		for i := range v {
			item, err := plainValue(v[i])
			if err != nil {
				return nil, err
			}
			v[i] = item
		}
		return v, nil
	case map[string]any:
		for key := range v {
			item, err := plainValue(v[key])
			if err != nil {
				return nil, err
			}
			v[key] = item
		}
		return v, nil
	case map[any]any:
		return nil, errors.New("a map has keys that are no text")
	default:
		return nil, fmt.Errorf("%T is not allowed", v)
	}
}
