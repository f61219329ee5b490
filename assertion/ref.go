package assertion

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Ref names an assertion: its type and its full primary key, members with default
// values included. Refs of one assertion are equal by [Ref.String], which is fit
// to be a database key.
type Ref struct {
	Type *Type
	Key  []string
}

// NewRef makes a reference from a primary key of which trailing members with
// default values may be left out.
func NewRef(typeName string, key ...string) (Ref, error) {
	t := TypeByName(typeName)
	if t == nil {
		return Ref{}, fmt.Errorf("cannot refer to %s: %w", quote(typeName), ErrUnknownType)
	}
	full := slices.Clone(key)
	for i := len(full); i < len(t.Key); i++ {
		if t.Key[i].Default == "" {
			break
		}
		full = append(full, t.Key[i].Default)
	}
	if len(full) != len(t.Key) {
		return Ref{}, fmt.Errorf("cannot refer to a %s by %d values: its primary key is %s", t.Name, len(key), t.keyNames())
	}
	for i, value := range full {
		if err := checkKeyValue(value); err != nil {
			return Ref{}, fmt.Errorf("cannot refer to a %s: %q %w", t.Name, t.Key[i].Name, err)
		}
	}
	return Ref{Type: t, Key: full}, nil
}

// ParseRef reads what [Ref.String] wrote, and the same with trailing defaults left
// out, which is how a path of the device API names an assertion.
func ParseRef(s string) (Ref, error) {
	name, key, _ := strings.Cut(s, "/")
	return NewRef(name, strings.Split(key, "/")...)
}

// String is the type and the full key joined by slashes: "account/acme".
func (r Ref) String() string {
	if r.Type == nil {
		return "(no assertion)"
	}
	return r.Type.Name + "/" + strings.Join(r.Key, "/")
}

// ShortKey is the primary key without trailing members that have their default,
// as clients write it.
func (r Ref) ShortKey() []string {
	n := len(r.Key)
	for n > 0 && r.Type.Key[n-1].Default != "" && r.Key[n-1] == r.Type.Key[n-1].Default {
		n--
	}
	return slices.Clone(r.Key[:n])
}

// SequenceKey is the key without the sequence number. It is nil for a type that
// forms no sequences.
func (r Ref) SequenceKey() []string {
	if r.Type == nil || !r.Type.Sequence {
		return nil
	}
	return slices.Clone(r.Key[:len(r.Key)-1])
}

// Equal says whether both name the same assertion.
func (r Ref) Equal(other Ref) bool {
	return r.Type == other.Type && slices.Equal(r.Key, other.Key)
}

// ref is for keys whose members have been checked or come from checked headers.
func ref(t *Type, key ...string) Ref {
	return Ref{Type: t, Key: key}
}

func checkKeyValue(value string) error {
	switch {
	case value == "":
		return fmt.Errorf("must not be empty")
	case strings.Contains(value, "/"):
		return fmt.Errorf("must not contain a slash: %s", quote(value))
	}
	return nil
}

// sequenceNumber reads the last member of a sequence-forming key.
func sequenceNumber(key []string) int {
	n, err := strconv.Atoi(key[len(key)-1])
	if err != nil {
		return 0
	}
	return n
}
