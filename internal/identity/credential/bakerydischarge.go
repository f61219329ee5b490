package credential

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/macaroon.v2"
)

// NewBakeryDischarge makes the discharge of a caveat, for a user whose identity
// is proven. The id is that of the caveat, which for version 3 is not what was
// opened. What the condition needs declared and the service has nothing to
// say of is declared to be empty, so that nobody else can declare it.
func NewBakeryDischarge(
	c BakeryCaveat, condition Condition, id []byte, expires time.Time, declare ...Declaration,
) (Macaroon, error) {
	for _, attribute := range condition.Declare {
		known := func(d Declaration) bool { return d.Attribute == attribute }
		if !slices.ContainsFunc(declare, known) {
			declare = append(slices.Clip(declare), Declaration{Attribute: attribute})
		}
	}
	for _, d := range declare {
		if !isWord(d.Attribute) || d.Value != "" && !isWord(d.Value) {
			return Macaroon{}, fmt.Errorf("cannot declare %q to be %q", d.Attribute, d.Value)
		}
	}
	prefix, err := stdPrefix(c.namespace)
	if err != nil {
		return Macaroon{}, err
	}
	version := macaroon.V2
	if c.Version < 2 {
		version = macaroon.V1
	}
	m, err := macaroon.New(c.rootKey.bytes(), id, "", version)
	if err != nil {
		return Macaroon{}, fmt.Errorf("cannot make a discharge: %w", err)
	}
	for _, d := range declare {
		if err := appendCaveats(m, prefix+d.caveat()); err != nil {
			return Macaroon{}, err
		}
	}
	if err := appendCaveats(m, prefix+wordBefore+" "+formatBakeryTime(expires)); err != nil {
		return Macaroon{}, err
	}
	return wrap(m), nil
}

// stdPrefix looks up how the maker of a caveat prefixes the standard caveats.
// A namespace is a list of URI:prefix, separated by blanks.
func stdPrefix(namespace string) (string, error) {
	for entry := range strings.FieldsSeq(namespace) {
		prefix, ok := strings.CutPrefix(entry, stdNamespace)
		switch {
		case ok && prefix == "":
			return "", nil
		case ok && isWord(prefix):
			return prefix + ":", nil
		}
	}
	return "", errCaveat.Because(errNamespace)
}
