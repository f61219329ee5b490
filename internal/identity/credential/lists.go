package credential

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/larder-store/larder/internal/store"
)

// packageJSON is a package in a caveat: by id, or by name and type as the
// gateway's clients name it. Without a type the name counts in each namespace.
type packageJSON struct {
	ID   string `json:"id,omitempty"`
	Name string `json:"name,omitempty"`
	Type string `json:"type,omitempty"`
}

// packageTypes says which packages a type is about.
var packageTypes = map[string]store.PackageLimit{
	"":       {},
	"snap":   {Namespace: store.Snap},
	"charm":  {Namespace: store.Charm, Type: store.TypeCharm},
	"bundle": {Namespace: store.Charm, Type: store.TypeBundle},
}

// readList reads a JSON array of texts. An empty one or null is refused: one
// reader would take it for no limit and another for no right.
func readList(value string, take func([]string)) error {
	var list []string
	if err := unmarshalStrict(value, &list); err != nil {
		return err
	}
	if !validList(list) {
		return errCaveatWords
	}
	take(list)
	return nil
}

func validList(list []string) bool {
	for _, v := range list {
		if v == "" {
			return false
		}
	}
	return len(list) > 0
}

func readPackages(value string, take func([]store.PackageLimit)) error {
	var list []packageJSON
	if err := unmarshalStrict(value, &list); err != nil {
		return err
	}
	packages, err := packageLimits(list)
	if err == nil {
		take(packages)
	}
	return err
}

func packageLimits(list []packageJSON) ([]store.PackageLimit, error) {
	packages := make([]store.PackageLimit, len(list))
	for i, p := range list {
		limit, known := packageTypes[p.Type]
		if !known {
			return nil, errCaveatWords
		}
		limit.ID, limit.Name = p.ID, p.Name
		if p.ID != "" && limit.Type != "" {
			limit.Namespace = ""
		}
		packages[i] = limit
	}
	if !validPackages(packages) {
		return nil, errCaveatWords
	}
	return packages, nil
}

// validPackages reports whether each is named, and in one way: a reader that
// looks at the id only must not find less than one that looks at the name. A
// type beside an id narrows nothing.
func validPackages(list []store.PackageLimit) bool {
	for _, p := range list {
		if (p.ID == "") == (p.Name == "") || p.ID != "" && p.Namespace != "" {
			return false
		}
	}
	return len(list) > 0
}

func packagesByID(ids []string) []store.PackageLimit {
	packages := make([]store.PackageLimit, len(ids))
	for i, id := range ids {
		packages[i].ID = id
	}
	return packages
}

func writePackages(packages []store.PackageLimit) []packageJSON {
	var list []packageJSON
	for _, p := range packages {
		list = append(list, packageJSON{ID: p.ID, Name: p.Name, Type: cmp.Or(p.Type, string(p.Namespace))})
	}
	return list
}

// onlyIDs returns the ids of the packages, if ids are all that is said of them.
func onlyIDs(packages []store.PackageLimit) (ids []string, all bool) {
	for _, p := range packages {
		if p.ID == "" || p.Type != "" {
			return nil, false
		}
		ids = append(ids, p.ID)
	}
	return ids, true
}

// unmarshalStrict reads one JSON value, with no member that is not expected
// and nothing after it.
func unmarshalStrict(text string, into any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return errCaveatWords
	}
	if _, err := d.Token(); err != io.EOF {
		return errCaveatWords
	}
	return nil
}

// marshalPlain writes JSON without escaping what only HTML minds.
func marshalPlain(value any) (string, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		return "", fmt.Errorf("cannot write a caveat: %w", err)
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}
