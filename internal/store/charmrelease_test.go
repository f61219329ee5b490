package store

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

func pinsOf(t testing.TB, text string) []ResourcePin {
	t.Helper()
	var pins []ResourcePin
	for _, word := range strings.Fields(text) {
		name, n, _ := strings.Cut(word, ":")
		revision, err := strconv.Atoi(n)
		if err != nil {
			t.Fatal(err)
		}
		pins = append(pins, ResourcePin{Name: name, Revision: revision})
	}
	return pins
}

func TestCheckPins(t *testing.T) {
	declared := []DeclaredResource{
		{Name: "app", Type: ResourceImage}, {Name: "config", Type: ResourceFile}, {Name: "extra", Type: ResourceFile, Optional: true},
	}
	known := map[ResourcePin]*ResourceRevision{}
	for name, kind := range map[string]string{"app:1": ResourceImage, "app:2": ResourceFile, "config:1": ResourceFile, "extra:7": ResourceFile} {
		known[pinsOf(t, name)[0]] = &ResourceRevision{Type: kind}
	}
	for _, c := range []struct {
		name, pins, want string
	}{
		{"every resource", "extra:7 config:1 app:1", "app:1 config:1 extra:7"},
		{"an optional one may stay out", "app:1 config:1", "app:1 config:1"},
		{"0 is none, and stays", "app:1 config:0 extra:0", "app:1 config:0 extra:0"},
		{"a name that is not declared", "app:1 config:1 other:1 another:1", "charm-resource-not-found another other"},
		{"one that is named twice", "app:1 config:1 config:1", "duplicated-key config"},
		{"a revision that does not exist", "app:1 config:2", "resource-revision-not-found config"},
		{"a negative one", "app:1 config:-1", "resource-revision-not-found config"},
		{"one of another type", "app:2 config:1", "invalid-charm-resource app"},
		{"one that is missing", "app:1", "missing-resources config"},
		{"all that are missing", "", "missing-resources app config"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := &Revision{Number: 4, Meta: Meta{Charm: &CharmMeta{Resources: declared}}}
			pins, err := CheckPins(r, pinsOf(t, c.pins), known)
			var words []string
			for _, pin := range pins {
				words = append(words, fmt.Sprintf("%s:%d", pin.Name, pin.Revision))
			}
			if e, ok := err.(*Error); ok {
				words = append([]string{e.Code}, e.Extra["resources"].([]string)...)
			}
			if got := strings.Join(words, " "); got != c.want {
				t.Errorf("got %s (%v), want %s", got, err, c.want)
			}
		})
	}
	if pins, err := CheckPins(&Revision{}, nil, nil); err != nil || len(pins) != 0 {
		t.Errorf("a charm without resources: got %v, %v", pins, err)
	}
	if _, err := CheckPins(&Revision{}, pinsOf(t, "app:1"), known); CodeOf(err) != "charm-resource-not-found" {
		t.Errorf("a pin for a charm without resources: got %v", err)
	}
}

func TestCheckPinsBoundsItsError(t *testing.T) {
	var pins []ResourcePin
	for i := range 10_000 {
		pins = append(pins, ResourcePin{Name: strings.Repeat("é", 1000) + strconv.Itoa(i)})
	}
	_, err := CheckPins(&Revision{Number: 4}, pins, nil)
	if err == nil || len(err.Error()) > 3000 {
		t.Errorf("got an error of %d bytes", len(err.Error()))
	}
}

func TestCharmFilter(t *testing.T) {
	r := &Revision{
		Platforms: []Platform{base("amd64:ubuntu@22.04/stable")},
		Meta: Meta{Type: "charm", Charm: &CharmMeta{
			Provides: map[string]Relation{"db": {Interface: "postgresql"}, "web": {Interface: "http"}},
			Requires: map[string]Relation{"logs": {Interface: "syslog"}},
		}},
	}
	bundle := &Revision{Platforms: []Platform{base("all")}, Meta: Meta{Type: TypeBundle}}
	line := func(r *Revision) Listed { return Listed{Slot: Slot{Platform: r.Platforms[0]}, Revision: r} }
	on := func(texts ...string) (platforms []Platform) {
		for _, text := range texts {
			platforms = append(platforms, base(text))
		}
		return platforms
	}
	list := func(words ...string) []string { return words }
	for _, c := range []struct {
		q                CharmFilter
		charm, forBundle bool
	}{
		{CharmFilter{}, true, true},
		{CharmFilter{Type: "charm"}, true, false},
		{CharmFilter{Type: "bundle"}, false, true},
		{CharmFilter{Provides: list("http")}, true, false},
		{CharmFilter{Provides: list("syslog", "postgresql")}, true, false},
		{CharmFilter{Provides: list("syslog")}, false, false},
		{CharmFilter{Provides: list("db")}, false, false},
		{CharmFilter{Requires: list("syslog"), Provides: list("http")}, true, false},
		{CharmFilter{Requires: list("http")}, false, false},
		{CharmFilter{Platforms: []Platform{{Architecture: "amd64"}}}, true, true},
		{CharmFilter{Platforms: []Platform{{Architecture: "arm64"}}}, false, true},
		{CharmFilter{Platforms: []Platform{{BaseName: "ubuntu"}}}, true, true},
		{CharmFilter{Platforms: on("amd64:ubuntu@22.04")}, true, true},
		{CharmFilter{Platforms: on("amd64:ubuntu@24.04")}, false, true},
		{CharmFilter{Platforms: on("s390x:ubuntu@22.04", "all:ubuntu@22.04")}, true, true},
	} {
		if got := c.q.Matches(line(r)); got != c.charm {
			t.Errorf("%+v: the charm matches: %v", c.q, got)
		}
		if got := c.q.Matches(line(bundle)); got != c.forBundle {
			t.Errorf("%+v: the bundle matches: %v", c.q, got)
		}
	}
}
