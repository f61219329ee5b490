package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/larder-store/larder/internal/authority"
	"github.com/larder-store/larder/internal/db"
	"github.com/larder-store/larder/internal/store"
)

// Settings reads and writes the settings of a store. Reads are answered from
// memory until the change log moves.
type Settings struct {
	db        *db.DB
	authority *authority.Authority

	mu     sync.Mutex
	seq    int64            // change log position that values were read at; owned by mu
	values map[string]value // what was set, without defaults; nil when never read; owned by mu
}

// value is what was set, or why it cannot be read. One that was sealed under
// another secret must not keep anybody from the others.
type value struct {
	text   string
	sealed bool
	err    error
}

// New returns the settings kept in d, the secret ones sealed by a.
func New(d *db.DB, a *authority.Authority) *Settings { return &Settings{db: d, authority: a} }

// load returns what was set. The map is never changed once it is handed out.
func (s *Settings) load(ctx context.Context) (map[string]value, error) {
	seq, err := s.db.Fresh(ctx)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.values != nil && s.seq == seq {
		return s.values, nil
	}
	var values map[string]value
	err = s.db.View(ctx, func(tx *db.Tx) (err error) {
		values, err = s.read(tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	s.values, s.seq = values, seq
	return values, nil
}

func (s *Settings) read(tx *db.Tx) (map[string]value, error) {
	rows, err := tx.Settings()
	if err != nil {
		return nil, err
	}
	values := make(map[string]value, len(rows))
	for _, r := range rows {
		var v value
		v.text, v.sealed, v.err = s.authority.OpenSetting(r)
		values[r.Key] = v
	}
	return values, nil
}

// Read returns what a key was set to, within a transaction; "" when it is not
// set.
func (s *Settings) Read(tx *db.Tx, key string) (string, error) {
	row, err := tx.Setting(key)
	if store.KindOf(err) == store.KindNotFound {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	text, _, err := s.authority.OpenSetting(row)
	return text, err
}

// Write sets a key of the table within a transaction; an empty value puts its
// default back. A secret is sealed. The change log hears of it, but not of a
// secret's value.
func (s *Settings) Write(tx *db.Tx, key, value, by string) error {
	if value == "" {
		existed, err := tx.DeleteSetting(key)
		if existed && err == nil {
			tx.Record(store.SettingDeleted, "setting/"+key, nil)
		}
		return err
	}
	stored, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("cannot write setting %s: %w", key, err)
	}
	details := map[string]any{"value": value}
	if keyByName[key].Secret {
		stored = s.authority.SealSetting(key, value)
		details = map[string]any{"secret": true}
	}
	if err := tx.PutSetting(key, stored, by); err != nil {
		return err
	}
	tx.Record(store.SettingSet, "setting/"+key, details)
	return nil
}

// IsSet reports whether somebody has set a key.
func (s *Settings) IsSet(ctx context.Context, name string) (bool, error) {
	values, err := s.load(ctx)
	_, set := values[name]
	return set, err
}

// Get returns a setting, or its default.
func (s *Settings) Get(ctx context.Context, name string) (string, error) {
	k, err := Lookup(name)
	if err != nil {
		return "", err
	}
	values, err := s.load(ctx)
	if err != nil {
		return "", err
	}
	if v, ok := values[name]; ok {
		return v.text, v.err
	}
	return k.Default, nil
}

// Flag returns a setting of kind Flag.
func (s *Settings) Flag(ctx context.Context, name string) (bool, error) {
	v, err := s.Get(ctx, name)
	return v == "True", err
}

// Number returns a setting of kind Number or Port.
func (s *Settings) Number(ctx context.Context, name string) (int, error) {
	v, err := s.Get(ctx, name)
	if err != nil || v == "" {
		return 0, err
	}
	return strconv.Atoi(v)
}

// List returns a setting of kind List.
func (s *Settings) List(ctx context.Context, name string) ([]string, error) {
	v, err := s.Get(ctx, name)
	if err != nil || v == "" {
		return nil, err
	}
	var list []string
	if err := json.Unmarshal([]byte(v), &list); err != nil {
		return nil, fmt.Errorf("cannot read setting %s: %w", name, err)
	}
	return list, nil
}

// Networks returns a setting of kind Networks.
func (s *Settings) Networks(ctx context.Context, name string) ([]netip.Prefix, error) {
	v, err := s.Get(ctx, name)
	if err != nil || v == "" {
		return nil, err
	}
	list, err := parseNetworks(v)
	if err != nil {
		return nil, fmt.Errorf("cannot read setting %s: %w", name, err)
	}
	return list, nil
}

// Value is one setting as an operator sees it.
type Value struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Set   bool   `json:"set"` // false when Value is the default
}

// Redacted stands for a secret that was not asked for by name.
const Redacted = "<redacted>"

// All returns every setting. Secrets that are set read Redacted.
func (s *Settings) All(ctx context.Context, who store.Principal) ([]Value, error) {
	if err := who.Need(store.PermStore); err != nil {
		return nil, err
	}
	values, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]Value, 0, len(keys))
	for _, k := range keys {
		v, set := values[k.Name]
		text := v.text
		switch {
		case !set:
			text = k.Default
		case k.Secret && (text != "" || v.err != nil):
			text = Redacted
		case v.err != nil:
			return nil, v.err
		}
		all = append(all, Value{k.Name, text, set})
	}
	return all, nil
}

// Set changes settings, all or none; an empty value puts the default back. It
// returns the new values in the order of the table, secrets redacted.
func (s *Settings) Set(ctx context.Context, who store.Principal, changes map[string]string) ([]Value, error) {
	if err := who.Need(store.PermStore); err != nil {
		return nil, err
	}
	normal := make(map[string]string, len(changes))
	names := slices.Sorted(maps.Keys(changes))
	for _, name := range names {
		k, err := Lookup(name)
		if err != nil {
			return nil, err
		}
		if normal[name], err = k.normal(changes[name]); err != nil {
			return nil, err
		}
		if k.Kind == StoreID && normal[name] == "" {
			return nil, store.Invalidf("invalid-setting", "cannot unset %s: a store has an id", name)
		}
	}
	_, err := s.db.Update(ctx, who.Name, func(tx *db.Tx) error {
		had, err := s.read(tx)
		if err != nil {
			return err
		}
		for _, name := range names {
			value := normal[name]
			old, set := had[name]
			if set && old.err == nil && old.text == value && old.sealed == keyByName[name].Secret || !set && value == "" {
				continue
			}
			if err := s.Write(tx, name, value, who.Name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("cannot set: %w", err)
	}
	var out []Value
	for _, k := range keys {
		if v, ok := normal[k.Name]; ok {
			switch {
			case v == "":
				out = append(out, Value{k.Name, k.Default, false})
			case k.Secret:
				out = append(out, Value{k.Name, Redacted, true})
			default:
				out = append(out, Value{k.Name, v, true})
			}
		}
	}
	return out, nil
}

// ExportYAML writes everything that was set, secrets included, as a flat YAML
// map that ImportYAML reads.
func (s *Settings) ExportYAML(ctx context.Context, who store.Principal, w io.Writer) error {
	if err := who.Need(store.PermStore); err != nil {
		return err
	}
	values, err := s.load(ctx)
	if err != nil {
		return err
	}
	texts := make(map[string]string, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := values[name].err; err != nil {
			return fmt.Errorf("cannot export settings: %w", err)
		}
		texts[name] = values[name].text
	}
	enc := yaml.NewEncoder(w)
	if err := errors.Join(enc.Encode(texts), enc.Close()); err != nil {
		return fmt.Errorf("cannot export settings: %w", err)
	}
	return nil
}

// maxYAML bounds an imported configuration, bytes.
const maxYAML = 1 << 20

// ImportYAML sets every key of a flat or nested YAML map.
func (s *Settings) ImportYAML(ctx context.Context, who store.Principal, r io.Reader) ([]Value, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxYAML+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read settings: %w", err)
	}
	if len(text) > maxYAML {
		return nil, store.TooLargef("settings-too-large", "cannot import settings: more than %d bytes", maxYAML)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, notYAML(err.Error())
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, notYAML("it is no map")
	}
	flat := make(map[string]string)
	if err := flatten("", doc.Content[0], flat); err != nil {
		return nil, err
	}
	return s.Set(ctx, who, flat)
}

func notYAML(why string) error {
	return store.Invalidf("invalid-yaml", "cannot import settings: %s", why).
		Try("give what config --export-yaml prints")
}

// flatten turns {proxy: {port: {http: 80}}} and {proxy.port.http: 80} alike
// into dotted keys with the text of their values. The text is taken as it
// stands: a PIN of 0123 is no octal number.
func flatten(prefix string, m *yaml.Node, into map[string]string) error {
	for i := 0; i+1 < len(m.Content); i += 2 {
		name, v := m.Content[i], m.Content[i+1]
		if name.Kind != yaml.ScalarNode {
			return notYAML(fmt.Sprintf("line %d: a key is no text", name.Line))
		}
		key := strings.TrimPrefix(prefix+"."+name.Value, ".")
		if v.Kind == yaml.MappingNode {
			if err := flatten(key, v, into); err != nil {
				return err
			}
			continue
		}
		if _, twice := into[key]; twice {
			return notYAML(fmt.Sprintf("line %d: %.100q is there twice", name.Line, key))
		}
		value, err := scalar(v)
		if err != nil {
			return err
		}
		into[key] = value
	}
	return nil
}

// scalar is the text of a value; a list is JSON.
func scalar(v *yaml.Node) (string, error) {
	switch {
	case v.Kind == yaml.ScalarNode && v.Tag == "!!null":
		return "", nil
	case v.Kind == yaml.ScalarNode:
		return v.Value, nil
	case v.Kind != yaml.SequenceNode:
		return "", notYAML(fmt.Sprintf("line %d: an alias cannot stand here", v.Line))
	}
	list := make([]string, len(v.Content))
	for i, item := range v.Content {
		if item.Kind != yaml.ScalarNode {
			return "", notYAML(fmt.Sprintf("line %d: a list may hold only text", item.Line))
		}
		list[i] = item.Value
	}
	b, err := json.Marshal(list)
	return string(b), err
}
