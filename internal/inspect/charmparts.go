package inspect

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

var (
	// A resource's name is a part of paths.
	resourceRule  = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]*$`)
	payloadRule   = regexp.MustCompile(`^[a-zA-Z](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?$`)
	countRule     = regexp.MustCompile(`^([0-9]{1,9})([-+]|-[0-9]{1,9})$`)
	sizeRule      = regexp.MustCompile(`^(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[MGTPEZY](?:B|iB)?)?$`)
	resourceTypes = []string{"file", "oci-image"}
	storageTypes  = []string{"block", "filesystem"}
)

// maxResources bounds what one charm takes, every release of which names a revision
// of each.
const maxResources = 256

const maxFilename = 255 // bytes, as file systems have it

// resources reads what the publisher uploads beside the charm.
func (c *charmReader) resources(t *table) {
	list := c.tableIn(t, "", "resources")
	if n := len(list.sorted()); n > maxResources {
		c.problem(TooLong, "resources", "has %d resources, at most %d are taken", n, maxResources)
		return
	}
	for _, name := range list.sorted() {
		where := "resources." + name
		entry := c.tableAt(list.values[name], where)
		if entry == nil {
			continue
		}
		r := DeclaredResource{
			Name: name, Type: "file", Filename: c.textIn(entry, where, "filename"), Description: c.textIn(entry, where, "description"),
		}
		if entry.has("type") {
			r.Type = c.textIn(entry, where, "type")
		}
		// Only stores read the other two.
		r.Optional, _ = asBool(entry.values["optional"])
		r.UpstreamSource, _ = entry.values["upstream-source"].(string)
		if !resourceRule.MatchString(name) {
			c.problem(InvalidResource, where, "%.60q is no valid name; use letters, digits and any of ._-, a letter or digit first", name)
		}
		switch {
		case !slices.Contains(resourceTypes, r.Type):
			c.problem(InvalidResource, where+".type", "must be one of %s", strings.Join(resourceTypes, ", "))
		case r.Type == "file":
			c.filename(where+".filename", r.Filename)
		}
		c.info.Resources = append(c.info.Resources, r)
	}
}

func (c *charmReader) filename(where, name string) {
	switch {
	case name == "":
		c.problem(Missing, where, "is required for a file")
	case strings.Contains(name, "/") || name == "." || name == "..":
		c.problem(InvalidResource, where, "%.60q is a path; write the name of a file without a directory", name)
	case len(name) > maxFilename || strings.ContainsFunc(name, unicode.IsControl):
		c.problem(InvalidResource, where, "is no name of a file; use at most %d bytes and no control characters", maxFilename)
	}
}

// storage reads what units keep data in and gives the names.
func (c *charmReader) storage(t *table) *table {
	list := c.tableIn(t, "", "storage")
	for _, name := range list.sorted() {
		where := "storage." + name
		entry := c.tableAt(list.values[name], where)
		if entry == nil {
			continue
		}
		kind, _ := entry.values["type"].(string)
		if !slices.Contains(storageTypes, kind) {
			c.problem(InvalidStorage, where+".type", "must be one of %s", strings.Join(storageTypes, ", "))
		}
		for _, key := range []string{"shared", "read-only"} {
			c.boolIn(entry, where, key)
		}
		c.textIn(entry, where, "description")
		if location := c.textIn(entry, where, "location"); location != "" && kind != "filesystem" {
			c.problem(InvalidStorage, where+".location", "is for storage of type filesystem; remove it")
		}
		if size := c.textIn(entry, where, "minimum-size"); entry.has("minimum-size") && !sizeRule.MatchString(size) {
			c.problem(InvalidStorage, where+".minimum-size", "must be a number with a unit, such as 512M or 1G, in quotes if it has no unit")
		}
		if entry.has("multiple") {
			c.storageCount(c.tableIn(entry, where, "multiple"), where+".multiple")
		}
		for i, p := range c.listIn(entry, where, "properties") {
			if p != "transient" {
				c.problem(InvalidStorage, fmt.Sprintf("%s.properties[%d]", where, i), `the only property is "transient"`)
			}
		}
	}
	return list
}

// storageCount reads how many of a kind of storage a unit has: n, n-m, n+ or n-.
func (c *charmReader) storageCount(t *table, where string) {
	if t == nil {
		return
	}
	where += ".range"
	value, _ := t.get("range")
	if n, ok := asInt(value); ok {
		if n <= 0 || n > 1<<30 {
			c.problem(InvalidStorage, where, "must be at least 1")
		}
		return
	}
	text, _ := value.(string)
	m := countRule.FindStringSubmatch(text)
	if m == nil {
		c.problem(InvalidStorage, where, "must be a count such as 1, 1-3 or 1+")
		return
	}
	if len(m[2]) > 1 {
		least, _ := strconv.Atoi(m[1])
		most, _ := strconv.Atoi(m[2][1:])
		if most == 0 || most < least {
			c.problem(InvalidStorage, where, "ends below its beginning, or at 0; write it as 1-3")
		}
	}
}

func (c *charmReader) devices(t *table) {
	list := c.tableIn(t, "", "devices")
	for _, name := range list.sorted() {
		where := "devices." + name
		entry := c.tableAt(list.values[name], where)
		if entry == nil {
			continue
		}
		c.textIn(entry, where, "description")
		if kind := c.textIn(entry, where, "type"); kind == "" {
			c.problem(InvalidDevice, where+".type", "is required, such as gpu or nvidia.com/gpu")
		}
		counts := [2]int64{1, 1}
		for i, key := range []string{"countmin", "countmax"} {
			value, ok := entry.get(key)
			if !ok {
				continue
			}
			var isInt bool
			if counts[i], isInt = asInt(value); !isInt || counts[i] < 0 {
				c.problem(InvalidDevice, where+"."+key, "must be a whole number that is not negative")
			}
		}
		if counts[0] > counts[1] {
			c.problem(InvalidDevice, where+".countmax", "must not be smaller than countmin; each is 1 when absent")
		}
	}
}

func (c *charmReader) payloads(t *table) {
	list := c.tableIn(t, "", "payloads")
	for _, name := range list.sorted() {
		where := "payloads." + name
		if !payloadRule.MatchString(name) {
			c.problem(InvalidPayload, where, "%.60q is no valid name; use letters, digits and hyphens inside, a letter first", name)
		}
		entry := c.tableAt(list.values[name], where)
		if entry != nil && c.textIn(entry, where, "type") == "" {
			c.problem(InvalidPayload, where+".type", "is required")
		}
	}
}

// The user and group ids that are not for containers.
const (
	firstReservedID = 1000
	lastReservedID  = 9999
)

func (c *charmReader) containers(t *table, storage *table) {
	list := c.tableIn(t, "", "containers")
	for _, name := range list.sorted() {
		where := "containers." + name
		entry := c.tableAt(list.values[name], where)
		if entry == nil {
			continue
		}
		resource := c.textIn(entry, where, "resource")
		at := slices.IndexFunc(c.info.Resources, func(r DeclaredResource) bool { return r.Name == resource })
		switch {
		case resource == "":
		case at < 0:
			c.problem(InvalidContainer, where+".resource", "%.60q is not under resources; declare it there with the type oci-image", resource)
		case c.info.Resources[at].Type != "oci-image":
			c.problem(InvalidContainer, where+".resource", "%.60q is of the type %.20s; declare it as oci-image", resource, c.info.Resources[at].Type)
		}
		for i, mount := range c.listIn(entry, where, "mounts") {
			c.mount(mount, fmt.Sprintf("%s.mounts[%d]", where, i), storage)
		}
		for _, key := range []string{"uid", "gid"} {
			value, ok := entry.get(key)
			id, isInt := asInt(value)
			switch {
			case ok && !isInt:
				c.wrong(where+"."+key, "a whole number")
			case ok && id >= firstReservedID && id <= lastReservedID:
				c.problem(InvalidContainer, where+"."+key, "must not be from %d to %d, which juju keeps for itself", firstReservedID, lastReservedID)
			}
		}
		c.info.Containers = append(c.info.Containers, Container{name, resource})
	}
}

func (c *charmReader) mount(value any, where string, storage *table) {
	mount := c.tableAt(value, where)
	if mount == nil {
		return
	}
	name, location := c.textIn(mount, where, "storage"), c.textIn(mount, where, "location")
	switch {
	case name == "":
		c.problem(InvalidContainer, where+".storage", "is required")
	case location == "":
		c.problem(InvalidContainer, where+".location", "is required")
	case !storage.has(name):
		c.problem(InvalidContainer, where+".storage", "%.60q is not under storage; declare it there", name)
	}
}
