package store

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// CheckSignedValidationSet says whether the store takes a validation set with
// these headers, signature and form of which have been verified, from the
// account caller. stored is the highest revision that the store has of its
// sequence, if it found one.
//
// The set of another account, or one that breaks the rules of Check, gives an
// error of kind invalid; a revision that is not above the stored one gives a
// conflict.
func CheckSignedValidationSet(headers map[string]any, caller string, stored int, found bool) error {
	if err := checkOwnAssertion(headers, caller); err != nil {
		return err
	}
	if headers["series"] != "16" {
		return invalidSet("series: it is always 16")
	}
	if err := onlyHeaders("", headers, "series", "name", "sequence", "snaps"); err != nil {
		return err
	}
	r, err := ReadValidationSet(headers)
	if err != nil {
		return err
	}
	if err := r.Check(); err != nil {
		return err
	}
	for i := range r.Snaps {
		if r.Snaps[i].ID == "" {
			return invalidSet("snaps[%d].id: it is needed", i)
		}
	}
	return checkAssertionRevision(headers, stored, found)
}

// checkOwnAssertion holds a signed assertion to the account that sends it.
func checkOwnAssertion(headers map[string]any, caller string) error {
	if caller == "" || headers["account-id"] != caller || headers["authority-id"] != caller {
		return invalidSet("account-id and authority-id are not those of the account that sends the assertion").
			Try("sign it with a key of your own account")
	}
	return nil
}

func checkAssertionRevision(headers map[string]any, stored int, found bool) error {
	revision, err := headerNumber(headers, "revision", 0)
	switch {
	case err != nil:
		return err
	case found && revision == stored:
		return Conflictf("conflict", "revision %d of this assertion exists already", revision).
			Try("build the assertion again for its next revision")
	case found && revision < stored:
		return Conflictf("conflict", "revision %d of this assertion is older than the stored revision %d", revision, stored).
			Try("build the assertion again for its next revision")
	}
	return nil
}

// ownHeaders are those that every assertion of an account of its own has. The
// last two say how it is written and are in no answer.
var ownHeaders = []string{
	"type", "authority-id", "account-id", "revision", "timestamp", "sign-key-sha3-384", "format", "body-length",
}

// onlyHeaders refuses what clients, who know these names alone, would not read
// back.
func onlyHeaders(where string, headers map[string]any, names ...string) error {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		if !slices.Contains(names, name) && (where != "" || !slices.Contains(ownHeaders, name)) {
			return invalidSet("%s%.100s: there is no such header", where, name)
		}
	}
	return nil
}

// ReadValidationSet reads the headers of an assertion back into what its author
// wrote. Its error is of kind invalid.
func ReadValidationSet(headers map[string]any) (*ValidationSetRequest, error) {
	sequence, err := headerNumber(headers, "sequence", 1)
	if err != nil {
		return nil, err
	}
	r := &ValidationSetRequest{Sequence: sequence}
	r.AccountID, _ = headers["account-id"].(string)
	r.Name, _ = headers["name"].(string)
	snaps, ok := headers["snaps"].([]any)
	if !ok {
		return nil, invalidSet("snaps: it is a list")
	}
	for i, entry := range snaps {
		fields, ok := entry.(map[string]any)
		if !ok {
			return nil, invalidSet("snaps: each is a map")
		}
		if err := onlyHeaders(fmt.Sprintf("snaps[%d].", i), fields, "name", "id", "presence", "revision", "components"); err != nil {
			return nil, err
		}
		s, err := readSetSnap(fields)
		if err != nil {
			return nil, err
		}
		r.Snaps = append(r.Snaps, s)
	}
	return r, nil
}

func readSetSnap(fields map[string]any) (s ValidationSetSnap, err error) {
	s.Name, _ = fields["name"].(string)
	s.ID, _ = fields["id"].(string)
	s.Presence, _ = fields["presence"].(string)
	if s.Revision, err = headerNumber(fields, "revision", 1); err != nil {
		return s, err
	}
	components, ok := fields["components"].(map[string]any)
	if !ok && fields["components"] != nil {
		return s, invalidSet("components: it is a map")
	}
	for name, entry := range components {
		var c ValidationSetComponent
		switch entry := entry.(type) {
		case string:
			c.Presence = entry
		case map[string]any:
			if err := onlyHeaders("components."+name+".", entry, "presence", "revision"); err != nil {
				return s, err
			}
			c.Presence, _ = entry["presence"].(string)
			if c.Revision, err = headerNumber(entry, "revision", 1); err != nil {
				return s, err
			}
		}
		if s.Components == nil {
			s.Components = make(map[string]ValidationSetComponent, len(components))
		}
		s.Components[name] = c
	}
	return s, nil
}

// headerNumber reads a number of an assertion's headers, where it is text; an
// absent one is 0.
func headerNumber(headers map[string]any, key string, least int) (int, error) {
	value, there := headers[key]
	if !there {
		return 0, nil
	}
	text, _ := value.(string)
	n, err := strconv.Atoi(text)
	if err != nil || n < least || strconv.Itoa(n) != text {
		return 0, invalidSet("%s: %.40q is no whole number from %d", key, text, least)
	}
	return n, nil
}

// SequenceQuery says which sequences of a validation set are asked for: each
// set's latest (the zero value), all of them, or one.
type SequenceQuery struct {
	All    bool
	Number int
}

// ParseSequenceQuery reads "latest" or nothing, "all", or a number from 1.
func ParseSequenceQuery(text string) (SequenceQuery, error) {
	switch text {
	case "", "latest":
		return SequenceQuery{}, nil
	case "all":
		return SequenceQuery{All: true}, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || strconv.Itoa(n) != text {
		return SequenceQuery{}, invalidSet("sequence: %.40q is neither latest, all, nor a whole number from 1", text)
	}
	return SequenceQuery{Number: n}, nil
}
