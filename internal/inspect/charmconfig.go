package inspect

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

var optionTypes = []string{"string", "int", "float", "boolean", "secret"}

// config reads config.yaml. Nothing, and {}, is a charm without options, which
// charmcraft writes too.
func (c *charmReader) config(text string) {
	c.member = configYAML
	t := c.parseTable(text)
	value, ok := t.get("options")
	if !ok {
		if t != nil && len(t.keys) > 0 {
			c.problem(Missing, "options", "is required; put the options below it")
		}
		return
	}
	if value == nil {
		return
	}
	options, isMap := value.(*table)
	if !isMap {
		c.wrong("options", "a map of options")
		return
	}
	for _, name := range options.sorted() {
		c.option(options.values[name], "options."+name)
	}
}

func (c *charmReader) option(value any, where string) {
	if value == nil {
		return
	}
	option, isMap := value.(*table)
	if !isMap {
		c.wrong(where, "a map with a type")
		return
	}
	kind := "string"
	if v, _ := option.get("type"); v != nil && v != "" {
		kind, _ = v.(string)
	}
	if !slices.Contains(optionTypes, kind) {
		c.problem(InvalidOption, where+".type", "must be one of %s", strings.Join(optionTypes, ", "))
		return
	}
	if v, _ := option.get("description"); !isScalar(v) {
		c.wrong(where+".description", "text")
	}
	if v, _ := option.get("default"); v != nil && !fitsOption(kind, v) {
		c.problem(InvalidOption, where+".default", "does not fit the type %s; change the one or the other", kind)
	}
}

// fitsOption says whether juju takes a default.
func fitsOption(kind string, value any) (fits bool) {
	switch kind {
	case "string":
		_, fits = value.(string)
	case "int":
		_, fits = asInt(value)
	case "float":
		_, fits = asFloat(value)
	case "boolean":
		_, fits = asBool(value)
	case "secret":
		var text string
		if text, fits = value.(string); text != "" {
			u, err := url.Parse(text)
			return err == nil && u.Scheme == "secret"
		}
	}
	return fits
}

// isScalar says whether a value can stand where juju's reader turns anything simple
// into text.
func isScalar(value any) bool {
	switch value.(type) {
	case []any, *table:
		return false
	}
	return true
}

// metrics reads what a charm measures. Names that begin with juju are built in.
func (c *charmReader) metrics(text string) {
	c.member = metricsYAML
	t := c.parseTable(text)
	value, _ := t.get("metrics")
	if value == nil {
		return
	}
	list, isMap := value.(*table)
	if !isMap {
		c.wrong("metrics", "a map of metrics")
		return
	}
	for _, name := range list.sorted() {
		where := "metrics." + name
		entry, isMap := list.values[name].(*table)
		if !isMap && list.values[name] != nil {
			c.wrong(where, "a map with a type and a description")
			continue
		}
		kind, _ := entry.get("type")
		description, _ := entry.get("description")
		switch builtIn := strings.HasPrefix(name, "juju"); {
		case builtIn && (kind != nil && kind != "" || description != nil && description != ""):
			c.problem(InvalidMetric, where, "is built in and has neither type nor description")
		case !builtIn && kind != "gauge" && kind != "absolute":
			c.problem(InvalidMetric, where+".type", "must be one of gauge, absolute")
		case !builtIn && (description == nil || description == "" || !isScalar(description)):
			c.problem(InvalidMetric, where+".description", "is required")
		}
	}
}

var (
	profileDevices = []string{"unix-char", "unix-block", "gpu", "usb"}
	// A charm that set these could keep its container from starting or moving.
	profileForbidden = regexp.MustCompile(`^(?:boot|limits|migration)`)
)

// profile reads what a charm asks of the container that it runs in.
func (c *charmReader) profile(text string) {
	c.member = profileYAML
	t := c.parseTable(text)
	if v, _ := t.get("description"); !isScalar(v) {
		c.wrong("description", "text")
	}
	config := c.textTable(t, "config")
	for _, key := range config.sorted() {
		if profileForbidden.MatchString(key) {
			c.problem(InvalidProfile, "config."+key, "is not for a charm to set, as is all that begins with boot, limits or migration; remove it")
		}
	}
	value, _ := t.get("devices")
	if value == nil {
		return
	}
	devices, isMap := value.(*table)
	if !isMap {
		c.wrong("devices", "a map of devices")
		return
	}
	for _, name := range devices.sorted() {
		device := c.textTable(devices, name)
		if kind, ok := device.get("type"); ok {
			if text, _ := kind.(string); !slices.Contains(profileDevices, text) {
				c.problem(InvalidProfile, "devices."+name+".type", "must be one of %s", strings.Join(profileDevices, ", "))
			}
		}
	}
}

// textTable reads a map of simple values; an absent one is nil.
func (c *charmReader) textTable(t *table, key string) *table {
	value, _ := t.get(key)
	if value == nil {
		return nil
	}
	list, isMap := value.(*table)
	if !isMap {
		c.wrong(key, "a map of text")
		return nil
	}
	for _, name := range list.sorted() {
		if !isScalar(list.values[name]) {
			c.wrong(key+"."+name, "text")
		}
	}
	return list
}
